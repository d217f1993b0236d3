//! A simulated worker: right or wrong by a draw, with tokens and latency from distributions. It measures nothing, and
//! says so wherever its name is shown.

use std::f64::consts::TAU;
use std::time::Duration;

use conductor_configs::schema::{self, Effort};
use conductor_types::seed::{self, SplitMix};
use conductor_types::{
    Answer, Grading, Task, Usage, WorkerCapability, WorkerError, WorkerErrorKind, WorkerRequest,
};
use tokio::sync::Semaphore;

use super::{CallFuture, PoolError, Worker};
use crate::card::{Price, WorkerCard};

/// Draws answers by the formula in docs/configuration.md. The score comes with the answer, as that of a recorded one.
pub struct Simulated {
    card: WorkerCard,
    settings: schema::SimulatedWorker,
    price: Price,
    permits: Semaphore,
}

/// What one call draws. All is drawn in each call and in one order, so that a setting changes only what it is about.
struct Draw {
    fails: bool,
    is_right: bool,
    /// Which of the wrong answers it is, from 1; 0 for the right one.
    number: usize,
    completion_tokens: u64,
    latency_ms: f64,
}

impl Simulated {
    /// A worker that draws by `settings`.
    pub fn new(card: WorkerCard, settings: &schema::SimulatedWorker) -> Result<Self, PoolError> {
        if let Some((setting, expected, given)) = bad_setting(settings) {
            let worker = card.name;
            return Err(PoolError::BadSetting { worker, setting, expected, given });
        }
        let price = Price::flat(settings.input_usd_per_million, settings.output_usd_per_million);
        Ok(Self {
            card: WorkerCard {
                price: Some(price),
                capability: WorkerCapability::General,
                simulated: true,
                ..card
            },
            permits: Semaphore::new(
                (settings.concurrency.max(1) as usize).min(Semaphore::MAX_PERMITS),
            ),
            settings: settings.clone(),
            price,
        })
    }

    /// The chance that its answer to this request is right.
    pub fn chance(&self, request: &WorkerRequest<'_>) -> f64 {
        let settings = &self.settings;
        let skill = settings.skill.get(request.domain).copied().unwrap_or(settings.default_skill);
        let shown: f64 = request
            .seen_scores
            .iter()
            .flatten()
            .map(|score| score.clamp(0.0, 1.0))
            .map(|score| score * settings.right_gain - (1.0 - score) * settings.wrong_loss)
            .sum();
        let logit = (skill / (1.0 - skill)).ln()
            - settings.difficulty_spread * difficulty(request.task_id)
            + shown
            + self.effort().0;
        1.0 / (1.0 + (-logit).exp())
    }

    /// Logits that the effort adds, and by how much it lengthens answer and time.
    fn effort(&self) -> (f64, f64) {
        match self.settings.effort {
            Effort::Low => (-0.5, 0.5),
            Effort::Medium => (0.0, 1.0),
            Effort::High => (0.5, 2.0),
        }
    }

    fn draw(&self, request: &WorkerRequest<'_>) -> Draw {
        let settings = &self.settings;
        // The name keeps two workers that are asked in the same place apart.
        let parts = [self.card.name.as_str(), request.task_id, &request.sample.to_string()];
        let mut rng = SplitMix::new(seed::derive(request.seed, "simulated", &parts));
        let fails = rng.next_unit() < settings.failure_share;
        let is_right = rng.next_unit() < self.chance(request);
        let wrong = 1 + rng.below(settings.wrong_answers.max(1) as usize);
        let longer = self.effort().1;
        let tokens = settings.completion_tokens_median
            * longer
            * (settings.completion_tokens_sigma * normal(&mut rng)).exp();
        let latency =
            settings.latency_median_ms * longer * (settings.latency_sigma * normal(&mut rng)).exp();
        let in_tail = rng.next_unit() < settings.latency_tail_share;
        Draw {
            fails,
            is_right,
            number: if is_right { 0 } else { wrong },
            completion_tokens: tokens.round().clamp(1.0, f64::from(u32::MAX)) as u64,
            latency_ms: if in_tail { latency * settings.latency_tail_factor } else { latency },
        }
    }

