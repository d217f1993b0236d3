//! A file that is much larger than what its tasks may take of memory. One test alone, since the peak is the process's.

use std::fs::{self, File};
use std::io::{BufWriter, Write};

use conductor_configs::schema::{SplitShares, TaskSource, Tasks};
use conductor_datasets::{DataError, load};
use conductor_types::Split;

const TASKS: usize = 100_000;
const PROMPT: usize = 2000;

/// The most memory that this process has had, in MiB; `None` where the system does not say.
fn peak_mib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib >> 10)
}

#[test]
fn two_hundred_megabytes_of_tasks_do_not_enter_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.jsonl");
    let mut file = BufWriter::new(File::create(&path).unwrap());
    let text = "all work and no play makes a long prompt ".repeat(PROMPT / 41 + 1);
    for i in 0..TASKS {
        let prompt = &text[..PROMPT - i % 100];
        writeln!(
            file,
            "{{\"id\": \"large/{i}\", \"prompt\": \"{i} {prompt}\", \"grading\": {{\"kind\": \"exact\", \"gold\": \"{i}\"}}}}"
        )
        .unwrap();
    }
    file.into_inner().unwrap().sync_all().unwrap();
    let bytes = fs::metadata(&path).unwrap().len();
    assert!(bytes > 190_000_000, "{bytes}");

    let config = Tasks {
        sources: vec![TaskSource::Jsonl { path }.into()],
        split: SplitShares::default(),
        only_recorded: false,
        cache: folder.path().join("cache"),
        constraints: Vec::new(),
    };
    let set = load(&config).unwrap();
    assert_eq!(set.len(), TASKS);
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
    assert_eq!(seen, TASKS);
    let Some(peak) = peak_mib() else {
        println!("skipped: this system does not say how much memory a process has had");
        return;
    };
    println!("{} MiB of tasks, at most {peak} MiB of memory", bytes >> 20);
    assert!(peak < 128, "{peak} MiB");
}
