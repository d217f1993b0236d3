//! A long file through a fetch, in a process of its own: how much memory it took at most is told by the system.

use std::io::Write as _;

use conductor_datasets::hub::{Fetched, HubSettings, Request, fetch};
use sha2::{Digest as _, Sha256};

/// The most memory that this process had, in MiB.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()? >> 10)
}

#[test]
fn a_long_file_does_not_enter_memory() {
    const ROWS: usize = 400;
    let root = tempfile::tempdir().unwrap();
    let home = root.path().join("hf");
    let folder = home.join("hub/datasets--HuggingFaceH4--MATH-500");
    let commit = "a".repeat(40);
    for part in ["blobs", "refs", &format!("snapshots/{commit}")] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
    }
    // 400 rows of half a megabyte that packs badly, written as they are made.
    let new = folder.join("blobs/new");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&new).unwrap());
    let mut sum = Sha256::new();
    for n in 0..ROWS {
        let words: Vec<String> =
            (0..8000).map(|m| format!("{:064x}", (n * 8000 + m) * 7919)).collect();
        let text = words.concat();
        let line = format!(
            "{{\"problem\": \"{text}\", \"answer\": \"{n}\", \"subject\": \"a\", \"level\": 1, \"unique_id\": \"{n}\"}}\n"
        );
        sum.update(&line);
        file.write_all(line.as_bytes()).unwrap();
    }
    file.flush().unwrap();
    let bytes: Vec<String> = sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let sum = bytes.concat();
    let bytes = new.metadata().unwrap().len();
    assert!(bytes > 200_000_000, "{bytes}");
    std::fs::rename(&new, folder.join("blobs").join(&sum)).unwrap();
    let pointer = folder.join(format!("snapshots/{commit}/test.jsonl"));
    std::os::unix::fs::symlink(format!("../../blobs/{sum}"), pointer).unwrap();
    std::fs::write(folder.join("refs/main"), &commit).unwrap();

    let settings = HubSettings::from_env(&|name| match name {
        "HF_HOME" => Some(home.clone().into_os_string()),
        "HF_HUB_OFFLINE" => Some("1".into()),
        _ => None,
    });
    let out = Some(root.path().join("out"));
    let request =
        Request { name: "math500".into(), release: None, revision: None, out, force: false };
    let before = peak();
    let fetched = fetch(&settings.unwrap(), &request, &mut ()).unwrap();
    assert!(matches!(fetched, Fetched::Stored(_, manifest) if manifest.rows() == ROWS as u64));
    let (Some(before), Some(after)) = (before, peak()) else {
        eprintln!("skipped: this system does not tell how much memory a process had");
        return;
    };
    assert!(after - before < 100, "{} MiB for {} MiB of rows", after - before, bytes >> 20);
}