    async fn answer(&self, request: &WorkerRequest<'_>) -> Result<Answer, WorkerError> {
        let draw = self.draw(request);
        if self.settings.wait {
            // Nobody closes the semaphore.
            let _permit = self.permits.acquire().await;
            let time = Duration::try_from_secs_f64(draw.latency_ms / 1e3);
            tokio::time::sleep(time.unwrap_or(Duration::MAX)).await;
        }
        if draw.fails {
            let share = self.settings.failure_share;
            return Err(WorkerError {
                worker: self.card.name.clone(),
                kind: WorkerErrorKind::Unavailable,
                message: format!("it failed by a draw: failure_share = {share}"),
            });
        }
        let prompt_tokens = (request.message.len() as u64).div_ceil(4);
        Ok(Answer {
            text: text(request.task_id, draw.number),
            usage: Usage {
                prompt_tokens,
                completion_tokens: draw.completion_tokens,
                cost_usd: self.price.of(prompt_tokens, draw.completion_tokens),
                latency_ms: draw.latency_ms,
                ..Usage::default()
            },
            recorded_score: Some(if draw.is_right { 1.0 } else { 0.0 }),
        })
    }
}

impl Worker for Simulated {
    fn card(&self) -> &WorkerCard {
        &self.card
    }

    fn concurrency(&self) -> usize {
        self.settings.concurrency.max(1) as usize
    }

    fn can_be_graded(&self, task: &Task) -> bool {
        matches!(task.grading, Grading::Recorded)
    }

    fn call<'a>(&'a self, request: WorkerRequest<'a>) -> CallFuture<'a> {
        Box::pin(async move { self.answer(&request).await })
    }

    fn notices(&self) -> Vec<String> {
        vec![format!(
            "worker \"{}\" is simulated: its answers, tokens and latencies are drawn at random, and nothing about it was \
             measured",
            self.card.name
        )]
    }
}

/// How hard a question is: standard normal over questions, and the same for every worker.
fn difficulty(task_id: &str) -> f64 {
    normal(&mut SplitMix::new(seed::derive(0, "difficulty", &[task_id])))
}

/// A text that is the same for every worker that gives this answer, so that a vote can count it, and that does not
/// tell a reader which of a question's answers is right.
fn text(task_id: &str, number: usize) -> String {
    let hash = seed::derive(0, "simulated answer", &[task_id, &number.to_string()]);
    format!("simulated answer {:08x}", hash >> 32)
}

/// A standard normal number (Box and Muller 1958).
fn normal(rng: &mut SplitMix) -> f64 {
    let radius = (-2.0 * (1.0 - rng.next_unit()).ln()).sqrt();
    radius * (TAU * rng.next_unit()).cos()
}

/// The first setting that cannot be used: its name, what is expected, what was given.
fn bad_setting(settings: &schema::SimulatedWorker) -> Option<(&'static str, &'static str, String)> {
    let shares = [
        ("default_skill", settings.default_skill),
        ("latency_tail_share", settings.latency_tail_share),
        ("failure_share", settings.failure_share),
    ];
    let skills = settings.skill.values().map(|&skill| ("skill", skill));
    let bad_share = skills.chain(shares).find(|(_, share)| !(0.0..=1.0).contains(share));
    if let Some((setting, share)) = bad_share {
        return Some((setting, "a share, 0 to 1", share.to_string()));
    }
    let sizes = [
        ("difficulty_spread", settings.difficulty_spread),
        ("right_gain", settings.right_gain),
        ("wrong_loss", settings.wrong_loss),
        ("completion_tokens_median", settings.completion_tokens_median),
        ("completion_tokens_sigma", settings.completion_tokens_sigma),
        ("latency_median_ms", settings.latency_median_ms),
        ("latency_sigma", settings.latency_sigma),
        ("latency_tail_factor", settings.latency_tail_factor),
        ("input_usd_per_million", settings.input_usd_per_million),
        ("output_usd_per_million", settings.output_usd_per_million),
    ];
    let bad = sizes.into_iter().find(|(_, size)| !(size.is_finite() && *size >= 0.0));
    bad.map(|(setting, size)| (setting, "a number, 0 or more", size.to_string()))
}
