//! Budgets: never exceeded, and nothing is lost at the wall.

mod common;

use common::{conductor, episodes, newest_weights, prepared_live, run_folder, train_command};
use conductor_testkit::provider::{Options, Prices, Provider, Reply, Tokens, Usage};
use conductor_testkit::{Outcome, Workspace};

const TOKENS: Tokens = Tokens { prompt: 100, cached: 0, completion: 10 };
const PRICES: Prices = Prices { input: 100.0, cached_input: 100.0, output: 200.0 };

/// Enough episodes a step that every limit is reached, whatever is sampled.
const TASKS: &str = "train.tasks_per_step=8";

fn provider() -> Provider {
    let options = Options { prices: PRICES, keep_requests: false, port: 0 };
    Provider::with(options, |_, request| {
        Reply::Counted(format!("Answer: {}", request.hash() % 100), Usage::Tokens(TOKENS))
            .after(std::time::Duration::from_millis(20))
    })
}

/// A workspace whose only solver is live, sixteen calls at a time.
fn workspace(provider: &Provider) -> Workspace {
    let keys =
        "output_usd_per_million = 200.0\nmax_tokens = 100\ntemperature = 1.0\nconcurrency = 16";
    prepared_live(&provider.base_url(), keys, 60)
}

/// Trains with a limit that is reached, and then without: the wall has its exit code and words, and the run goes on.
fn wall_and_beyond(limit: &str, words: &str) -> (Provider, Workspace, usize) {
    let provider = provider();
    let at = workspace(&provider);
    let sets = ["train.steps=4", TASKS, limit];
    let outcome = train_command(&at, &sets).run().expect_code(3);
    let _ = outcome.expect_stderr(&[words, "raise the limit, and the same command goes on"]);
    let charged = provider.ledger().charged;
    // The same command runs into the same wall, and pays nothing for it.
    let _ = train_command(&at, &sets).run().expect_code(3);
    assert_eq!(provider.ledger().charged, charged);
    (provider, at, charged)
}

fn ledger(at: &Workspace) -> serde_json::Value {
    conductor(at, &["pool", "ledger", "runs/r", "--json"]).run().expect_code(0).json()
}

#[test]
fn a_run_never_spends_more_than_its_dollars_and_goes_on_when_they_are_raised() {
    let limit = 0.3;
    let (provider, at, charged) =
        wall_and_beyond(&format!("budget.run_usd={limit}"), "budget.run_usd = 0.3 dollars");
    let spent = provider.ledger().usd;
    // Nearly all of it: less is left than a request can cost.
    assert!(spent <= limit && spent > limit - 0.1, "{spent}");
    assert!(charged > 10 && newest_weights(&run_folder(&at)).0 < 4, "a checkpoint is there");
    let raised = ["train.steps=4", TASKS, "budget.run_usd=50.0"];
    let _: Outcome = train_command(&at, &raised).run().expect_code(0);
    // As many calls as a run that never met the wall: nothing was paid twice.
    let free = self::provider();
    let _ = train_command(&workspace(&free), &["train.steps=4", TASKS]).run().expect_code(0);
    assert_eq!(provider.ledger().charged, free.ledger().charged);
    let (theirs, ours) = (provider.ledger(), ledger(&at));
    assert!(theirs.charged > charged);
    assert!((ours["paid_usd"].as_f64().unwrap() - theirs.usd).abs() < 1e-9, "{ours}");
    assert_eq!(ours["calls"], theirs.charged);
    assert_eq!(ours["unsettled"], serde_json::json!([]));
    let table = conductor(&at, &["pool", "ledger", "runs/r"]).run().expect_code(0);
    assert!(table.stdout.contains("train/3") && table.stdout.contains("paid"), "{table}");

    // An evaluation has money of its own.
    let eval = [
        "eval",
        "runs/r",
        "--only-trained",
        "--set",
        "budget.run_usd=5.0",
        "--set",
        "eval.max_tasks=3",
    ];
    let _ = conductor(&at, &eval).run().expect_code(0);
    assert_eq!(ledger(&at), ours);
    assert!(provider.ledger().charged > theirs.charged);
}

#[test]
fn calls_and_steps_have_limits_too() {
    let (provider, ..) = wall_and_beyond("budget.run_calls=7", "budget.run_calls = 7 is reached");
    assert_eq!(provider.ledger().charged, 7);
    let (provider, ..) =
        wall_and_beyond("budget.step_calls=3", "budget.step_calls = 3 is reached in");
    assert!(provider.ledger().charged <= 6, "three in the first validation and three in a step");
    let (provider, ..) = wall_and_beyond("budget.step_usd=0.15", "budget.step_usd = 0.15 dollars");
    assert!(provider.ledger().usd <= 0.3, "{:?}", provider.ledger().usd);
}

#[test]
fn a_question_beyond_its_limit_has_no_score_and_the_run_goes_on() {
    beyond("budget.question_calls=1");
    // Two calls of some $0.012 each, and not a third at its worst.
    beyond("budget.question_usd=0.1");
}

fn beyond(limit: &str) {
    let provider = provider();
    let at = workspace(&provider);
    let sets = ["train.steps=2", TASKS, limit];
    let _ = train_command(&at, &sets).run().expect_code(0);
    let (mut beyond, mut within) = (0, 0);
    for rows in episodes(&run_folder(&at)).values() {
        for row in rows.iter().filter(|row| row.verdict.is_some()) {
            if row.cause.as_deref() == Some("budget_reached") {
                beyond += 1;
                assert_eq!((row.score, row.reward, row.advantage), (None, None, None));
            } else {
                within += 1;
            }
        }
    }
    assert!(beyond > 0 && within > 0, "{beyond} beyond, {within} within");
}

#[test]
fn a_recording_keeps_to_the_budget() {
    let provider = provider();
    let at = workspace(&provider);
    let record =
        ["pool", "record", "run.toml", "--out", "r.parquet", "--set", "budget.run_calls=9"];
    let outcome = conductor(&at, &record).run().expect_code(3);
    assert!(outcome.to_string().contains("budget.run_calls = 9"), "{outcome}");
    assert_eq!(provider.ledger().charged, 9);
}

#[test]
fn a_worker_that_fails_too_often_stops_the_run_before_it_learns_from_noise() {
    let provider = Provider::start(|number, request| {
        if number % 2 == 0 {
            Reply::status(400, "{\"error\":{\"message\":\"model overloaded\"}}")
        } else {
            Reply::Counted(format!("Answer: {}", request.hash() % 100), Usage::Tokens(TOKENS))
        }
    });
    let at = workspace(&provider);
    let sets = ["train.steps=4", TASKS, "eval.every_steps=100"];
    let outcome = train_command(&at, &sets).run().expect_code(3);
    let words = ["worker \"good\" failed in", "model overloaded", "rollout.max_failed_share"];
    let _ = outcome.expect_stderr(&words);
    assert_eq!(newest_weights(&run_folder(&at)).0, 0, "nothing was learned");
}
