//! What a provider would put on its bill.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// Token counts of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Of the prompt, cached ones included.
    pub prompt: u64,
    /// Of the prompt, those that the provider had cached.
    pub cached: u64,
    /// Of the answer.
    pub completion: u64,
}

/// Dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Prices {
    /// Of a prompt.
    pub input: f64,
    /// Of a prompt's part that was cached.
    pub cached_input: f64,
    /// Of an answer.
    pub output: f64,
}

/// What a provider knows of its requests. Each is in flight, charged, not charged or unfinished.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ledger {
    /// All that came in whole.
    pub requests: usize,
    /// Those under way.
    pub in_flight: usize,
    /// The most that were ever under way at once.
    pub most_at_once: usize,
    /// Chat completions whose last byte was sent.
    pub charged: usize,
    /// Answered in whole, with something else than a chat completion.
    pub not_charged: usize,
    /// Not answered in whole, because the script or the other side did not want it so.
    pub unfinished: usize,
    /// Dollars of all that was charged.
    pub usd: f64,
    /// What was charged, by the hash of the request's body ([`body_hash`](super::body_hash)).
    pub charges: BTreeMap<u64, Charges>,
    /// From when to when each request that has ended was under way, in seconds since 1970.
    pub spans: Vec<(f64, f64)>,
}

/// What was charged for requests with one body.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Charges {
    /// Dollars, all times together.
    pub usd: f64,
    /// When each answer's last byte was sent, in seconds since 1970.
    pub sent_at: Vec<f64>,
    /// What each was charged for, in the same order.
    pub tokens: Vec<Tokens>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    Charged(Tokens),
    NotCharged,
    Unfinished,
}

impl Prices {
    /// What is charged for so many tokens.
    pub fn of(self, tokens: Tokens) -> f64 {
        let cached = tokens.cached.min(tokens.prompt);
        (self.input * (tokens.prompt - cached) as f64
            + self.cached_input * cached as f64
            + self.output * tokens.completion as f64)
            / 1e6
    }
}

impl Ledger {
    /// Counts a request that came in and returns its number.
    pub(super) fn receive(&mut self) -> usize {
        self.requests += 1;
        self.in_flight += 1;
        self.most_at_once = self.most_at_once.max(self.in_flight);
        self.requests - 1
    }

    /// Writes down how the request with this body ended that came in at `since`.
    pub(super) fn settle(&mut self, body: u64, since: f64, settled: Settled, prices: Prices) {
        let now = now();
        self.in_flight -= 1;
        self.spans.push((since, now));
        match settled {
            Settled::Charged(tokens) => {
                let usd = prices.of(tokens);
                self.charged += 1;
                self.usd += usd;
                let charges = self.charges.entry(body).or_default();
                charges.usd += usd;
                charges.sent_at.push(now);
                charges.tokens.push(tokens);
            }
            Settled::NotCharged => self.not_charged += 1,
            Settled::Unfinished => self.unfinished += 1,
        }
    }

    /// As `GET /ledger` answers it; bodies are hexadecimal.
    pub fn to_json(&self) -> Value {
        let charges = self.charges.iter().map(|(body, Charges { usd, sent_at, .. })| {
            (format!("{body:016x}"), json!({ "usd": usd, "sent_at": sent_at }))
        });
        json!({
            "requests": self.requests, "in_flight": self.in_flight, "most_at_once": self.most_at_once,
            "charged": self.charged, "not_charged": self.not_charged, "unfinished": self.unfinished,
            "usd": self.usd, "charges": charges.collect::<serde_json::Map<_, _>>(), "spans": self.spans,
        })
    }
}

/// Seconds since 1970.
pub(super) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
