//! Files that are much larger than what their tasks may take of memory. One test runs alone, since the peak is the process's.

use std::fs::{self, File};
use std::io::{BufWriter, Write};

use conductor_configs::schema::{SplitShares, TaskSource, Tasks};
use conductor_datasets::{DataError, load};
use conductor_types::Split;

/// The most memory that this process has had, in MiB; `None` where the system does not say.
fn peak_mib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib >> 10)
}

/// Writes so many tasks with prompts of about so many characters, loads them, draws steps and reads them all. Gives the file's size
/// and the peak, in MiB.
fn through(tasks: usize, prompt: usize) -> (u64, Option<u64>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.jsonl");
    let mut file = BufWriter::new(File::create(&path).unwrap());
    let text = "all work and no play makes a long prompt ".repeat(prompt / 41 + 1);
    for i in 0..tasks {
        let prompt = &text[..prompt - i % 100];
        writeln!(
            file,
            "{{\"id\": \"large/{i}\", \"prompt\": \"{i} {prompt}\", \"grading\": {{\"kind\": \"exact\", \"gold\": \"{i}\"}}}}"
        )
        .unwrap();
    }
    file.into_inner().unwrap().sync_all().unwrap();
    let bytes = fs::metadata(&path).unwrap().len();

    let config = Tasks {
        sources: vec![TaskSource::Jsonl { path }.into()],
        split: SplitShares::default(),
        only_recorded: false,
        cache: folder.path().join("cache"),
        constraints: Vec::new(),
    };
    let set = load(&config).unwrap();
    assert_eq!(set.len(), tasks);
    let order = set.train_order(64).unwrap();
    for step in 0..5 {
        for number in order.step(1, step).unwrap() {
            let entry = set.at(Split::Train, number);
            let task = set.get(entry).unwrap();
            let number = entry.id.strip_prefix("large/").unwrap();
            assert!(task.prompt.starts_with(&format!("{number} all work")), "{}", entry.id);
        }
    }
    let mut seen = 0;
    set.for_each(|entry, task| {
        assert_eq!(*entry.id, *task.id);
        seen += 1;
        Ok::<(), DataError>(())
    })
    .unwrap();
    assert_eq!(seen, tasks);
    let peak = peak_mib();
    match peak {
        Some(peak) => println!("{tasks} tasks, {} MiB: at most {peak} MiB of memory", bytes >> 20),
        None => println!("skipped: this system does not say how much memory a process has had"),
    }
    (bytes >> 20, peak)
}

#[test]
fn two_hundred_megabytes_of_tasks_do_not_enter_memory() {
    let (file, peak) = through(100_000, 2000);
    assert!(file > 180, "{file} MiB");
    assert!(peak.is_none_or(|peak| peak < 128), "{peak:?} MiB");
}

#[test]
#[ignore = "takes a minute or two; to be run alone, since the peak is the process's"]
fn a_million_tasks_do_not_enter_memory() {
    let (file, peak) = through(1_000_000, 1000);
    assert!(file > 900, "{file} MiB");
    assert!(peak.is_none_or(|peak| peak < 256), "{peak:?} MiB");
}
