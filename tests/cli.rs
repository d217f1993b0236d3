//! The program as a person meets it: arguments in, text and an exit code out.

use conductor_testkit::provider::{Ending, Usage};
use conductor_testkit::recording::answers;
use conductor_testkit::workspace::sums;
use conductor_testkit::{Outcome, Program, Provider, Reply, Skill, Workspace};
use serde_json::Value;

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
fn tasks_are_listed_counted_and_shown() {
    let at = prepared();
    let stats = conductor(&at, &["data", "stats", "run.toml", "--json"]).expect_code(0).json();
    let domains = stats["domains"].as_array().unwrap();
    let count = |field: &str| domains.iter().map(|d| d[field].as_u64().unwrap()).sum::<u64>();
    assert_eq!(count("all"), 40);
    let list = ["data", "list", "run.toml", "--split", "valid", "--json"];
    let valid = conductor(&at, &list).expect_code(0).json();
    assert_eq!(valid.as_array().unwrap().len() as u64, count("valid"));
    let table = conductor(&at, &["data", "stats", "run.toml"]).expect_code(0).stdout;
    assert!(table.starts_with("domain  train  valid  test  all  grading  "), "{table}");
    assert_eq!(domains[0]["gradings"], serde_json::json!({ "number": domains[0]["all"] }));
    assert!(domains[0]["prompt_chars"]["p50"].as_u64().unwrap() > 0, "{}", domains[0]);

    let shown = conductor(&at, &["data", "show", "run.toml", "sum/2"]).expect_code(0).stdout;
    assert!(shown.contains("What is 2 + 3?") && !shown.contains('5'), "no gold answer: {shown}");
    let gold = conductor(&at, &["data", "show", "run.toml", "sum/2", "--gold", "--json"]);
    assert_eq!(gold.expect_code(0).json()["grading"]["gold"], "5");
    let missing = conductor(&at, &["data", "show", "run.toml", "sum/999"]).expect_code(2);
    let _ = missing.expect_stderr(&["no task \"sum/999\"", "conductor data list run.toml"]);
}

#[test]
fn tasks_are_split_by_hash_and_as_python_shuffles() {
    let at = prepared();
    let lines =
        conductor(&at, &["data", "split", "run.toml", "--jsonl"]).expect_code(0).json_lines();
    assert_eq!(lines.len(), 40);
    let counted = conductor(&at, &["data", "split", "run.toml", "--json"]).expect_code(0).json();
    for split in ["train", "valid", "test"] {
        let of = lines.iter().filter(|line| line["split"] == split).count();
        assert_eq!(counted[split], of, "{split}");
    }
    let shuffled =
        ["data", "split", "run.toml", "--json", "--set", "tasks.split.kind=python_shuffle"];
    let shuffled = conductor(&at, &shuffled).expect_code(0).json();
    assert_eq!(
        [24, 8, 8].map(serde_json::Value::from),
        ["train", "valid", "test"].map(|s| shuffled[s].clone())
    );
    let page =
        conductor(&at, &["data", "split", "run.toml", "--out", "splits.jsonl"]).expect_code(0);
    assert!(page.stdout.contains("by a hash of id and seed 42"), "{page}");
    assert_eq!(at.read("splits.jsonl").lines().count(), 40);
    let dated = [
        "data",
        "split",
        "run.toml",
        "--set",
        "tasks.split={kind=\"date\",test_from=\"2024-10-01\"}",
    ];
    let _ =
        conductor(&at, &dated).expect_code(2).expect_stderr(&["none of the 40 tasks has a date"]);
}

#[test]
fn a_mix_is_a_source_again() {
    let at = prepared();
    let mix = ["data", "mix", "run.toml", "--out", "mix.parquet", "--json", "--size", "12"];
    let mixed = conductor(&at, &mix).expect_code(0).json();
    assert_eq!((&mixed["tasks"], &mixed["sources"][0]["tasks"]), (&12.into(), &12.into()));
    let source = "tasks.sources=[{ kind = \"parquet\", path = \"mix.parquet\", cap = 5 }]";
    let list = ["data", "list", "run.toml", "--json", "--set", source];
    let listed = conductor(&at, &list).expect_code(0).json();
    assert_eq!(listed.as_array().unwrap().len(), 5);
    let all = conductor(&at, &["data", "list", "run.toml", "--json"]).expect_code(0).json();
    for row in listed.as_array().unwrap() {
        assert!(all.as_array().unwrap().contains(row), "{row}");
    }
    let too_large = ["data", "mix", "run.toml", "--out", "mix.parquet", "--size", "41"];
    let _ = conductor(&at, &too_large).expect_code(2).expect_stderr(&["41", "which has 40"]);
    let _ = conductor(&at, &["data", "mix", "run.toml", "--out", "mix.txt"])
        .expect_code(2)
        .expect_stderr(&["ends in .parquet"]);
}

