//! One sampled workflow from prompt to advantage: the unit of the episode log.

use serde::{Deserialize, Serialize};

use crate::chat::Completion;
use crate::verdict::Verdict;
use crate::workflow::{Workflow, WorkflowError};

/// Which episode this is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EpisodeId {
    /// The training step, from 0; for evaluations the step of the weights.
    pub step: u64,
    /// The task.
    pub task_id: String,
    /// Which sample of the task's group, from 0.
    pub sample: u32,
    /// Which of the sample's workflows, from 0; above 0 where the policy saw the answer of the round before.
    #[serde(default)]
    pub round: u32,
}

/// What a call used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written, hidden reasoning included.
    pub completion_tokens: u64,
    /// Dollars: the price of the answer, whether it was paid now or before.
    pub cost_usd: f64,
    /// The part of `cost_usd` that was not paid now, because the answer had been paid before.
    #[serde(default)]
    pub saved_usd: f64,
    /// Milliseconds from request to last byte.
    pub latency_ms: f64,
    /// Milliseconds that the call waited for its worker's limits and for pauses between attempts.
    #[serde(default)]
    pub queue_ms: f64,
    /// Requests sent for it now; 0 where no endpoint was asked.
    #[serde(default)]
    pub attempts: u32,
    /// Whether the answer had been paid before, or by the same call under way.
    #[serde(default)]
    pub reused: bool,
    /// Whether the tokens were counted here, because the endpoint did not report them.
    #[serde(default)]
    pub estimated: bool,
}

impl Usage {
    /// Dollars paid now.
    pub fn paid_usd(&self) -> f64 {
        self.cost_usd - self.saved_usd
    }
}

impl std::ops::AddAssign for Usage {
    /// Sums tokens, dollars, times (the sum of steps, not the critical path) and attempts. One reused or estimated call makes
    /// the sum so.
    fn add_assign(&mut self, other: Self) {
        self.prompt_tokens += other.prompt_tokens;
        self.completion_tokens += other.completion_tokens;
        self.cost_usd += other.cost_usd;
        self.saved_usd += other.saved_usd;
        self.latency_ms += other.latency_ms;
        self.queue_ms += other.queue_ms;
        self.attempts += other.attempts;
        self.reused |= other.reused;
        self.estimated |= other.estimated;
    }
}

/// One worker call of an episode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Index of the step.
    pub step: usize,
    /// The worker's name in the pool.
    pub worker: String,
    /// Its answer's text; empty where it failed.
    pub answer: String,
    /// The score that the recording holds, where the truth is a recorded score.
    pub recorded_score: Option<f64>,
    /// What it used.
    pub usage: Usage,
    /// Why it failed, in words.
    pub error: Option<String>,
}

/// How far an episode came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// The completion is no workflow; nothing was paid.
    Malformed(WorkflowError),
    /// The workflow ran to its end.
    Ran {
        /// What was run.
        workflow: Workflow,
        /// Every call, in step order.
        calls: Vec<Call>,
        /// The answer that counts.
        answer: String,
        /// The recorded score of the answer that counts, where the truth is a recorded score.
        recorded_score: Option<f64>,
        /// Milliseconds of the longest chain of steps that wait for one another.
        critical_path_ms: f64,
    },
    /// A worker failed: no verdict is possible.
    Failed {
        /// What was run.
        workflow: Workflow,
        /// The calls that were made, failed ones included.
        calls: Vec<Call>,
        /// What failed.
        error: crate::worker::WorkerError,
    },
}

impl Outcome {
    /// The workflow, where there is one.
    pub fn workflow(&self) -> Option<&Workflow> {
        match self {
            Self::Malformed(_) => None,
            Self::Ran { workflow, .. } | Self::Failed { workflow, .. } => Some(workflow),
        }
    }

    /// The calls that were made.
    pub fn calls(&self) -> &[Call] {
        match self {
            Self::Malformed(_) => &[],
            Self::Ran { calls, .. } | Self::Failed { calls, .. } => calls,
        }
    }

    /// Tokens, dollars and summed latency of all calls.
    pub fn usage(&self) -> Usage {
        let mut total = Usage::default();
        for call in self.calls() {
            total += call.usage;
        }
        total
    }
}

/// The parts of an episode's reward, as shaped within its group; the total is their sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RewardParts {
    /// For a completion that is a workflow.
    pub format: f64,
    /// For a right answer, on top of the format part.
    pub correctness: f64,
    /// For the dollars: a loss, or what a right answer gains by being cheap.
    pub cost: f64,
    /// Minus the weighted number of steps.
    pub steps: f64,
    /// Minus the weighted time that a user waits.
    pub latency: f64,
    /// For a workflow that obeys its question's constraint.
    pub obedience: f64,
}

impl RewardParts {
    /// The parts' names in files and metrics, in the order of [`RewardParts::values`].
    pub const NAMES: [&str; 6] = ["format", "correctness", "cost", "steps", "latency", "obedience"];

    /// The parts.
    pub fn values(&self) -> [f64; 6] {
        [self.format, self.correctness, self.cost, self.steps, self.latency, self.obedience]
    }

    /// The reward that advantages are computed from.
    pub fn total(&self) -> f64 {
        self.format + self.correctness + self.cost + self.steps + self.latency + self.obedience
    }
}

/// Everything about one sampled workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Episode {
    /// Which one.
    pub id: EpisodeId,
    /// The task's domain.
    pub domain: String,
    /// The conversation as text, for a reader.
    pub prompt: String,
    /// What the policy wrote.
    pub completion: Completion,
    /// How far it came.
    pub outcome: Outcome,
    /// What the grader says; `None` for a completion that is no workflow.
    pub verdict: Option<Verdict>,
    /// The answer proper, as the grader found it; `None` where it found none, where its rule reads the whole text, and where
    /// nothing was graded.
    pub extracted: Option<String>,
    /// The shaped reward; `None` where the episode is unscorable and leaves its group.
    pub reward: Option<RewardParts>,
    /// Its advantage; `None` where it takes no part in the update.
    pub advantage: Option<f64>,
}

impl Episode {
    /// Correctness in 0..=1: 0 for a completion that is no workflow, `None` where there is no verdict.
    pub fn score(&self) -> Option<f64> {
        match (&self.outcome, &self.verdict) {
            (Outcome::Malformed(_), _) => Some(0.0),
            (_, Some(verdict)) => verdict.score(),
            (_, None) => None,
        }
    }
}
