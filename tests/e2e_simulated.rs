//! A run on simulated workers from one end to the other: it trains, and nothing that it prints hides what they are.

mod common;

use std::time::{Duration, Instant};

use common::{conductor, prepared, train};
use conductor_testkit::Workspace;
use conductor_testkit::workspace::sums;
use conductor_types::{Grading, Task};

const TASKS: &str = "tasks.sources=[{ kind = \"jsonl\", path = \"drawn.jsonl\" }]";
const POOL: &str = "pool.workers=[\
    { name = \"good\", kind = \"simulated\", tags = [\"dear\", \"large\"], default_skill = 0.9, failure_share = 0.02, \
      input_usd_per_million = 1, output_usd_per_million = 20 }, \
    { name = \"cheap\", kind = \"simulated\", skill = { small = 0.7 }, default_skill = 0.1, \
      input_usd_per_million = 0.1, output_usd_per_million = 1 }, \
    { name = \"vote\", kind = \"vote\" }]";

/// A workspace with a policy and with tasks that need no answer.
fn workspace() -> Workspace {
    let at = prepared();
    let drawn: Vec<Task> =
        sums(40).into_iter().map(|task| Task { grading: Grading::Recorded, ..task }).collect();
    at.write_tasks("drawn.jsonl", &drawn);
    at
}

#[test]
fn a_run_on_simulated_workers_trains_and_says_so_throughout() {
    let at = workspace();
    let events = train(&at, &[TASKS, POOL]).json_lines();
    let notice = events.iter().filter(|event| event["event"] == "notice").find(|event| {
        event["message"].as_str().is_some_and(|text| text.contains("\"good\" is simulated"))
    });
    assert!(notice.is_some(), "{events:#?}");
    let last = events.iter().rfind(|event| event["event"] == "step_done").expect("a step");
    assert!(last["metrics"]["cost/usd_total"].as_f64().is_some_and(|usd| usd > 0.0), "{last}");

    let report = conductor(&at, &["eval", "runs/r", "--json"]).run().expect_code(0).json();
    let rows = report["report"]["rows"].as_array().expect("rows");
    assert_eq!(report["report"]["simulated_workers"], serde_json::json!(["good", "cheap"]));
    for row in rows {
        let name = row["name"].as_str().expect("a name");
        assert!(name.ends_with(" (simulated)"), "{name}");
    }
    let page = conductor(&at, &["eval", "runs/r"]).run().expect_code(0);
    for part in ["trained policy (step-", "simulated: good, cheap. Their answers were drawn"] {
        assert!(page.stdout.contains(part), "{page}");
    }
}

#[test]
fn workers_are_listed_as_simulated_with_their_tags_and_are_not_recorded() {
    let at = workspace();
    let with = |args: &[&str]| conductor(&at, args).args(["--set", TASKS, "--set", POOL]);
    let page = with(&["pool", "list", "run.toml"]).run().expect_code(0);
    for part in ["good (simulated)", "dear, large", "drawn at random", "40/40", "nothing about it"]
    {
        assert!(page.stdout.contains(part), "{page}");
    }
    let workers = with(&["pool", "list", "run.toml", "--json"]).run().expect_code(0).json();
    assert_eq!((&workers[0]["name"], &workers[0]["kind"]), (&"good".into(), &"simulated".into()));
    assert_eq!(workers[0]["tags"], serde_json::json!(["dear", "large"]));
    let table = with(&["pool", "eval", "run.toml"]).run().expect_code(0);
    assert!(table.stdout.contains("any-correct oracle (simulated)"), "{table}");
    let record = with(&["pool", "record", "run.toml", "--out", "r.parquet"]).run().expect_code(2);
    let _ = record.expect_stderr(&["no live worker"]);
    // These tasks have answers, and nobody who could give one.
    let graded = ["pool", "eval", "run.toml", "--set", POOL];
    let refused = conductor(&at, &graded).run().expect_code(2);
    let _ = refused.expect_stderr(&["\"good\"", "40 of 40", "cannot be judged"]);
}

#[test]
fn an_estimate_does_not_wait_for_workers_that_take_their_time() {
    let at = workspace();
    let slow =
        POOL.replace("name = \"good\",", "name = \"good\", wait = true, latency_median_ms = 1e8,");
    let start = Instant::now();
    let dry = ["train", "run.toml", "--dry-run", "--json", "--set", TASKS, "--set", &slow];
    let plan = conductor(&at, &dry).run().expect_code(0).json();
    assert!(start.elapsed() < Duration::from_mins(1));
    assert!(plan["plan"]["usd_per_call"].as_f64().is_some_and(|usd| usd > 0.0), "{plan}");
}
