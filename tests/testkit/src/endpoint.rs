//! A chat endpoint on loopback that plays a script. It speaks just enough HTTP/1.1, and can be late, rude and wrong
//! in ways that a well-behaved server library would not let it be.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the endpoint does with one request.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// A chat completion with this text; usage is reported.
    Text(String),
    /// A status with headers and a body.
    Status {
        /// The HTTP status.
        status: u16,
        /// Header lines ("Retry-After: 1").
        headers: Vec<String>,
        /// The body.
        body: String,
    },
    /// These bytes as the body of a success, whatever they are.
    Body(Vec<u8>),
    /// Another reply after a pause.
    After(Duration, Box<Reply>),
    /// The headers and a part of the body, then the connection is closed.
    CutShort,
    /// The connection is closed without a word.
    Close,
    /// The connection stays open and nothing comes.
    Silence,
}

/// One request as it came in.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The path.
    pub path: String,
    /// Header lines, as sent.
    pub headers: Vec<String>,
    /// The body; null where it is no JSON.
    pub body: Value,
}

impl Request {
    /// The content of the last message.
    pub fn question(&self) -> &str {
        let last = self.body["messages"].as_array().and_then(|messages| messages.last());
        last.and_then(|message| message["content"].as_str()).unwrap_or_default()
    }
}

type Script = Arc<dyn Fn(usize, &Request) -> Reply + Send + Sync>;

/// A running endpoint; it stops with the value.
pub struct Endpoint {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    // Dropping the runtime ends every connection.
    _runtime: tokio::runtime::Runtime,
}

impl Endpoint {
    /// Starts an endpoint. `script` decides on each request, which is counted from 0.
    ///
    /// # Panics
    /// Where the system gives no port.
    pub fn start(script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, script): (_, Script) = (Arc::clone(&requests), Arc::new(script));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&kept), Arc::clone(&script)));
            }
        });
        Self { address, requests, _runtime: runtime }
    }

    /// An endpoint that gives these replies in turn, the last one again and again.
    ///
    /// # Panics
    /// Where there is no reply.
    pub fn replies(replies: Vec<Reply>) -> Self {
        assert!(!replies.is_empty(), "at least one reply");
        Self::start(move |number, _| replies[number.min(replies.len() - 1)].clone())
    }

    /// What goes into `base_url`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(mut stream: TcpStream, requests: Arc<Mutex<Vec<Request>>>, script: Script) {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer).await {
        let number = {
            let mut requests = requests.lock().unwrap_or_else(PoisonError::into_inner);
            requests.push(request.clone());
            requests.len() - 1
        };
        let mut reply = script(number, &request);
        while let Reply::After(pause, then) = reply {
            tokio::time::sleep(pause).await;
            reply = *then;
        }
        let bytes = match reply {
            Reply::Text(text) => response(200, &[], completion(&text).to_string().as_bytes()),
            Reply::Status { status, headers, body } => response(status, &headers, body.as_bytes()),
            Reply::Body(body) => response(200, &[], &body),
            Reply::CutShort => {
                let whole = response(200, &[], completion("never read").to_string().as_bytes());
                let _ = stream.write_all(&whole[..whole.len() - 20]).await;
                return;
            }
            Reply::Close | Reply::After(..) => return,
            Reply::Silence => return std::future::pending().await,
        };
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// The next request of a connection; `None` where the other side is done or sends no HTTP.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    let head_end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).into_owned();
    let mut lines = head.split("\r\n");
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: Vec<String> = lines.map(str::to_owned).collect();
    let length = headers.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let end = head_end + 4 + length.unwrap_or(0usize);
    while buffer.len() < end {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let body = serde_json::from_slice(&buffer[head_end + 4..end]).unwrap_or(Value::Null);
    buffer.drain(..end);
    Some(Request { path, headers, body })
}

fn completion(text: &str) -> Value {
    json!({
        "id": "fake", "object": "chat.completion", "model": "fake",
        "choices": [{
            "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": text },
        }],
        "usage": { "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15 },
    })
}

fn response(status: u16, headers: &[String], body: &[u8]) -> Vec<u8> {
    let mut head = format!(
        "HTTP/1.1 {status} Fake\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}
