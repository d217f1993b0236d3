//! Dropping the future of a grading ends its processes and leaves no file. Alone in its binary, since it looks at every
//! process that this one has started.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use conductor_configs::schema::{RequiredLevel, Sandbox};
use conductor_reward::{Grader, Judging};
use conductor_types::{Grading, Task, Verdict};

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_grading_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().expect("a folder");
    // SAFETY: no other thread of this binary reads the environment now.
    unsafe { std::env::set_var("TMPDIR", temporary.path()) };
    let options = Sandbox { require: RequiredLevel::C, parallel: Some(1), ..Sandbox::default() };
    let grader =
        Grader::sandboxed(&options, Judging::default()).await.expect("python3 is on the path");
    let grading = Grading::Python {
        prelude: String::new(),
        tests: "assert f(1) == 2".into(),
        entry_point: "f".into(),
    };
    let task = Task {
        id: "t".into(),
        domain: String::new(),
        prompt: String::new(),
        grading,
        parts: Vec::new(),
        constraint: None,
    };
    // The cells of the self-test go away first.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let servers = descendants_of(std::process::id());
    assert!(!servers.is_empty());
    let slow = "```\nimport os, time\ntry:\n    os.fork()\nexcept OSError:\n    pass\ndef f(x):\n    return x + 1\ntime.sleep(600)\n```";

    let mut grading = Box::pin(grader.grade(&task, slow, None));
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut programs = HashSet::new();
    while programs.is_empty() && Instant::now() < deadline {
        let waited = tokio::time::timeout(Duration::from_millis(300), &mut grading).await;
        assert!(waited.is_err(), "it sleeps for minutes: {waited:?}");
        programs = descendants_of(std::process::id()).difference(&servers).copied().collect();
    }
    assert!(!programs.is_empty(), "the program runs below us");
    drop(grading);

    let deadline = Instant::now() + Duration::from_secs(5);
    while programs.iter().any(|pid| alive(*pid)) {
        assert!(Instant::now() < deadline, "some of {programs:?} live on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(folders(temporary.path()), Vec::<PathBuf>::new());
    // The only permit came back as well.
    let right = "```\ndef f(x):\n    return x + 1\n```";
    assert_eq!(grader.grade(&task, right, None).await.verdict, Verdict::Right { score: 1.0 });

    // And the servers go with the last handle.
    drop(grader);
    let deadline = Instant::now() + Duration::from_secs(10);
    while servers.iter().any(|pid| alive(*pid)) {
        assert!(Instant::now() < deadline, "some of {servers:?} live on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What is left in the folder for temporary files, but for the folders of cells where there are no namespaces.
fn folders(within: &std::path::Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(within).expect("our folder").flatten().map(|entry| entry.path());
    entries.filter(|path| !path.display().to_string().contains("conductor-cells-")).collect()
}

/// The fields of /proc/PID/stat behind the name: state and parent first.
fn stat(pid: u32) -> Option<(char, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text[text.rfind(')')? + 1..].split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn alive(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != 'Z')
}

fn descendants_of(ancestor: u32) -> HashSet<u32> {
    let pids = std::fs::read_dir("/proc").expect("Linux").flatten();
    let pids: Vec<u32> =
        pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    let mut found = HashSet::from([ancestor]);
    loop {
        let before = found.len();
        found.extend(
            pids.iter()
                .filter(|pid| stat(**pid).is_some_and(|(_, parent)| found.contains(&parent)))
                .copied()
                .collect::<Vec<_>>(),
        );
        if found.len() == before {
            found.remove(&ancestor);
            return found;
        }
    }
}
