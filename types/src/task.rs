//! A question with the rule that decides what a right answer to it is.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::constraint::Constraint;
use crate::content::{self, Part};
use crate::grading::Grading;

/// One question, as every worker sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Unique within a run and stable across exports: splits, seeds and recordings hang on it.
    pub id: String,
    /// What kind of question this is ("humaneval", "gsm_symbolic"); tables are broken down by it.
    pub domain: String,
    /// The whole question with the answer form that it asks for.
    pub prompt: String,
    /// The same question as content parts of OpenAI's chat API, in order, where it holds more than text (images); empty where
    /// `prompt` is all. They reach a worker as they are; `prompt` is their text, for who reads only text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// How an answer is judged.
    pub grading: Grading,
    /// What the user asks of the workflow; part of the question as the policy reads it, and of no worker's message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraint: Option<Constraint>,
}

impl Task {
    /// The question for who reads only text: the prompt, or its content parts with a mark where one is no text.
    pub fn question(&self) -> Cow<'_, str> {
        if self.parts.is_empty() {
            Cow::Borrowed(&self.prompt)
        } else {
            Cow::Owned(content::readable(&self.parts))
        }
    }
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
