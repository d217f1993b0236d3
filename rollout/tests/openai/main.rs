//! The live worker against a small server on the loopback interface.

mod body;
mod server;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use conductor_configs::schema;
use conductor_rollout::WorkerCard;
use conductor_rollout::ledger::{Account, Ledger};
use conductor_rollout::pool::{OpenAi, Worker};
use conductor_rollout::store::AnswerStore;
use conductor_types::{Answer, WorkerCapability, WorkerError, WorkerErrorKind, WorkerRequest};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use server::{GOOD, Reply, Server, ok, read_request, serve};

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
    let request = WorkerRequest {
        task_id: "t",
        part: "test",
        domain: "sums",
        message: "Two and two?",
        seen: &[],
        seen_scores: &[],
        seed: 0,
        sample,
    };
    worker.call(request).await
}

async fn ask_server(server: &Server) -> Result<Answer, WorkerError> {
    ask(&OpenAi::new(card(), &settings(&server.base_url)).unwrap()).await
}

#[tokio::test]
async fn an_answer_with_its_usage() {
    let server = serve(vec![ok(GOOD)]).await;
    let worker = OpenAi::new(card(), &settings(&server.base_url)).unwrap();
    let answer = ask(&worker).await.unwrap();
    assert_eq!(answer.text, "It is 4.");
    assert_eq!((answer.usage.prompt_tokens, answer.usage.completion_tokens), (100, 20));
    assert!((answer.usage.cost_usd - 0.0004).abs() < 1e-12);
    assert!(answer.usage.latency_ms > 0.0 && answer.recorded_score.is_none());
    assert!(worker.notices().is_empty());

    let request = server.last_request.lock().await.clone();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1"), "{head}");
    assert!(!head.to_lowercase().contains("authorization"), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        body,
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
        let server = serve(vec![ok(body)]).await;
        let worker = OpenAi::new(card(), &settings(&server.base_url)).unwrap();
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
        let server = serve(vec![ok(body), ok(GOOD)]).await;
        assert_eq!(ask_server(&server).await.unwrap().text, "It is 4.", "{body}");
        assert_eq!(server.hits.load(Ordering::SeqCst), 2, "{body}");
        let server = serve(vec![ok(body)]).await;
        let error = ask_server(&server).await.unwrap_err();
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
        let server = serve(vec![ok(body)]).await;
        let error = ask_server(&server).await.unwrap_err();
        assert_eq!(error.kind, WorkerErrorKind::BadAnswer, "{body}: {error}");
        assert_eq!(server.hits.load(Ordering::SeqCst), 1, "{body}");
    }
}

