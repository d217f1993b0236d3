//! One hostile program, and the promises that it is held against.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use conductor_testkit::judging::{NoVerdict, function_case, stdin_case};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fixtures::can_connect;
use crate::setup::{Running, START};
use crate::watch::{self, Watch};

#[derive(Debug, Deserialize)]
struct File {
    limits: Limits,
    cases: Vec<Case>,
}

/// Limits of a program under test, and what may be measured from outside.
#[derive(Debug, Deserialize)]
struct Limits {
    wall_s: u64,
    grace_s: u64,
    mem_mb: u64,
    peak_mem_mb_max: u64,
    pids_max: usize,
}

/// An entry of attacks.json.
#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    id: u32,
    file: String,
    kind: Kind,
    task: TaskKind,
    #[serde(default = "any_failure")]
    verdict_in: Vec<String>,
    #[serde(default = "once")]
    runs: usize,
    #[serde(default)]
    severity: Severity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Stdin,
    Functional,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TaskKind {
    /// Outputs that follow from nothing.
    Impossible,
    /// Two integers in, their sum out.
    Sum,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Severity {
    #[default]
    High,
    /// No escape by itself.
    Hardening,
    /// An honest program.
    Control,
}

/// The honest programs that are run after every attack: a right one and a wrong one.
const RIGHT: u32 = 90;
const WRONG: u32 = 99;

fn any_failure() -> Vec<String> {
    ["wrong_answer", "runtime_error", "time_limit", "memory_limit", "output_limit"]
        .map(String::from)
        .to_vec()
}

fn once() -> usize {
    1
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/attacks")
}

fn file() -> File {
    let text = std::fs::read_to_string(folder().join("attacks.json")).expect("attacks.json");
    serde_json::from_str(&text).expect("attacks.json")
}

/// Panics where a program of attacks.json or of its folder has no test.
pub fn assert_all_listed(ids: &[u32]) {
    let cases = file().cases;
    assert_eq!(cases.iter().map(|case| case.id).collect::<Vec<_>>(), ids);
    let mut files: Vec<String> = std::fs::read_dir(folder().join("programs"))
        .expect("programs")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    assert_eq!(cases.into_iter().map(|case| case.file).collect::<Vec<_>>(), files);
}

impl Case {
    pub fn numbered(id: u32) -> Self {
        let found = file().cases.into_iter().find(|case| case.id == id);
        found.unwrap_or_else(|| panic!("attacks.json has no case {id}"))
    }

    /// Every attack, in order.
    pub fn attacks() -> Vec<Self> {
        let is_attack = |case: &Self| !matches!(case.severity, Severity::Control);
        file().cases.into_iter().filter(is_attack).collect()
    }

    /// Every control with its verdict.
    pub fn controls() -> Vec<(Value, &'static str)> {
        let controls = file().cases.into_iter().filter(|case| case.severity == Severity::Control);
        let verdict = |case: &Self| if case.id == WRONG { "wrong" } else { "right" };
        controls.map(|case| (case.sum(&case.source()), verdict(&case))).collect()
    }

    /// The first of what is graded.
    pub fn first_grading(&self, running: &Running) -> Value {
        self.gradings(running).swap_remove(0)
    }

    /// Whether this verdict, by its cause or "right", holds its promise.
    pub fn may_be(&self, verdict: &str) -> bool {
        self.verdict_in.iter().any(|allowed| allowed == verdict)
    }

    fn source(&self) -> String {
        let path = folder().join("programs").join(&self.file);
        std::fs::read_to_string(path).expect("a program")
    }

    /// The task that can be solved.
    fn sum(&self, source: &str) -> Value {
        let tests = [("19 23\n", "42\n"), ("-1 1\n", "0\n")];
        match self.kind {
            Kind::Stdin => stdin_case(&self.file, source, &tests),
            Kind::Functional => {
                let lines = tests.map(|(input, output)| (input.replace(' ', "\n"), output));
                let tests: Vec<_> = lines.iter().map(|(i, o)| (i.as_str(), *o)).collect();
                function_case(&self.file, source, "solve", &tests)
            }
        }
    }

    /// What is graded: one test each, so that every one is run whatever becomes of the others.
    fn gradings(&self, running: &Running) -> Vec<Value> {
        let source = running.fixtures.rewritten(&self.source());
        let name = |index: usize| format!("{}/{index}", self.file);
        match (self.kind, self.task) {
            (_, TaskKind::Sum) => vec![self.sum(&source)],
            (Kind::Stdin, TaskKind::Impossible) => (0..self.runs)
                .map(|index| {
                    let input = format!("{} {}\n", 1000 + index, 2000 + index);
                    stdin_case(&name(index), &source, &[(&input, running.fixtures.expected(index))])
                })
                .collect(),
            // These programs do another thing for each of the first five numbers.
            (Kind::Functional, TaskKind::Impossible) => (0..5)
                .map(|index| {
                    let expected = json!(running.fixtures.expected(index)).to_string();
                    function_case(
                        &name(index),
                        &source,
                        "solve",
                        &[(&index.to_string(), &expected)],
                    )
                })
                .collect(),
        }
    }
}

/// Runs a program and panics where a promise is broken.
pub fn held(case: &Case, running: &mut Running) {
    let limits = file().limits;
    let mut breaches = Vec::new();
    let own_before = watch::below().iter().filter(|p| p.name == "conductor").map(|p| p.bytes).sum();
    let watch = Watch::start();
    for mut grading in case.gradings(running) {
        grading["task"]["time_limit_secs"] = json!(limits.wall_s);
        grading["task"]["memory_limit_mib"] = json!(limits.mem_mb);
        let began = Instant::now();
        running.judging.send(&grading);
        let line = answer(running, &mut breaches);
        // Twice the limit, since the limit counts processor time where the machine is busy.
        let longest = Duration::from_secs(2 * (2 * limits.wall_s + limits.grace_s));
        if began.elapsed() > longest {
            breaches.push(format!("it took {:?}", began.elapsed()));
        }
        let Some(verdict) = line.as_ref().and_then(|line| serde_json::from_str::<Value>(line).ok())
        else {
            breaches.push(format!("no verdict: {line:?}"));
            break;
        };
        let name = verdict["cause"].as_str().or(verdict["verdict"].as_str()).unwrap_or_default();
        if !case.may_be(name) {
            breaches
                .push(format!("the verdict is {verdict}, expected one of {:?}", case.verdict_in));
        }
        breaches.extend(running.fixtures.breaches(&line.unwrap_or_default()));
    }
    let most = watch.most();
    breaches.extend(left_over(running));
    if most.programs > limits.pids_max {
        breaches.push(format!("{} processes at once", most.programs));
    }
    if most.program_bytes > limits.peak_mem_mb_max << 20 {
        breaches.push(format!("the program held {} MiB", most.program_bytes >> 20));
    }
    let own = most.own_bytes.saturating_sub(own_before);
    if own > 256 << 20 {
        breaches.push(format!("conductor grew by {} MiB", own >> 20));
    }
    breaches.extend(still_judges(running));
    let (code, stderr) = running.judging.wait();
    breaches.extend(running.fixtures.breaches(&stderr));
    if code != Some(0) {
        breaches.push(format!("conductor ended with {code:?}: {stderr}"));
    }
    let left = watch::remaining();
    if !left.is_empty() {
        breaches.push(format!("processes outlive conductor: {left:?}"));
    }
    assert!(breaches.is_empty(), "{}:\n- {}", case.file, breaches.join("\n- "));
}

/// The verdict's line; tries meanwhile to reach a port that the program may have opened.
fn answer(running: &mut Running, breaches: &mut Vec<String>) -> Option<String> {
    let end = Instant::now() + START;
    let mut was_reached = false;
    while Instant::now() < end {
        match running.judging.line(Duration::from_millis(50)) {
            Ok(line) => return Some(line),
            Err(NoVerdict::Late) => {}
            Err(NoVerdict::Ended(code, stderr)) => {
                breaches.push(format!("conductor ended with {code:?}: {stderr}"));
                return None;
            }
        }
        if !was_reached && can_connect(running.fixtures.bind_port) {
            breaches.push("a port that the program opened can be reached".into());
            was_reached = true;
        }
    }
    None
}

/// Programs that live although the verdict is there.
fn left_over(running: &Running) -> Option<String> {
    let is_quiet = || watch::programs().len() <= running.before;
    let left = watch::until(is_quiet, watch::programs);
    (!left.is_empty()).then(|| format!("{} processes before, left: {left:?}", running.before))
}

/// Afterwards an honest program passes and a wrong one fails, in the same process.
fn still_judges(running: &mut Running) -> Vec<String> {
    let mut breaches = Vec::new();
    for (id, expected) in [(RIGHT, "right"), (WRONG, "wrong")] {
        let control = Case::numbered(id);
        for grading in control.gradings(running) {
            running.judging.send(&grading);
            let line = answer(running, &mut breaches).unwrap_or_default();
            let verdict: Value = serde_json::from_str(&line).unwrap_or_default();
            if verdict["verdict"] != expected {
                breaches
                    .push(format!("afterwards {} is {line}, expected {expected}", control.file));
            }
        }
    }
    breaches
}
