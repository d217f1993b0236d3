//! The live worker against a provider on the loopback interface.

mod body;
mod budget;
mod faults;
mod limits;
mod parts;

use std::sync::Arc;
use std::time::{Duration, Instant};

use conductor_configs::schema;
use conductor_rollout::WorkerCard;
use conductor_rollout::ledger::{Account, Ledger};
use conductor_rollout::pool::{OpenAi, Worker};
use conductor_rollout::store::AnswerStore;
use conductor_testkit::provider::{Options, Prices, Provider, Reply, Request, Usage, in_turn};
use conductor_types::{
    Answer, Part, WorkerCapability, WorkerError, WorkerErrorKind, WorkerRequest,
};

fn settings(base_url: &str) -> schema::OpenAiWorker {
    serde_json::from_value(serde_json::json!({
        "base_url": base_url,
        "model": "tiny",
        "temperature": 0.5,
        "max_tokens": 77,
        "input_usd_per_million": 2.0,
        "output_usd_per_million": 10.0,
        "timeout_secs": 1.0,
        "attempts": 3,
    }))
    .unwrap()
}

fn card() -> WorkerCard {
    WorkerCard::new("live", WorkerCapability::General)
}

async fn ask(worker: &OpenAi) -> Result<Answer, WorkerError> {
    ask_sample(worker, 0).await
}

async fn ask_sample(worker: &OpenAi, sample: u32) -> Result<Answer, WorkerError> {
    ask_parts(worker, &[], sample).await
}

async fn ask_parts(worker: &OpenAi, parts: &[Part], sample: u32) -> Result<Answer, WorkerError> {
    let request = WorkerRequest {
        parts,
        task_id: "t",
        part: "test",
        domain: "sums",
        message: "Two and two?",
        seen: &[],
        seen_scores: &[],
        seed: 0,
        sample,
        chain: 1,
    };
    worker.call(request).await
}

async fn ask_provider(provider: &Provider) -> Result<Answer, WorkerError> {
    ask(&OpenAi::new(card(), &settings(&provider.base_url())).unwrap()).await
}

/// The answer of most tests.
fn good() -> Reply {
    Reply::Counted("It is 4.".into(), Usage::tokens(100, 20))
}

/// A provider that charges what the settings say and keeps its requests.
fn play(script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Provider {
    let prices = Prices { input: 2.0, cached_input: 2.0, output: 10.0 };
    Provider::with(Options { prices, keep_requests: true, port: 0 }, script)
}

/// One that gives these replies in turn, the last one again and again.
fn serve(replies: Vec<Reply>) -> Provider {
    play(in_turn(replies))
}

fn last_request(provider: &Provider) -> Request {
    provider.requests().pop().expect("a request")
}

#[tokio::test]
async fn an_answer_with_its_usage() {
    let provider = serve(vec![good()]);
    // A slash at the end of the base URL does no harm.
    let base_url = format!("{}/", provider.base_url());
    let worker = OpenAi::new(card(), &settings(&base_url)).unwrap();
    let answer = ask(&worker).await.unwrap();
    assert_eq!(answer.text, "It is 4.");
    assert_eq!((answer.usage.prompt_tokens, answer.usage.completion_tokens), (100, 20));
    assert!((answer.usage.cost_usd - 0.0004).abs() < 1e-12);
    assert!(answer.usage.latency_ms > 0.0 && answer.recorded_score.is_none());
    assert!(worker.notices().is_empty());

    let request = last_request(&provider);
    assert_eq!(request.target(), ("POST", "/v1/chat/completions"));
    assert_eq!(request.header("Authorization"), None);
    assert_eq!(
        *request.json(),
        serde_json::json!({
            "model": "tiny",
            "messages": [{ "role": "user", "content": "Two and two?" }],
            "temperature": 0.5,
            "max_tokens": 77,
        })
    );
}

#[tokio::test]
async fn an_answer_without_usage_is_kept_and_said_to_be_estimated() {
    for body in [
        "{\"choices\":[{\"message\":{\"content\":\"It is 4.\"}}]}",
        "{\"choices\":[{\"message\":{\"content\":\"It is 4.\"}}],\"usage\":null}",
    ] {
        let provider = serve(vec![Reply::body(body)]);
        let worker = OpenAi::new(card(), &settings(&provider.base_url())).unwrap();
        let usage = ask(&worker).await.unwrap().usage;
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (4, 5));
        assert!(usage.estimated);
        assert!(worker.notices()[0].contains("without token counts"), "{:?}", worker.notices());
    }
}

