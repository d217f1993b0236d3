//! `[checkpoint]`: what is kept of a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Checkpoints hold weights, optimiser, schedule, data position and spend: a resume equals not having stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Checkpoint {
    /// Save after every so many steps; the last step is always saved.
    #[schemars(range(min = 1))]
    pub every_steps: u32,
    /// Keep this many of the newest.
    #[schemars(range(min = 1))]
    pub keep_last: u32,
    /// Keep the best by validation reward too.
    pub keep_best: bool,
}

impl Default for Checkpoint {
    fn default() -> Self {
        Self { every_steps: 10, keep_last: 2, keep_best: true }
    }
}