#[test]
fn an_empty_split_says_what_to_change() {
    let at = prepared();
    let shares = ["--set", "tasks.split={ train = 1.0, valid = 0.0, test = 0.0, seed = 1 }"];
    let list = ["data", "list", "run.toml", "--split", "test"];
    let outcome = program(&at, &list).args(shares).run().expect_code(2);
    let _ = outcome.expect_stderr(&["the test split is empty", "[tasks.split]"]);
}

#[test]
fn workers_are_listed_with_what_they_can_do() {
    let at = prepared();
    let workers = conductor(&at, &["pool", "list", "run.toml", "--json"]).expect_code(0).json();
    assert_eq!(workers[0]["name"], "good");
    assert_eq!(workers[1]["capability"], "from scratch only");
    assert_eq!((&workers[1]["tasks"], &workers[1]["tasks_answered"]), (&40.into(), &40.into()));
    assert_eq!(workers[2]["kind"], "vote");
    let table = conductor(&at, &["pool", "list", "run.toml"]).expect_code(0).stdout;
    assert!(table.contains("40/40"), "{table}");
}

#[test]
fn a_pool_is_evaluated_on_all_its_tasks_without_a_policy() {
    let at = prepared();
    let report = conductor(&at, &["pool", "eval", "run.toml", "--json"]).expect_code(0).json();
    assert_eq!(
        (&report["report"]["questions"], &report["report"]["split"]),
        (&40.into(), &Value::Null)
    );
    let cheap = &report["report"]["by_domain"]["cheap"];
    assert_eq!(cheap["large"]["accuracy"], 0.0, "{cheap}");
    assert!(cheap["small"]["accuracy"].as_f64().unwrap() > 0.5, "{cheap}");
    let page = conductor(&at, &["pool", "eval", "run.toml", "--split", "test"]).expect_code(0);
    for part in ["of the test split", "best worker by domain on valid", "reward by domain"] {
        assert!(page.stdout.contains(part), "{page}");
    }
}

#[test]
fn a_worker_that_the_recording_lacks_is_named_with_those_it_has() {
    let at = prepared();
    at.write("run.toml", CONFIG.replace("name = \"cheap\"", "name = \"chaep\""));
    let outcome = conductor(&at, &["pool", "list", "run.toml"]).expect_code(2);
    let _ = outcome.expect_stderr(&["chaep", "did you mean \"cheap\"?", "cheap, good"]);
}

#[test]
fn a_recording_that_is_cut_short_is_a_failure_that_names_the_file() {
    let at = prepared();
    let whole = std::fs::read(at.join("answers.parquet")).unwrap();
    at.write("answers.parquet", &whole[..whole.len() / 2]);
    let _ = conductor(&at, &["pool", "list", "run.toml"])
        .expect_code(1)
        .expect_stderr(&["answers.parquet"]);
}

#[test]
fn every_bad_line_of_an_import_is_reported_and_nothing_is_written() {
    let at = Workspace::new();
    at.write_tasks("tasks.jsonl", &sums(2));
    let good =
        r#"{"task_id":"sum/0","worker":"w","answer":"x","prompt_tokens":1,"completion_tokens":1}"#;
    let lines =
        [good.to_owned(), good.replace("sum/0", "sum/7"), good.replace(":1", ":-1"), "{".into()];
    at.write("answers.jsonl", lines.join("\n"));
    let import = [
        "pool",
        "import",
        "--answers",
        "answers.jsonl",
        "--tasks",
        "tasks.jsonl",
        "--out",
        "o.parquet",
    ];
    let outcome = conductor(&at, &import).expect_code(1);
    let _ =
        outcome.expect_stderr(&["answers.jsonl:2", "sum/7", "answers.jsonl:3", "answers.jsonl:4"]);
    assert!(!at.join("o.parquet").exists());
}

fn live(at: &Workspace, provider: &Provider) {
    let workers = CONFIG.find("[[pool.workers]]").unwrap()..CONFIG.find("[policy]").unwrap();
    let live = format!(
        "[[pool.workers]]\nname = \"live\"\nkind = \"openai\"\nbase_url = \"{}\"\nmodel = \"m\"\n\
         timeout_secs = 5.0\ninput_usd_per_million = 1000.0\noutput_usd_per_million = 0.0\n\n",
        provider.base_url()
    );
    let mut config = CONFIG.to_owned();
    config.replace_range(workers, &live);
    at.write("run.toml", config);
    at.write_tasks("tasks.jsonl", &sums(10));
}

/// A text whose tokens are known.
fn answer(text: &str) -> Reply {
    Reply::Counted(text.into(), Usage::tokens(10, 5))
}

