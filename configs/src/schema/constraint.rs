//! `[[tasks.constraints]]`: what users ask of the way to an answer.

use conductor_types::Constraint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A user's constraint that a share of the questions carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskConstraint {
    /// The user's words, on one line: `Use open models only.`
    #[schemars(length(min = 1))]
    pub text: String,
    /// Share of the questions that carry it, drawn by `tasks.split.seed` and the question's id. No question carries two; one with
    /// a constraint of its own keeps that.
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub share: f64,
    /// Tags that every worker of the workflow must have, a vote included.
    #[serde(default)]
    #[schemars(inner(length(min = 1)), extend("uniqueItems" = true))]
    pub tags: Vec<String>,
    /// Tags that no worker of the workflow may have.
    #[serde(default)]
    #[schemars(inner(length(min = 1)), extend("uniqueItems" = true))]
    pub without_tags: Vec<String>,
    /// Most dollars that all calls of the workflow may cost together.
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub max_usd: Option<f64>,
    /// Most steps of the workflow.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub max_steps: Option<u32>,
}

impl TaskConstraint {
    /// What a task that it is drawn for carries.
    pub fn constraint(&self) -> Constraint {
        Constraint {
            text: self.text.clone(),
            tags: self.tags.clone(),
            without_tags: self.without_tags.clone(),
            max_usd: self.max_usd,
            max_steps: self.max_steps,
        }
    }
}
