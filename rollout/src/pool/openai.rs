//! A live worker behind an OpenAI-compatible chat endpoint.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use conductor_configs::schema;
use conductor_types::{
    Answer, Usage, WorkerCapability, WorkerError, WorkerErrorKind, WorkerRequest,
};
use reqwest::{StatusCode, Url, header};
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::{CallFuture, PoolError, Secret, Worker};
use crate::card::{Price, WorkerCard};

/// Attempts at one call, the first included.
const ATTEMPTS: u32 = 3;
/// The pause before the second attempt; doubled before the third.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause that a server's Retry-After is granted.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// A longer body is no chat answer.
const MAX_BODY_BYTES: usize = 32 << 20;
/// How much of a server's error message is repeated.
const SHOWN_CHARS: usize = 300;

/// Sends each step as one user message.
pub struct OpenAi {
    card: WorkerCard,
    url: Url,
    model: String,
    key: Option<Secret>,
    temperature: f64,
    max_tokens: u32,
    price: Price,
    timeout: Duration,
    concurrency: usize,
    permits: Semaphore,
    client: reqwest::Client,
    uncounted: AtomicU64,
}

impl OpenAi {
    /// A worker for the endpoint in `settings`; the key is read from the environment now, and nothing is called.
    pub fn new(
        name: &str,
        description: Option<String>,
        settings: &schema::OpenAiWorker,
    ) -> Result<Self, PoolError> {
        let bad = |(setting, expected, given)| PoolError::BadSetting {
            worker: name.to_owned(),
            setting,
            expected,
            given,
        };
        let (url, price, timeout) = checked(settings).map_err(bad)?;
        let key = match &settings.api_key_env {
            None => None,
            Some(variable) => {
                Some(Secret::from_env(variable).ok_or_else(|| PoolError::MissingKey {
                    worker: name.to_owned(),
                    variable: variable.clone(),
                    base_url: settings.base_url.clone(),
                })?)
            }
        };
        let concurrency = (settings.concurrency as usize).clamp(1, Semaphore::MAX_PERMITS);
        let client = reqwest::Client::builder()
            // A redirected POST loses its body, so a redirect is a wrong base URL.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(timeout)
            .build()
            .map_err(|error| bad(("client", "a working TLS set-up", error.to_string())))?;
        let card = WorkerCard {
            name: name.to_owned(),
            description,
            price: Some(price),
            capability: WorkerCapability::General,
        };
        Ok(Self {
            card,
            url,
            model: settings.model.clone(),
            key,
            temperature: settings.temperature,
            max_tokens: settings.max_tokens,
            price,
            timeout,
            concurrency,
            permits: Semaphore::new(concurrency),
            client,
            uncounted: AtomicU64::new(0),
        })
    }

    async fn ask(&self, message: &str) -> Result<Answer, WorkerError> {
        let _permit = self.permits.acquire().await.expect("the semaphore is never closed");
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            match self.attempt(message).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => {
                    let wait = match failure.again {
                        Again::Later if attempt < ATTEMPTS => pause,
                        Again::After(wait) if attempt < ATTEMPTS => wait.min(LONGEST_PAUSE),
                        _ => return Err(self.error(&failure)),
                    };
                    tokio::time::sleep(wait).await;
                    pause *= 2;
                    attempt += 1;
                }
            }
        }
    }

    fn error(&self, failure: &Failure) -> WorkerError {
        WorkerError {
            worker: self.card.name.clone(),
            kind: failure.kind,
            message: self.safe(&failure.message),
        }
    }

    async fn attempt(&self, message: &str) -> Result<Answer, Failure> {
        let body = serde_json::json!({
            "model": self.model,
            "messages": [{ "role": "user", "content": message }],
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        });
        let mut request = self.client.post(self.url.clone()).json(&body);
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, bearer(key)?);
        }
        let start = Instant::now();
        let response = request.send().await.map_err(|error| self.transport(&error))?;
        let status = response.status();
        let retry_after = retry_after(response.headers());
        let bytes = self.read_body(response).await?;
        let latency_ms = start.elapsed().as_secs_f64() * 1e3;
        if !status.is_success() {
            return Err(self.refused(status, retry_after, &bytes));
        }
        self.understand(&bytes, message, latency_ms)
    }

    async fn read_body(&self, mut response: reqwest::Response) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.transport(&error))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MAX_BODY_BYTES {
                return Err(Failure::bad_answer(format!(
                    "the answer is longer than {MAX_BODY_BYTES} bytes"
                )));
            }
        }
        Ok(bytes)
    }

    fn understand(&self, bytes: &[u8], message: &str, latency_ms: f64) -> Result<Answer, Failure> {
        let reply: Reply = serde_json::from_slice(bytes).map_err(|error| {
            Failure::bad_answer(format!(
                "expected a chat completion, got something else ({error}): {}",
                self.shown(bytes)
            ))
        })?;
        let text = reply.choices.into_iter().next().and_then(|choice| choice.message.content);
        let Some(text) = text else {
            return Err(Failure::bad_answer(format!(
                "the answer has no text: {}",
                self.shown(bytes)
            )));
        };
        let counts = reply.usage.unwrap_or_else(|| {
            self.uncounted.fetch_add(1, Ordering::Relaxed);
            ReplyUsage { prompt_tokens: estimate(message), completion_tokens: estimate(&text) }
        });
        let usage = Usage {
            prompt_tokens: counts.prompt_tokens,
            completion_tokens: counts.completion_tokens,
            cost_usd: self.price.of(counts.prompt_tokens, counts.completion_tokens),
            latency_ms,
        };
        Ok(Answer { text, usage, recorded_score: None })
    }

    fn transport(&self, error: &reqwest::Error) -> Failure {
        if error.is_timeout() {
            let message = format!(
                "no whole answer within {} s; raise timeout_secs or lower max_tokens",
                self.timeout.as_secs_f64()
            );
            return Failure { kind: WorkerErrorKind::Timeout, message, again: Again::Never };
        }
        let again = if error.is_connect() { Again::Later } else { Again::Never };
        let mut message = if error.is_connect() {
            format!("{} cannot be reached", self.origin())
        } else {
            format!("the connection to {} broke", self.origin())
        };
        // The innermost cause says what happened; the outer layers repeat the address.
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        message.push_str(": ");
        message.push_str(&cause.to_string());
        Failure { kind: WorkerErrorKind::Unavailable, message, again }
    }

    fn refused(&self, status: StatusCode, wait: Option<Duration>, body: &[u8]) -> Failure {
        let advice = match status.as_u16() {
            300..=399 => "; base_url must be the address that answers, without a redirect",
            401 | 403 => "; check the key in the variable that api_key_env names",
            404 => "; check base_url (it ends before /chat/completions) and model",
            _ => "",
        };
        let again = match wait {
            _ if status != StatusCode::TOO_MANY_REQUESTS && !status.is_server_error() => {
                Again::Never
            }
            Some(wait) => Again::After(wait),
            None => Again::Later,
        };
        Failure {
            kind: WorkerErrorKind::Unavailable,
            message: format!("{} answered {status}{advice}: {}", self.origin(), self.shown(body)),
            again,
        }
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

    fn safe(&self, message: &str) -> String {
        self.key.as_ref().map_or_else(|| message.to_owned(), |key| key.redact(message))
    }
}

