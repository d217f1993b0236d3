//! What a run says while it goes on. Libraries emit events; bars, plain lines, JSON and files consume them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A phase of a run, as a person sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Reading weights, tasks and recordings.
    Load,
    /// Supervised learning of the workflow form.
    WarmStart,
    /// Sampling workflows.
    Sample,
    /// Running workflows on the pool and grading answers.
    Rollout,
    /// Updating the policy.
    Update,
    /// Evaluating on held-out tasks.
    Evaluate,
    /// Writing a checkpoint.
    Checkpoint,
}

impl Phase {
    /// The words a person reads.
    pub fn label(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::WarmStart => "warm start",
            Self::Sample => "sample",
            Self::Rollout => "rollout",
            Self::Update => "update",
            Self::Evaluate => "evaluate",
            Self::Checkpoint => "checkpoint",
        }
    }
}

/// Something that happened, without its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run begins or goes on.
    RunStarted {
        /// The run's folder.
        folder: String,
        /// The first step to be done now; above 0 after a resume.
        step: u64,
        /// Steps in all.
        steps: u64,
    },
    /// Something a person should know (limits that are not enforced, an option without effect).
    Notice {
        /// One sentence.
        message: String,
    },
    /// Work within a phase went on.
    Progress {
        /// The phase.
        phase: Phase,
        /// Units done.
        done: u64,
        /// Units in all.
        total: u64,
        /// What is counted ("episodes", "tokens", "examples").
        unit: String,
    },
    /// A training step (warm start or reinforcement) is done.
    StepDone {
        /// The phase that the step belongs to: `WarmStart` or `Update`.
        phase: Phase,
        /// The step, from 0.
        step: u64,
        /// Steps in all.
        steps: u64,
        /// Metrics by name (docs/metrics.md).
        #[serde(deserialize_with = "metrics_or_nan")]
        metrics: BTreeMap<String, f64>,
    },
    /// An evaluation is done.
    Evaluated {
        /// The step of the weights.
        step: u64,
        /// The split it was made on.
        split: crate::task::Split,
        /// Metrics by name.
        #[serde(deserialize_with = "metrics_or_nan")]
        metrics: BTreeMap<String, f64>,
    },
    /// A checkpoint is complete on disk.
    CheckpointSaved {
        /// The number of finished steps that it holds.
        step: u64,
        /// Its folder.
        folder: String,
    },
    /// A person or the system asked to stop; the run ends at the next safe point.
    Interrupted {
        /// Finished steps.
        step: u64,
    },
    /// The run is done.
    RunFinished {
        /// Finished steps.
        step: u64,
        /// Dollars spent on workers.
        cost_usd: f64,
        /// Price of the answers that had been paid before.
        #[serde(default)]
        saved_usd: f64,
        /// Dollars at most of requests that broke off or that a kill left open: only the provider knows what they cost.
        #[serde(default)]
        unsettled_usd: f64,
        /// Seconds since this process began.
        seconds: f64,
    },
}

/// An event with its time: one line of `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunEvent {
    /// Milliseconds since 1970, UTC.
    pub time_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// JSON has no word for a number that is not finite and writes `null`: it is read back as NaN.
fn metrics_or_nan<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, f64>, D::Error> {
    let values = BTreeMap::<String, Option<f64>>::deserialize(deserializer)?;
    Ok(values.into_iter().map(|(name, value)| (name, value.unwrap_or(f64::NAN))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_that_is_no_number_survives_the_log() {
        let event = Event::StepDone {
            phase: Phase::Update,
            step: 1,
            steps: 2,
            metrics: [("a".to_owned(), f64::INFINITY), ("b".to_owned(), 0.5)].into(),
        };
        let line = serde_json::to_string(&RunEvent { time_ms: 7, event }).expect("it is written");
        let back: RunEvent = serde_json::from_str(&line).expect("it is read");
        let Event::StepDone { metrics, .. } = back.event else { panic!("another event: {line}") };
        assert!(metrics["a"].is_nan() && metrics["b"] > 0.4);
    }
}
