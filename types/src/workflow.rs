//! What the policy writes: up to a handful of steps, each for one worker, each seeing some earlier ones.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A plan that has passed every check that can be made before a worker is paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workflow {
    /// The steps in the order written; the last one's answer goes to the user.
    pub steps: Vec<Step>,
}

/// One call of one worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The worker's number, from 0: in the prompt's list where the policy wrote it, in the pool once it is to be run.
    pub worker: usize,
    /// What the worker is told, in the policy's words.
    pub subtask: String,
    /// Indices of the earlier steps whose subtask and answer it sees, ascending.
    pub access: Access,
    /// Whether it sees the steps of the round before as well, where the workflow is a later one of its episode.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub earlier_round: bool,
}

impl Step {
    /// A step that sees nothing of a round before.
    pub fn new(worker: usize, subtask: impl Into<String>, access: Access) -> Self {
        Self { worker, subtask: subtask.into(), access, earlier_round: false }
    }
}

/// Indices of earlier steps, ascending and without repetition. Every access kind is parsed into this form.
pub type Access = Vec<usize>;

impl Workflow {
    /// The number of steps on the longest chain of steps that see one another.
    pub fn depth(&self) -> usize {
        let mut depths: Vec<usize> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let before = step.access.iter().map(|&i| depths[i]).max().unwrap_or(0);
            depths.push(before + 1);
        }
        depths.into_iter().max().unwrap_or(0)
    }
}

/// How `access_list` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessKind {
    /// Each entry is "all" (every earlier step) or empty.
    Binary,
    /// Each entry lists worker ids; every earlier step of those workers is seen.
    ByModel,
    /// Each entry lists indices of earlier steps, from 0.
    ByStep,
}

/// Why a completion is no workflow. Always found before the first worker is called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct WorkflowError {
    /// The name under which it is counted.
    pub kind: WorkflowErrorKind,
    /// What was found, where, and what was expected.
    pub message: String,
}

/// The names under which format errors are counted (`workflow/error/<name>`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkflowErrorKind {
    /// A list (or all three) is missing or has no readable bracket.
    NotFound,
    /// A worker id that is not in the prompt's list.
    WorkerOutOfRange,
    /// A worker id that is no whole number.
    WorkerNotANumber,
    /// The three lists differ in length.
    LengthMismatch,
    /// The access list is empty although there are steps.
    AccessEmpty,
    /// An access entry is not of the configured kind.
    AccessInvalid,
    /// A step looks at itself or at a later step.
    AccessFuture,
    /// A subtask is not text.
    SubtaskInvalid,
    /// Three empty lists where a workflow is due.
    NoSteps,
    /// More steps than allowed.
    TooManySteps,
    /// A worker cannot do what the step asks of it (a recorded worker shown earlier answers, a vote over nothing).
    WorkerRefuses,
}

impl WorkflowErrorKind {
    /// Every kind, in the order in which tables list them.
    pub const ALL: [Self; 11] = [
        Self::NotFound,
        Self::WorkerOutOfRange,
        Self::WorkerNotANumber,
        Self::LengthMismatch,
        Self::AccessEmpty,
        Self::AccessInvalid,
        Self::AccessFuture,
        Self::SubtaskInvalid,
        Self::NoSteps,
        Self::TooManySteps,
        Self::WorkerRefuses,
    ];

    /// The name used in files, metrics and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::WorkerOutOfRange => "worker_out_of_range",
            Self::WorkerNotANumber => "worker_not_a_number",
            Self::LengthMismatch => "length_mismatch",
            Self::AccessEmpty => "access_empty",
            Self::AccessInvalid => "access_invalid",
            Self::AccessFuture => "access_future",
            Self::SubtaskInvalid => "subtask_invalid",
            Self::NoSteps => "no_steps",
            Self::TooManySteps => "too_many_steps",
            Self::WorkerRefuses => "worker_refuses",
        }
    }
}

impl std::fmt::Display for WorkflowErrorKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
