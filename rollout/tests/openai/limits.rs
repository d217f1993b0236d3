//! Time limits, calls at once, and an endpoint that is down.

use std::time::{Duration, Instant};

use conductor_rollout::pool::{OpenAi, Worker};
use conductor_testkit::provider::{Ending, Reply};
use conductor_types::WorkerErrorKind;

use super::{ask, ask_provider, ask_sample, card, good, serve, settings};

#[tokio::test]
async fn silence_ends_with_the_timeout_and_a_cut_is_a_broken_connection() {
    let silent = async {
        let provider = serve(vec![Reply::Nothing(Ending::Stall)]);
        let start = Instant::now();
        let error = ask_provider(&provider).await.unwrap_err();
        assert_eq!(error.kind, WorkerErrorKind::Timeout);
        assert!(error.message.contains("timeout_secs"), "{error}");
        assert_eq!(provider.asked(), 3);
        assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    };
    let cut = async {
        let provider = serve(vec![good().half(Ending::Close)]);
        let error = ask_provider(&provider).await.unwrap_err();
        assert_eq!(error.kind, WorkerErrorKind::Unavailable, "{error}");
        assert_eq!(provider.asked(), 3);
    };
    let both = async {
        let replies = vec![Reply::Nothing(Ending::Stall), good().half(Ending::Close), good()];
        assert_eq!(ask_provider(&serve(replies)).await.unwrap().text, "It is 4.");
    };
    tokio::join!(silent, cut, both);
}

#[tokio::test]
async fn each_time_limit_is_named_when_it_ends_an_attempt() {
    for (setting, reply) in [
        ("first_byte_timeout_secs", Reply::Nothing(Ending::Stall)),
        ("idle_timeout_secs", good().half(Ending::Stall)),
        ("deadline_secs", Reply::Nothing(Ending::Stall)),
    ] {
        let provider = serve(vec![reply]);
        let mut settings = settings(&provider.base_url());
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
    let provider = serve(vec![Reply::status(503, "down")]);
    let mut settings = settings(&provider.base_url());
    (settings.attempts, settings.deadline_secs) = (100, 1.5);
    let start = Instant::now();
    let error = ask(&OpenAi::new(card(), &settings).unwrap()).await.unwrap_err();
    assert!(error.message.contains("503") && error.message.contains("attempts"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_left_alone_and_then_probed() {
    let down = Reply::status(500, "down");
    let script = [vec![down; 8], vec![good()]].concat();
    let provider = serve(script);
    let mut settings = settings(&provider.base_url());
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
    assert_eq!(provider.asked(), 8 + 5);

    let provider = serve(vec![Reply::status(500, "down")]);
    settings.base_url = provider.base_url();
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
    assert_eq!(provider.asked(), 8);
}

#[tokio::test]
async fn calls_in_the_queue_of_an_endpoint_that_goes_down_are_not_sent() {
    let provider = serve(vec![Reply::status(500, "down")]);
    let mut settings = settings(&provider.base_url());
    (settings.attempts, settings.concurrency, settings.deadline_secs) = (1, 1, 1.0);
    let worker = OpenAi::new(card(), &settings).unwrap();
    let answers = futures_util::future::join_all((0..40).map(|n| ask_sample(&worker, n))).await;
    assert!(answers.iter().all(Result::is_err));
    assert_eq!(provider.asked(), 8);
}

#[tokio::test]
async fn no_more_calls_at_once_than_configured() {
    let provider = serve(vec![good().after(Duration::from_millis(40))]);
    let mut settings = settings(&provider.base_url());
    settings.concurrency = 3;
    let worker = OpenAi::new(card(), &settings).unwrap();
    assert_eq!(worker.concurrency(), 3);
    let answers = futures_util::future::join_all((0..20).map(|n| ask_sample(&worker, n))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(provider.ledger().most_at_once, 3);
    assert_eq!(provider.asked(), 20);
}
