//! A live worker behind an OpenAI-compatible chat endpoint: limits obeyed before the endpoint has to complain, failures
//! retried where that can help, and an endpoint that is down left alone.

mod breaker;
mod endpoint;
mod failure;
mod flights;
mod gate;
mod headers;
mod pauses;
mod probe;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use conductor_configs::schema;
use conductor_types::{Answer, WorkerCapability, WorkerError, WorkerErrorKind, WorkerRequest};
use tokio::sync::watch;
use tokio::time::Instant;

use super::{CallFuture, DrainFuture, PoolError, Worker};
use crate::card::WorkerCard;
use crate::store::{AnswerKey, AnswerStore, Paid, StoreError, StoredAnswer};

pub use probe::{Probe, ProbeState, ServerLimit, probe};

use breaker::{Breaker, Leave};
use endpoint::{ChatRequest, Endpoint};
use failure::{Failure, Remedy};
use flights::{Flights, Joined};
use gate::{Gate, Limits, Pass};
use pauses::{FIRST_PAUSE, Pauses};

/// Sends each step as one user message. An answer that the store holds is not paid again, the same call is under way
/// only once, and a call that nobody waits for any more goes on to its end, because it is paid.
pub struct OpenAi {
    card: WorkerCard,
    line: Arc<Line>,
    flights: Arc<Flights>,
    store: Option<Arc<AnswerStore>>,
    /// Whether the same request may bring another answer, so that answers are told apart by sample.
    samples: bool,
    concurrency: usize,
}

/// What makes the calls; calls under way share it.
struct Line {
    name: String,
    endpoint: Endpoint,
    gate: Gate,
    breaker: Breaker,
    attempts: u32,
    deadline: Duration,
    /// True when no further attempt may begin.
    closing: watch::Sender<bool>,
}

/// One call, with all that it needs when its caller is gone.
struct PaidCall {
    line: Arc<Line>,
    store: Option<Arc<AnswerStore>>,
    key: AnswerKey,
    sample: Option<u32>,
    request: ChatRequest,
    seed: u64,
}

impl OpenAi {
    /// A worker for the endpoint in `settings`; the key is read now, and nothing is called.
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
        let url = endpoint::address(&settings.base_url).ok_or_else(|| {
            let expected = "an http:// or https:// address without user, password and query";
            // A base URL may carry a password, so it is not repeated.
            bad(("base_url", expected, "another form".to_owned()))
        })?;
        let price = settings::price(settings).map_err(bad)?;
        let limits = settings::time_limits(settings).map_err(bad)?;
        let deadline = settings::seconds("deadline_secs", settings.deadline_secs).map_err(bad)?;
        let key = settings::key(name, settings)?;
        let endpoint = Endpoint::new(settings, (url, key, price, limits))
            .map_err(|error| bad(("client", "a working TLS set-up", error)))?;
        let concurrency = settings.concurrency.max(1) as usize;
        let gate = Gate::new(Limits {
            concurrency,
            requests_per_minute: settings.requests_per_minute,
            tokens_per_minute: settings.tokens_per_minute,
        });
        let line = Line {
            name: name.to_owned(),
            endpoint,
            gate,
            breaker: Breaker::default(),
            attempts: settings.attempts.max(1),
            deadline,
            closing: watch::Sender::new(false),
        };
        Ok(Self {
            card: WorkerCard {
                name: name.to_owned(),
                description,
                price: Some(price),
                capability: WorkerCapability::General,
            },
            line: Arc::new(line),
            flights: Arc::default(),
            store: None,
            samples: settings.temperature > 0.0,
            concurrency,
        })
    }

    /// The same worker with a store: what it holds is not paid again, and what is paid is kept in it.
    #[must_use]
    pub fn keeping(self, store: Arc<AnswerStore>) -> Self {
        Self { store: Some(store), ..self }
    }

    async fn answer(&self, request: &WorkerRequest<'_>) -> Result<Answer, WorkerError> {
        let sample = self.samples.then_some(request.sample);
        let chat = self.line.endpoint.request(request.message);
        let key = AnswerKey::of(&self.card.name, &chat.body, sample);
        let call = PaidCall {
            line: Arc::clone(&self.line),
            store: self.store.clone(),
            key: key.clone(),
            sample,
            request: chat,
            seed: request.seed,
        };
        match self.flights.join(key, || call.make()).await {
            Some(Joined::First(outcome)) => outcome,
            Some(Joined::Later(outcome)) => outcome.map(saved),
            None => Err(self.line.error(WorkerErrorKind::Unavailable, "the call was dropped")),
        }
    }
}