#[tokio::test]
async fn an_empty_answer_is_asked_again() {
    for body in [
        "{\"choices\":[]}",
        "{\"choices\":[{\"message\":{\"content\":null}}]}",
        "{\"choices\":[{\"message\":{\"content\":\" \\n\"}}]}",
    ] {
        let provider = serve(vec![Reply::body(body), good()]);
        assert_eq!(ask_provider(&provider).await.unwrap().text, "It is 4.", "{body}");
        assert_eq!(provider.asked(), 2, "{body}");
        let provider = serve(vec![Reply::body(body)]);
        let error = ask_provider(&provider).await.unwrap_err();
        assert_eq!(error.kind, WorkerErrorKind::BadAnswer, "{body}: {error}");
        assert!(error.message.contains("after 3 attempts"), "{error}");
    }
}

#[tokio::test]
async fn bad_answers_are_not_asked_again() {
    for body in [
        "{\"choices\":\"none\"}",
        "{\"choices\":[{\"message\":{\"content\":\"4\"}}",
        "<html>hello</html>",
        "",
    ] {
        let provider = serve(vec![Reply::body(body)]);
        let error = ask_provider(&provider).await.unwrap_err();
        assert_eq!(error.kind, WorkerErrorKind::BadAnswer, "{body}: {error}");
        assert_eq!(provider.asked(), 1, "{body}");
    }
}

#[tokio::test]
async fn server_errors_are_tried_three_times() {
    let failing = Reply::status(500, "overloaded").header("Retry-After: 0.01");
    let provider = serve(vec![failing.clone()]);
    let error = ask_provider(&provider).await.unwrap_err();
    assert_eq!(error.kind, WorkerErrorKind::Unavailable);
    assert!(error.message.contains("500") && error.message.contains("overloaded"), "{error}");
    assert_eq!(provider.asked(), 3);

    let busy = Reply::too_many_requests().header("Retry-After: 0.01");
    let provider = serve(vec![failing, busy, good()]);
    assert_eq!(ask_provider(&provider).await.unwrap().text, "It is 4.");
    assert_eq!(provider.asked(), 3);
}

#[tokio::test]
async fn refusals_are_not_tried_again_and_say_what_to_do() {
    for (status, words) in
        [(400, "too long"), (401, "api_key_env"), (404, "base_url"), (302, "without a redirect")]
    {
        let provider =
            serve(vec![Reply::status(status, "too long").header("Location: http://127.0.0.1:1/")]);
        let error = ask_provider(&provider).await.unwrap_err();
        assert_eq!(error.kind, WorkerErrorKind::Unavailable);
        assert!(
            error.message.contains(words) && error.message.contains(&status.to_string()),
            "{error}"
        );
        assert_eq!(provider.asked(), 1, "{status}");
    }
}

#[tokio::test]
async fn cached_tokens_have_a_price_of_their_own_and_effort_is_sent() {
    let usages = [
        r#"{"prompt_tokens":100,"completion_tokens":20,"prompt_tokens_details":{"cached_tokens":60}}"#,
        r#"{"prompt_tokens":100,"completion_tokens":20,"prompt_cache_hit_tokens":60}"#,
    ];
    for usage in usages {
        let body =
            format!("{{\"choices\":[{{\"message\":{{\"content\":\"4\"}}}}],\"usage\":{usage}}}");
        let provider = serve(vec![Reply::body(body)]);
        let mut settings = settings(&provider.base_url());
        settings.cached_input_usd_per_million = Some(0.5);
        settings.reasoning_effort = Some("low".into());
        let answer = ask(&OpenAi::new(card(), &settings).unwrap()).await.unwrap();
        let expected = (40.0 * 2.0 + 60.0 * 0.5 + 20.0 * 10.0) / 1e6;
        assert!((answer.usage.cost_usd - expected).abs() < 1e-15, "{:?}", answer.usage);
        assert_eq!(last_request(&provider).json()["reasoning_effort"], "low");
    }
}

