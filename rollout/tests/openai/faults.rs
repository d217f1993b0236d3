//! Every fault that the provider can play, with what must come of it: another attempt or none, a kind of failure with
//! words that help, the right cost, and no word of the key.

use std::time::{Duration, Instant};

use conductor_configs::schema;
use conductor_rollout::pool::{OpenAi, Worker};
use conductor_testkit::provider::{Ending, Latency, Provider, Reply, Tokens, Usage};
use conductor_types::{Answer, WorkerError, WorkerErrorKind};
use futures_util::future::join_all;
use serde_json::json;

use super::{ask, ask_sample, card, good, play, serve, settings};

const KEY: &str = "sk-0123456789abcdef";

/// How a call ended, and how long it took.
struct Called {
    outcome: Result<Answer, WorkerError>,
    took: Duration,
}

/// Calls a worker that has a key, with two attempts at most.
async fn call(provider: &Provider, change: impl Fn(&mut schema::OpenAiWorker)) -> Called {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, KEY).unwrap();
    let mut settings = settings(&provider.base_url());
    settings.api_key_file = Some(path);
    settings.attempts = 2;
    change(&mut settings);
    let worker = OpenAi::new(card(), &settings).unwrap();
    let start = Instant::now();
    let outcome = ask(&worker).await;
    let took = start.elapsed();
    let sent = format!("Bearer {KEY}");
    assert!(
        provider.requests().iter().all(|request| request.header("Authorization") == Some(&sent))
    );
    let shown = format!("{outcome:?} {:?}", worker.notices());
    assert!(!shown.contains(&KEY[..8]), "{shown}");
    Called { outcome, took }
}

/// The provider plays `reply` for ever: the call must fail with this kind and these words, after so many requests, and
/// nothing is charged.
async fn fails(reply: Reply, asked: usize, kind: WorkerErrorKind, words: &[&str]) -> Duration {
    let provider = serve(vec![reply.clone()]);
    let Called { outcome, took } = call(&provider, |_| {}).await;
    let error = outcome.expect_err("a fault");
    assert_eq!(error.kind, kind, "{reply:?}: {error}");
    for word in words {
        assert!(error.message.contains(word), "{reply:?}: no {word:?} in {error}");
    }
    assert_eq!(provider.asked(), asked, "{reply:?}: {error}");
    assert!(provider.ledger().usd.abs() < 1e-15, "{reply:?}");
    took
}

/// The provider plays `reply` once: the second request brings the answer, at its price.
async fn passes(reply: Reply) -> Duration {
    let provider = serve(vec![reply.clone(), good()]);
    let Called { outcome, took } = call(&provider, |_| {}).await;
    let answer = outcome.unwrap_or_else(|error| panic!("{reply:?}: {error}"));
    assert_eq!((answer.text.as_str(), provider.asked()), ("It is 4.", 2), "{reply:?}");
    assert!((answer.usage.paid_usd() - 0.0004).abs() < 1e-15, "{reply:?}");
    assert!((provider.ledger().usd - 0.0004).abs() < 1e-15, "{reply:?}");
    took
}

#[tokio::test]
async fn slow_answers_come_with_the_time_that_they_took() {
    let body = Latency::LogNormal { median: Duration::from_millis(30), sigma: 0.7 };
    let latencies = [
        Latency::Constant(Duration::from_millis(40)),
        Latency::Uniform(Duration::from_millis(10), Duration::from_millis(80)),
        body.clone(),
        Latency::HeavyTail {
            body: Box::new(body),
            share: 0.2,
            shape: 1.1,
            longest: Duration::from_millis(300),
        },
    ];
    for latency in latencies {
        let provider = play(move |number, _| {
            let latency = latency.of_number(3, number);
            Reply::Text(latency.as_secs_f64().to_string()).after(latency)
        });
        let worker = OpenAi::new(card(), &settings(&provider.base_url())).unwrap();
        let answers = (0..40).map(|n| ask_sample(&worker, n));
        for answer in join_all(answers).await {
            let answer = answer.unwrap();
            let seconds: f64 = answer.text.parse().unwrap();
            assert!(answer.usage.latency_ms >= seconds * 1e3, "{answer:?}");
        }
        assert_eq!((provider.asked(), provider.ledger().charged), (40, 40));
        assert_eq!(provider.ledger().most_at_once, 8);
    }
}

