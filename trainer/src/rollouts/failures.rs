//! What is said where the pool leaves nothing to learn from.

use std::collections::BTreeMap;
use std::path::Path;

use conductor_types::{Episode, Outcome, Verdict, WorkerErrorKind};

use crate::TrainError;

/// Calls from which on a share of failures is more than chance.
const CALLS_AT_LEAST: u32 = 10;

/// Counts each worker's failures while a step goes on.
pub(super) struct Health {
    max_failed_share: f64,
    workers: BTreeMap<String, Counts>,
}

#[derive(Default)]
struct Counts {
    calls: u32,
    failed: u32,
    example: String,
}

/// A worker that fails too often.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("worker \"{worker}\" failed in {failed} of {calls} calls, for example: {example}")]
pub struct Failing {
    /// Its name in the pool.
    pub worker: String,
    /// Calls that failed, after all attempts.
    pub failed: u32,
    /// All of its calls in the step so far.
    pub calls: u32,
    /// What one of them says.
    pub example: String,
}

impl Health {
    pub(super) fn new(max_failed_share: f64) -> Self {
        Self { max_failed_share, workers: BTreeMap::new() }
    }

    pub(super) fn see(&mut self, episode: &Episode) {
        // A call that a budget stopped, or that no recording has, says nothing of its worker.
        if let Outcome::Failed { error, .. } = &episode.outcome
            && matches!(error.kind, WorkerErrorKind::BudgetReached | WorkerErrorKind::NotRecorded)
        {
            return;
        }
        for call in episode.outcome.calls() {
            let counts = self.workers.entry(call.worker.clone()).or_default();
            counts.calls += 1;
            if let Some(error) = &call.error {
                counts.failed += 1;
                counts.example.clone_from(error);
            }
        }
    }

    /// The worker that fails most, where it fails too often.
    pub(super) fn failing(&self) -> Option<Failing> {
        let share = |counts: &Counts| f64::from(counts.failed) / f64::from(counts.calls);
        let (worker, counts) = self
            .workers
            .iter()
            .filter(|(_, counts)| counts.calls >= CALLS_AT_LEAST)
            .filter(|(_, counts)| share(counts) > self.max_failed_share)
            .max_by(|a, b| share(a.1).total_cmp(&share(b.1)))?;
        Some(Failing {
            worker: worker.clone(),
            failed: counts.failed,
            calls: counts.calls,
            example: counts.example.clone(),
        })
    }
}

/// So many workflows must have failed in a step, and none succeeded, for the run to stop.
const FAILED_AT_LEAST: usize = 3;

/// Whether every workflow that ran failed, and so many that it is hardly chance: what is left are completions that are
/// no workflow, and from those alone there is nothing to learn.
pub(crate) fn pool_is_down(episodes: &[Episode]) -> bool {
    let ran = || episodes.iter().filter(|episode| episode.verdict.is_some());
    ran().count() >= FAILED_AT_LEAST && ran().all(|episode| episode.score().is_none())
}

/// The error of a step that the pool left nothing to learn from; `path` holds its episodes.
pub(crate) fn nothing_scorable(step: u64, episodes: &[Episode], path: &Path) -> TrainError {
    let mut counts = BTreeMap::<&str, (usize, &str)>::new();
    for episode in episodes {
        if let Some(verdict @ Verdict::Unscorable { detail, .. }) = &episode.verdict {
            counts.entry(verdict.cause()).or_insert((0, detail)).0 += 1;
        }
    }
    for episode in episodes.iter().filter(|episode| episode.score().is_some()) {
        // Graded, and still without a reward.
        if episode.reward.is_none() {
            let example =
                "a reward that is no finite number: prices, weights and units are too large";
            counts.entry("not_shaped").or_insert((0, example)).0 += 1;
        }
    }
    let workflows = counts.values().map(|(count, _)| count).sum();
    let (cause, (_, example)) = counts
        .into_iter()
        .max_by_key(|(_, (count, _))| *count)
        .unwrap_or(("unknown", (0, "there is none")));
    TrainError::NothingScorable {
        step,
        workflows,
        cause: cause.to_owned(),
        example: example.to_owned(),
        episodes: path.display().to_string(),
    }
}
