//! `[run]`: name, folder, seed.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Name, folder and seed of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Run {
    /// Name of the run's folder inside `dir`.
    pub name: String,
    /// Folder that holds runs.
    pub dir: PathBuf,
    /// Everything random derives from this number: the same seed gives the same run.
    pub seed: u64,
    /// Processor threads for tensor work; absent means all cores.
    pub threads: Option<u32>,
}

impl Default for Run {
    fn default() -> Self {
        Self { name: "run".into(), dir: "runs".into(), seed: 0, threads: None }
    }
}