#[tokio::test]
async fn too_many_requests_are_sent_again_after_the_pause_that_was_asked_for() {
    let busy = Reply::too_many_requests;
    fails(busy(), 2, WorkerErrorKind::Unavailable, &["429", "slow down", "after 2 attempts"]).await;
    // The pause before a second attempt is 250 to 500 ms where the provider asks for none, or for one that cannot be read.
    let cases = [
        (busy(), 250..900),
        (busy().header("Retry-After: 1"), 1000..2000),
        (busy().header("retry-after-ms: 700").header("Retry-After: 60"), 700..2000),
        (
            busy()
                .header("x-ratelimit-remaining-requests: 0")
                .header("x-ratelimit-reset-requests: 800ms"),
            800..2000,
        ),
        (busy().header("Retry-After: soon").header("x-ratelimit-reset-requests: ?"), 250..900),
    ];
    join_all(cases.map(async |(reply, milliseconds)| {
        let took = passes(reply.clone()).await;
        assert!(milliseconds.contains(&took.as_millis()), "{reply:?}: {took:?}");
    }))
    .await;
}

#[tokio::test]
async fn a_pause_beyond_the_deadline_is_not_begun() {
    let provider = serve(vec![Reply::too_many_requests().header("Retry-After: 120")]);
    let Called { outcome, took } = call(&provider, |settings| settings.deadline_secs = 30.0).await;
    let error = outcome.unwrap_err();
    assert!(error.message.contains("429") && error.message.contains("after 1 attempt"), "{error}");
    assert!(took < Duration::from_secs(1) && provider.asked() == 1, "{took:?}");
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_no_429_to_wait_for() {
    let body =
        "{\"error\":{\"message\":\"You exceeded your quota\",\"code\":\"insufficient_quota\"}}";
    let took =
        fails(Reply::status(429, body), 1, WorkerErrorKind::Unavailable, &["429", "quota"]).await;
    assert!(took < Duration::from_millis(250), "{took:?}");
}

/// Providers' clocks are wrong; only the difference of two times of the same clock counts.
#[tokio::test]
async fn dates_are_read_by_the_providers_own_clock() {
    join_all([0, 86_400, -86_400].map(async |ahead| {
        let took = passes(Reply::retry_by_date(Duration::from_secs(2), ahead)).await;
        let range = Duration::from_secs(2)..Duration::from_secs(4);
        assert!(range.contains(&took), "{ahead}: {took:?}");
    }))
    .await;
    // A date that has passed, by their clock and by ours.
    let passed = "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT";
    let late =
        Reply::too_many_requests().header("Date: Wed, 21 Oct 2015 07:29:00 GMT").header(passed);
    for reply in [late, Reply::too_many_requests().header(passed)] {
        let took = passes(reply).await;
        assert!(took < Duration::from_millis(900), "{took:?}");
    }
}

#[tokio::test]
async fn server_errors_are_tried_again_but_not_what_no_retry_mends() {
    let body = format!("{{\"error\":\"no luck with {KEY}\"}}");
    join_all([500, 502, 503, 504, 529].map(async |status| {
        let words = [&status.to_string(), "no luck with [key]", "after 2 attempts"];
        fails(Reply::status(status, &body), 2, WorkerErrorKind::Unavailable, &words).await;
    }))
    .await;
    passes(Reply::status(500, "")).await;
    for (status, word) in
        [(501, ""), (400, ""), (401, "api_key_file"), (402, "no money"), (404, "model"), (422, "")]
    {
        let words = [&status.to_string(), word, "no luck with [key]"];
        fails(Reply::status(status, &body), 1, WorkerErrorKind::Unavailable, &words).await;
    }
}

#[tokio::test]
async fn redirects_are_refused_and_the_key_does_not_follow_them() {
    let elsewhere = serve(vec![good()]);
    let to = format!("{}/chat/completions", elsewhere.base_url());
    for status in [301, 302, 303, 307, 308] {
        let words = [&status.to_string(), "base_url", "without a redirect"];
        fails(Reply::redirect(status, &to), 1, WorkerErrorKind::Unavailable, &words).await;
    }
    assert_eq!(elsewhere.asked(), 0);
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_again() {
    let broken = [
        good().half(Ending::Reset),
        good().half(Ending::Close),
        Reply::Nothing(Ending::Reset),
        Reply::Nothing(Ending::Close),
    ];
    let words = ["the connection to http://127.0.0.1", "broke", "after 2 attempts"];
    join_all(broken.map(async |reply| {
        passes(reply.clone()).await;
        fails(reply, 2, WorkerErrorKind::Unavailable, &words).await;
    }))
    .await;
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    // As fast as it can be read, it ends at a size, and would again.
    let words = ["longer than 33554432 bytes"];
    fails(Reply::Endless(Duration::ZERO), 1, WorkerErrorKind::BadAnswer, &words).await;
    // Slowly, it ends at the time for one attempt.
    let slow = Reply::Endless(Duration::from_millis(50));
    let words = ["no whole answer within 1 s", "timeout_secs"];
    tokio::join!(fails(slow.clone(), 2, WorkerErrorKind::Timeout, &words), passes(slow));
}

#[tokio::test]
async fn a_slow_drip_is_waited_for_as_long_as_the_limits_allow() {
    let provider = serve(vec![good().drip(40, Duration::from_millis(30))]);
    let Called { outcome, took } =
        call(&provider, |settings| settings.idle_timeout_secs = Some(0.5)).await;
    let answer = outcome.unwrap();
    assert_eq!((answer.text.as_str(), provider.asked()), ("It is 4.", 1));
    assert!(took > Duration::from_millis(200) && answer.usage.latency_ms > 200.0, "{took:?}");
    assert!((answer.usage.cost_usd - provider.ledger().usd).abs() < 1e-15);

    let each_too_slow = good().drip(200, Duration::from_millis(800));
    let provider = serve(vec![each_too_slow]);
    let whole_too_slow = good().drip(1, Duration::from_millis(100));
    let words = ["timeout_secs", "after 2 attempts"];
    let (Called { outcome, .. }, _) = tokio::join!(
        call(&provider, |settings| settings.idle_timeout_secs = Some(0.2)),
        fails(whole_too_slow, 2, WorkerErrorKind::Timeout, &words),
    );
    let error = outcome.unwrap_err();
    assert!(error.message.contains("idle_timeout_secs") && provider.asked() == 2, "{error}");
}

#[tokio::test]
async fn what_is_no_chat_completion_is_shown_and_not_asked_again() {
    let bodies = [
        // No JSON.
        String::new(),
        "<html>Bad gateway</html>".into(),
        "{\"choices\":[{\"message\":{\"content\":\"4\"}}".into(),
        "{\"choices\":[{\"message\":{\"content\":\"4\"}}]} and more".into(),
        format!("the key is {KEY}"),
        // Other types.
        "null".into(),
        "[]".into(),
        "{}".into(),
        "{\"error\":{\"message\":\"overloaded\"}}".into(),
        format!("{{\"choices\":\"{KEY}\"}}"),
        "{\"choices\":[null]}".into(),
        "{\"choices\":[{\"text\":\"4\"}]}".into(),
        "{\"choices\":[{\"message\":\"4\"}]}".into(),
        "{\"choices\":[{\"message\":{\"content\":4}}]}".into(),
        "{\"choices\":[{\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"4\"}]}}]}".into(),
    ];
    for body in bodies {
        let start: String = body.replace(KEY, "[key]").chars().take(20).collect();
        let words =
            ["expected a chat completion", if start.is_empty() { "(empty body)" } else { &start }];
        fails(Reply::body(body), 1, WorkerErrorKind::BadAnswer, &words).await;
    }
    let mut bytes = b"{\"choices\":[{\"message\":{\"content\":\"".to_vec();
    bytes.extend_from_slice(b"\xff\xfe\"}}]}");
    fails(Reply::body(bytes), 1, WorkerErrorKind::BadAnswer, &["expected a chat completion"]).await;
}

#[tokio::test]
async fn an_empty_text_is_asked_again_at_once() {
    for body in [
        "{\"choices\":[]}",
        "{\"choices\":[{\"message\":{}}]}",
        "{\"choices\":[{\"message\":{\"content\":\" \\n\"}}]}",
    ] {
        let took = passes(Reply::body(body)).await;
        assert!(took < Duration::from_millis(250), "{took:?}");
        let words = ["no text", "after 2 attempts"];
        fails(Reply::body(body), 2, WorkerErrorKind::BadAnswer, &words).await;
    }
}

#[tokio::test]
async fn a_large_answer_is_one_and_a_huge_answer_is_none() {
    let provider = serve(vec![Reply::Huge(4 << 20)]);
    let settings = |settings: &mut schema::OpenAiWorker| settings.timeout_secs = 10.0;
    let answer = call(&provider, settings).await.outcome.unwrap();
    assert_eq!(answer.text.len(), 4 << 20);
    assert!((answer.usage.cost_usd - provider.ledger().usd).abs() < 1e-9);

    let provider = serve(vec![Reply::Huge(40 << 20)]);
    let error = call(&provider, settings).await.outcome.unwrap_err();
    assert_eq!(error.kind, WorkerErrorKind::BadAnswer);
    assert!(error.message.contains("longer than 33554432 bytes"), "{error}");
    assert_eq!(provider.asked(), 1);
}

#[tokio::test]
async fn a_usage_that_is_a_number_of_tokens_is_believed() {
    let tokens = |prompt, cached, completion| Usage::Tokens(Tokens { prompt, cached, completion });
    // Dollars follow from what the provider counts, even where it counts strangely.
    for (usage, usd) in [
        (tokens(0, 0, 0), 0.0),
        (tokens(1_000_000, 0, 1), 2.00001),
        // No more can have been cached than there was.
        (tokens(100, 5000, 0), 0.0002),
    ] {
        let provider = serve(vec![Reply::Counted("4".into(), usage)]);
        let answer = call(&provider, |_| {}).await.outcome.unwrap();
        assert!((answer.usage.cost_usd - usd).abs() < 1e-12, "{answer:?}");
        assert!((provider.ledger().usd - usd).abs() < 1e-12);
    }
    // An odd field spoils no other.
    let odd =
        json!({ "prompt_tokens": 100.0, "completion_tokens": 20, "prompt_tokens_details": "none" });
    let provider = serve(vec![Reply::Counted("4".into(), Usage::Json(odd))]);
    let usage = call(&provider, |_| {}).await.outcome.unwrap().usage;
    assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.estimated), (100, 20, false));
}

