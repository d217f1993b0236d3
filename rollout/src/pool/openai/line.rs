//! What makes the calls of one worker: attempts with pauses between them, each let through by the circuit and the limits,
//! and paid from the ledger.

use std::sync::Arc;
use std::time::Duration;

use conductor_types::{Answer, Usage, WorkerError, WorkerErrorKind};
use tokio::sync::watch;
use tokio::time::Instant;

use super::breaker::{Breaker, Leave};
use super::endpoint::Endpoint;
use super::failure::{Failure, Remedy};
use super::gate::{Gate, Limits, Pass};
use super::pauses::Pauses;
use super::request::ChatRequest;
use crate::ledger::{self, Held, Ledger, Reservation};
use crate::store::{AnswerKey, Settlement};

/// Calls under way share it.
pub struct Line {
    /// The worker's name in the pool.
    pub name: String,
    /// Where the calls go.
    pub endpoint: Endpoint,
    gate: Gate,
    breaker: Breaker,
    attempts: u32,
    deadline: Duration,
    /// True when no further attempt may begin.
    closing: watch::Sender<bool>,
}

/// How a call stands to others.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// Its pauses follow from it.
    pub seed: u64,
    /// Steps of the longest chain that begins with it.
    pub chain: usize,
}

/// Where the money for a call comes from.
#[derive(Debug, Clone, Copy)]
pub struct Purse<'a> {
    /// Whose.
    pub ledger: &'a Arc<Ledger>,
    /// The part of the run.
    pub part: &'a str,
    /// The question.
    pub task: &'a str,
    /// What the answer will be found by.
    pub key: &'a AnswerKey,
}

/// An answer that is paid, with the money that was put aside for it.
type PaidAnswer = (Answer, Option<Reservation>);

/// What all attempts at a call came to.
pub struct Asked {
    /// The answer; its tokens and dollars are those of all attempts that the endpoint counted.
    pub answer: Answer,
    /// The last attempt's money, still to be settled, with the answer.
    pub reservation: Option<Reservation>,
    /// What the last attempt is settled with: the ones before it are settled.
    pub settlement: Settlement,
}

/// How far a call is over all its attempts.
struct Effort {
    chain: usize,
    attempts: u32,
    /// Set when the first attempt is sent: time in the queue is the pool's own.
    deadline: Option<Instant>,
    waited: Duration,
    /// What failed attempts took: an answer that came only after empty ones has cost these too.
    used: Usage,
    /// Why the attempt before failed.
    failed: Option<Failure>,
}

impl Effort {
    /// The call as a whole.
    fn done(self, (mut answer, reservation): PaidAnswer) -> Asked {
        let Usage { cost_usd, estimated, .. } = answer.usage;
        answer.usage.prompt_tokens += self.used.prompt_tokens;
        answer.usage.completion_tokens += self.used.completion_tokens;
        answer.usage.cost_usd += self.used.cost_usd;
        answer.usage.attempts = self.attempts;
        answer.usage.queue_ms = self.waited.as_secs_f64() * 1e3;
        Asked { answer, reservation, settlement: Settlement::Paid { usd: cost_usd, estimated } }
    }

    /// Ends where the deadline passes before a further attempt is let through; what failed before is what is told.
    async fn out_of_time(&self) -> Failure {
        let (Some(deadline), Some(failed)) = (self.deadline, &self.failed) else {
            return std::future::pending().await;
        };
        tokio::time::sleep_until(deadline).await;
        let message = format!(
            "{}; then the worker's limits let no further attempt through within deadline_secs",
            failed.message
        );
        Failure::not_sent(failed.kind, message)
    }
}

impl Line {
    /// A line on which nothing was asked yet. `patience` is the number of attempts at a call and the time for all of them.
    pub fn new(name: &str, endpoint: Endpoint, limits: Limits, patience: (u32, Duration)) -> Self {
        Self {
            name: name.to_owned(),
            endpoint,
            gate: Gate::new(limits),
            breaker: Breaker::default(),
            attempts: patience.0.max(1),
            deadline: patience.1,
            closing: watch::Sender::new(false),
        }
    }

    /// Lets no further attempt begin.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// One call with all its attempts.
    pub async fn ask(
        &self,
        request: &ChatRequest,
        standing: Standing,
        purse: Option<Purse<'_>>,
    ) -> Result<Asked, WorkerError> {
        if let Some(why) = &request.too_long {
            return Err(self.error(WorkerErrorKind::Unavailable, why));
        }
        let Standing { seed, chain } = standing;
        let mut pauses = Pauses::new(seed);
        let mut effort = Effort {
            chain,
            attempts: 0,
            deadline: None,
            waited: Duration::ZERO,
            used: Usage::default(),
            failed: None,
        };
        loop {
            let failure = match self.attempt(request, &mut effort, purse).await {
                Ok(paid) => return Ok(effort.done(paid)),
                Err(failure) => failure,
            };
            let pause = match failure.remedy {
                Remedy::None => return Err(self.error(failure.kind, &failure.message)),
                Remedy::SlowDown(pause) | Remedy::TryAgain(pause) => {
                    pauses.next().max(pause.unwrap_or_default())
                }
                Remedy::AskAgain => Duration::ZERO,
            };
            let over = effort.deadline.is_some_and(|deadline| Instant::now() + pause >= deadline);
            if effort.attempts >= self.attempts || over {
                let attempts = match effort.attempts {
                    1 => "1 attempt".to_owned(),
                    attempts => format!("{attempts} attempts"),
                };
                let message = format!("{} (after {attempts})", failure.message);
                return Err(self.error(failure.kind, &message));
            }
            effort.used += failure.used.as_deref().copied().unwrap_or_default();
            effort.failed = Some(failure);
            tokio::select! {
                () = tokio::time::sleep(pause) => effort.waited += pause,
                failure = self.closed() => return Err(self.error(failure.kind, &failure.message)),
            }
        }
    }