impl PaidCall {
    /// The stored answer, or a new one, which is on the disk before it counts.
    async fn make(self) -> Result<Answer, WorkerError> {
        let failed =
            |error: StoreError| self.line.error(WorkerErrorKind::Unavailable, &error.to_string());
        if let Some(store) = &self.store
            && let Some(found) = store.get(&self.key).await.map_err(failed)?
        {
            return Ok(saved(Answer {
                text: found.text,
                usage: found.usage,
                recorded_score: None,
            }));
        }
        let answer = self.line.ask(&self.request, self.seed).await?;
        if let Some(store) = &self.store {
            let paid = Paid {
                key: self.key.clone(),
                worker: self.line.name.clone(),
                request: self.request.body.clone(),
                sample: self.sample,
                answer: StoredAnswer { text: answer.text.clone(), usage: answer.usage },
            };
            store.put(paid).await.map_err(failed)?;
        }
        Ok(answer)
    }
}

/// An answer that was paid before, or by another call.
fn saved(mut answer: Answer) -> Answer {
    answer.usage.saved_usd = answer.usage.cost_usd;
    answer
}

impl Line {
    /// One call with all its attempts. The deadline runs from the first one: time in the queue is the pool's own.
    async fn ask(&self, request: &ChatRequest, seed: u64) -> Result<Answer, WorkerError> {
        let mut pauses = Pauses::new(seed);
        let mut deadline = None;
        let mut attempt = 1;
        loop {
            let failure = match self.attempt(request, &mut deadline).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let pause = match failure.remedy {
                Remedy::None => return Err(self.error(failure.kind, &failure.message)),
                Remedy::SlowDown(pause) | Remedy::TryAgain(pause) => {
                    pauses.next().max(pause.unwrap_or_default())
                }
                Remedy::AskAgain => Duration::ZERO,
            };
            let over = deadline.is_some_and(|deadline| Instant::now() + pause >= deadline);
            if attempt >= self.attempts || over {
                let message = format!("{} (after {attempt} attempts)", failure.message);
                return Err(self.error(failure.kind, &message));
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                failure = self.closed() => return Err(self.error(failure.kind, &failure.message)),
            }
            attempt += 1;
        }
    }

    /// One attempt, once circuit and limits let it through.
    async fn attempt(
        &self,
        request: &ChatRequest,
        deadline: &mut Option<Instant>,
    ) -> Result<Answer, Failure> {
        let patience = deadline.unwrap_or_else(|| Instant::now() + self.deadline);
        let (leave, mut pass) = tokio::select! {
            biased;
            failure = self.closed() => return Err(failure),
            admitted = self.admitted(request, patience) => admitted?,
        };
        let until = *deadline.get_or_insert_with(|| Instant::now() + self.deadline);
        let attempt = self.endpoint.attempt(request, |headers| self.gate.learn(headers));
        let result = tokio::time::timeout_at(until, attempt).await.unwrap_or_else(|_| {
            Err(Failure::timeout(format!(
                "no answer within deadline_secs = {} s over all attempts",
                self.deadline.as_secs_f64()
            )))
        });
        match &result {
            Ok(answer) => {
                pass.used(answer.usage.prompt_tokens + answer.usage.completion_tokens);
                leave.answered();
            }
            Err(failure) => {
                if let Remedy::SlowDown(pause) = failure.remedy {
                    self.gate.close_for(pause.unwrap_or(FIRST_PAUSE));
                }
                match failure.remedy {
                    Remedy::TryAgain(_) => leave.failed(&self.endpoint.safe(&failure.message)),
                    _ => leave.answered(),
                }
            }
        }
        result
    }

    /// Waits for circuit and limits.
    async fn admitted(
        &self,
        request: &ChatRequest,
        patience: Instant,
    ) -> Result<(Leave<'_>, Pass<'_>), Failure> {
        loop {
            let leave = self.breaker.admit(patience).await.map_err(|why| Failure {
                kind: WorkerErrorKind::Unavailable,
                message: format!(
                    "it is not asked for now, because it only failed; the last time: {why}"
                ),
                remedy: Remedy::None,
            })?;
            let mut pass = self.gate.enter(request.most_tokens).await;
            if leave.holds() {
                return Ok((leave, pass));
            }
            // The circuit opened while the call stood in the queue.
            pass.used(0);
        }
    }

    /// Ends when no further attempt may begin.
    async fn closed(&self) -> Failure {
        // The sender is this value's own, so it cannot be gone.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
        Failure {
            kind: WorkerErrorKind::Unavailable,
            message: "the call was not sent, because the run stops".into(),
            remedy: Remedy::None,
        }
    }

    fn error(&self, kind: WorkerErrorKind, message: &str) -> WorkerError {
        WorkerError { worker: self.name.clone(), kind, message: self.endpoint.safe(message) }
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
        Box::pin(async move { self.answer(&request).await })
    }

    fn drain(&self) -> DrainFuture<'_> {
        self.line.closing.send_replace(true);
        Box::pin(self.flights.all_landed())
    }

    fn notices(&self) -> Vec<String> {
        match self.line.endpoint.uncounted() {
            0 => Vec::new(),
            answers => vec![format!(
                "worker \"{}\": {answers} answers came without token counts; one token per four bytes was assumed",
                self.card.name
            )],
        }
    }
}
