//! How fast the provider answers and how much memory waiting requests take: `cargo run --release -p conductor-testkit
//! --example provider_load`. The clients are a process of their own, since the memory of one alone is wanted, and since
//! one process may not have enough open files for both ends.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use conductor_testkit::provider::{Provider, Reply};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const CONNECTIONS: usize = 64;
const REQUESTS: usize = 200_000;
const WAITING: usize = 10_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, role, address] = arguments.as_slice() {
        return client(role, address.parse().expect("an address"));
    }
    let clients = |role: &str, provider: &Provider| {
        let program = std::env::current_exe().expect("this program");
        let address = provider.address().to_string();
        Command::new(program).args([role, &address]).spawn().expect("the clients")
    };

    let provider = Provider::start(|_, request| Reply::of_body(request));
    let start = Instant::now();
    assert!(clients("fast", &provider).wait().expect("the clients").success());
    let rate = REQUESTS as f64 / start.elapsed().as_secs_f64();
    println!("{rate:.0} requests a second over {CONNECTIONS} connections");
    assert_eq!(provider.ledger().charged, REQUESTS);
    drop(provider);

    let provider =
        Provider::start(|_, request| Reply::of_body(request).after(Duration::from_mins(10)));
    let before = resident_kib();
    let mut waiting = clients("waiting", &provider);
    while provider.ledger().in_flight < WAITING {
        assert!(waiting.try_wait().expect("the clients").is_none(), "the clients have ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    let grown = resident_kib() - before;
    let each = grown as f64 * 1024.0 / WAITING as f64;
    println!("{grown} KiB for {WAITING} requests under way, {each:.0} bytes each");
    waiting.kill().expect("clients that can be stopped");
    waiting.wait().expect("clients that stop");
}

fn client(role: &str, address: SocketAddr) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let body = format!(
            "{{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":\"{}\"}}]}}",
            "x".repeat(400)
        );
        let head = format!("POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {}", body.len());
        let request = Arc::new(format!("{head}\r\n\r\n{body}"));
        let (connections, each) =
            if role == "fast" { (CONNECTIONS, REQUESTS / CONNECTIONS) } else { (WAITING, 1) };
        let mut calls = JoinSet::new();
        for _ in 0..connections {
            calls.spawn(ask(address, Arc::clone(&request), each));
        }
        while let Some(ended) = calls.join_next().await {
            ended.expect("a client that does not panic");
        }
    });
}

/// Asks so many times over one connection.
async fn ask(address: SocketAddr, request: Arc<String>, times: usize) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("an option of TCP");
    let mut buffer = vec![0; 4096];
    for _ in 0..times {
        stream.write_all(request.as_bytes()).await.expect("a provider that reads");
        // An answer is far smaller than the buffer and comes in one piece.
        assert!(stream.read(&mut buffer).await.expect("an answer") > 0);
    }
}

/// Memory of this process.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a Linux system");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}
