//! Verdicts against others' verdicts: recorded ones of LiveCodeBench's official evaluator on programs, pairs of outputs and texts that
//! were made to tell rules apart, and, where `CONDUCTOR_DEV_DATA` has them, thousands of real programs.

mod official;
mod real;

use std::path::PathBuf;

use conductor_testkit::{Program, Workspace};
use serde_json::{Value, json};

/// The verdicts of `conductor grade` on cases, in their order.
fn grade(args: &[&str], cases: &[Value]) -> Vec<Value> {
    let at = Workspace::new();
    let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let program = Program::new(env!("CARGO_BIN_EXE_conductor"), at.path());
    let outcome = program.args(["grade", "--jsonl"]).args(args).stdin(lines).run().expect_code(0);
    let verdicts = outcome.json_lines();
    assert_eq!(verdicts.len(), cases.len(), "{}", outcome.stderr);
    for (case, verdict) in cases.iter().zip(&verdicts) {
        assert_eq!(case["id"], verdict["id"], "in order");
    }
    verdicts
}

/// Whether programs can be run here at all; says why where they cannot.
fn can_run() -> bool {
    let at = Workspace::new();
    let case = conductor_testkit::judging::stdin_case("1", "print(1)", &[("", "1")]);
    let program = Program::new(env!("CARGO_BIN_EXE_conductor"), at.path());
    let outcome = program.args(["grade", "--jsonl"]).stdin(format!("{case}\n")).run();
    match outcome.code {
        Some(4) => {
            println!("skipped: {}", outcome.stderr);
            false
        }
        _ => {
            let outcome = outcome.expect_code(0);
            assert_eq!(outcome.json()["verdict"], json!("right"), "{outcome}");
            true
        }
    }
}

fn dev_data(path: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("CONDUCTOR_DEV_DATA") else {
        println!("skipped: CONDUCTOR_DEV_DATA is not set, so there is no {path}");
        return None;
    };
    Some(PathBuf::from(folder).join(path))
}
