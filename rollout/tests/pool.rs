//! Opening pools, and the recorded worker.

mod common;

use std::path::{Path, PathBuf};

use common::{last_word, task};
use conductor_configs::schema;
use conductor_rollout::execute::{RunOptions, run};
use conductor_rollout::recording::{RecordedAnswer, Recording, write};
use conductor_rollout::{Pool, PoolError};
use conductor_types::{
    Outcome, Step, WorkerCapability, WorkerErrorKind, Workflow, WorkflowErrorKind,
};

const OPTIONS: RunOptions<'static> =
    RunOptions { part: "test", seed: 0, sample: 0, last_nonempty: true, before: None };

fn answer(task_id: &str, worker: &str, text: Option<&str>, score: Option<f64>) -> RecordedAnswer {
    RecordedAnswer {
        task_id: task_id.into(),
        worker: worker.into(),
        answer: text.map(str::to_owned),
        score,
        prompt_tokens: 1_000_000,
        completion_tokens: 500_000,
        cost_usd: None,
        latency_ms: Some(700.0),
        prompt_sha256: None,
    }
}

fn recording(folder: &Path) -> PathBuf {
    let path = folder.join("r.parquet");
    let mut rows = vec![
        answer("t", "qwen-0.5b", Some("it is 4"), None),
        answer("u", "qwen-0.5b", Some("it is 5"), None),
        answer("t", "qwen-1.5b", Some("so 4"), None),
        answer("t", "outcomes", None, Some(0.25)),
    ];
    rows[0].cost_usd = Some(0.125);
    rows[1].cost_usd = Some(0.125);
    write(&Recording::new(rows).unwrap(), &path).unwrap();
    path
}

fn config(workers: serde_json::Value) -> schema::Pool {
    serde_json::from_value(workers).unwrap()
}

fn open(workers: &serde_json::Value) -> Result<Pool, PoolError> {
    Pool::open(&config(serde_json::json!({ "workers": workers })), last_word(), None)
}

fn steps(steps: &[(usize, &[usize])]) -> Workflow {
    Workflow {
        steps: steps
            .iter()
            .map(|&(worker, access)| Step::new(worker, "s", access.to_vec()))
            .collect(),
    }
}

#[tokio::test]
async fn recorded_answers_are_played_back_with_their_price_and_latency() {
    let folder = tempfile::tempdir().unwrap();
    let path = recording(folder.path());
    let pool = open(&serde_json::json!([
        { "name": "qwen-0.5b", "kind": "recorded", "recording": path },
        { "name": "big", "kind": "recorded", "recording": path, "worker": "qwen-1.5b",
          "input_usd_per_million": 2.0, "output_usd_per_million": 8.0 },
        { "name": "vote", "kind": "vote" },
    ]))
    .unwrap();
    let capabilities: Vec<_> = pool.cards().iter().map(|card| card.capability).collect();
    assert_eq!(
        capabilities,
        [WorkerCapability::FromScratch, WorkerCapability::FromScratch, WorkerCapability::Combines,]
    );
    assert!(pool.covered("t") && !pool.covered("u") && !pool.covered("v"));
    assert_eq!(pool.missing(&["t", "u"]), [("big".to_owned(), vec!["u".to_owned()])]);
    assert_eq!(pool.notices(), Vec::<String>::new());

    let outcome = run(&pool, &task("t"), steps(&[(0, &[]), (1, &[]), (2, &[0, 1])]), OPTIONS).await;
    let Outcome::Ran { answer, calls, critical_path_ms, recorded_score, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((answer.as_str(), recorded_score), ("it is 4", None));
    assert!((calls[0].usage.cost_usd - 0.125).abs() < 1e-12);
    assert!((calls[1].usage.cost_usd - 6.0).abs() < 1e-12);
    assert!(calls[2].usage.cost_usd.abs() < 1e-12);
    assert!((critical_path_ms - 700.0).abs() < 1e-9);
    assert_eq!(calls[1].worker, "big");
}

#[tokio::test]
async fn recorded_scores_go_with_the_answer_that_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = recording(folder.path());
    let pool = open(&serde_json::json!([
        { "name": "outcomes", "kind": "recorded", "recording": path },
        { "name": "vote", "kind": "vote" },
    ]))
    .unwrap();
    assert_eq!(pool.notices().len(), 1, "{:?}", pool.notices());
    for workflow in [steps(&[(0, &[])]), steps(&[(0, &[]), (1, &[0])])] {
        let Outcome::Ran { answer, recorded_score, .. } =
            run(&pool, &task("t"), workflow, OPTIONS).await
        else {
            panic!("the workflow did not run")
        };
        assert_eq!((answer.as_str(), recorded_score), ("", Some(0.25)));
    }
}

