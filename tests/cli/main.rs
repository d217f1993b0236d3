//! The program as a person meets it: arguments in, text and an exit code out.

mod data;
mod pool;

use conductor_testkit::recording::answers;
use conductor_testkit::workspace::sums;
use conductor_testkit::{Outcome, Program, Skill, Workspace};

const CONFIG: &str = concat!(
    r#"
[run]
name = "test"

[tasks]
sources = [{ kind = "jsonl", path = "tasks.jsonl" }]

"#,
    conductor_testkit::pool_toml!(),
    r#"
[policy]
model = "models/tiny"
"#
);

fn conductor(at: &Workspace, args: &[&str]) -> Outcome {
    program(at, args).run()
}

fn program(at: &Workspace, args: &[&str]) -> Program {
    Program::new(env!("CARGO_BIN_EXE_conductor"), at.path()).args(args)
}

fn skills() -> [Skill; 2] {
    [
        Skill::new("good", 0.01, &[("small", 0.9), ("large", 0.9)]),
        Skill::new("cheap", 0.001, &[("small", 0.8)]),
    ]
}

/// A workspace with tasks, a recording and a configuration that uses both.
fn prepared() -> Workspace {
    let at = Workspace::new();
    at.write("run.toml", CONFIG);
    at.write_tasks("tasks.jsonl", &sums(40));
    at.write("answers.jsonl", answers(&skills(), &sums(40)));
    let import = ["pool", "import", "--answers", "answers.jsonl", "--tasks", "tasks.jsonl"];
    let _ = program(&at, &import).args(["--out", "answers.parquet"]).run().expect_code(0);
    at
}

#[test]
fn help_lists_the_exit_codes_and_a_wrong_verb_is_bad_usage() {
    let at = Workspace::new();
    let help = conductor(&at, &["--help"]).expect_code(0);
    assert!(help.stdout.contains("130  interrupted"), "{help}");
    let _ = conductor(&at, &["trian"]).expect_code(2).expect_stderr(&["trian"]);
    let _ = conductor(&at, &["config", "show"]).expect_code(2).expect_stderr(&["<FILE>"]);
}

#[test]
fn three_errors_at_once_are_all_reported() {
    let at = Workspace::new();
    let broken = CONFIG
        .replace("[policy]", "[train]\ngroup_sise = 8\nsteps = \"many\"\n\n[policy]")
        + "dtype = \"float8\"\n";
    at.write("run.toml", broken);
    let _ = conductor(&at, &["config", "check", "run.toml"]).expect_code(2).expect_stderr(&[
        "group_sise",
        "group_size",
        "train.steps",
        "float8",
        "run.toml:",
        "3 errors in the configuration",
    ]);
    let report = conductor(&at, &["config", "check", "run.toml", "--json"]).expect_code(2).json();
    assert_eq!(report["valid"], false);
    assert_eq!(report["errors"].as_array().map(Vec::len), Some(3));
}

#[test]
fn a_preset_that_does_not_exist_names_those_that_do() {
    let at = Workspace::new();
    let outcome = conductor(&at, &["config", "show", "quickstrat"]).expect_code(2);
    let _ = outcome.expect_stderr(&["quickstrat", "did you mean \"quickstart\"?"]);
    let presets = conductor(&at, &["config", "presets", "--json"]).expect_code(0).json();
    let names: Vec<_> = presets.as_array().unwrap().iter().map(|p| p["name"].clone()).collect();
    assert!(names.contains(&"quickstart".into()), "{names:?}");
    let _ = conductor(&at, &["config", "presets", "nope"]).expect_code(2).expect_stderr(&["nope"]);
}

#[test]
fn a_file_that_is_not_there_is_bad_usage() {
    let at = Workspace::new();
    let outcome = conductor(&at, &["config", "show", "absent.toml"]).expect_code(2);
    let _ = outcome.expect_stderr(&["absent.toml", "No such file"]);
}

#[test]
fn every_value_is_shown_with_its_origin() {
    let at = Workspace::new();
    at.write("run.toml", CONFIG);
    let rows = program(&at, &["config", "show", "run.toml", "--json"])
        .args(["--set", "train.group_size=16"])
        .env("CONDUCTOR__RUN__SEED", "7")
        .run()
        .expect_code(0)
        .json();
    let row = |key: &str| {
        let rows = rows.as_array().unwrap();
        rows.iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("{key}")).clone()
    };
    assert_eq!(
        (&row("train.group_size")["value"], &row("train.group_size")["origin"]["from"]),
        (&16.into(), &"set".into())
    );
    assert_eq!(
        (&row("run.seed")["value"], &row("run.seed")["origin"]["from"]),
        (&7.into(), &"environment".into())
    );
    assert_eq!(row("run.name")["origin"]["from"], "file");
    assert_eq!(row("train.steps")["origin"]["from"], "default");

    let resolved = conductor(&at, &["config", "show", "run.toml", "--toml"]).expect_code(0);
    at.write("again.toml", &resolved.stdout);
    let again = conductor(&at, &["config", "show", "again.toml", "--toml"]).expect_code(0);
    assert_eq!(resolved.stdout, again.stdout);
}

#[test]
fn the_schema_is_json() {
    let at = Workspace::new();
    let schema = conductor(&at, &["config", "schema"]).expect_code(0).json();
    assert!(schema["properties"]["train"].is_object());
}

