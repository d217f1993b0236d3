//! The provider without a network, so that time can be paused: what it sends, and when.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::Instant;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A connection to a provider with this script, and what the provider shares.
fn connection(
    script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
) -> (DuplexStream, Arc<Shared>) {
    let (ours, theirs) = tokio::io::duplex(1 << 10);
    let options = Options {
        prices: Prices { input: 1e6, cached_input: 1e5, output: 1e7 },
        ..Options::default()
    };
    let shared = Arc::new(Shared::new(options, script));
    let provider = Arc::clone(&shared);
    tokio::spawn(async move { connection::serve(theirs, &provider).await });
    (ours, shared)
}

async fn post(stream: &mut DuplexStream, body: &str) {
    let head =
        format!("POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
}

/// The head and the body of one response with a length.
async fn response(stream: &mut DuplexStream) -> (String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.split("Content-Length: ").nth(1).unwrap().lines().next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    (head, String::from_utf8(body).unwrap())
}

/// All bytes until the connection ends.
async fn rest(stream: &mut DuplexStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(start_paused = true)]
async fn requests_are_answered_in_turn_and_known_by_their_bodies() {
    let (mut stream, shared) = connection(|number, request| {
        assert_eq!(request.target(), ("POST", "/v1/chat/completions"));
        assert_eq!(
            request.header("Content-Length"),
            Some(request.body().len().to_string().as_str())
        );
        Reply::Text(format!("{number}: {}", request.question()))
    });
    let body = |question| format!("{{\"messages\":[{{\"content\":\"{question}\"}}]}}");
    // The second one is sent before the first is answered.
    post(&mut stream, &body("one")).await;
    post(&mut stream, &body("two")).await;
    for expected in ["0: one", "1: two"] {
        let (_, answer) = response(&mut stream).await;
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["choices"][0]["message"]["content"], expected);
        // 31 bytes came and 6 went; a token has 4.
        assert_eq!(
            (&answer["usage"]["prompt_tokens"], &answer["usage"]["completion_tokens"]),
            (&8.into(), &2.into())
        );
    }
    let ledger = shared.ledger().clone();
    assert_eq!((ledger.requests, ledger.charged, ledger.in_flight), (2, 2, 0));
    let charges = &ledger.charges[&body_hash(body("one").as_bytes())];
    assert!((charges.usd - 28.0).abs() < 1e-9 && charges.sent_at.len() == 1, "{charges:?}");
    assert!((ledger.usd - 56.0).abs() < 1e-9, "{ledger:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_charged_is_what_is_reported_and_only_whole_completions_are() {
    let cached = Usage::Tokens(Tokens { prompt: 10, cached: 4, completion: 1 });
    let (mut stream, shared) = connection(in_turn(vec![
        Reply::Counted("a".into(), cached),
        Reply::Counted("a".into(), Usage::Json("nonsense".into())),
        Reply::Counted("a".into(), Usage::Absent),
        Reply::status(500, "down"),
        Reply::body("{"),
        Reply::Text("a".into()).half(Ending::Close),
    ]));
    for (usd, usage) in
        [(16.4, "\"cached_tokens\":4"), (11.0, "\"usage\":\"nonsense\""), (11.0, "}]}")]
    {
        let before = shared.ledger().usd;
        post(&mut stream, "{}").await;
        let (_, body) = response(&mut stream).await;
        assert!(body.contains(usage), "{body}");
        assert!((shared.ledger().usd - before - usd).abs() < 1e-9, "{body}");
    }
    for _ in 0..2 {
        post(&mut stream, "{}").await;
        response(&mut stream).await;
    }
    post(&mut stream, "{}").await;
    let half = rest(&mut stream).await;
    let (head, body) = half.split_once("\r\n\r\n").unwrap();
    let length: usize = head.split("Content-Length: ").nth(1).unwrap().trim().parse().unwrap();
    assert!(body.len() == length / 2 && body.starts_with("{\"id\""), "{half}");
    let ledger = shared.ledger().clone();
    assert_eq!((ledger.charged, ledger.not_charged, ledger.unfinished), (3, 2, 1));
    assert_eq!(ledger.charges[&body_hash(b"{}")].sent_at.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn pauses_add_up_and_a_drip_has_one_between_its_pieces() {
    let text = || Reply::Text("It is 4.".into());
    let length = text().whole(0).unwrap().0.len();
    let (mut stream, _) = connection(in_turn(vec![
        text().after(SECOND).after(SECOND * 2),
        text().drip(length / 4, SECOND * 3),
    ]));
    let start = Instant::now();
    post(&mut stream, "").await;
    let (_, whole) = response(&mut stream).await;
    assert_eq!(start.elapsed(), SECOND * 3);
    let start = Instant::now();
    post(&mut stream, "").await;
    assert_eq!(response(&mut stream).await.1, whole);
    assert_eq!(start.elapsed(), SECOND * 12);
}

#[tokio::test(start_paused = true)]
async fn a_huge_body_has_the_length_that_was_announced() {
    let (mut stream, shared) = connection(|_, _| Reply::Huge(1_000_000));
    post(&mut stream, "").await;
    let (_, body) = response(&mut stream).await;
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["choices"][0]["message"]["content"].as_str().unwrap().len(), 1_000_000);
    assert_eq!(body["usage"]["completion_tokens"], 250_000);
    assert!((shared.ledger().usd - 2_500_000.0).abs() < 1e-6);
}

#[tokio::test(start_paused = true)]
async fn an_endless_answer_goes_on_as_long_as_somebody_reads() {
    let (mut stream, shared) = connection(|_, _| Reply::Endless(SECOND));
    let start = Instant::now();
    post(&mut stream, "").await;
    let mut piece = vec![0; 22 * 100];
    stream.read_exact(&mut piece).await.unwrap();
    assert!(start.elapsed() > SECOND * 80, "{:?}", start.elapsed());
    assert_eq!(shared.ledger().in_flight, 1);
    drop(stream);
    tokio::time::sleep(SECOND * 2).await;
    let ledger = shared.ledger().clone();
    assert_eq!((ledger.in_flight, ledger.unfinished), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_before_the_answer_is_not_charged() {
    for reply in [Reply::Text("late".into()).after(SECOND * 60), Reply::Nothing(Ending::Stall)] {
        let (mut stream, shared) = connection(move |_, _| reply.clone());
        post(&mut stream, "").await;
        tokio::time::sleep(SECOND).await;
        assert_eq!(shared.ledger().in_flight, 1);
        drop(stream);
        tokio::time::sleep(SECOND).await;
        let ledger = shared.ledger().clone();
        assert_eq!((ledger.in_flight, ledger.unfinished, ledger.charged), (0, 1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn the_ledger_is_answered_as_json_and_is_no_request() {
    let (mut stream, shared) = connection(|_, request| Reply::of_body(request));
    for _ in 0..2 {
        post(&mut stream, "{\"a\":1}").await;
        response(&mut stream).await;
    }
    stream.write_all(b"GET /ledger HTTP/1.1\r\n\r\n").await.unwrap();
    let (_, json) = response(&mut stream).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json, shared.ledger().to_json());
    assert_eq!((&json["requests"], &json["charged"]), (&2.into(), &2.into()));
    let body = format!("{:016x}", body_hash(b"{\"a\":1}"));
    assert_eq!(json["charges"][&body]["sent_at"].as_array().unwrap().len(), 2, "{json}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_http_ends_the_connection() {
    for bytes in ["\u{1}\u{2}".repeat(100_000), "POST".into()] {
        let (mut stream, shared) = connection(|_, _| Reply::Text(String::new()));
        // The provider stops reading at some point, which breaks the pipe.
        let _ = stream.write_all(bytes.as_bytes()).await;
        let _ = stream.shutdown().await;
        assert_eq!(rest(&mut stream).await, "");
        assert_eq!(shared.ledger().requests, 0);
    }
}

#[test]
fn answers_can_follow_from_the_body_alone() {
    let request = |body: &str| {
        let head = "POST / HTTP/1.1";
        Request::new(format!("{head}\r\n\r\n{body}").into_bytes(), head.len()).unwrap()
    };
    assert_eq!(Reply::of_body(&request("a")), Reply::of_body(&request("a")));
    assert_ne!(Reply::of_body(&request("a")), Reply::of_body(&request("b")));
    assert_eq!(request("a").draws().next_u64(), request("a").draws().next_u64());
    assert_ne!(request("a").draws().next_u64(), request("b").draws().next_u64());
}
