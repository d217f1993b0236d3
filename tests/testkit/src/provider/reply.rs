//! What the provider does with a request.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::Request;
use super::ledger::{Settled, Tokens};

/// What the provider does with one request.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// A chat completion with this text. Its usage is true: a token for each four bytes that came or went.
    Text(String),
    /// A chat completion with a usage of the script's choice.
    Counted(String, Usage),
    /// A chat completion whose text has so many bytes, sent in pieces.
    Huge(u64),
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
    /// A success whose body begins like a chat completion and never ends, with a pause between its pieces.
    Endless(Duration),
    /// Another reply, so many bytes at a time with a pause after each; one without a body of known length comes as it is.
    Drip(Box<Reply>, usize, Duration),
    /// The head and half of the body of another reply, then this. Nothing comes of a reply without a body of known length.
    Half(Box<Reply>, Ending),
    /// Not one byte, then this.
    Nothing(Ending),
    /// Another reply after a pause.
    After(Duration, Box<Reply>),
}

/// The usage that a chat completion reports.
#[derive(Debug, Clone, PartialEq)]
pub enum Usage {
    /// These tokens, true or not; they are charged.
    Tokens(Tokens),
    /// This, whatever it is; true tokens are charged.
    Json(Value),
    /// None; true tokens are charged.
    Absent,
}

/// How a connection ends before the answer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It is closed in good order.
    Close,
    /// It is reset.
    Reset,
    /// It does not: it stays open, and nothing more comes.
    Stall,
}

impl Usage {
    /// A prompt of which nothing was cached, and an answer.
    pub fn tokens(prompt: u64, completion: u64) -> Self {
        Self::Tokens(Tokens { prompt, cached: 0, completion })
    }
}

impl Reply {
    /// A chat completion whose text follows from the request's body, so that an answer does not depend on what happened
    /// before it.
    pub fn of_body(request: &Request) -> Self {
        Self::Text(format!("Answer: {}", request.hash() % 1000))
    }

    /// These bytes as the body of a success.
    pub fn body(body: impl Into<Vec<u8>>) -> Self {
        Self::Body(body.into())
    }

    /// A status with a body.
    pub fn status(status: u16, body: &str) -> Self {
        Self::Status { status, headers: Vec::new(), body: body.into() }
    }

    /// The same status with one more header line.
    ///
    /// # Panics
    /// Where this is another reply.
    #[must_use]
    pub fn header(mut self, line: &str) -> Self {
        let Self::Status { headers, .. } = &mut self else { panic!("{self:?} has no headers") };
        headers.push(line.into());
        self
    }

    /// A 429 as OpenAI writes it.
    pub fn too_many_requests() -> Self {
        Self::status(
            429,
            "{\"error\":{\"message\":\"slow down\",\"code\":\"rate_limit_exceeded\"}}",
        )
    }

    /// A 429 whose `Retry-After` is a date this far from now, by a clock that is so many seconds ahead of ours (behind
    /// where negative) and shown in `Date`.
    pub fn retry_by_date(pause: Duration, ahead_secs: i64) -> Self {
        let offset = Duration::from_secs(ahead_secs.unsigned_abs());
        let now = SystemTime::now();
        let now = if ahead_secs < 0 { now - offset } else { now + offset };
        let date = httpdate::fmt_http_date;
        Self::too_many_requests()
            .header(&format!("Date: {}", date(now)))
            .header(&format!("Retry-After: {}", date(now + pause)))
    }

    /// A redirect to another address.
    pub fn redirect(status: u16, to: &str) -> Self {
        Self::status(status, "").header(&format!("Location: {to}"))
    }

    /// The same after a pause.
    #[must_use]
    pub fn after(self, pause: Duration) -> Self {
        Self::After(pause, Box::new(self))
    }

    /// The same, so many bytes at a time with a pause after each.
    #[must_use]
    pub fn drip(self, bytes: usize, pause: Duration) -> Self {
        Self::Drip(Box::new(self), bytes, pause)
    }

    /// Its head and half of its body, then this.
    #[must_use]
    pub fn half(self, ending: Ending) -> Self {
        Self::Half(Box::new(self), ending)
    }

    /// All its bytes and what is charged for them, where its body is of known length and not streamed. `asked` are the
    /// tokens of the request.
    pub(super) fn whole(&self, asked: u64) -> Option<(Vec<u8>, Settled)> {
        Some(match self {
            Self::Text(text) => {
                let tokens =
                    Tokens { prompt: asked, cached: 0, completion: tokens(text.len() as u64) };
                completion(text, &Usage::Tokens(tokens), tokens)
            }
            Self::Counted(text, usage) => {
                let tokens =
                    Tokens { prompt: asked, cached: 0, completion: tokens(text.len() as u64) };
                completion(text, usage, tokens)
            }
            Self::Status { status, headers, body } => {
                (response(*status, headers, body.as_bytes()), Settled::NotCharged)
            }
            Self::Body(body) => (response(200, &[], body), Settled::NotCharged),
            _ => return None,
        })
    }
}

/// The start of every chat completion, up to the text.
pub(super) const COMPLETION_START: &str = "{\"id\":\"fake\",\"object\":\"chat.completion\",\"model\":\"fake\",\
    \"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"message\":{\"role\":\"assistant\",\"content\":";

/// What follows the text.
pub(super) fn completion_end(usage: &Usage) -> String {
    let usage = match usage {
        Usage::Absent => return "}}]}".into(),
        Usage::Json(usage) => usage.clone(),
        Usage::Tokens(Tokens { prompt, cached, completion }) => json!({
            "prompt_tokens": prompt, "completion_tokens": completion,
            "total_tokens": prompt.saturating_add(*completion),
            "prompt_tokens_details": { "cached_tokens": cached },
        }),
    };
    format!("}}}}],\"usage\":{usage}}}")
}

/// Tokens in so many bytes.
pub(super) fn tokens(bytes: u64) -> u64 {
    bytes.div_ceil(4)
}

/// The head of a response with a body of this length.
pub(super) fn head(status: u16, headers: &[String], length: u64) -> String {
    let mut head = format!(
        "HTTP/1.1 {status} Fake\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
    );
    for header in headers {
        let _ = write!(head, "{header}\r\n");
    }
    head.push_str("\r\n");
    head
}

/// A whole response.
pub(super) fn response(status: u16, headers: &[String], body: &[u8]) -> Vec<u8> {
    let mut bytes = head(status, headers, body.len() as u64).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn completion(text: &str, usage: &Usage, truly: Tokens) -> (Vec<u8>, Settled) {
    let body = [COMPLETION_START, &Value::from(text).to_string(), &completion_end(usage)].concat();
    let charged = if let Usage::Tokens(reported) = usage { *reported } else { truly };
    (response(200, &[], body.as_bytes()), Settled::Charged(charged))
}