#[tokio::test]
async fn a_usage_that_cannot_be_one_is_estimated_and_the_answer_kept() {
    for usage in [
        json!("many"),
        json!([]),
        json!({}),
        json!({ "prompt_tokens": "100", "completion_tokens": "20" }),
        json!({ "prompt_tokens": -100, "completion_tokens": 20 }),
        json!({ "prompt_tokens": 1.5, "completion_tokens": 20 }),
        json!({ "prompt_tokens": u64::MAX, "completion_tokens": u64::MAX }),
        json!({ "prompt_tokens": 1e30, "completion_tokens": 20 }),
        json!({ "prompt_tokens": 100, "completion_tokens": null }),
    ] {
        let provider = serve(vec![Reply::Counted("It is 4.".into(), Usage::Json(usage.clone()))]);
        let worker = OpenAi::new(card(), &settings(&provider.base_url())).unwrap();
        let answer = ask(&worker).await.unwrap_or_else(|error| panic!("{usage}: {error}"));
        assert_eq!((answer.usage.prompt_tokens, answer.usage.completion_tokens), (4, 5), "{usage}");
        assert!((answer.usage.cost_usd - 58e-6).abs() < 1e-12, "{usage}: {answer:?}");
        assert_eq!(worker.notices().len(), 1, "{usage}");
        assert_eq!(provider.asked(), 1);
    }
}