#[test]
fn a_completion_becomes_steps_or_a_named_error() {
    let at = Workspace::new();
    let parse = ["workflow", "parse", "--workers", "3"];
    let text =
        "model_id: [2, 0]\nsubtasks: [\"Solve it.\", \"Check it.\"]\naccess_list: [[], \"all\"]";
    let outcome = program(&at, &parse).stdin(text).run().expect_code(0);
    let expected = serde_json::json!({ "steps": [
        { "worker": 2, "subtask": "Solve it.", "access": [] },
        { "worker": 0, "subtask": "Check it.", "access": [0] },
    ]});
    assert_eq!(outcome.json(), expected);
    assert_eq!(outcome.stdout.lines().count(), 1);

    let outcome = program(&at, &parse).stdin("I would ask worker 2.").run().expect_code(1);
    assert_eq!(outcome.json()["error"]["kind"], "not_found");
    assert!(outcome.json()["error"]["message"].is_string());
    let steps = program(&at, &parse).args(["--max-steps", "1"]).stdin(text).run().expect_code(1);
    assert_eq!(steps.json()["error"]["kind"], "too_many_steps");
    let bytes = program(&at, &parse).stdin([0xff, 0xfe, 0x00]).run().expect_code(1);
    assert_eq!(bytes.json()["error"]["kind"], "not_found");
}

#[test]
fn completions_are_parsed_line_by_line() {
    let at = Workspace::new();
    let good = "model_id: [0]\nsubtasks: ['x']\naccess_list: [[]]";
    let lines = [
        serde_json::json!(good),
        serde_json::json!({ "id": "b", "completion": good.replace("[0]", "[9]") }),
        serde_json::json!({ "id": 3, "text": good }),
    ]
    .map(|line| line.to_string())
    .join("\n\n");
    at.write("completions.jsonl", &lines);
    let parse = [
        "workflow",
        "parse",
        "--workers",
        "2",
        "--access",
        "by_step",
        "--jsonl",
        "completions.jsonl",
    ];
    let lines = conductor(&at, &parse).expect_code(1).json_lines();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["steps"][0]["worker"], 0);
    assert_eq!(
        (&lines[1]["error"]["kind"], &lines[1]["id"]),
        (&"worker_out_of_range".into(), &"b".into())
    );
    assert_eq!(lines[2]["id"], 3);

    at.write("completions.jsonl", "\"fine\"\n{\"prompt\": 1}\n");
    let _ = conductor(&at, &parse)
        .expect_code(2)
        .expect_stderr(&["completions.jsonl:2", "\"completion\""]);
}

#[test]
fn a_reader_that_stops_reading_is_no_error() {
    let at = prepared();
    let mut child = program(&at, &["config", "reference"]).start();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()),
        (Some(0), "")
    );
}

#[test]
fn weights_that_are_not_there_are_named_with_what_belongs_there() {
    let at = prepared();
    let outcome = conductor(&at, &["train", "run.toml"]).expect_code(1);
    let _ =
        outcome.expect_stderr(&["models/tiny", "config.json, *.safetensors and tokenizer.json"]);
    at.write("models/tiny/config.json", "{\"model_type\": \"llama\"");
    let _ = conductor(&at, &["train", "run.toml"])
        .expect_code(1)
        .expect_stderr(&["models/tiny/config.json"]);
}

#[test]
fn a_second_run_in_the_same_folder_is_told_who_works_there() {
    let at = prepared();
    let _ = conductor(&at, &["train", "run.toml"]).expect_code(1);
    let lock = std::fs::File::options().write(true).open(at.join("runs/test/lock")).unwrap();
    lock.lock().unwrap();
    let outcome = conductor(&at, &["train", "run.toml"]).expect_code(1);
    let _ = outcome.expect_stderr(&["runs/test is in use by process", "another run.name"]);
}

#[test]
fn going_on_with_another_configuration_is_refused_unless_started_anew() {
    let at = prepared();
    let _ = conductor(&at, &["train", "run.toml"]).expect_code(1);
    // As after a first step.
    std::fs::create_dir_all(at.join("runs/test/checkpoints/warm-000001")).unwrap();
    let other = ["train", "run.toml", "--set", "train.group_size=3", "--set", "run.seed=9"];
    let differs = ["train.group_size was 64, is 3", "run.seed was 0, is 9", "--fresh"];
    let _ = conductor(&at, &other).expect_code(2).expect_stderr(&differs);
    let fresh = program(&at, &other).args(["--fresh"]).run().expect_code(1);
    let _ = fresh.expect_stderr(&["test.old-1", "models/tiny"]);
    assert!(at.join("runs/test.old-1/config.toml").is_file());
}

#[test]
fn a_run_without_a_configuration_or_checkpoint_cannot_be_evaluated() {
    let at = prepared();
    let _ = conductor(&at, &["eval", "runs/none"])
        .expect_code(2)
        .expect_stderr(&["runs/none", "config.toml"]);
    let _ = conductor(&at, &["train", "run.toml"]).expect_code(1);
    let _ = conductor(&at, &["eval", "runs/test"])
        .expect_code(2)
        .expect_stderr(&["runs/test has no checkpoint yet"]);
    let best = ["eval", "runs/test", "--checkpoint", "best"];
    let _ = conductor(&at, &best).expect_code(2).expect_stderr(&["no best checkpoint"]);
    let named = ["export", "runs/test", "--out", "o", "--checkpoint", "step-000007"];
    let _ = conductor(&at, &named).expect_code(2).expect_stderr(&["no checkpoint \"step-000007\""]);
}