/// Dollars of an answer follow from all that was written for it, wherever the provider has the hidden part.
#[tokio::test]
async fn hidden_reasoning_is_paid() {
    for (usage, written) in [
        // Inside the completion, and named: it is not counted twice.
        (
            r#"{"prompt_tokens":100,"completion_tokens":420,"total_tokens":520,"completion_tokens_details":{"reasoning_tokens":400}}"#,
            420,
        ),
        // Left out of the completion, and in the total only.
        (r#"{"prompt_tokens":100,"completion_tokens":20,"total_tokens":520}"#, 420),
    ] {
        let body =
            format!("{{\"choices\":[{{\"message\":{{\"content\":\"4\"}}}}],\"usage\":{usage}}}");
        let answer = ask_provider(&serve(vec![Reply::body(body)])).await.unwrap();
        assert_eq!(answer.usage.completion_tokens, written, "{usage}");
        let expected = (100.0 * 2.0 + f64::from(written as u32) * 10.0) / 1e6;
        assert!((answer.usage.cost_usd - expected).abs() < 1e-15, "{usage}: {:?}", answer.usage);
    }
}

#[tokio::test]
async fn a_key_comes_from_a_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let provider = serve(vec![good()]);
    let mut settings = settings(&provider.base_url());
    settings.api_key_file = Some(path.clone());
    let missing = OpenAi::new(card(), &settings).err().unwrap().to_string();
    assert!(missing.contains("cannot be read") && missing.contains("api_key_file"), "{missing}");
    std::fs::write(&path, "  \n").unwrap();
    let empty = OpenAi::new(card(), &settings).err().unwrap().to_string();
    assert!(empty.contains("is empty"), "{empty}");
    std::fs::write(&path, "sk-from-a-file\n").unwrap();
    ask(&OpenAi::new(card(), &settings).unwrap()).await.unwrap();
    assert_eq!(last_request(&provider).header("Authorization"), Some("Bearer sk-from-a-file"));
}

#[tokio::test]
async fn a_closed_port_is_named() {
    let gone = serve(vec![good()]);
    let (address, base_url) = (gone.address(), gone.base_url());
    drop(gone);
    let worker = OpenAi::new(card(), &settings(&base_url)).unwrap();
    let start = Instant::now();
    let error = ask(&worker).await.unwrap_err();
    assert_eq!(error.kind, WorkerErrorKind::Unavailable);
    assert!(error.message.contains(&address.to_string()), "{error}");
    assert!(error.message.contains("cannot be reached"), "{error}");
    // Nothing ever answered there, so nothing is waited for.
    assert!(start.elapsed() < Duration::from_millis(400), "{:?}", start.elapsed());
    // A server that is gone for a moment is waited for.
    let options = Options { port: address.port(), ..Options::default() };
    let back = Provider::with(options, |_, _| good());
    ask(&worker).await.unwrap();
    drop(back);
    let start = Instant::now();
    ask(&worker).await.unwrap_err();
    assert!(start.elapsed() > Duration::from_millis(500), "{:?}", start.elapsed());
}

