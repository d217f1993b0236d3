//! A live worker behind an OpenAI-compatible chat endpoint: limits obeyed before the endpoint has to complain, failures
//! retried where that can help, and an endpoint that is down left alone.

mod breaker;
mod endpoint;
mod failure;
mod flights;
mod gate;
mod headers;
mod line;
mod pauses;
mod probe;
mod reply;
mod request;
mod settings;
mod tokens;
mod turn;

use std::sync::Arc;

use conductor_configs::schema;
use conductor_types::{
    Answer, Grading, Task, WorkerCapability, WorkerError, WorkerErrorKind, WorkerRequest,
};

use super::{CallFuture, DrainFuture, PoolError, Worker};
use crate::card::WorkerCard;
use crate::ledger::Ledger;
use crate::store::{AnswerKey, Paid, StoreError, StoredAnswer};

use endpoint::Endpoint;
pub use probe::{Probe, ProbeState, ServerLimit, probe};

use flights::{Flights, Joined};
use gate::Limits;
use line::{Asked, Line, Purse, Standing};
use request::ChatRequest;

/// Sends each step as one user message. An answer that the store holds is not paid again, the same call is under way
/// only once, and a call that nobody waits for any more goes on to its end, because it is paid.
pub struct OpenAi {
    card: WorkerCard,
    line: Arc<Line>,
    flights: Arc<Flights>,
    ledger: Option<Arc<Ledger>>,
    /// Whether the same request may bring another answer, so that answers are told apart by sample.
    samples: bool,
    concurrency: usize,
}

/// One call, with all that it needs when its caller is gone.
struct PaidCall {
    line: Arc<Line>,
    ledger: Option<Arc<Ledger>>,
    key: AnswerKey,
    part: String,
    task: String,
    sample: Option<u32>,
    request: ChatRequest,
    standing: Standing,
}

impl OpenAi {
    /// A worker for the endpoint in `settings`; the key is read now, and nothing is called.
    pub fn new(card: WorkerCard, settings: &schema::OpenAiWorker) -> Result<Self, PoolError> {
        let name = card.name.as_str();
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
        let limits = Limits {
            concurrency,
            requests_per_minute: settings.requests_per_minute,
            tokens_per_minute: settings.tokens_per_minute,
        };
        let line = Line::new(name, endpoint, limits, (settings.attempts, deadline));
        Ok(Self {
            card: WorkerCard { price: Some(price), capability: WorkerCapability::General, ..card },
            line: Arc::new(line),
            flights: Arc::default(),
            ledger: None,
            // Where none is sent, the endpoint's own default samples.
            samples: settings.sent_temperature().is_none_or(|temperature| temperature > 0.0),
            concurrency,
        })
    }

    /// The same worker with a ledger: what its store holds is not paid again, what is paid is kept in it, and nothing is
    /// asked that the account's budget does not allow.
    #[must_use]
    pub fn keeping(self, ledger: Arc<Ledger>) -> Self {
        Self { ledger: Some(ledger), ..self }
    }

    async fn answer(&self, request: &WorkerRequest<'_>) -> Result<Answer, WorkerError> {
        let sample = self.samples.then_some(request.sample);
        let chat = self.line.endpoint.request(request.message, request.parts);
        let key = AnswerKey::of(&self.card.name, &chat.body, sample);
        let call = PaidCall {
            line: Arc::clone(&self.line),
            ledger: self.ledger.clone(),
            key: key.clone(),
            part: request.part.to_owned(),
            task: request.task_id.to_owned(),
            sample,
            request: chat,
            standing: Standing { seed: request.seed, chain: request.chain },
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
        let Some(ledger) = &self.ledger else {
            return self
                .line
                .ask(&self.request, self.standing, None)
                .await
                .map(|asked| asked.answer);
        };
        // What is boxed here is done in moments, and would be room that every call has while it waits for its turn.
        if let Some(found) = Box::pin(ledger.store().get(&self.key)).await.map_err(failed)? {
            return Ok(saved(Answer {
                text: found.text,
                usage: found.usage,
                recorded_score: None,
            }));
        }
        let purse = Purse { ledger, part: &self.part, task: &self.task, key: &self.key };
        let Asked { answer, reservation, settlement } =
            self.line.ask(&self.request, self.standing, Some(purse)).await?;
        let paid = Paid {
            key: self.key.clone(),
            worker: self.line.name.clone(),
            request: self.request.body.clone(),
            sample: self.sample,
            answer: StoredAnswer { text: answer.text.clone(), usage: answer.usage },
        };
        if let Some(reservation) = reservation {
            Box::pin(reservation.settle(settlement, Some(paid))).await.map_err(failed)?;
        }
        Ok(answer)
    }
}

/// An answer that was paid before, or by another call.
fn saved(mut answer: Answer) -> Answer {
    answer.usage.saved_usd = answer.usage.cost_usd;
    answer.usage.reused = true;
    (answer.usage.attempts, answer.usage.queue_ms) = (0, 0.0);
    answer
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

    /// A live answer comes without a score.
    fn can_be_graded(&self, task: &Task) -> bool {
        !matches!(task.grading, Grading::Recorded)
    }

    fn drain(&self) -> DrainFuture<'_> {
        self.line.close();
        Box::pin(self.flights.all_landed())
    }

    fn notices(&self) -> Vec<String> {
        match self.line.endpoint.uncounted() {
            0 => Vec::new(),
            answers => vec![format!(
                "worker \"{}\": {answers} answers came without token counts; they are counted here and marked as estimated",
                self.card.name
            )],
        }
    }
}
