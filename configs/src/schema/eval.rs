//! `[eval]`: evaluation during and after training.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Evaluation. The policy answers greedily; the question is the unit of resampling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Eval {
    /// Evaluate on the validation split after every so many steps; absent means only at the end.
    #[schemars(range(min = 1))]
    pub every_steps: Option<u32>,
    /// Most tasks of a split that are evaluated (the first in hash order); absent means all.
    #[schemars(range(min = 1))]
    pub max_tasks: Option<u32>,
    /// Bootstrap resamples behind each interval.
    #[schemars(range(min = 1))]
    pub bootstrap_samples: u32,
}

impl Default for Eval {
    fn default() -> Self {
        Self { every_steps: None, max_tasks: None, bootstrap_samples: 10_000 }
    }
}
