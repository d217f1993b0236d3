//! A question with the rule that decides what a right answer to it is.

use serde::{Deserialize, Serialize};

use crate::constraint::Constraint;

/// One question, as every worker sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Unique within a run and stable across exports: splits, seeds and recordings hang on it.
    pub id: String,
    /// What kind of question this is ("humaneval", "gsm_symbolic"); tables are broken down by it.
    pub domain: String,
    /// The whole question with the answer form that it asks for.
    pub prompt: String,
    /// How an answer is judged.
    pub grading: Grading,
    /// What the user asks of the workflow; part of the question as the policy reads it, and of no worker's message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraint: Option<Constraint>,
}

/// How an answer is judged. The gold answer never leaves this process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Grading {
    /// The extracted answer equals the gold text after trimming.
    Exact {
        /// The right answer.
        gold: String,
    },
    /// One of the first `options` capital letters.
    Choice {
        /// The right letter, "A" to "Z".
        gold: String,
        /// How many options the question lists, 2 to 26.
        options: u8,
    },
    /// A number, equal within `tolerance` relative to the gold value.
    Number {
        /// The right value, as text so that nothing is lost ("0.1", "1e9", "3/4").
        gold: String,
        /// Relative tolerance; 0 asks for equality.
        #[serde(default)]
        tolerance: f64,
    },
    /// A Python program, judged by running tests behind it.
    Python {
        /// Source that stands before the answer when the answer is only a continuation (`HumanEval`'s prompt).
        #[serde(default)]
        prelude: String,
        /// Source that stands behind the answer and raises when it is wrong.
        tests: String,
        /// Name of the function that must be defined by the answer.
        entry_point: String,
    },
    /// An answer scored by the rule of the reasoning-gym generator that made the question.
    ReasoningGym {
        /// The generator's name.
        dataset: String,
        /// The generator's own answer.
        gold: String,
    },
    /// The truth is the score that comes with a worker's answer to this task: the recording holds it, or a simulated
    /// worker drew it.
    Recorded,
}

/// The part of the data that a task belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Updates are made on these.
    Train,
    /// Checkpoints and the best worker are chosen on these.
    Valid,
    /// Reported numbers come from these.
    Test,
}

impl Split {
    /// The name used in files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Valid => "valid",
            Self::Test => "test",
        }
    }
}

impl std::fmt::Display for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
