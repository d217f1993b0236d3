//! Hostile and honest programs at once: nobody's verdict depends on who runs beside it.
//!
//! `CONDUCTOR_LOAD=1000` runs a thousand of each; without it, a few.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use conductor_types::seed::SplitMix;
use serde_json::{Value, json};

use crate::case::Case;
use crate::setup::{START, Setup};
use crate::watch;

/// Programs of each side without `CONDUCTOR_LOAD`.
const FEW: usize = 30;
/// What keeps a thousand sleepers from taking an hour. Honest programs have the limits that they always have.
const HOSTILE_SECS: f64 = 2.0;

/// What is expected of a program.
#[derive(Clone, Copy)]
enum Expected<'a> {
    /// Of an honest one.
    Verdict(&'static str),
    /// Of a hostile one: no pass, where none is allowed.
    Promise(&'a Case),
}

/// An honest program's case with the verdict that it has by itself.
struct Honest {
    case: Value,
    verdict: &'static str,
}

#[test]
fn load_of_hostile_programs_changes_no_honest_verdict() {
    let count = std::env::var("CONDUCTOR_LOAD").map_or(FEW, |text| text.parse().expect("a number"));
    let setups = [
        Setup::root_with_control_group(),
        Setup::user(),
        Setup::root_without_control_group(),
        Setup::root_without_namespaces(),
        Setup::user_without_namespaces(),
    ];
    // The strongest setup that can be had; the rest have the single programs.
    let mut reasons = Vec::new();
    let started = setups.iter().find_map(|setup| setup.start().map_err(|r| reasons.push(r)).ok());
    let Some(running) = started else { return println!("skipped: {reasons:?}") };
    let honest = honest(count);
    let hostile = Case::attacks();
    let mut random = SplitMix::new(7);
    let hostile = (0..count).map(|n| &hostile[n % hostile.len()]);
    let mut cases: Vec<(Value, Expected<'_>)> = honest
        .into_iter()
        .map(|Honest { case, verdict }| (case, Expected::Verdict(verdict)))
        .chain(hostile.map(|case| (case.first_grading(&running), Expected::Promise(case))))
        .collect();
    for last in (1..cases.len()).rev() {
        cases.swap(last, (random.next_u64() % (last as u64 + 1)) as usize);
    }
    for (number, (case, expected)) in cases.iter_mut().enumerate() {
        case["id"] = json!(number);
        if matches!(expected, Expected::Promise(_)) {
            case["task"]["time_limit_secs"] = json!(HOSTILE_SECS);
        }
        case["task"]["memory_limit_mib"] = json!(512);
    }
    let responsive = Responsive::start();
    let began = Instant::now();
    let mut judging = running.judging;
    let mut tally: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    // So many are under way that the program's own order of work decides which run together.
    let (mut sent, mut seen) = (0, 0);
    while seen < cases.len() {
        while sent < cases.len() && sent < seen + 64 {
            judging.send(&cases[sent].0);
            sent += 1;
        }
        let line = judging.line(START * 2).unwrap_or_else(|none| panic!("no verdict: {none:?}"));
        let verdict: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(verdict["id"], json!(seen), "in order");
        let cause = verdict["cause"].as_str().unwrap_or("right").to_owned();
        let is_held = match cases[seen].1 {
            Expected::Verdict(expected) => verdict["verdict"] == expected,
            // A limit ends most of them here that end by themselves with more time.
            Expected::Promise(program) => verdict["verdict"] == "wrong" || program.may_be(&cause),
        };
        *tally.entry(cause).or_default() += 1;
        if !is_held || verdict["verdict"] == "unscorable" {
            wrong.push(format!("{verdict} of {}", cases[seen].0["answer"]));
        }
        wrong.extend(running.fixtures.breaches(&line));
        seen += 1;
    }
    let (slowest, starts) = responsive.stop();
    println!(
        "{} programs in {:.1?}: {tally:?}; of {starts} processes started meanwhile the slowest took {slowest:?}",
        cases.len(),
        began.elapsed()
    );
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(slowest < Duration::from_secs(5), "the machine did not answer for {slowest:?}");
    let (code, stderr) = judging.wait();
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(watch::remaining(), [], "processes are left");
    let end = Instant::now() + Duration::from_secs(5);
    while !abandoned_groups().is_empty() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(abandoned_groups(), Vec::<PathBuf>::new(), "control groups are left");
}

/// Programs with known verdicts: real ones where they are at hand, or else the controls.
fn honest(count: usize) -> Vec<Honest> {
    let mut all = Vec::new();
    let folder = std::env::var_os("CONDUCTOR_DEV_DATA").map(PathBuf::from);
    let text = folder.and_then(|folder| {
        std::fs::read_to_string(folder.join("lcb/fixture_paired_250.jsonl")).ok()
    });
    for line in text.iter().flat_map(|text| text.lines()) {
        let problem: Value = serde_json::from_str(line).expect("JSON");
        for (kind, verdict) in [("correct", "right"), ("wrong", "wrong")] {
            for program in problem[kind].as_array().expect("programs") {
                let source = program["code"].as_str().expect("a program");
                if source.contains("import numpy") {
                    // Not every interpreter has it.
                    continue;
                }
                let task = json!({
                    "kind": "code",
                    "public_test_cases": problem["tests"],
                    "metadata": {"func_name": problem["metadata"]["func_name"]},
                });
                let answer = format!("```python\n{source}\n```");
                all.push(Honest { case: json!({"task": task, "answer": answer}), verdict });
            }
        }
    }
    if all.is_empty() {
        println!("CONDUCTOR_DEV_DATA has no real programs: the controls stand in for them");
        let controls = Case::controls();
        all.extend(controls.into_iter().map(|(case, verdict)| Honest { case, verdict }));
    }
    let copy = |index: usize| {
        let Honest { case, verdict } = &all[index % all.len()];
        Honest { case: case.clone(), verdict }
    };
    (0..count).map(copy).collect()
}

/// Control groups of processes that are no more. Others belong to tests that run beside this one.
fn abandoned_groups() -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::from("/sys/fs/cgroup")];
    let mut abandoned = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(pid) = name.strip_prefix("conductor-")
                && !std::path::Path::new("/proc").join(pid).exists()
            {
                abandoned.push(entry.path());
            }
            folders.push(entry.path());
        }
    }
    abandoned
}

/// Starts a small process now and then, as whoever works on this machine does.
struct Responsive {
    stop: std::sync::mpsc::Sender<()>,
    thread: std::thread::JoinHandle<(Duration, usize)>,
}

impl Responsive {
    fn start() -> Self {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let mut slowest = Duration::ZERO;
            let mut starts = 0;
            while stopped
                .recv_timeout(Duration::from_millis(100))
                .is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                let began = Instant::now();
                let ended = Command::new("true").status().expect("a process can be started");
                assert!(ended.success());
                slowest = slowest.max(began.elapsed());
                starts += 1;
            }
            (slowest, starts)
        });
        Self { stop, thread }
    }

    fn stop(self) -> (Duration, usize) {
        drop(self.stop);
        self.thread.join().expect("processes could be started")
    }
}
