//! A small server on the loopback interface that plays a script.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What the server does with one request.
#[derive(Clone)]
pub enum Reply {
    /// Status line, extra headers and body.
    Http(&'static str, &'static str, String),
    /// Headers of a long body, part of it, then the connection is closed.
    CutOff,
    /// The same, and the connection stays open.
    Stalls,
    /// A good answer after this many milliseconds.
    Late(u64),
    /// Nothing, for a long time.
    Silence,
}

pub const GOOD: &str = "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"It is 4.\"}}],\
                    \"usage\":{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120}}";

pub fn ok(body: &str) -> Reply {
    Reply::Http("200 OK", "", body.into())
}

pub struct Server {
    pub base_url: String,
    pub hits: Arc<AtomicUsize>,
    pub most_at_once: Arc<AtomicUsize>,
    pub last_request: Arc<tokio::sync::Mutex<String>>,
}

/// Plays `script`, one reply a request; the last one repeats.
pub async fn serve(script: Vec<Reply>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1/", listener.local_addr().unwrap());
    let hits = Arc::new(AtomicUsize::new(0));
    let last_request = Arc::new(tokio::sync::Mutex::new(String::new()));
    let server = Server {
        base_url,
        hits: Arc::clone(&hits),
        most_at_once: Arc::default(),
        last_request: Arc::clone(&last_request),
    };
    let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&server.most_at_once));
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let hit = hits.fetch_add(1, Ordering::SeqCst);
            let reply = script[hit.min(script.len() - 1)].clone();
            let last_request = Arc::clone(&last_request);
            let (at_once, most) = (Arc::clone(&at_once), Arc::clone(&most));
            tokio::spawn(async move {
                *last_request.lock().await = read_request(&mut socket).await;
                let stalls = matches!(reply, Reply::Stalls);
                let text = match reply {
                    Reply::Http(status, headers, body) => format!(
                        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n\
                         Content-Length: {}\r\n{headers}\r\n{body}",
                        body.len()
                    ),
                    Reply::Late(ms) => {
                        let now = at_once.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(now, Ordering::SeqCst);
                        tokio::time::sleep(Duration::from_millis(ms)).await;
                        at_once.fetch_sub(1, Ordering::SeqCst);
                        format!(
                            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{GOOD}",
                            GOOD.len()
                        )
                    }
                    Reply::CutOff | Reply::Stalls => {
                        "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{\"choices\":".into()
                    }
                    Reply::Silence => {
                        tokio::time::sleep(Duration::from_secs(30)).await;
                        String::new()
                    }
                };
                let _ = socket.write_all(text.as_bytes()).await;
                if stalls {
                    tokio::time::sleep(Duration::from_secs(30)).await;
                }
            });
        }
    });
    server
}

pub async fn read_request(socket: &mut tokio::net::TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, value)| value.trim().parse::<usize>().unwrap_or(0));
            if body.len() >= length {
                return text;
            }
        }
        match socket.read(&mut chunk).await {
            Ok(0) | Err(_) => return text,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}
