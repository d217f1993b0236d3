//! Reference solutions of BigCodeBench, from `CONDUCTOR_DEV_DATA`: they are right, and a function that does nothing is wrong. Those that
//! need libraries are judged where `CONDUCTOR_TRUTH_PYTHON` has them.

use std::collections::BTreeMap;
use std::process::Command;

use conductor_configs::schema::Tasks;
use serde_json::{Value, json};

use crate::{Python, can_run, dev_data, grade};

/// Files, archives, processes, dates, HTTP that is patched: the standard library is enough.
const STANDARD: [&str; 17] = [
    "19", "273", "310", "326", "368", "454", "594", "720", "765", "771", "800", "928", "963",
    "971", "988", "998", "999",
];
/// Arrays, tables, plots and models as results; tests that patch the builtins (579) and their own module (593).
const LIBRARIES: [&str; 12] =
    ["123", "162", "302", "443", "553", "567", "579", "593", "636", "917", "952", "1004"];

#[test]
fn references_are_right_and_empty_functions_are_not() {
    let Some(path) = dev_data("bigcodebench/BigCodeBench-complete-hard.json") else { return };
    if !can_run() {
        return;
    }
    let rows: Vec<Value> =
        serde_json::from_slice(&std::fs::read(&path).expect("dev data")).expect("JSON");
    let rows: BTreeMap<&str, &Value> =
        rows.iter().map(|row| (row["task_id"].as_str().expect("an id"), row)).collect();
    let tasks: Tasks = serde_json::from_value(
        json!({ "sources": [{ "kind": "bigcodebench", "path": path, "form": "complete" }] }),
    )
    .expect("tasks");
    let set = conductor_datasets::load(&tasks).expect("a set");

    let python = Python::of_test();
    let mut numbers = STANDARD.to_vec();
    let import = "import numpy, pandas, matplotlib, seaborn, sklearn";
    let output = Command::new(&python.path).args(["-c", import]).output();
    if output.is_ok_and(|output| output.status.success()) {
        numbers.extend(LIBRARIES);
    } else {
        println!("skipped: {} of the references: {import} fails there", LIBRARIES.len());
    }
    let mut cases = Vec::new();
    for number in numbers {
        let id = format!("BigCodeBench/{number}");
        let row = rows[id.as_str()];
        let task = set.get(set.find(&id).expect("a task")).expect("a task");
        let [head, body] = ["code_prompt", "canonical_solution"].map(|key| row[key].as_str());
        let head = head.expect("a head");
        for (kind, body) in [("right", body.expect("a body")), ("wrong", "    return None\n")] {
            cases.push(json!({
                "id": format!("{kind} {number}"),
                "task": task.grading,
                "answer": format!("```python\n{head}{body}\n```"),
            }));
        }
    }
    let mut args = python.args();
    args.extend(["--set".to_owned(), "sandbox.time_secs=60".to_owned()]);
    let verdicts = grade(&args, &cases);
    let told = |verdict: &&Value| verdict["id"].as_str().expect("an id").to_owned();
    let differences: Vec<&Value> = verdicts
        .iter()
        .filter(|verdict| !told(verdict).starts_with(verdict["verdict"].as_str().expect("a word")))
        .collect();
    assert!(differences.is_empty(), "{differences:#?}");
}