/// The key is taken from a variable that every process has, so that the test changes no environment.
#[tokio::test]
async fn the_key_is_sent_and_never_shown() {
    let key = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    let padding = "x".repeat(280);
    for body in [
        format!("{{\"error\":\"Incorrect API key provided: {key}\"}}"),
        format!("{padding}{key}"),
        format!("{{\"choices\":\"{key}\"}}"),
    ] {
        for status in [401, 200] {
            let provider = serve(vec![Reply::status(status, &body)]);
            let mut settings = settings(&provider.base_url());
            settings.api_key_env = Some("CARGO_MANIFEST_DIR".into());
            let worker = OpenAi::new(card(), &settings).unwrap();
            let error = ask(&worker).await.unwrap_err();
            let sent = last_request(&provider).header("Authorization").map(str::to_owned);
            assert_eq!(sent, Some(format!("Bearer {key}")));
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(&key), "{shown}");
            assert!(
                !shown.contains(key.get(..10).unwrap_or(&key)),
                "part of the key is shown: {shown}"
            );
        }
    }
}

fn ledger(folder: &std::path::Path, budget: schema::Budget) -> Arc<Ledger> {
    let store = Arc::new(AnswerStore::open(&folder.join("a.sqlite")).unwrap());
    Arc::new(Ledger::open(store, Account { id: "run", budget: &budget }).unwrap())
}

fn stored(provider: &Provider, temperature: f64, ledger: &Arc<Ledger>) -> OpenAi {
    let mut settings = settings(&provider.base_url());
    settings.temperature = Some(temperature);
    OpenAi::new(card(), &settings).unwrap().keeping(Arc::clone(ledger))
}

#[tokio::test]
async fn an_answer_is_paid_once_by_all_workers_of_that_name_and_setting() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(folder.path(), schema::Budget::default());
    let provider = serve(vec![good()]);
    let first = ask(&stored(&provider, 0.0, &ledger)).await.unwrap();
    assert!((first.usage.saved_usd, first.usage.paid_usd()) == (0.0, first.usage.cost_usd));
    // Greedy answers do not depend on the sample, and another worker of that name is the same worker.
    let again = ask_sample(&stored(&provider, 0.0, &ledger), 7).await.unwrap();
    assert_eq!((again.text.as_str(), provider.asked()), ("It is 4.", 1));
    assert!((again.usage.cost_usd, again.usage.paid_usd()) == (first.usage.cost_usd, 0.0));
    // A worker that samples is asked once a sample.
    let sampling = stored(&provider, 0.5, &ledger);
    for sample in [0, 1, 0, 1, 2] {
        ask_sample(&sampling, sample).await.unwrap();
    }
    assert_eq!(provider.asked(), 1 + 3);
}

#[tokio::test]
async fn the_same_call_under_way_is_sent_once_and_counted_once() {
    let provider = serve(vec![good().after(Duration::from_millis(50))]);
    let mut settings = settings(&provider.base_url());
    settings.temperature = Some(0.0);
    let worker = OpenAi::new(card(), &settings).unwrap();
    let answers = futures_util::future::join_all((0..10).map(|n| ask_sample(&worker, n))).await;
    let paid: Vec<f64> = answers.iter().map(|a| a.as_ref().unwrap().usage.paid_usd()).collect();
    assert_eq!(provider.asked(), 1);
    assert_eq!(paid.iter().filter(|usd| **usd > 0.0).count(), 1);
}

#[tokio::test]
async fn a_call_whose_caller_is_gone_is_kept_and_a_drain_sends_nothing_new() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(folder.path(), schema::Budget::default());
    let provider = serve(vec![good().after(Duration::from_millis(200))]);
    let mut settings = settings(&provider.base_url());
    settings.concurrency = 2;
    let worker = OpenAi::new(card(), &settings).unwrap().keeping(Arc::clone(&ledger));
    let calls = futures_util::future::join_all((0..6).map(|n| ask_sample(&worker, n)));
    assert!(tokio::time::timeout(Duration::from_millis(100), calls).await.is_err());
    let start = Instant::now();
    worker.drain().await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(provider.asked(), 2);
    assert_eq!(
        conductor_rollout::store::stats(&folder.path().join("a.sqlite")).unwrap().answers,
        2
    );
    let error = ask_sample(&worker, 9).await.unwrap_err();
    assert!(error.message.contains("was not sent"), "{error}");
}
