//! One request to an OpenAI-compatible chat endpoint, and what came back.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use conductor_configs::schema;
use conductor_types::{Answer, Usage};
use reqwest::header::{self, HeaderMap};
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::failure::{Failure, Remedy, advice};
use crate::card::Price;
use crate::pool::Secret;

/// A longer body is no chat answer.
const MAX_BODY_BYTES: usize = 32 << 20;
/// No call has more tokens than this, of prompt or answer.
const MOST_TOKENS: u64 = 1 << 32;
/// How much of a server's error message is repeated.
const SHOWN_CHARS: usize = 300;

/// Time limits of one attempt.
#[derive(Debug, Clone, Copy)]
pub struct TimeLimits {
    /// For the connection.
    pub connect: Duration,
    /// From the request to the answer's head.
    pub first_byte: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
    /// For the whole attempt.
    pub whole: Duration,
}

/// What is asked, as it is sent.
#[derive(Debug, Clone)]
pub struct ChatRequest {
    /// The JSON body. The key is a header and not part of it.
    pub body: String,
    /// Prompt tokens, by estimate.
    prompt_tokens: u64,
    /// Prompt tokens by estimate and answer tokens at their most: what the call may take of a token limit.
    pub most_tokens: u64,
}

/// An address with a model behind it.
pub struct Endpoint {
    client: reqwest::Client,
    url: Url,
    key: Option<Secret>,
    model: String,
    temperature: f64,
    max_tokens: u32,
    reasoning_effort: Option<String>,
    price: Price,
    limits: TimeLimits,
    /// Whether anything ever answered at this address.
    reached: AtomicBool,
    uncounted: AtomicU64,
}

impl Endpoint {
    /// Nothing is called. `Err` says what is wrong with the system's TLS set-up.
    pub fn new(
        settings: &schema::OpenAiWorker,
        (url, key, price, limits): (Url, Option<Secret>, Price, TimeLimits),
    ) -> Result<Self, String> {
        let client = reqwest::Client::builder()
            // A redirected POST loses its body, so a redirect is a wrong base URL.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(limits.connect)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            client,
            url,
            key,
            model: settings.model.clone(),
            temperature: settings.temperature,
            max_tokens: settings.max_tokens,
            reasoning_effort: settings.reasoning_effort.clone(),
            price,
            limits,
            reached: AtomicBool::new(false),
            uncounted: AtomicU64::new(0),
        })
    }

    /// The request that sends `message` as the user's.
    pub fn request(&self, message: &str) -> ChatRequest {
        let mut body = json!({
            "model": self.model,
            "messages": [{ "role": "user", "content": message }],
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        });
        if let Some(effort) = &self.reasoning_effort {
            body["reasoning_effort"] = json!(effort);
        }
        let prompt_tokens = estimate(message);
        ChatRequest {
            body: body.to_string(),
            prompt_tokens,
            most_tokens: prompt_tokens + u64::from(self.max_tokens),
        }
    }

    /// Sends the request and reads the whole answer. `learn` sees the head of every answer, good or bad.
    pub async fn attempt(
        &self,
        request: &ChatRequest,
        learn: impl Fn(&HeaderMap),
    ) -> Result<Answer, Failure> {
        let start = Instant::now();
        let whole = timeout(self.limits.whole, self.exchange(request, learn));
        let (status, headers, body) = whole.await.unwrap_or_else(|_| {
            let limit = self.limits.whole.as_secs_f64();
            Err(Failure::timeout(format!(
                "no whole answer within {limit} s; raise timeout_secs or lower max_tokens"
            )))
        })?;
        if !status.is_success() {
            let words = format!(
                "{} answered {status}{}: {}",
                self.origin(),
                advice(status),
                self.shown(&body)
            );
            return Err(Failure::refused(status, &headers, &body, words));
        }
        self.understand(&body, request, start.elapsed().as_secs_f64() * 1e3)
    }

    /// Answers that came without token counts.
    pub fn uncounted(&self) -> u64 {
        self.uncounted.load(Ordering::Relaxed)
    }

    /// A message without the key in it.
    pub fn safe(&self, message: &str) -> String {
        self.key.as_ref().map_or_else(|| message.to_owned(), |key| key.redact(message))
    }

    async fn exchange(
        &self,
        request: &ChatRequest,
        learn: impl Fn(&HeaderMap),
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), Failure> {
        let sent = timeout(self.limits.first_byte, self.post(request)?.send()).await;
        let sent = sent.map_err(|_| {
            let limit = self.limits.first_byte.as_secs_f64();
            Failure::timeout(format!(
                "the answer did not begin within {limit} s; raise first_byte_timeout_secs"
            ))
        })?;
        let mut response = sent.map_err(|error| self.transport(&error))?;
        self.reached.store(true, Ordering::Relaxed);
        let (status, headers) = (response.status(), response.headers().clone());
        learn(&headers);
        let mut body = Vec::new();
        loop {
            let chunk = timeout(self.limits.idle, response.chunk()).await.map_err(|_| {
                let limit = self.limits.idle.as_secs_f64();
                Failure::timeout(format!(
                    "the answer stopped coming for {limit} s; raise idle_timeout_secs"
                ))
            })?;
            let Some(chunk) = chunk.map_err(|error| self.transport(&error))? else { break };
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BODY_BYTES {
                return Err(Failure::bad_answer(format!(
                    "the answer is longer than {MAX_BODY_BYTES} bytes"
                )));
            }
        }
        Ok((status, headers, body))
    }

    fn post(&self, request: &ChatRequest) -> Result<reqwest::RequestBuilder, Failure> {
        let post = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .body(request.body.clone());
        Ok(match &self.key {
            Some(key) => post.header(header::AUTHORIZATION, bearer(key)?),
            None => post,
        })
    }

    fn understand(
        &self,
        bytes: &[u8],
        request: &ChatRequest,
        latency_ms: f64,
    ) -> Result<Answer, Failure> {
        let reply: Reply = serde_json::from_slice(bytes).map_err(|error| {
            Failure::bad_answer(format!(
                "expected a chat completion, got something else ({error}): {}",
                self.shown(bytes)
            ))
        })?;
        let text = reply.choices.into_iter().next().and_then(|choice| choice.message.content);
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
            return Err(Failure::empty(format!("the answer has no text: {}", self.shown(bytes))));
        };
        // What the answer is worth does not hang on how well it was counted.
        let counts = ReplyUsage::of(reply.usage).unwrap_or_else(|| {
            self.uncounted.fetch_add(1, Ordering::Relaxed);
            ReplyUsage {
                prompt_tokens: request.prompt_tokens,
                completion_tokens: estimate(&text),
                ..ReplyUsage::default()
            }
        });
        let usage = Usage {
            prompt_tokens: counts.prompt_tokens,
            completion_tokens: counts.completion_tokens,
            cost_usd: self.price.of_cached(
                counts.prompt_tokens,
                counts.cached_tokens(),
                counts.completion_tokens,
            ),
            latency_ms,
            ..Usage::default()
        };
        // Some proxies answer with what they were sent, and answers are written to files.
        Ok(Answer { text: self.safe(&text), usage, recorded_score: None })
    }

    fn transport(&self, error: &reqwest::Error) -> Failure {
        let what = if error.is_connect() {
            format!("{} cannot be reached", self.origin())
        } else {
            format!("the connection to {} broke", self.origin())
        };
        // The innermost cause says what happened; the outer layers repeat the address.
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        let failure = Failure::broken(format!("{what}: {cause}"));
        // A wrong address or a server that nobody started: waiting would only hide it. One that answered before comes back.
        if error.is_connect() && !self.reached.load(Ordering::Relaxed) {
            return Failure { remedy: Remedy::None, ..failure };
        }
        failure
    }

    fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The start of a body, for a message. The key is taken out first: a cut could leave half of it.
    fn shown(&self, body: &[u8]) -> String {
        let text = self.safe(String::from_utf8_lossy(body).trim());
        if text.is_empty() {
            return "(empty body)".into();
        }
        let mut short: String = text.chars().take(SHOWN_CHARS).collect();
        if short.len() < text.len() {
            short.push('…');
        }
        short
    }
}

