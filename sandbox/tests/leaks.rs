//! Nothing is left of programs: no process, descriptor, file or control group. Alone in its binary, since it counts. The number
//! of programs is `CONDUCTOR_LEAK_RUNS`, 300 where that is not set; `100000` takes some minutes.

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{options, run, start, stdin_job};
use conductor_configs::schema::{Sandbox as Options, SandboxLevel};
use conductor_sandbox::Ending;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_many_programs() {
    let runs: usize =
        std::env::var("CONDUCTOR_LEAK_RUNS").map_or(300, |text| text.parse().expect("a number"));
    let temporary = tempfile::tempdir().expect("a folder");
    // SAFETY: no other thread of this binary reads the environment now.
    unsafe { std::env::set_var("TMPDIR", temporary.path()) };
    let before = groups();
    let options =
        Options { warm_programs: 100, parallel: Some(4), ..options(SandboxLevel::Auto, true) };
    let sandbox = start(&options).await.expect("a sandbox");
    // So that everything that is made once is there.
    some(&sandbox, 20).await;
    settled(&Seen::now).await;
    let first = Seen::now();
    some(&sandbox, runs).await;
    let last = settled(&Seen::now).await;
    assert!(last.processes <= first.processes + 2, "{first:?} {last:?}");
    assert!(last.descriptors <= first.descriptors + 8, "{first:?} {last:?}");
    assert!(last.memory_kib <= first.memory_kib + 64 * 1024, "{first:?} {last:?}");

    drop(sandbox);
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let (left, seen) = (groups().difference(&before).count(), Seen::now());
        let files = std::fs::read_dir(temporary.path()).expect("our folder").count();
        if left == 0 && seen.processes == 0 && files == 0 {
            break;
        }
        assert!(Instant::now() < deadline, "{left} groups, {files} files, {seen:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Programs of all kinds, many at once.
async fn some(sandbox: &conductor_sandbox::Sandbox, count: usize) {
    const PROGRAMS: [&str; 6] = [
        "print(input())",
        "import os\nopen('left', 'w').write('x' * 10 ** 5)\nos._exit(0)",
        "raise SystemExit(1)",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(50,), daemon=True).start()\nprint(1)",
        "import os\nfor _ in range(5):\n    if os.fork() == 0:\n        os.execv('/no/such', ['x'])",
        "import os\nos.write(1, b'x' * (2 << 20))",
    ];
    let mut running = tokio::task::JoinSet::new();
    for number in 0..count {
        let sandbox = sandbox.clone();
        running.spawn(async move {
            let job = stdin_job(PROGRAMS[number % PROGRAMS.len()], &["1", "2"]);
            let (ran, _) = run(&sandbox, &job).await;
            assert!(!matches!(ran.ending, Ending::Broken { .. }), "{:?}", ran.ending);
        });
        if running.len() >= 32 {
            running.join_next().await.expect("some run").expect("no panic");
        }
    }
    while let Some(done) = running.join_next().await {
        done.expect("no panic");
    }
}

/// What there is of us and of what we have started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    processes: usize,
    descriptors: usize,
    memory_kib: u64,
}

impl Seen {
    fn now() -> Self {
        let own = std::process::id();
        let all = descendants(own);
        let descriptors =
            |pid: &u32| std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
        let memory = |pid: &u32| -> Option<u64> {
            let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let with_us = || all.iter().chain([&own]);
        Self {
            processes: all.len(),
            descriptors: with_us().map(descriptors).sum(),
            memory_kib: with_us().filter_map(memory).sum(),
        }
    }
}

/// Waits until two looks in a row see the same number of processes.
async fn settled(look: &dyn Fn() -> Seen) -> Seen {
    let mut before = look();
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = look();
        if now.processes == before.processes && now.descriptors == before.descriptors {
            return now;
        }
        before = now;
    }
    before
}

fn descendants(ancestor: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").expect("Linux").flatten();
    let pids: Vec<u32> = entries.filter_map(|e| e.file_name().to_str()?.parse().ok()).collect();
    let parent = |pid: u32| -> Option<u32> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        text[text.rfind(')')? + 1..].split_whitespace().nth(1)?.parse().ok()
    };
    let parents: Vec<(u32, u32)> =
        pids.iter().filter_map(|pid| Some((*pid, parent(*pid)?))).collect();
    let mut found = BTreeSet::from([ancestor]);
    loop {
        let before = found.len();
        let more: Vec<u32> = parents
            .iter()
            .filter(|(_, parent)| found.contains(parent))
            .map(|(pid, _)| *pid)
            .collect();
        found.extend(more);
        if found.len() == before {
            found.remove(&ancestor);
            return found.into_iter().collect();
        }
    }
}

/// Control groups that sandboxes make.
fn groups() -> BTreeSet<PathBuf> {
    fn within(folder: &Path, found: &mut BTreeSet<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            if entry.file_name().to_string_lossy().starts_with("conductor-") {
                found.insert(path.clone());
            }
            within(&path, found);
        }
    }
    let mut found = BTreeSet::new();
    within(Path::new("/sys/fs/cgroup"), &mut found);
    found
}
