//! `[warm_start]`: supervised learning of the workflow form before reinforcement.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Supervised learning on generated valid workflows. It teaches the form, not which worker to choose:
/// workers, steps and access are drawn at random.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WarmStart {
    /// Updates; 0 skips the stage.
    pub steps: u32,
    /// Examples an update.
    #[schemars(range(min = 1))]
    pub batch_size: u32,
    /// Peak learning rate; linear warm-up over the first tenth, then cosine to 0.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub lr: f64,
    /// Share of generated workflows with a single step; the rest are spread evenly over 2 to `workflow.max_steps`.
    #[schemars(range(min = 0, max = 1))]
    pub single_step_share: f64,
    /// Teach the policy to write the question's domain on a line before its workflow. The domain comes from the training
    /// task; on other questions the policy has to recognise it. What tells questions apart then stands right before the
    /// choice of workers, which makes that choice learnable from fewer rollouts.
    pub name_domain: bool,
}

impl Default for WarmStart {
    fn default() -> Self {
        Self { steps: 0, batch_size: 8, lr: 1e-4, single_step_share: 0.6, name_domain: false }
    }
}
