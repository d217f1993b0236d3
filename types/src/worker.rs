//! What a worker is asked and what it answers.

use serde::{Deserialize, Serialize};

use crate::content::Part;
use crate::episode::Usage;

/// What one worker is asked in one step.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerRequest<'a> {
    /// The task being solved.
    pub task_id: &'a str,
    /// The part of the run that pays, for budgets: `train/12`, `valid/10`.
    pub part: &'a str,
    /// The kind of task that it is; tables are broken down by it.
    pub domain: &'a str,
    /// The message for a worker that reads (role, question, visible steps, subtask).
    pub message: &'a str,
    /// The same message as content parts of OpenAI's chat API, in order, where the question holds more than text; empty where
    /// `message` is all. What reads only text reads `message`.
    pub parts: &'a [Part],
    /// The answers of the steps that this step sees, in step order.
    pub seen: &'a [String],
    /// The recorded scores of those answers, in the same order, so that a worker that returns one of them can pass
    /// its score on; `None` where an answer has none.
    pub seen_scores: &'a [Option<f64>],
    /// Seed of this call, for workers that sample.
    pub seed: u64,
    /// Which of several answers to the same message, for workers that sample: a stored answer has the same number.
    pub sample: u32,
    /// Steps of the longest chain that begins with this one and of which each waits for the one before; 1 where nothing waits. Where
    /// calls have to queue, long chains go first.
    pub chain: usize,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The worker's text.
    pub text: String,
    /// What it cost.
    pub usage: Usage,
    /// The score that the recording holds for this answer, or that a simulated worker drew; `None` where the text must be
    /// graded.
    pub recorded_score: Option<f64>,
}

/// What a worker can do; the policy is told, and a workflow that asks for more is refused before anything is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerCapability {
    /// Reads the question, earlier steps and its subtask.
    General,
    /// Knows only its answer to the question from scratch; sees nothing else.
    FromScratch,
    /// Chooses among the answers that it sees; needs at least one.
    Combines,
}

/// Why a worker gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("worker \"{worker}\": {message}")]
pub struct WorkerError {
    /// Its name in the pool.
    pub worker: String,
    /// What kind of failure.
    pub kind: WorkerErrorKind,
    /// In words; never with a secret in it.
    pub message: String,
}

/// Kinds of failure, as far as a caller treats them differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerErrorKind {
    /// The recording does not hold this answer.
    NotRecorded,
    /// It cannot be reached, or answers with an error.
    Unavailable,
    /// It did not answer in time.
    Timeout,
    /// It answered something that cannot be used.
    BadAnswer,
    /// The call was not made, because a budget is reached.
    BudgetReached,
}

/// Finds the answer proper in a worker's text; the trainer hands the reward room's extractors to the vote worker.
pub trait AnswerExtractor: Send + Sync {
    /// A canonical form such that equal answers give equal strings; `None` where there is no answer in the text.
    fn canonical(&self, task_id: &str, text: &str) -> Option<String>;
}
