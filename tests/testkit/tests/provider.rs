//! The provider on a real port.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use conductor_testkit::provider::{Ending, Provider, Reply};

fn post(provider: &Provider) -> TcpStream {
    let mut stream = TcpStream::connect(provider.address()).unwrap();
    stream.write_all(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}").unwrap();
    stream
}

/// Waits until `done`, which follows soon from what was done.
fn soon(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_reset_is_one_and_a_close_is_none() {
    for half in [false, true] {
        let reply = move |ending| {
            if half { Reply::Text("4".into()).half(ending) } else { Reply::Nothing(ending) }
        };
        let provider = Provider::start(move |_, _| reply(Ending::Reset));
        let error = post(&provider).read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
        let provider = Provider::start(move |_, _| reply(Ending::Close));
        let mut bytes = Vec::new();
        post(&provider).read_to_end(&mut bytes).unwrap();
        assert_eq!(!bytes.is_empty(), half);
        assert_eq!(provider.ledger().unfinished, 1);
    }
}

#[test]
fn it_counts_what_is_under_way() {
    let provider = Provider::start(|_, _| Reply::Nothing(Ending::Stall));
    let streams: Vec<TcpStream> = (0..30).map(|_| post(&provider)).collect();
    soon("all are under way", || provider.ledger().in_flight == 30);
    drop(streams);
    soon("none is under way", || provider.ledger().in_flight == 0);
    assert_eq!((provider.asked(), provider.ledger().most_at_once), (30, 30));
    assert_eq!(provider.ledger().unfinished, 30);
}

#[test]
fn it_ends_with_its_value_and_takes_its_connections_along() {
    let provider = Provider::start(|_, _| Reply::Nothing(Ending::Stall));
    let (address, mut stream) = (provider.address(), post(&provider));
    soon("the request came", || provider.asked() == 1);
    drop(provider);
    // Closed or reset, but not open.
    let read = stream.read(&mut [0; 16]);
    assert!(read.as_ref().map_or(true, |bytes| *bytes == 0), "{read:?}");
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn it_starts_and_ends_within_a_runtime_too() {
    let provider = Provider::start(|_, _| Reply::Text("4".into()));
    assert_eq!(provider.asked(), 0);
    drop(provider);
}

#[test]
fn a_script_that_panics_costs_one_connection() {
    let provider = Provider::start(|number, _| {
        assert!(number > 0, "this panic belongs to the test");
        Reply::status(418, "")
    });
    let mut bytes = Vec::new();
    post(&provider).read_to_end(&mut bytes).unwrap();
    assert!(bytes.is_empty());
    let mut start = [0; 12];
    post(&provider).read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 418");
    assert_eq!((provider.ledger().unfinished, provider.ledger().not_charged), (1, 1));
}
