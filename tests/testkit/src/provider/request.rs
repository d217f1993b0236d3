//! One request as it came in.

use std::sync::OnceLock;

use conductor_types::seed::{SplitMix, derive};
use serde_json::Value;

/// One request. Its bytes are kept as they came and looked into only where a script asks.
#[derive(Clone)]
pub struct Request {
    bytes: Vec<u8>,
    /// Where the head ends; the body begins four bytes later.
    head: usize,
    json: OnceLock<Value>,
}

impl Request {
    /// `bytes` are a head that ends at `head`, an empty line and a body. `None` where the head is no text.
    pub(super) fn new(bytes: Vec<u8>, head: usize) -> Option<Self> {
        std::str::from_utf8(&bytes[..head]).ok()?;
        Some(Self { bytes, head, json: OnceLock::new() })
    }

    /// The method and the path.
    pub fn target(&self) -> (&str, &str) {
        let mut words = self.lines().next().unwrap_or_default().split(' ');
        (words.next().unwrap_or_default(), words.next().unwrap_or_default())
    }

    /// Header lines, as sent.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        self.lines().skip(1)
    }

    /// The value of a header, where it was sent.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().find_map(|line| {
            let (given, value) = line.split_once(':')?;
            given.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.bytes[self.head + 4..]
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> &Value {
        self.json.get_or_init(|| serde_json::from_slice(self.body()).unwrap_or(Value::Null))
    }

    /// The content of the last message.
    pub fn question(&self) -> &str {
        let last = self.json()["messages"].as_array().and_then(|messages| messages.last());
        last.and_then(|message| message["content"].as_str()).unwrap_or_default()
    }

    /// What the ledger knows the body by.
    pub fn hash(&self) -> u64 {
        body_hash(self.body())
    }

    /// Numbers that follow from the body alone, for scripts whose answers must not depend on the order of requests.
    pub fn draws(&self) -> SplitMix {
        SplitMix::new(self.hash())
    }

    fn lines(&self) -> impl Iterator<Item = &str> {
        std::str::from_utf8(&self.bytes[..self.head])
            .expect("checked when it was made")
            .split("\r\n")
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.bytes))
    }
}

/// What the ledger knows a request's body by.
pub fn body_hash(body: &[u8]) -> u64 {
    derive(0, "request body", &[&String::from_utf8_lossy(body)])
}
