//! Every section of a run's configuration, one file a section, in the order of the data flow.
//!
//! Names are nouns with a unit behind them where there is one (`_usd`, `_secs`, `_tokens`); variants are tagged by
//! `kind`; no number stands for "none".

mod budget;
mod checkpoint;
mod constraint;
mod eval;
mod part_form;
mod policy;
mod pool;
mod resume;
mod reward;
mod rollout;
mod run;
mod sampling;
mod sandbox;
mod simulated;
mod sources;
mod tasks;
mod train;
mod warm_start;
mod workflow;

pub use budget::Budget;
pub use checkpoint::Checkpoint;
pub use constraint::TaskConstraint;
pub use eval::Eval;
pub use part_form::{GainForm, LossForm};
pub use policy::{Adapter, Device, Dtype, LoraTarget, Policy};
pub use pool::{
    MaxTokensField, OpenAiWorker, Pool, RecordedWorker, VoteWorker, Worker, WorkerKind,
};
pub use resume::{ConfigChange, config_changes};
pub use reward::{CostForm, Credit, Judge, ReasoningGym, Reward};
pub use rollout::{Rollout, Stragglers};
pub use run::Run;
pub use sampling::Sampling;
pub use sandbox::{RequiredLevel, Sandbox, SandboxCommand, SandboxLevel};
pub use simulated::{Effort, SimulatedWorker};
pub use sources::{
    BigCodeBenchForm, ContestDifficulty, ContestPlatform, DataPart, DomainBy, Errata, GpqaSubset,
    LiveCodeBenchRelease, MbppPart, MmluPart, Pictures,
};
pub use tasks::{Source, SplitKind, SplitShares, TaskSource, Tasks};
pub use train::{Advantage, Aggregation, LrSchedule, Optimizer, Train};
pub use warm_start::WarmStart;
pub use workflow::{PromptShow, Workflow};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A run, whole: what one TOML file says once defaults, preset, file, environment and `--set` are laid over another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name, folder and seed.
    #[serde(default)]
    pub run: Run,
    /// Where questions come from and how they are split.
    pub tasks: Tasks,
    /// The workers.
    pub pool: Pool,
    /// How much the pool may cost.
    #[serde(default)]
    pub budget: Budget,
    /// The form of workflows and what the policy is shown.
    #[serde(default)]
    pub workflow: Workflow,
    /// The language model that is trained.
    pub policy: Policy,
    /// How workflows are sampled.
    #[serde(default)]
    pub sampling: Sampling,
    /// How sampled workflows are run.
    #[serde(default)]
    pub rollout: Rollout,
    /// How answers are graded and rewards shaped.
    #[serde(default)]
    pub reward: Reward,
    /// How programs under test are kept apart.
    #[serde(default)]
    pub sandbox: Sandbox,
    /// Supervised learning of the form before reinforcement.
    #[serde(default)]
    pub warm_start: WarmStart,
    /// Reinforcement learning.
    #[serde(default)]
    pub train: Train,
    /// Evaluation during and after training.
    #[serde(default)]
    pub eval: Eval,
    /// Checkpoints.
    #[serde(default)]
    pub checkpoint: Checkpoint,
}

impl Config {
    /// A resolved configuration that an older program stored, with the keys that were added since at their defaults; `None` where
    /// it is not one.
    pub fn with_defaults(stored: &str) -> Option<String> {
        toml::to_string(&toml::from_str::<Self>(stored).ok()?).ok()
    }
}
