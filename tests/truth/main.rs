//! Verdicts against others' verdicts: recorded ones of LiveCodeBench's official evaluator on programs, pairs of outputs and texts that
//! were made to tell rules apart, and, where `CONDUCTOR_DEV_DATA` has them, thousands of real programs.

mod libraries;
mod official;
mod real;

use std::path::PathBuf;
use std::process::Command;

use conductor_testkit::{Program, Workspace};
use serde_json::{Value, json};

/// The verdicts of `conductor grade` on cases, in their order.
fn grade(args: &[impl AsRef<str>], cases: &[Value]) -> Vec<Value> {
    let at = Workspace::new();
    let lines: Vec<String> = cases.iter().map(Value::to_string).collect();
    let program = Program::new(env!("CARGO_BIN_EXE_conductor"), at.path());
    let args: Vec<&str> = args.iter().map(AsRef::as_ref).collect();
    let outcome =
        program.args(["grade", "--jsonl"]).args(&args).stdin(lines.join("\n")).run().expect_code(0);
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
    if outcome.code == Some(4) {
        println!("skipped: {}", outcome.stderr);
        return false;
    }
    let outcome = outcome.expect_code(0);
    assert_eq!(outcome.json()["verdict"], json!("right"), "{outcome}");
    true
}

/// The interpreter that runs programs, and whether it has numpy, which some of them import.
struct Python {
    path: String,
    has_numpy: bool,
}

impl Python {
    /// `CONDUCTOR_TRUTH_PYTHON`, else `python3`.
    fn of_test() -> Self {
        let path = std::env::var("CONDUCTOR_TRUTH_PYTHON").unwrap_or_else(|_| "python3".into());
        let import = Command::new(&path).args(["-c", "import numpy"]).output();
        Self { path, has_numpy: import.is_ok_and(|output| output.status.success()) }
    }

    fn args(&self) -> Vec<String> {
        let sets = [
            format!("sandbox.interpreter={}", self.path),
            format!("sandbox.site_packages={}", self.has_numpy),
        ];
        sets.into_iter().flat_map(|set| ["--set".to_owned(), set]).collect()
    }

    fn without_numpy(&self) -> String {
        format!(
            "they import numpy, which {} has not; CONDUCTOR_TRUTH_PYTHON names an interpreter that has",
            self.path
        )
    }

    /// Whether a program can be run by it.
    fn takes(&self, program: &str) -> bool {
        self.has_numpy || !program.contains("numpy")
    }
}

fn dev_data(path: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("CONDUCTOR_DEV_DATA") else {
        println!("skipped: CONDUCTOR_DEV_DATA is not set, so there is no {path}");
        return None;
    };
    Some(PathBuf::from(folder).join(path))
}