#[test]
fn a_live_worker_is_recorded_and_what_is_there_is_not_asked_again() {
    let at = Workspace::new();
    let provider =
        Provider::start(|_, request| answer(&format!("{} Answer: 1", request.question())));
    live(&at, &provider);
    let record = ["pool", "record", "run.toml", "--out", "r.parquet", "--json"];
    let report = conductor(&at, &record).expect_code(0).json();
    assert_eq!((&report["recorded"], &report["missing"]), (&10.into(), &0.into()));
    // Ten prompt tokens a call at a thousand dollars a million.
    assert!((report["cost_usd"].as_f64().unwrap() - 0.1).abs() < 1e-9, "{report}");
    assert_eq!(provider.asked(), 10);

    // An evaluation would ask everything again.
    let eval = conductor(&at, &["pool", "eval", "run.toml"]).expect_code(2);
    let _ = eval.expect_stderr(&["\"live\" is live", "pool record"]);
    assert_eq!(provider.asked(), 10);

    let report = conductor(&at, &record).expect_code(0).json();
    assert_eq!((&report["recorded"], &report["kept"]), (&0.into(), &10.into()));
    assert_eq!(provider.asked(), 10);
}

#[test]
fn paid_answers_are_shared_counted_exported_and_removed() {
    let at = Workspace::new();
    let provider = Provider::replies(vec![answer("Answer: 1")]);
    live(&at, &provider);
    let missing = conductor(&at, &["pool", "cache", "stats"]).expect_code(2);
    let _ = missing.expect_stderr(&["no store of answers", "--store"]);
    assert!(!at.join("runs").exists());

    let record = |out: &str| {
        let command = ["pool", "record", "run.toml", "--out", out, "--json"];
        conductor(&at, &command).expect_code(0).json()
    };
    let cost = |report: &serde_json::Value| report["cost_usd"].as_f64().unwrap();
    assert!((cost(&record("a.parquet")) - 0.1).abs() < 1e-9);
    let again = record("b.parquet");
    assert_eq!((&again["recorded"], cost(&again)), (&10.into(), 0.0));
    assert_eq!(provider.asked(), 10);
    let (a, b) = (std::fs::read(at.join("a.parquet")), std::fs::read(at.join("b.parquet")));
    assert_eq!(a.unwrap(), b.unwrap());

    let stats = conductor(&at, &["pool", "cache", "stats", "--json"]).expect_code(0).json();
    assert_eq!((&stats["answers"], &stats["workers"][0]["worker"]), (&10.into(), &"live".into()));
    assert!((cost(&stats) - 0.1).abs() < 1e-9, "{stats}");
    let table = conductor(&at, &["pool", "cache", "stats"]).expect_code(0).stdout;
    assert!(table.contains("live") && table.contains("0.1000"), "{table}");
    let lines = conductor(&at, &["pool", "cache", "export"]).expect_code(0).stdout;
    assert_eq!(lines.lines().count(), 10);
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["answer"], &first["request"]["model"]), (&"Answer: 1".into(), &"m".into()));

    let prune = ["pool", "cache", "prune", "--older-than-days", "0", "--json"];
    assert_eq!(conductor(&at, &prune).expect_code(0).json()["answers"], 10);
    let _ = conductor(&at, &["pool", "cache", "prune", "--older-than-days=-1"]).expect_code(2);
    record("c.parquet");
    assert_eq!(provider.asked(), 20);
}

#[test]
fn a_worker_that_refuses_leaves_the_rest_kept_and_exits_with_3() {
    let at = Workspace::new();
    let refusal = Reply::status(401, "{\"error\":{\"message\":\"no such key\"}}");
    let provider = Provider::start(
        move |number, _| {
            if number < 4 { answer("Answer: 1") } else { refusal.clone() }
        },
    );
    live(&at, &provider);
    let record = ["pool", "record", "run.toml", "--out", "r.parquet"];
    let outcome = conductor(&at, &record).expect_code(3);
    assert!(outcome.stdout.contains("no such key"), "{outcome}");
    assert!(outcome.stdout.contains("run the same command again"), "{outcome}");
    assert!(!at.join("r.parquet").exists());
    let kept =
        program(&at, &record).args(["--keep-incomplete", "--json"]).run().expect_code(3).json();
    assert_eq!((&kept["written"], &kept["kept"]), (&true.into(), &4.into()));
}

#[test]
fn a_key_that_is_not_set_is_named_before_anything_is_called() {
    let at = Workspace::new();
    let provider = Provider::replies(vec![Reply::Nothing(Ending::Close)]);
    live(&at, &provider);
    let config = at
        .read("run.toml")
        .replace("model = \"m\"", "model = \"m\"\napi_key_env = \"NO_SUCH_KEY\"");
    at.write("run.toml", config);
    let outcome =
        conductor(&at, &["pool", "record", "run.toml", "--out", "r.parquet"]).expect_code(2);
    let _ = outcome.expect_stderr(&["NO_SUCH_KEY"]);
    assert_eq!(provider.asked(), 0);
    let absent = ["pool", "record", "run.toml", "--out", "r.parquet", "--worker", "other"];
    let _ =
        conductor(&at, &absent).expect_code(2).expect_stderr(&["no live worker \"other\"", "live"]);
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