/// Debugging proxies answer with what they got.
#[tokio::test]
async fn an_endpoint_that_answers_with_the_key_does_not_get_it_into_an_answer() {
    let provider = play(|_, request| {
        Reply::Text(format!("You sent {}", request.header("Authorization").unwrap_or_default()))
    });
    let answer = call(&provider, |_| {}).await.outcome.unwrap();
    assert_eq!(answer.text, "You sent Bearer [key]");
}

/// With every fault in the way that another attempt may mend, what the worker says it paid is what was charged.
#[tokio::test]
async fn through_all_faults_the_bill_is_right() {
    let provider = play(|number, request| match number % 19 {
        0 => Reply::status(500, "down"),
        4 => Reply::too_many_requests().header("Retry-After: 0.05"),
        8 => good().half(Ending::Reset),
        12 => Reply::Nothing(Ending::Close),
        16 => Reply::body("{\"choices\":[]}"),
        _ => Reply::of_body(request).after(Duration::from_millis(20)),
    });
    let mut settings = settings(&provider.base_url());
    settings.attempts = 20;
    let worker = OpenAi::new(card(), &settings).unwrap();
    let answers = join_all((0..60).map(|n| ask_sample(&worker, n))).await;
    let paid: f64 = answers.iter().map(|answer| answer.as_ref().unwrap().usage.paid_usd()).sum();
    let ledger = provider.ledger();
    assert_eq!((ledger.charged, ledger.in_flight), (60, 0), "{ledger:?}");
    assert!(ledger.not_charged > 8 && ledger.unfinished > 5, "{ledger:?}");
    assert!((paid - ledger.usd).abs() < 1e-12 && paid > 0.0, "{paid} and {}", ledger.usd);
}
