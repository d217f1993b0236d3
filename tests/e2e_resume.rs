//! Runs that are killed or interrupted, and go on: the result is that of a run that was never disturbed.

mod common;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use common::{
    LORA, assert_same_run, events, metrics, newest_weights, prepared, run_folder, train,
    train_command,
};
use conductor_testkit::Workspace;
use conductor_types::Event;
use conductor_types::seed::SplitMix;
use serde_json::Value;

/// Events of a process, as it prints them.
struct Printed(BufReader<std::process::ChildStdout>);

impl Printed {
    fn of(child: &mut Child) -> Self {
        Self(BufReader::new(child.stdout.take().expect("a pipe")))
    }

    /// The next event; `None` when the process has ended.
    fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).expect("the pipe");
        (read > 0).then(|| serde_json::from_str(&line).expect("an event"))
    }
}

/// When a process is killed.
enum Moment {
    /// After so many events of any kind.
    Events(usize),
    /// When it has said for the n-th time that it works on this phase.
    Phase(&'static str, usize),
}

/// Starts the run and kills it at `moment` and `delay` later. False where it came to its end before.
fn run_and_kill(at: &Workspace, sets: &[&str], moment: &Moment, delay: Duration) -> bool {
    let mut child = train_command(at, sets).start();
    let mut printed = Printed::of(&mut child);
    let (mut seen, mut in_phase) = (0, 0);
    while let Some(event) = printed.next() {
        seen += 1;
        let reached = match moment {
            Moment::Events(n) => seen == *n,
            Moment::Phase(phase, n) => {
                in_phase += usize::from(event["event"] == "progress" && event["phase"] == *phase);
                in_phase == *n
            }
        };
        if reached {
            std::thread::sleep(delay);
            child.kill().expect("a signal");
            break;
        }
    }
    let status = child.wait().expect("the process");
    // A killed process has no exit code of its own.
    status.code().is_none()
}

/// Kills a run ten times on its way and compares it with one that nobody disturbed.
fn survives_ten_kills(sets: &[&str], seed: u64) {
    let (calm, killed) = (prepared(), prepared());
    let total = train(&calm, sets).json_lines().len();
    let mut rng = SplitMix::new(seed);
    for kill in 0..10 {
        // Phases in turn, and anywhere in between; the first events of a process are its loading.
        let moment = match kill {
            3 => Moment::Phase("checkpoint", 2),
            4 => Moment::Phase("sample", 1 + rng.below(8)),
            5 => Moment::Phase("rollout", 1 + rng.below(8)),
            6 => Moment::Phase("update", 1),
            // The first time in the warm start, whose steps tell of no progress of their own.
            0 | 8 => Moment::Phase("checkpoint", 1),
            9 => Moment::Phase("evaluate", 1),
            _ => Moment::Events(1 + rng.below(total / 10)),
        };
        let delay = Duration::from_micros(rng.below(6000) as u64);
        assert!(run_and_kill(&killed, sets, &moment, delay), "kill {kill} came after the end");
    }
    train(&killed, sets);
    assert_same_run(&run_folder(&calm), &run_folder(&killed));
    let resumed = events(&run_folder(&killed));
    let starts = resumed.iter().filter(|event| matches!(event, Event::RunStarted { .. })).count();
    assert!(starts > 5, "{starts} of 11 processes came as far as to start");
    assert_clean(&run_folder(&killed), &run_folder(&calm));
}

/// The same files in both runs: nothing half-written is left, nothing is missing.
fn assert_clean(run: &Path, expected: &Path) {
    fn list(folder: &Path, prefix: &str, names: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = format!("{prefix}/{}", path.file_name().expect("a name").to_string_lossy());
            if path.is_dir() {
                list(&path, &name, names);
            } else {
                names.push(name);
            }
        }
    }
    let names = |folder: &Path| {
        let mut names = Vec::new();
        list(folder, "", &mut names);
        names.sort();
        names
    };
    assert_eq!(names(run), names(expected));
}

#[test]
fn ten_kills_do_not_change_what_full_training_comes_to() {
    survives_ten_kills(&["train.steps=12"], 1);
}

#[test]
fn ten_kills_do_not_change_what_low_rank_training_comes_to() {
    // Several updates a step, and checkpoints that lie further apart than the kills.
    survives_ten_kills(&["train.steps=12", LORA, "train.epochs=2", "checkpoint.every_steps=2"], 2);
}

