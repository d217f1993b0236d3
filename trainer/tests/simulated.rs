//! A pool of simulated workers: marked in every row, and refused for tasks that nothing could judge.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use conductor_configs::Config;
use conductor_trainer::Environment;
use conductor_trainer::evaluate::{Report, evaluate_pool};

const RECORDED: &str = r#"{"kind": "recorded"}"#;

fn config(folder: &Path, grading: &str, workers: &str) -> Config {
    let tasks = folder.join("tasks.jsonl");
    let line = |n: usize| {
        let domain = if n.is_multiple_of(2) { "math" } else { "code" };
        format!(
            "{{\"id\": \"{n}\", \"prompt\": \"?\", \"domain\": \"{domain}\", \"grading\": {grading}}}\n"
        )
    };
    std::fs::write(&tasks, (0..400).map(line).collect::<String>()).expect("tasks");
    let text = format!(
        "tasks.sources = [{{ kind = \"jsonl\", path = \"{}\" }}]\npolicy.model = \"none\"\n\
         pool.store = \"\"\n{workers}",
        tasks.display()
    );
    conductor_configs::load_str("test.toml", &text).expect("a configuration").config
}

const POOL: &str = r#"
[[pool.workers]]
name = "strong"
kind = "simulated"
skill = { math = 0.9, code = 0.4 }
difficulty_spread = 0.5
wait = true
input_usd_per_million = 1
output_usd_per_million = 10
[[pool.workers]]
name = "weak"
kind = "simulated"
skill = { math = 0.3, code = 0.6 }
difficulty_spread = 0.5
latency_median_ms = 1
[[pool.workers]]
name = "vote"
kind = "vote"
"#;

fn evaluated(config: &Config) -> Report {
    let environment = Environment::open(config, None).expect("an environment");
    let stop = AtomicBool::new(false);
    evaluate_pool(&environment, config, None, &stop, &mut |_, _, _| {}).expect("a report")
}

#[test]
fn every_row_that_rests_on_a_draw_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path(), RECORDED, &POOL.replace("wait = true", ""));
    let report = evaluated(&config);
    assert_eq!(report.simulated_workers, ["strong", "weak"]);
    assert!(report.rows.iter().all(|row| row.name.ends_with(" (simulated)")), "{:?}", report.rows);
    let strong = &report.rows[0];
    assert_eq!(strong.name, "strong (simulated)");
    assert_eq!(strong.worker_shares.keys().collect::<Vec<_>>(), ["strong (simulated)"]);
    let domains = &report.by_domain["strong (simulated)"];
    assert!(domains["math"].accuracy > 0.75 && domains["code"].accuracy < 0.55, "{domains:?}");
    let vote = report.rows.iter().find(|row| row.name.starts_with("majority")).expect("a vote");
    assert!(vote.worker_shares.contains_key("vote"), "the vote itself draws nothing: {vote:?}");
    assert_eq!(report.answers, evaluated(&config).answers, "drawn the same way again");

    let environment = Environment::open(&config, None).expect("an environment");
    let notices = environment.notices();
    assert!(notices.iter().any(|notice| notice.contains("\"strong\" is simulated")), "{notices:?}");
}

#[test]
fn tasks_that_nothing_could_judge_are_refused_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let exact = r#"{"kind": "exact", "gold": "4"}"#;
    let error =
        Environment::open(&config(folder.path(), exact, POOL), None).err().expect("refused");
    let error = error.to_string();
    for part in ["\"strong\"", "400 of 400", "simulated", "\"kind\": \"recorded\""] {
        assert!(error.contains(part), "{error}");
    }
    let live = "[[pool.workers]]\nname = \"l\"\nkind = \"openai\"\nbase_url = \"http://127.0.0.1:9/v1\"\nmodel = \"m\"\n";
    let error =
        Environment::open(&config(folder.path(), RECORDED, live), None).err().expect("refused");
    assert!(error.to_string().contains("come without a score"), "{error}");
}
