//! Pools: recorded workers, and live ones whose answers are recorded.

use conductor_testkit::provider::{Ending, Usage};
use conductor_testkit::workspace::sums;
use conductor_testkit::{Provider, Reply, Workspace};
use serde_json::Value;

use crate::{CONFIG, conductor, prepared, program};

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
