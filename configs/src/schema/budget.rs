//! `[budget]`: how much the pool may cost.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Hard limits on what live workers may cost. Before each request its worst case is reserved: every byte of the prompt as a
/// token, and the longest answer. What is reached ends the run with exit code 3 after a checkpoint; a limit on a
/// question only leaves its other episodes without a score. Absent means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// Most dollars of the whole run, over all of its resumes. `conductor eval` and `pool record` count for themselves.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub run_usd: Option<f64>,
    /// Most dollars of one training step, or of one validation.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub step_usd: Option<f64>,
    /// Most dollars of one question in one step, all its samples together.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub question_usd: Option<f64>,
    /// Most paid calls of the whole run. Answers from the store are no calls, and neither are requests that were refused.
    #[schemars(range(min = 1))]
    pub run_calls: Option<u64>,
    /// Most paid calls of one training step, or of one validation.
    #[schemars(range(min = 1))]
    pub step_calls: Option<u64>,
    /// Most paid calls of one question in one step, all its samples together.
    #[schemars(range(min = 1))]
    pub question_calls: Option<u64>,
}

impl Budget {
    /// Whether anything is limited.
    pub fn is_set(&self) -> bool {
        *self != Self::default()
    }
}