#[derive(Deserialize)]
struct Reply {
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Value,
}

#[derive(Deserialize)]
struct Choice {
    message: ChoiceMessage,
}

#[derive(Deserialize)]
struct ChoiceMessage {
    #[serde(default)]
    content: Option<String>,
}

#[derive(Deserialize, Default)]
struct ReplyUsage {
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    /// OpenAI's place for tokens that a provider had cached.
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
    /// DeepSeek's.
    #[serde(default)]
    prompt_cache_hit_tokens: Option<u64>,
}

#[derive(Deserialize, Default)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

impl ReplyUsage {
    /// `None` where there is none or it cannot be one.
    fn of(usage: Value) -> Option<Self> {
        let usage: Self = serde_json::from_value(usage).ok()?;
        (usage.prompt_tokens.max(usage.completion_tokens) <= MOST_TOKENS).then_some(usage)
    }

    fn cached_tokens(&self) -> u64 {
        let openai = self.prompt_tokens_details.as_ref().and_then(|details| details.cached_tokens);
        openai.or(self.prompt_cache_hit_tokens).unwrap_or(0).min(self.prompt_tokens)
    }
}

/// The address of the chat endpoint under `base_url`, where it can be one.
pub fn address(base_url: &str) -> Option<Url> {
    let url = Url::parse(&format!("{}/chat/completions", base_url.trim_end_matches('/'))).ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && plain).then_some(url)
}

fn bearer(key: &Secret) -> Result<header::HeaderValue, Failure> {
    let mut value =
        header::HeaderValue::from_str(&format!("Bearer {}", key.expose())).map_err(|_| {
            Failure::bad_answer("the key has characters that no HTTP header may carry".into())
        })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Without a count from the server: four bytes a token, rounded up.
fn estimate(text: &str) -> u64 {
    (text.len() as u64).div_ceil(4)
}