/// Starts the run, sends SIGINT as soon as `wanted` holds for an event, and returns its exit code and what it printed
/// after the signal.
fn interrupt_at(
    at: &Workspace,
    sets: &[&str],
    wanted: impl Fn(&Value) -> bool,
) -> (Option<i32>, Vec<Value>) {
    let mut child = train_command(at, sets).start();
    let mut printed = Printed::of(&mut child);
    while let Some(event) = printed.next() {
        if wanted(&event) {
            break;
        }
    }
    let pid = child.id().to_string();
    let sent = std::process::Command::new("kill").args(["-INT", &pid]).status().expect("kill");
    assert!(sent.success());
    let after = std::iter::from_fn(|| printed.next()).collect();
    (child.wait().expect("the process").code(), after)
}

fn working_on(phase: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["event"] == "progress" && event["phase"] == phase
}

#[test]
fn ctrl_c_saves_the_last_finished_step_and_the_same_command_goes_on() {
    let (calm, stopped) = (prepared(), prepared());
    // Small micro-batches, so that an update can be stopped between two of them.
    let sets = ["checkpoint.every_steps=1000", "train.steps=8", "train.micro_batch_tokens=300"];
    train(&calm, &sets);
    // In the warm start, while sampling, while workers answer and in the middle of an update.
    let warm = |event: &Value| event["event"] == "step_done" && event["phase"] == "warm_start";
    let (code, after) = interrupt_at(&stopped, &sets, warm);
    assert_eq!(code, Some(130), "{after:?}");
    for phase in ["sample", "rollout", "update"] {
        let (code, after) = interrupt_at(&stopped, &sets, working_on(phase));
        assert_eq!(code, Some(130), "{phase}: {after:?}");
        let last = after.last().expect("an event");
        assert_eq!(last["event"], "interrupted", "{phase}");
        let (step, _) = newest_weights(&run_folder(&stopped));
        assert_eq!(last["step"], step, "{phase}");
    }
    train(&stopped, &sets);
    assert_same_run(&run_folder(&calm), &run_folder(&stopped));
}

#[test]
fn a_validation_that_was_interrupted_comes_first_when_the_run_goes_on() {
    let (calm, stopped) = (prepared(), prepared());
    // One question at a time, so that there is time to interrupt.
    let sets = ["train.steps=4", "eval.max_tasks=8", "sampling.batch_size=1"];
    train(&calm, &sets);
    // The validation of the start, of the middle and of the end.
    let mut cut_off = 0;
    for step in [0, 2, 4] {
        let after_step = std::cell::Cell::new(step == 0);
        let wanted = |event: &Value| {
            if event["event"] == "step_done" && event["phase"] == "update" {
                after_step.set(event["step"] == step - 1);
            }
            after_step.get() && working_on("evaluate")(event)
        };
        let (code, after) = interrupt_at(&stopped, &sets, wanted);
        assert!(code == Some(130) || (code == Some(0) && step == 4), "{step}: {code:?} {after:?}");
        let done = metrics(&run_folder(&stopped)).contains_key(&format!("evaluate valid {step}"));
        cut_off += i32::from(!done);
    }
    assert!(cut_off > 0, "the process was always quicker than the signal");
    train(&stopped, &sets);
    assert_same_run(&run_folder(&calm), &run_folder(&stopped));
    let best = |at: &Workspace| {
        let checkpoints = conductor_checkpoints::Checkpoints::view(&at.join("runs/r/checkpoints"));
        checkpoints.latest().unwrap().unwrap().state.best
    };
    assert_eq!(best(&calm), best(&stopped));
}

#[test]
fn a_second_interrupt_aborts_and_loses_nothing_that_was_saved() {
    let (calm, stopped) = (prepared(), prepared());
    let sets = ["train.steps=8"];
    train(&calm, &sets);
    let mut child = train_command(&stopped, &sets).start();
    let mut printed = Printed::of(&mut child);
    while let Some(event) = printed.next() {
        if event["event"] == "step_done" && event["phase"] == "update" {
            break;
        }
    }
    let pid = child.id().to_string();
    let send = || std::process::Command::new("kill").args(["-INT", &pid]).status();
    let _ = send();
    // Both reach the handler one by one, however quick they follow each other.
    std::thread::sleep(Duration::from_millis(5));
    let _ = send();
    assert_eq!(child.wait().expect("the process").code(), Some(130));
    train(&stopped, &sets);
    assert_same_run(&run_folder(&calm), &run_folder(&stopped));
}

#[test]
fn a_finished_run_is_left_as_it_is() {
    let at = prepared();
    train(&at, &[]);
    let (weights, kept) = (newest_weights(&run_folder(&at)), metrics(&run_folder(&at)));
    let again = train(&at, &[]).json_lines();
    assert!(again.iter().all(|event| event["event"] != "step_done"), "{again:?}");
    assert!(weights == newest_weights(&run_folder(&at)));
    assert_eq!(kept, metrics(&run_folder(&at)));
}
