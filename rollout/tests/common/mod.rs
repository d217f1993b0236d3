//! What several tests need.
#![allow(dead_code, reason = "each test file uses another part, and some use all")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use conductor_rollout::WorkerCard;
use conductor_rollout::pool::{CallFuture, Worker};
use conductor_types::{
    Answer, AnswerExtractor, Grading, Task, Usage, WorkerCapability, WorkerError, WorkerErrorKind,
    WorkerRequest,
};

/// A card without description and price.
pub fn card(name: &str, capability: WorkerCapability) -> WorkerCard {
    WorkerCard::new(name, capability)
}

/// A task whose prompt names it.
pub fn task(id: &str) -> Task {
    Task {
        id: id.into(),
        domain: "sums".into(),
        prompt: format!("What is the answer to {id}?"),
        grading: Grading::Exact { gold: "4".into() },
        parts: Vec::new(),
        constraint: None,
    }
}

/// The last word, in lower case.
pub struct LastWord;

impl AnswerExtractor for LastWord {
    fn canonical(&self, _task_id: &str, text: &str) -> Option<String> {
        text.split_whitespace().last().map(str::to_lowercase)
    }
}

/// The extractor, shared.
pub fn last_word() -> Arc<dyn AnswerExtractor> {
    Arc::new(LastWord)
}

/// A worker that follows a script.
pub struct Scripted {
    pub card: WorkerCard,
    /// How long a call takes, and what it reports as latency.
    pub delay: Duration,
    /// Text from the request, or a failure.
    pub reply: fn(&WorkerRequest<'_>) -> Result<String, WorkerErrorKind>,
    pub concurrency: usize,
    pub calls: AtomicUsize,
    pub running: AtomicUsize,
    pub most_running: AtomicUsize,
}

impl Scripted {
    pub fn new(
        name: &str,
        delay_ms: u64,
        reply: fn(&WorkerRequest<'_>) -> Result<String, WorkerErrorKind>,
    ) -> Arc<Self> {
        Arc::new(Self {
            card: card(name, WorkerCapability::General),
            delay: Duration::from_millis(delay_ms),
            reply,
            concurrency: 2,
            calls: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            most_running: AtomicUsize::new(0),
        })
    }
}

impl Worker for Scripted {
    fn card(&self) -> &WorkerCard {
        &self.card
    }

    fn concurrency(&self) -> usize {
        self.concurrency
    }

    fn call<'a>(&'a self, request: WorkerRequest<'a>) -> CallFuture<'a> {
        Box::pin(async move {
            self.calls.fetch_add(1, Ordering::SeqCst);
            let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_running.fetch_max(running, Ordering::SeqCst);
            tokio::time::sleep(self.delay).await;
            self.running.fetch_sub(1, Ordering::SeqCst);
            let text = (self.reply)(&request).map_err(|kind| WorkerError {
                worker: self.card.name.clone(),
                kind,
                message: "scripted failure".into(),
            })?;
            Ok(Answer {
                text,
                usage: Usage {
                    prompt_tokens: 10,
                    completion_tokens: 5,
                    cost_usd: 0.25,
                    latency_ms: self.delay.as_secs_f64() * 1e3,
                    ..Usage::default()
                },
                recorded_score: None,
            })
        })
    }
}
