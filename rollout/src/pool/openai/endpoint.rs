//! One request to an OpenAI-compatible chat endpoint, and what came back.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use conductor_configs::schema;
use conductor_types::{Answer, Part, Usage, WorkerErrorKind};
use reqwest::header::{self, HeaderMap};
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use tokio::time::timeout;

use super::failure::{Failure, Remedy, advice};
use super::reply::{Counts, Reply};
use super::request::{ChatRequest, Form};
use super::tokens;
use crate::card::Price;
use crate::pool::Secret;
use crate::store::Settlement;

/// A longer body is no chat answer.
const MAX_BODY_BYTES: usize = 32 << 20;
/// How much of a server's error message is repeated.
const SHOWN_CHARS: usize = 300;
/// What follows `base_url` in the address of the chat endpoint.
const CHAT_PATH: &str = "/chat/completions";
/// How long a list of models is waited for.
const LIST_TIME: Duration = Duration::from_secs(10);

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

/// An address with a model behind it.
pub struct Endpoint {
    client: reqwest::Client,
    url: Url,
    key: Option<Secret>,
    form: Form,
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
            form: Form::new(settings, price),
            price,
            limits,
            reached: AtomicBool::new(false),
            uncounted: AtomicU64::new(0),
        })
    }

    /// The request that sends `message` as the user's, or its content parts where there are any.
    pub fn request(&self, message: &str, parts: &[Part]) -> ChatRequest {
        self.form.request(message, parts)
    }

    /// Sends the request and reads the whole answer. `learn` sees the head of every answer, good or bad.
    pub async fn attempt(
        &self,
        request: &ChatRequest,
        learn: impl Fn(&HeaderMap),
    ) -> Result<Answer, Failure> {
        let start = Instant::now();
        let (status, headers, body) = self.exchange(request, learn).await?;
        if !status.is_success() {
            return Err(self.refused(status, &headers, &body));
        }
        self.understand(&body, request, start.elapsed().as_secs_f64() * 1e3)
    }

    /// Sends the request and reads whatever comes back, within the time of one attempt.
    pub async fn exchange(
        &self,
        request: &ChatRequest,
        learn: impl Fn(&HeaderMap),
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), Failure> {
        let post = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .body(request.body.clone());
        let whole = timeout(self.limits.whole, self.fetch(self.with_key(post)?, learn));
        whole.await.unwrap_or_else(|_| {
            let limit = self.limits.whole.as_secs_f64();
            Err(Failure::timeout(format!(
                "no whole answer within {limit} s; raise timeout_secs or lower max_tokens"
            )))
        })
    }

    /// The failure that a status other than success is.
    pub fn refused(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        let words =
            format!("{} answered {status}{}: {}", self.origin(), advice(status), self.shown(body));
        Failure::refused(status, headers, body, words)
    }

    /// The models that the endpoint lists; `None` where it does not list any.
    pub async fn models(&self) -> Option<Vec<String>> {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/models", url.path().strip_suffix(CHAT_PATH)?));
        let get = self.with_key(self.client.get(url)).ok()?;
        let listed = timeout(LIST_TIME.min(self.limits.whole), self.fetch(get, |_| {})).await;
        let (status, _, body) = listed.ok()?.ok()?;
        let list: ModelList = serde_json::from_slice(&body).ok()?;
        (status.is_success() && !list.data.is_empty())
            .then(|| list.data.into_iter().map(|model| model.id).collect())
    }

    /// Answers that came without token counts.
    pub fn uncounted(&self) -> u64 {
        self.uncounted.load(Ordering::Relaxed)
    }

    /// A message without the key in it.
    pub fn safe(&self, message: &str) -> String {
        self.key.as_ref().map_or_else(|| message.to_owned(), |key| key.redact(message))
    }

    async fn fetch(
        &self,
        request: reqwest::RequestBuilder,
        learn: impl Fn(&HeaderMap),
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), Failure> {
        let sent = timeout(self.limits.first_byte, request.send()).await;
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

    fn with_key(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::RequestBuilder, Failure> {
        Ok(match &self.key {
            Some(key) => request.header(header::AUTHORIZATION, bearer(key)?),
            None => request,
        })
    }

    /// The answer in the body of a success.
    pub fn understand(
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
        let (text, reported) = reply.into_parts();
        let Some(text) = text else {
            let message = format!("the answer has no text: {}", self.shown(bytes));
            return Err(Failure::empty(message, reported.map(|n| self.usage(n, latency_ms))));
        };
        let counts = reported.unwrap_or_else(|| {
            self.uncounted.fetch_add(1, Ordering::Relaxed);
            Counts {
                prompt: tokens::count(&request.message) + request.image_tokens,
                cached: 0,
                completion: tokens::count(&text),
            }
        });
        let usage = Usage { estimated: reported.is_none(), ..self.usage(counts, latency_ms) };
        // Some proxies answer with what they were sent, and answers are written to files.
        let text = self.safe(&self.form.whole(text));
        Ok(Answer { text, usage, recorded_score: None })
    }

    /// What the endpoint counted in the body of a success, also where the body holds no answer.
    pub fn counted(&self, bytes: &[u8], latency_ms: f64) -> Option<Usage> {
        let (_, counts) = serde_json::from_slice::<Reply>(bytes).ok()?.into_parts();
        Some(self.usage(counts?, latency_ms))
    }

    fn usage(&self, counts: Counts, latency_ms: f64) -> Usage {
        Usage {
            prompt_tokens: counts.prompt,
            completion_tokens: counts.completion,
            cost_usd: self.price.of_cached(counts.prompt, counts.cached, counts.completion),
            latency_ms,
            ..Usage::default()
        }
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
            return Failure { remedy: Remedy::None, settlement: Settlement::Refused, ..failure };
        }
        if error.is_connect() {
            return Failure { settlement: Settlement::Refused, ..failure };
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
struct ModelList {
    data: Vec<ListedModel>,
}

#[derive(Deserialize)]
struct ListedModel {
    id: String,
}

/// The address of the chat endpoint under `base_url`, where it can be one.
pub fn address(base_url: &str) -> Option<Url> {
    let url = Url::parse(&format!("{}{CHAT_PATH}", base_url.trim_end_matches('/'))).ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && plain).then_some(url)
}

fn bearer(key: &Secret) -> Result<header::HeaderValue, Failure> {
    let mut value =
        header::HeaderValue::from_str(&format!("Bearer {}", key.expose())).map_err(|_| {
            Failure::not_sent(
                WorkerErrorKind::BadAnswer,
                "the key has characters that no HTTP header may carry".into(),
            )
        })?;
    value.set_sensitive(true);
    Ok(value)
}