impl Worker for OpenAi {
    fn card(&self) -> &WorkerCard {
        &self.card
    }

    fn concurrency(&self) -> usize {
        self.concurrency
    }

    fn call<'a>(&'a self, request: WorkerRequest<'a>) -> CallFuture<'a> {
        Box::pin(self.ask(request.message))
    }

    fn notices(&self) -> Vec<String> {
        match self.uncounted.load(Ordering::Relaxed) {
            0 => Vec::new(),
            answers => vec![format!(
                "worker \"{}\": {answers} answers came without token counts; one token per four bytes was assumed",
                self.card.name
            )],
        }
    }
}

/// The settings that need a check; `Err` holds the setting, what is expected and what was given.
fn checked(
    settings: &schema::OpenAiWorker,
) -> Result<(Url, Price, Duration), (&'static str, &'static str, String)> {
    let url = endpoint(&settings.base_url).ok_or_else(|| {
        let expected = "an http:// or https:// address without user, password and query";
        // A base URL may carry a password, so it is not repeated.
        ("base_url", expected, "another form".to_owned())
    })?;
    let price = Price {
        input_usd_per_million: settings.input_usd_per_million,
        output_usd_per_million: settings.output_usd_per_million,
    };
    if !(price.of(1, 0) >= 0.0 && price.of(0, 1) >= 0.0 && price.of(1, 1).is_finite()) {
        return Err(("prices", "dollars, 0 or more", format!("{price:?}")));
    }
    let timeout = Duration::try_from_secs_f64(settings.timeout_secs).unwrap_or_default();
    if timeout.is_zero() {
        return Err(("timeout_secs", "seconds above 0", settings.timeout_secs.to_string()));
    }
    Ok((url, price, timeout))
}

/// Why one attempt failed, and whether another may help.
struct Failure {
    kind: WorkerErrorKind,
    message: String,
    again: Again,
}

#[derive(Clone, Copy)]
enum Again {
    Never,
    /// After our own pause.
    Later,
    /// After the pause that the server names.
    After(Duration),
}

impl Failure {
    fn bad_answer(message: String) -> Self {
        Self { kind: WorkerErrorKind::BadAnswer, message, again: Again::Never }
    }
}

#[derive(Deserialize)]
struct Reply {
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<ReplyUsage>,
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

#[derive(Deserialize)]
struct ReplyUsage {
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

fn endpoint(base_url: &str) -> Option<Url> {
    let url = Url::parse(&format!("{}/chat/completions", base_url.trim_end_matches('/'))).ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && plain).then_some(url)
}

fn bearer(key: &Secret) -> Result<header::HeaderValue, Failure> {
    let mut value =
        header::HeaderValue::from_str(&format!("Bearer {}", key.expose())).map_err(|_| {
            Failure {
                kind: WorkerErrorKind::Unavailable,
                message: "the key has characters that no HTTP header may carry".into(),
                again: Again::Never,
            }
        })?;
    value.set_sensitive(true);
    Ok(value)
}

fn retry_after(headers: &header::HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Without a count from the server: four bytes a token, rounded up.
fn estimate(text: &str) -> u64 {
    (text.len() as u64).div_ceil(4)
}
