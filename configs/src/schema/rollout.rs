//! `[rollout]`: how sampled workflows are run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How sampled workflows are run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rollout {
    /// Episodes under way at once; workers have limits of their own.
    #[schemars(range(min = 1))]
    pub in_flight: u32,
    /// What becomes of episodes that take much longer than the others of their step.
    pub stragglers: Stragglers,
    /// A worker that fails in a greater share of its calls in a step stops the run with exit code 3 before anything is learned
    /// from that step. Counted from ten calls on.
    #[schemars(range(min = 0, max = 1))]
    pub max_failed_share: f64,
}

impl Default for Rollout {
    fn default() -> Self {
        Self { in_flight: 256, stragglers: Stragglers::default(), max_failed_share: 0.25 }
    }
}

/// What becomes of episodes that take much longer than the others of their step.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Stragglers {
    /// Every episode is waited for.
    #[default]
    Wait,
    /// The step goes on without them: they have no score and leave their groups, and their number is a metric. Their calls
    /// are paid and kept. A run is then no longer repeated by its seed.
    Leave {
        /// The share of the step's episodes that must be done first.
        #[serde(default = "default_done_share")]
        #[schemars(range(min = 0, max = 1))]
        done_share: f64,
        /// Seconds that the others have from then on.
        #[serde(default = "default_grace_secs")]
        #[schemars(range(min = 0))]
        grace_secs: f64,
    },
}

fn default_done_share() -> f64 {
    0.9
}

fn default_grace_secs() -> f64 {
    30.0
}
