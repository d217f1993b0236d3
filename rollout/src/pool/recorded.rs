//! A recorded worker: answers kept in memory, exact for solving from scratch, nothing else.

use std::sync::Arc;

use conductor_configs::schema;
use conductor_types::{
    Answer, Task, Usage, WorkerCapability, WorkerError, WorkerErrorKind, WorkerRequest,
};

use super::{CallFuture, PoolError, Worker};
use crate::card::{Price, WorkerCard};
use crate::recording::{RecordedAnswer, Recording, question_sha256};

/// Plays one worker of a recording. Latency is reported as recorded, never slept.
pub struct Recorded {
    card: WorkerCard,
    recording: Arc<Recording>,
    /// The worker's name inside the recording.
    name_there: String,
}

impl Recorded {
    /// The worker `settings.worker` (or the card's name) of `recording`, which was read from `settings.recording`.
    pub fn new(
        card: WorkerCard,
        settings: &schema::RecordedWorker,
        recording: Arc<Recording>,
    ) -> Result<Self, PoolError> {
        let name_there = settings.worker.clone().unwrap_or_else(|| card.name.clone());
        if recording.of_worker(&name_there).is_none() {
            let available: Vec<String> = recording.workers().map(str::to_owned).collect();
            return Err(PoolError::UnknownRecordedWorker {
                worker: card.name,
                nearest: nearest(&name_there, &available),
                wanted: name_there,
                path: settings.recording.clone(),
                available,
            });
        }
        let price = match (settings.input_usd_per_million, settings.output_usd_per_million) {
            (None, None) => None,
            (input, output) => Some(Price::flat(
                checked_price(&card.name, "input_usd_per_million", input)?,
                checked_price(&card.name, "output_usd_per_million", output)?,
            )),
        };
        let card = WorkerCard { price, capability: WorkerCapability::FromScratch, ..card };
        Ok(Self { card, recording, name_there })
    }

    fn answer(&self, recorded: &RecordedAnswer) -> Answer {
        let cost_usd = match self.card.price {
            Some(price) => price.of(recorded.prompt_tokens, recorded.completion_tokens),
            None => recorded.cost_usd.unwrap_or(0.0),
        };
        Answer {
            text: recorded.answer.clone().unwrap_or_default(),
            usage: Usage {
                prompt_tokens: recorded.prompt_tokens,
                completion_tokens: recorded.completion_tokens,
                cost_usd,
                latency_ms: recorded.latency_ms.unwrap_or(0.0),
                ..Usage::default()
            },
            recorded_score: recorded.score,
        }
    }
}

impl Worker for Recorded {
    fn card(&self) -> &WorkerCard {
        &self.card
    }

    fn concurrency(&self) -> usize {
        usize::MAX
    }

    fn covers(&self, task_id: &str) -> bool {
        self.recording.get(task_id, &self.name_there).is_some()
    }

    fn answers_another_prompt(&self, task: &Task) -> bool {
        let row = self.recording.get(&task.id, &self.name_there);
        row.and_then(|row| row.prompt_sha256.as_ref())
            .is_some_and(|hash| *hash != question_sha256(&task.prompt, &task.parts))
    }

    fn call<'a>(&'a self, request: WorkerRequest<'a>) -> CallFuture<'a> {
        let result = match self.recording.get(request.task_id, &self.name_there) {
            Some(recorded) => Ok(self.answer(recorded)),
            None => Err(WorkerError {
                worker: self.card.name.clone(),
                kind: WorkerErrorKind::NotRecorded,
                message: format!("the recording holds no answer to task {}", request.task_id),
            }),
        };
        Box::pin(std::future::ready(result))
    }

    fn notices(&self) -> Vec<String> {
        let Some(rows) = self.recording.of_worker(&self.name_there) else { return Vec::new() };
        let mut notices = Vec::new();
        let unpriced = rows.clone().filter(|row| row.cost_usd.is_none()).count();
        if self.card.price.is_none() && unpriced > 0 {
            notices.push(format!(
                "worker \"{}\": the cost of {unpriced} recorded answers is not known and counts as 0; \
                 set input_usd_per_million and output_usd_per_million to price them",
                self.card.name
            ));
        }
        let untimed = rows.filter(|row| row.latency_ms.is_none()).count();
        if untimed > 0 {
            notices.push(format!(
                "worker \"{}\": the latency of {untimed} recorded answers is not known and counts as 0",
                self.card.name
            ));
        }
        notices
    }
}

/// A price that is absent beside the other one is free.
fn checked_price(worker: &str, setting: &'static str, usd: Option<f64>) -> Result<f64, PoolError> {
    let usd = usd.unwrap_or(0.0);
    if usd.is_finite() && usd >= 0.0 {
        return Ok(usd);
    }
    Err(PoolError::BadSetting {
        worker: worker.to_owned(),
        setting,
        expected: "dollars, 0 or more",
        given: usd.to_string(),
    })
}

/// The name most alike, where it is alike enough to be meant.
pub(super) fn nearest(wanted: &str, available: &[String]) -> Option<String> {
    available
        .iter()
        .map(|name| (strsim::jaro_winkler(&wanted.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.clone())
}