#[tokio::test]
async fn what_was_not_recorded_is_a_failure_and_never_a_zero() {
    let folder = tempfile::tempdir().unwrap();
    let path = recording(folder.path());
    let pool =
        open(&serde_json::json!([{ "name": "qwen-1.5b", "kind": "recorded", "recording": path }]))
            .unwrap();
    match run(&pool, &task("u"), steps(&[(0, &[])]), OPTIONS).await {
        Outcome::Failed { error, .. } => assert_eq!(error.kind, WorkerErrorKind::NotRecorded),
        other => panic!("{other:?}"),
    }
    match run(&pool, &task("t"), steps(&[(0, &[]), (0, &[0])]), OPTIONS).await {
        Outcome::Malformed(error) => {
            assert_eq!(error.kind, WorkflowErrorKind::WorkerRefuses);
            assert!(error.message.contains("step 1"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_worker_that_the_recording_lacks_is_named_with_its_neighbours() {
    let folder = tempfile::tempdir().unwrap();
    let path = recording(folder.path());
    let error =
        open(&serde_json::json!([{ "name": "Qwen-1.5", "kind": "recorded", "recording": path }]))
            .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("did you mean \"qwen-1.5b\"?"), "{text}");
    assert!(text.contains("outcomes, qwen-0.5b, qwen-1.5b"), "{text}");
    let error =
        open(&serde_json::json!([{ "name": "zzz", "kind": "recorded", "recording": path }]))
            .unwrap_err();
    assert!(!error.to_string().contains("did you mean"), "{error}");
}

#[test]
fn pools_that_cannot_work_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = recording(folder.path());
    let nowhere = folder.path().join("none.parquet");
    let openai = |extra: serde_json::Value| {
        let mut worker = serde_json::json!({
            "name": "live", "kind": "openai", "base_url": "http://127.0.0.1:1/v1", "model": "m",
        });
        worker.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        open(&serde_json::json!([worker])).map(|_| ()).unwrap_err().to_string()
    };
    let cases: Vec<(String, &str)> = vec![
        (open(&serde_json::json!([])).unwrap_err().to_string(), "no workers"),
        (
            open(&serde_json::json!([{ "name": "v", "kind": "vote" }])).unwrap_err().to_string(),
            "combines",
        ),
        (
            open(&serde_json::json!([
                { "name": "x", "kind": "recorded", "recording": path, "worker": "outcomes" },
                { "name": "x", "kind": "vote" },
            ]))
            .unwrap_err()
            .to_string(),
            "\"x\"",
        ),
        (
            open(&serde_json::json!([{ "name": "x", "kind": "recorded", "recording": nowhere }]))
                .unwrap_err()
                .to_string(),
            "none.parquet",
        ),
        (
            open(&serde_json::json!([
                { "name": "outcomes", "kind": "recorded", "recording": path,
                  "input_usd_per_million": -1.0 },
            ]))
            .unwrap_err()
            .to_string(),
            "input_usd_per_million",
        ),
        (
            openai(serde_json::json!({ "api_key_env": "CONDUCTOR_TEST_NO_SUCH_KEY" })),
            "CONDUCTOR_TEST_NO_SUCH_KEY",
        ),
        (openai(serde_json::json!({ "base_url": "ftp://host" })), "base_url"),
        (openai(serde_json::json!({ "base_url": "no address" })), "base_url"),
        (openai(serde_json::json!({ "timeout_secs": -1.0 })), "timeout_secs"),
        (openai(serde_json::json!({ "timeout_secs": 0.0 })), "timeout_secs"),
        (openai(serde_json::json!({ "output_usd_per_million": -0.1 })), "prices"),
    ];
    for (error, words) in cases {
        assert!(error.contains(words), "{error} does not say {words}");
    }
    let secret = openai(serde_json::json!({ "base_url": "http://me:hunter2@host/v1" }));
    assert!(!secret.contains("hunter2"), "{secret}");
}