    /// One attempt, once circuit, limits and budget let it through.
    async fn attempt(
        &self,
        request: &ChatRequest,
        effort: &mut Effort,
        purse: Option<Purse<'_>>,
    ) -> Result<PaidAnswer, Failure> {
        let patience = effort.deadline.unwrap_or_else(|| Instant::now() + self.deadline);
        let (queued, chain) = (Instant::now(), effort.chain);
        let admitted = tokio::select! {
            biased;
            failure = self.closed() => return Err(failure),
            admitted = self.admitted((request, chain), patience, purse) => admitted?,
            failure = effort.out_of_time() => return Err(failure),
        };
        effort.waited += queued.elapsed();
        // Boxed, since most calls of a full pool wait for their turn, and what follows needs far more room than that.
        Box::pin(self.send(request, effort, admitted)).await
    }

    /// An attempt that is let through.
    async fn send(
        &self,
        request: &ChatRequest,
        effort: &mut Effort,
        (leave, mut pass, held): (Leave<'_>, Pass<'_>, Option<Held<'_>>),
    ) -> Result<PaidAnswer, Failure> {
        let reservation = match held {
            Some(held) => Some(held.keep().await.map_err(|error| {
                Failure::not_sent(WorkerErrorKind::Unavailable, error.to_string())
            })?),
            None => None,
        };
        effort.attempts += 1;
        let until = *effort.deadline.get_or_insert_with(|| Instant::now() + self.deadline);
        let attempt = self.endpoint.attempt(request, |headers| self.gate.learn(headers));
        let result = tokio::time::timeout_at(until, attempt).await.unwrap_or_else(|_| {
            Err(Failure::timeout(format!(
                "no answer within deadline_secs = {} s over all attempts",
                self.deadline.as_secs_f64()
            )))
        });
        match &result {
            Ok(answer) => {
                pass.answered(answer.usage.prompt_tokens + answer.usage.completion_tokens);
                leave.answered();
            }
            Err(failure) => {
                if let Remedy::SlowDown(pause) = failure.remedy {
                    self.gate.refused(pause);
                }
                match failure.remedy {
                    Remedy::TryAgain(_) => leave.failed(&self.endpoint.safe(&failure.message)),
                    _ => leave.answered(),
                }
            }
        }
        // The endpoint is free for the next call while this one is written down.
        drop(pass);
        match (result, reservation) {
            (Ok(answer), reservation) => Ok((answer, reservation)),
            (Err(failure), Some(reservation)) => {
                // Where it cannot be written down it stays reserved, and what failed first is what is told.
                let _ = reservation.settle(failure.settlement, None).await;
                Err(failure)
            }
            (Err(failure), None) => Err(failure),
        }
    }

    /// Waits for circuit and limits, and for room in the budget.
    async fn admitted<'p>(
        &'p self,
        (request, chain): (&ChatRequest, usize),
        patience: Instant,
        purse: Option<Purse<'p>>,
    ) -> Result<(Leave<'p>, Pass<'p>, Option<Held<'p>>), Failure> {
        loop {
            let leave = self.breaker.admit(patience).await.map_err(|why| {
                let message = format!(
                    "it is not asked for now, because it only failed; the last time: {why}"
                );
                Failure::not_sent(WorkerErrorKind::Unavailable, message)
            })?;
            let mut pass = self.gate.enter(request.most_tokens, chain).await;
            if !leave.holds() {
                // The circuit opened while the call stood in the queue.
                pass.used(0);
                continue;
            }
            let Some(Purse { ledger, part, task, key }) = purse else {
                return Ok((leave, pass, None));
            };
            let most_usd = request.most_usd;
            let asked = ledger::Asked { part, task, worker: &self.name, key, most_usd };
            let held = ledger.hold(asked).await.map_err(|wall| {
                pass.used(0);
                Failure::not_sent(WorkerErrorKind::BudgetReached, wall.to_string())
            })?;
            return Ok((leave, pass, Some(held)));
        }
    }

    /// Ends when no further attempt may begin.
    async fn closed(&self) -> Failure {
        // The sender is this value's own, so it cannot be gone.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
        let message = "the call was not sent, because the run stops".into();
        Failure::not_sent(WorkerErrorKind::Unavailable, message)
    }

    /// A failure as a caller sees it, without the key in it.
    pub fn error(&self, kind: WorkerErrorKind, message: &str) -> WorkerError {
        WorkerError { worker: self.name.clone(), kind, message: self.endpoint.safe(message) }
    }
}
