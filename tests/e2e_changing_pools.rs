//! Runs whose questions list different workers under different numbers, and carry constraints of their users.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{assert_same_run, conductor, episodes, metrics, prepared, run_folder, train};
use conductor_datasets::EpisodeRow;
use conductor_rollout::parse::{ParseRules, parse};
use conductor_types::AccessKind;
use serde_json::Value;

const POOL: &str = r#"pool.workers=[{name="good",kind="recorded",recording="answers.parquet",tags=["open"]},{name="cheap",kind="recorded",recording="answers.parquet",tags=["closed"]},{name="vote",kind="vote",tags=["open"]}]"#;
const CONSTRAINTS: &str = r#"tasks.constraints=[{text="Open workers only.",tags=["open"],share=0.5},{text="One step.",max_steps=1,share=0.25}]"#;
/// What the tiny policy was taught was the form under one fixed list: it needs another warm start.
const SETS: [&str; 8] = [
    POOL,
    CONSTRAINTS,
    "pool.listed=2",
    "pool.permute=true",
    "workflow.show=[\"name\"]",
    "warm_start.steps=40",
    "warm_start.batch_size=8",
    "warm_start.lr=0.03",
];

/// The names behind the numbers, as the policy read them.
fn listed(row: &EpisodeRow) -> Vec<String> {
    let lines = row.prompt.lines().filter_map(|line| line.strip_prefix("Worker "));
    lines.filter_map(|line| Some(line.split_once(": ")?.1.to_owned())).collect()
}

/// Whether the episode obeys the constraint in its prompt; `None` where there is none or nothing ran.
fn obeys(row: &EpisodeRow) -> Option<bool> {
    let workflow = row.workflow.as_ref().filter(|_| row.outcome == "ran")?;
    if row.prompt.contains("\nOpen workers only.\n") {
        Some(row.calls.iter().all(|call| call.worker != "cheap"))
    } else if row.prompt.contains("\nOne step.\n") {
        Some(workflow.steps.len() == 1)
    } else {
        None
    }
}

#[test]
fn each_question_has_a_list_of_its_own_and_numbers_lead_to_the_right_workers() {
    let at = prepared();
    train(&at, &SETS);
    let run = run_folder(&at);
    let log = episodes(&run);
    let rules = ParseRules { access: AccessKind::Binary, max_steps: 2, workers: 2 };
    let (mut lists, mut ran) = (BTreeSet::new(), 0);
    let mut prompts = BTreeMap::<(&(u64, String), &str), &str>::new();
    for (part, rows) in &log {
        for row in rows {
            let list = listed(row);
            assert_eq!(list.len(), 2, "{}", row.prompt);
            assert!(list.iter().any(|name| name != "vote"), "nobody could begin: {list:?}");
            let of_group = prompts.entry((part, &row.task_id)).or_insert(&row.prompt);
            assert_eq!(*of_group, row.prompt, "samples of one question share a prompt");
            if row.outcome == "ran" {
                ran += 1;
                let written = parse(&row.completion, &rules).expect("it ran");
                let names: Vec<&String> = written.steps.iter().map(|s| &list[s.worker]).collect();
                let called: Vec<&String> = row.calls.iter().map(|call| &call.worker).collect();
                assert_eq!(names, called, "{} {}", row.completion, row.prompt);
            }
            lists.insert(list);
        }
    }
    assert!(ran > 10 && lists.len() > 3, "{ran} ran, lists {lists:?}");

    // Evaluations of different weights ask the same.
    let asked = |step: u64| -> BTreeMap<&str, &str> {
        let rows = &log[&(step, "valid".to_owned())];
        rows.iter().map(|row| (row.task_id.as_str(), row.prompt.as_str())).collect()
    };
    assert_eq!(asked(0), asked(2));
    assert_eq!(asked(0), asked(4));
}

#[test]
fn obedience_is_a_metric_of_training_and_a_column_of_the_evaluation() {
    let at = prepared();
    train(&at, &SETS);
    let run = run_folder(&at);
    let mut measured = 0;
    let log = episodes(&run);
    for (place, values) in metrics(&run) {
        let part = if place.starts_with("update ") {
            "train"
        } else if place.starts_with("evaluate ") {
            "valid"
        } else {
            continue;
        };
        let step: u64 =
            place.rsplit(' ').next().and_then(|step| step.parse().ok()).expect("a step");
        let found: Vec<bool> = log[&(step, part.to_owned())].iter().filter_map(obeys).collect();
        let share = found.iter().filter(|obeys| **obeys).count() as f64 / found.len() as f64;
        let metric = values.get("workflow/obedience").map(|&bits| f64::from_bits(bits));
        assert_eq!(metric, (!found.is_empty()).then_some(share), "{part} {step}");
        measured += usize::from(metric.is_some());
    }
    assert!(measured > 2, "no step measured it");

    let eval = ["eval", "runs/r", "--only-trained", "--set", "eval.max_tasks=40"];
    let report = conductor(&at, &eval).args(["--json"]).run().expect_code(0).json();
    let rows = report["report"]["rows"].as_array().expect("rows");
    let of = |name: &str| rows.iter().find(|row| row["name"] == name).expect("a row");
    let answers = report["answers"]["good"].as_array().expect("answers");
    let constrained = answers.iter().filter(|answer| !answer["obedience"].is_null()).count();
    assert!(constrained > 0 && constrained < answers.len());
    assert_eq!(of("good")["constrained"], constrained);
    // It is open, and alone it takes one step.
    assert_eq!(of("good")["obedience"]["mean"], 1.0);
    let cheap = of("cheap")["obedience"]["mean"].as_f64().expect("a share");
    assert!(cheap < 1.0);
    let random = of("random worker")["obedience"]["mean"].as_f64().expect("a share");
    assert!((random - f64::midpoint(1.0, cheap)).abs() < 1e-12);

    let table = conductor(&at, &eval).run().expect_code(0).stdout;
    assert!(table.contains("constrained questions"), "{table}");
}

#[test]
fn without_constraints_nothing_is_said_of_obedience() {
    let at = prepared();
    train(&at, &["train.steps=1"]);
    let run = run_folder(&at);
    assert!(metrics(&run).values().all(|values| !values.contains_key("workflow/obedience")));
    let eval = ["eval", "runs/r", "--only-trained"];
    let report = conductor(&at, &eval).args(["--json"]).run().expect_code(0).json();
    let rows = report["report"]["rows"].as_array().expect("rows");
    assert!(rows.iter().all(|row| row["obedience"] == Value::Null && row["constrained"] == 0));
    let table = conductor(&at, &eval).run().expect_code(0).stdout;
    assert!(!table.contains("constrained questions"), "{table}");
}

#[test]
fn the_same_seed_draws_the_same_lists() {
    let (one, two) = (prepared(), prepared());
    train(&one, &SETS);
    train(&two, &SETS);
    assert_same_run(&run_folder(&one), &run_folder(&two));
}

#[test]
fn what_cannot_be_told_apart_and_what_nobody_has_is_said() {
    let at = prepared();
    let mut tasks = at.read("tasks.jsonl");
    tasks = tasks.replacen(
        "{\"id\"",
        "{\"constraint\":{\"text\":\"Gold only.\",\"tags\":[\"gold\"]},\"id\"",
        1,
    );
    at.write("tasks.jsonl", tasks);
    let plan = ["train", "run.toml", "--dry-run", "--set", "pool.permute=true"];
    let outcome = conductor(&at, &plan).run().expect_code(0);
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    for words in ["cannot tell workers apart", "workflow.show", "the tag \"gold\""] {
        assert!(said.contains(words), "{words} is not in {said}");
    }
}
