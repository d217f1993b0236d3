//! Dropping the future of a grading ends its processes and removes its folder. Alone in its binary, since it looks at
//! every process that this one has started.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use conductor_configs::schema::{PythonLimits, Reward};
use conductor_reward::Grader;
use conductor_types::{Grading, Task, Verdict};

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_grading_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().expect("a folder");
    // SAFETY: no other thread of this binary reads the environment now.
    unsafe { std::env::set_var("TMPDIR", temporary.path()) };
    let python = PythonLimits { parallel: Some(1), ..PythonLimits::default() };
    let grader =
        Grader::new(&Reward { python, ..Reward::default() }).await.expect("python3 is on the path");
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
    let slow = "```\nimport os, time\nos.fork()\ndef f(x):\n    return x + 1\ntime.sleep(600)\n```";

    let grading = grader.grade(&task, slow, None);
    let mut grading = Box::pin(grading);
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut descendants = HashSet::new();
    // The guard (under namespaces), the interpreter and its fork.
    while descendants.len() < 2 && Instant::now() < deadline {
        let waited = tokio::time::timeout(Duration::from_millis(50), &mut grading).await;
        assert!(waited.is_err(), "it sleeps for minutes: {waited:?}");
        descendants = descendants_of(std::process::id());
    }
    assert!(descendants.len() >= 2, "{descendants:?}");
    assert_eq!(folders(temporary.path()).len(), 1);
    drop(grading);

    let deadline = Instant::now() + Duration::from_secs(5);
    while descendants.iter().any(|pid| alive(*pid)) {
        assert!(Instant::now() < deadline, "some of {descendants:?} live on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(folders(temporary.path()), Vec::<PathBuf>::new());
    // The only permit came back as well.
    let right = "```\ndef f(x):\n    return x + 1\n```";
    assert_eq!(grader.grade(&task, right, None).await.verdict, Verdict::Right { score: 1.0 });
}

fn folders(within: &std::path::Path) -> Vec<PathBuf> {
    std::fs::read_dir(within).expect("our folder").flatten().map(|entry| entry.path()).collect()
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
