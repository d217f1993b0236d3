//! Three verdicts: right with a score, wrong with a cause, unscorable with a cause.
//! Unscorable never becomes 0: such an episode leaves its group.

use serde::{Deserialize, Serialize};

/// What a grader found in a text, and what it says of it. Finding and judging are apart, and both are recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Graded {
    /// The answer proper, as it was found; `None` where none was, or where the rule reads the whole text.
    pub extracted: Option<String>,
    /// What it is worth.
    pub verdict: Verdict,
}

/// What a grader says of one answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Right, wholly (1.0) or in part.
    Right {
        /// Above 0, at most 1.
        score: f64,
    },
    /// Wrong, through a fault of the answer.
    Wrong {
        /// What was wrong with it.
        cause: WrongCause,
        /// For a reader; empty where the cause says all.
        detail: String,
    },
    /// No verdict is possible, through no fault of the answer.
    Unscorable {
        /// What stood in the way.
        cause: Unscorable,
        /// For a reader.
        detail: String,
    },
}

impl Verdict {
    /// The score in 0..=1, or `None` where there is no verdict.
    pub fn score(&self) -> Option<f64> {
        match self {
            Self::Right { score } => Some(*score),
            Self::Wrong { .. } => Some(0.0),
            Self::Unscorable { .. } => None,
        }
    }

    /// "right", "wrong" or "unscorable".
    pub fn name(&self) -> &'static str {
        match self {
            Self::Right { .. } => "right",
            Self::Wrong { .. } => "wrong",
            Self::Unscorable { .. } => "unscorable",
        }
    }

    /// The cause's name; empty for a right answer.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Right { .. } => "",
            Self::Wrong { cause, .. } => cause.as_str(),
            Self::Unscorable { cause, .. } => cause.as_str(),
        }
    }
}

/// What was wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WrongCause {
    /// An answer was found and is not the right one.
    WrongAnswer,
    /// No answer in the asked form was found.
    NoAnswer,
    /// No program was found.
    NoCode,
    /// The program does not compile.
    CompileError,
    /// The program ended with an error.
    RuntimeError,
    /// The program ran longer than allowed.
    TimeLimit,
    /// The program asked for more memory than allowed.
    MemoryLimit,
    /// The program wrote more than allowed.
    OutputLimit,
}

impl WrongCause {
    /// The name used in files and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WrongAnswer => "wrong_answer",
            Self::NoAnswer => "no_answer",
            Self::NoCode => "no_code",
            Self::CompileError => "compile_error",
            Self::RuntimeError => "runtime_error",
            Self::TimeLimit => "time_limit",
            Self::MemoryLimit => "memory_limit",
            Self::OutputLimit => "output_limit",
        }
    }
}

/// Why there is no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unscorable {
    /// A worker failed.
    WorkerFailed,
    /// The recording does not hold this answer.
    NotRecorded,
    /// A budget is reached, so that a call was not made.
    BudgetReached,
    /// The task's own test data cannot be used.
    BadTestData,
    /// The machinery that runs programs failed.
    SandboxError,
    /// Grading went past its hard limit.
    GraderTimeout,
    /// The model that judges gave no verdict.
    JudgeFailed,
    /// The run was stopped before this episode was done.
    Cancelled,
}

impl Unscorable {
    /// The name used in files and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WorkerFailed => "worker_failed",
            Self::NotRecorded => "not_recorded",
            Self::BudgetReached => "budget_reached",
            Self::BadTestData => "bad_test_data",
            Self::SandboxError => "sandbox_error",
            Self::GraderTimeout => "grader_timeout",
            Self::JudgeFailed => "judge_failed",
            Self::Cancelled => "cancelled",
        }
    }
}