#[tokio::test]
async fn server_errors_are_tried_three_times() {
    let failing =
        Reply::Http("500 Internal Server Error", "Retry-After: 0.01\r\n", "overloaded".into());
    let server = serve(vec![failing.clone()]).await;
    let error = ask_server(&server).await.unwrap_err();
    assert_eq!(error.kind, WorkerErrorKind::Unavailable);
    assert!(error.message.contains("500") && error.message.contains("overloaded"), "{error}");
    assert_eq!(server.hits.load(Ordering::SeqCst), 3);

    let busy = Reply::Http("429 Too Many Requests", "Retry-After: 0.01\r\n", "slow down".into());
    let server = serve(vec![failing, busy, ok(GOOD)]).await;
    assert_eq!(ask_server(&server).await.unwrap().text, "It is 4.");
    assert_eq!(server.hits.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn refusals_are_not_tried_again_and_say_what_to_do() {
    for (status, words) in [
        ("400 Bad Request", "too long"),
        ("401 Unauthorized", "api_key_env"),
        ("404 Not Found", "base_url"),
        ("302 Found", "without a redirect"),
    ] {
        let server = serve(vec![Reply::Http(
            status,
            "Location: http://127.0.0.1:1/\r\n",
            "too long".into(),
        )])
        .await;
        let error = ask_server(&server).await.unwrap_err();
        assert_eq!(error.kind, WorkerErrorKind::Unavailable);
        assert!(error.message.contains(words) && error.message.contains(&status[..3]), "{error}");
        assert_eq!(server.hits.load(Ordering::SeqCst), 1, "{status}");
    }
}

#[tokio::test]
async fn silence_ends_with_the_timeout_and_a_cut_is_a_broken_connection() {
    let server = serve(vec![Reply::Silence]).await;
    let start = Instant::now();
    let error = ask_server(&server).await.unwrap_err();
    assert_eq!(error.kind, WorkerErrorKind::Timeout);
    assert!(error.message.contains("timeout_secs"), "{error}");
    assert_eq!(server.hits.load(Ordering::SeqCst), 3);
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());

    let server = serve(vec![Reply::CutOff]).await;
    let error = ask_server(&server).await.unwrap_err();
    assert_eq!(error.kind, WorkerErrorKind::Unavailable, "{error}");
    assert_eq!(server.hits.load(Ordering::SeqCst), 3);
    let server = serve(vec![Reply::Silence, Reply::CutOff, ok(GOOD)]).await;
    assert_eq!(ask_server(&server).await.unwrap().text, "It is 4.");
}

#[tokio::test]
async fn each_time_limit_is_named_when_it_ends_an_attempt() {
    for (setting, reply) in [
        ("first_byte_timeout_secs", Reply::Silence),
        ("idle_timeout_secs", Reply::Stalls),
        ("deadline_secs", Reply::Silence),
    ] {
        let server = serve(vec![reply]).await;
        let mut settings = settings(&server.base_url);
        settings.attempts = 1;
        settings.timeout_secs = 5.0;
        match setting {
            "first_byte_timeout_secs" => settings.first_byte_timeout_secs = Some(0.1),
            "idle_timeout_secs" => settings.idle_timeout_secs = Some(0.1),
            _ => settings.deadline_secs = 0.1,
        }
        let start = Instant::now();
        let error = ask(&OpenAi::new(card(), &settings).unwrap()).await.unwrap_err();
        assert_eq!(error.kind, WorkerErrorKind::Timeout);
        assert!(error.message.contains(setting), "{setting}: {error}");
        assert!(start.elapsed() < Duration::from_secs(3), "{setting}: {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn the_deadline_ends_the_retries() {
    let server = serve(vec![Reply::Http("503 Service Unavailable", "", "down".into())]).await;
    let mut settings = settings(&server.base_url);
    (settings.attempts, settings.deadline_secs) = (100, 1.5);
    let start = Instant::now();
    let error = ask(&OpenAi::new(card(), &settings).unwrap()).await.unwrap_err();
    assert!(error.message.contains("503") && error.message.contains("attempts"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_left_alone_and_then_probed() {
    let down = Reply::Http("500 Internal Server Error", "", "down".into());
    let script = [vec![down; 8], vec![ok(GOOD)]].concat();
    let server = serve(script).await;
    let mut settings = settings(&server.base_url);
    settings.attempts = 1;
    let worker = OpenAi::new(card(), &settings).unwrap();
    for _ in 0..8 {
        ask(&worker).await.unwrap_err();
    }
    // Nobody is asked while the circuit is open; then one call is the probe, and all others follow it.
    let start = Instant::now();
    let answers = futures_util::future::join_all((0..5).map(|n| ask_sample(&worker, n))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert!(start.elapsed() > Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(server.hits.load(Ordering::SeqCst), 8 + 5);

    let server = serve(vec![Reply::Http("500 Internal Server Error", "", "down".into())]).await;
    settings.base_url.clone_from(&server.base_url);
    settings.deadline_secs = 1.0;
    let worker = OpenAi::new(card(), &settings).unwrap();
    for _ in 0..8 {
        ask(&worker).await.unwrap_err();
    }
    let error = ask(&worker).await.unwrap_err();
    assert!(
        error.message.contains("not asked for now") && error.message.contains("500"),
        "{error}"
    );
    assert_eq!(server.hits.load(Ordering::SeqCst), 8);
}

#[tokio::test]
async fn calls_in_the_queue_of_an_endpoint_that_goes_down_are_not_sent() {
    let server = serve(vec![Reply::Http("500 Internal Server Error", "", "down".into())]).await;
    let mut settings = settings(&server.base_url);
    (settings.attempts, settings.concurrency, settings.deadline_secs) = (1, 1, 1.0);
    let worker = OpenAi::new(card(), &settings).unwrap();
    let answers = futures_util::future::join_all((0..40).map(|n| ask_sample(&worker, n))).await;
    assert!(answers.iter().all(Result::is_err));
    assert_eq!(server.hits.load(Ordering::SeqCst), 8);
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
        let server = serve(vec![ok(&body)]).await;
        let mut settings = settings(&server.base_url);
        settings.cached_input_usd_per_million = Some(0.5);
        settings.reasoning_effort = Some("low".into());
        let answer = ask(&OpenAi::new(card(), &settings).unwrap()).await.unwrap();
        let expected = (40.0 * 2.0 + 60.0 * 0.5 + 20.0 * 10.0) / 1e6;
        assert!((answer.usage.cost_usd - expected).abs() < 1e-15, "{:?}", answer.usage);
        let request = server.last_request.lock().await.clone();
        assert!(request.contains("\"reasoning_effort\":\"low\""), "{request}");
    }
}

#[tokio::test]
async fn a_key_comes_from_a_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let server = serve(vec![ok(GOOD)]).await;
    let mut settings = settings(&server.base_url);
    settings.api_key_file = Some(path.clone());
    let missing = OpenAi::new(card(), &settings).err().unwrap().to_string();
    assert!(missing.contains("cannot be read") && missing.contains("api_key_file"), "{missing}");
    std::fs::write(&path, "  \n").unwrap();
    let empty = OpenAi::new(card(), &settings).err().unwrap().to_string();
    assert!(empty.contains("is empty"), "{empty}");
    std::fs::write(&path, "sk-from-a-file\n").unwrap();
    ask(&OpenAi::new(card(), &settings).unwrap()).await.unwrap();
    assert!(server.last_request.lock().await.contains("Bearer sk-from-a-file\r\n"));
}

#[tokio::test]
async fn a_closed_port_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let worker = OpenAi::new(card(), &settings(&format!("http://{address}/v1"))).unwrap();
    let start = Instant::now();
    let error = ask(&worker).await.unwrap_err();
    assert_eq!(error.kind, WorkerErrorKind::Unavailable);
    assert!(error.message.contains(&address.to_string()), "{error}");
    assert!(error.message.contains("cannot be reached"), "{error}");
    // Nothing ever answered there, so nothing is waited for.
    assert!(start.elapsed() < Duration::from_millis(400), "{:?}", start.elapsed());
    // A server that is gone for a moment is waited for.
    let once = TcpListener::bind(address).await.unwrap();
    let served = tokio::spawn(async move {
        let (mut socket, _) = once.accept().await.unwrap();
        read_request(&mut socket).await;
        let head =
            format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}", GOOD.len());
        socket.write_all(format!("{head}\r\n\r\n{GOOD}").as_bytes()).await.unwrap();
    });
    ask(&worker).await.unwrap();
    served.await.unwrap();
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
        for status in ["401 Unauthorized", "200 OK"] {
            let server = serve(vec![Reply::Http(status, "", body.clone())]).await;
            let mut settings = settings(&server.base_url);
            settings.api_key_env = Some("CARGO_MANIFEST_DIR".into());
            let worker = OpenAi::new(card(), &settings).unwrap();
            let error = ask(&worker).await.unwrap_err();
            let request = server.last_request.lock().await.clone();
            assert!(request.contains(&format!("Bearer {key}")), "the key was not sent");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(&key), "{shown}");
            assert!(
                !shown.contains(key.get(..10).unwrap_or(&key)),
                "part of the key is shown: {shown}"
            );
        }
    }
}

#[tokio::test]
async fn no_more_calls_at_once_than_configured() {
    let server = serve(vec![Reply::Late(40)]).await;
    let mut settings = settings(&server.base_url);
    settings.concurrency = 3;
    let worker = OpenAi::new(card(), &settings).unwrap();
    assert_eq!(worker.concurrency(), 3);
    let answers = futures_util::future::join_all((0..20).map(|n| ask_sample(&worker, n))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(server.most_at_once.load(Ordering::SeqCst), 3);
    assert_eq!(server.hits.load(Ordering::SeqCst), 20);
}

fn ledger(folder: &std::path::Path, budget: schema::Budget) -> Arc<Ledger> {
    let store = Arc::new(AnswerStore::open(&folder.join("a.sqlite")).unwrap());
    Arc::new(Ledger::open(store, Account { id: "run", budget: &budget }).unwrap())
}

fn ledger_of(store: AnswerStore) -> Arc<Ledger> {
    let budget = schema::Budget::default();
    Arc::new(Ledger::open(Arc::new(store), Account { id: "run", budget: &budget }).unwrap())
}

fn stored(server: &Server, temperature: f64, ledger: &Arc<Ledger>) -> OpenAi {
    let mut settings = settings(&server.base_url);
    settings.temperature = Some(temperature);
    OpenAi::new(card(), &settings).unwrap().keeping(Arc::clone(ledger))
}

#[tokio::test]
async fn an_answer_is_paid_once_by_all_workers_of_that_name_and_setting() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(folder.path(), schema::Budget::default());
    let server = serve(vec![ok(GOOD)]).await;
    let first = ask(&stored(&server, 0.0, &ledger)).await.unwrap();
    assert!((first.usage.saved_usd, first.usage.paid_usd()) == (0.0, first.usage.cost_usd));
    // Greedy answers do not depend on the sample, and another worker of that name is the same worker.
    let again = ask_sample(&stored(&server, 0.0, &ledger), 7).await.unwrap();
    assert_eq!((again.text.as_str(), server.hits.load(Ordering::SeqCst)), ("It is 4.", 1));
    assert!((again.usage.cost_usd, again.usage.paid_usd()) == (first.usage.cost_usd, 0.0));
    // A worker that samples is asked once a sample.
    let sampling = stored(&server, 0.5, &ledger);
    for sample in [0, 1, 0, 1, 2] {
        ask_sample(&sampling, sample).await.unwrap();
    }
    assert_eq!(server.hits.load(Ordering::SeqCst), 1 + 3);
}

#[tokio::test]
async fn the_same_call_under_way_is_sent_once_and_counted_once() {
    let server = serve(vec![Reply::Late(50)]).await;
    let mut settings = settings(&server.base_url);
    settings.temperature = Some(0.0);
    let worker = OpenAi::new(card(), &settings).unwrap();
    let answers = futures_util::future::join_all((0..10).map(|n| ask_sample(&worker, n))).await;
    let paid: Vec<f64> = answers.iter().map(|a| a.as_ref().unwrap().usage.paid_usd()).collect();
    assert_eq!(server.hits.load(Ordering::SeqCst), 1);
    assert_eq!(paid.iter().filter(|usd| **usd > 0.0).count(), 1);
}

#[tokio::test]
async fn a_call_whose_caller_is_gone_is_kept_and_a_drain_sends_nothing_new() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(folder.path(), schema::Budget::default());
    let server = serve(vec![Reply::Late(200)]).await;
    let mut settings = settings(&server.base_url);
    settings.concurrency = 2;
    let worker = OpenAi::new(card(), &settings).unwrap().keeping(Arc::clone(&ledger));
    let calls = futures_util::future::join_all((0..6).map(|n| ask_sample(&worker, n)));
    assert!(tokio::time::timeout(Duration::from_millis(100), calls).await.is_err());
    let start = Instant::now();
    worker.drain().await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(server.hits.load(Ordering::SeqCst), 2);
    assert_eq!(
        conductor_rollout::store::stats(&folder.path().join("a.sqlite")).unwrap().answers,
        2
    );
    let error = ask_sample(&worker, 9).await.unwrap_err();
    assert!(error.message.contains("was not sent"), "{error}");
}
