//! `[run]`: name, folder, seed.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Name, folder and seed of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Run {
    /// Name of the run's folder inside `dir`.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Folder that holds runs.
    #[schemars(length(min = 1))]
    pub dir: PathBuf,
    /// Everything random derives from this number: the same seed gives the same run.
    pub seed: u64,
    /// Processor threads for tensor work; absent means all cores.
    #[schemars(range(min = 1))]
    pub threads: Option<u32>,
}

impl Default for Run {
    fn default() -> Self {
        Self { name: "run".into(), dir: "runs".into(), seed: 0, threads: None }
    }
}
