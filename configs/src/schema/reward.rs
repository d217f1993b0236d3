//! `[reward]`: grading and shaping.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GainForm, LossForm};

/// Grading and shaping. A reward is the sum of its parts: format, correctness, cost, steps, latency and obedience. A completion
/// that is no workflow gets 0 in each of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reward {
    /// Reward of a workflow that ran, right or wrong; a completion that is no workflow gets 0.
    #[schemars(range(min = 0))]
    pub format: f64,
    /// How the format part is normalised.
    pub format_form: GainForm,
    /// Added in proportion to the answer's score (1 for a right one).
    #[schemars(range(min = 0))]
    pub correct: f64,
    /// How the correctness part is normalised.
    pub correct_form: GainForm,
    /// Reward lost per `cost_unit_usd` spent.
    #[schemars(range(min = 0))]
    pub cost_weight: f64,
    /// The sum that counts as 1 in the cost part. Give it the size of a typical workflow's cost.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub cost_unit_usd: f64,
    /// How the cost enters.
    pub cost_form: CostForm,
    /// Reward lost per `steps_unit` steps of the workflow.
    #[schemars(range(min = 0))]
    pub steps_weight: f64,
    /// The number of steps that counts as 1 in the steps part.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub steps_unit: f64,
    /// How the steps enter.
    pub steps_form: LossForm,
    /// Reward lost per `latency_unit_secs` that a user waits: the longest chain of steps that wait for one another.
    #[schemars(range(min = 0))]
    pub latency_weight: f64,
    /// The time that counts as 1 in the latency part.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub latency_unit_secs: f64,
    /// How the latency enters.
    pub latency_form: LossForm,
    /// Added for a workflow that obeys its question's constraint. Questions without one have nothing to obey, and nothing is
    /// added.
    #[schemars(range(min = 0))]
    pub obedience_weight: f64,
    /// How the obedience part is normalised.
    pub obedience_form: GainForm,
    /// How rounds share in the reward, where `workflow.rounds` is above 1.
    pub credit: Credit,
    /// How the package reasoning-gym is reached, for questions of generators whose scorer is its own.
    pub reasoning_gym: ReasoningGym,
    /// The model that judges answers to tasks with the grading `judge`; absent where no task has it.
    pub judge: Option<Judge>,
}

impl Default for Reward {
    fn default() -> Self {
        Self {
            format: 0.5,
            format_form: GainForm::default(),
            correct: 0.5,
            correct_form: GainForm::default(),
            cost_weight: 0.0,
            cost_unit_usd: 0.001,
            cost_form: CostForm::default(),
            steps_weight: 0.0,
            steps_unit: 1.0,
            steps_form: LossForm::default(),
            latency_weight: 0.0,
            latency_unit_secs: 10.0,
            latency_form: LossForm::default(),
            obedience_weight: 0.0,
            obedience_form: GainForm::default(),
            credit: Credit::default(),
            reasoning_gym: ReasoningGym::default(),
            judge: None,
        }
    }
}

/// How the cost enters the reward. A plain subtraction under division by the group's standard deviation cancels the
/// weight in groups without another spread, so that pair is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CostForm {
    /// Weight × cost × the group's pass rate: a group that nobody solves teaches nothing about price.
    #[default]
    PassRate,
    /// Weight × cost, subtracted as it is; only with `train.advantage.scale_by_std = false`.
    Plain,
    /// The cost is normalised within its group on its own, then weighted and added to the advantage.
    Separate,
    /// Router-R1's (arXiv 2506.09033): a right answer's reward is shared between the two, (1 − weight) × `correct` × score for
    /// being right and weight × `correct` × (1 − cost) for being cheap, where the cost counts at most as 1. A wrong answer gets
    /// neither, so that cheapness counts only when it is right, and a right answer never earns less than a wrong one. The
    /// weight is at most 1.
    RouterR1,
    /// xRouter's (arXiv 2510.08439): score × (K − λ × dollars), with K = `correct` and λ = `cost_weight` / `cost_unit_usd`. A
    /// right answer that costs more than K / λ earns less than a wrong one; `conductor report rewards` counts those.
    #[serde(rename = "xrouter")]
    XRouter,
}

/// How the rounds of an episode share in its reward. Scores are what the reward is made of: `correct` × score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Credit {
    /// A round has a share of what comes after it: its score is (1 − g) × its own + g × the next round's.
    Discounted {
        /// g.
        #[serde(default = "default_share")]
        #[schemars(range(min = 0, max = 1))]
        share: f64,
    },
    /// The first round keeps its score; a later round is paid by what it changed. With `format` and `correct` of 0.5, its
    /// reward is 1 for an answer that was right and still is, 1.5 for one that was wrong and is right now, 0 for one that was
    /// right and is wrong now, and 0.5 for one that is still wrong.
    Transition {},
}

impl Default for Credit {
    fn default() -> Self {
        Self::Discounted { share: default_share() }
    }
}

fn default_share() -> f64 {
    0.25
}

/// How the package reasoning-gym scores answers. Generators with a simple scorer need none of this: theirs is built in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReasoningGym {
    /// A Python that has the package, for example the one that `make tasks` makes (`.tasks-venv/bin/python`).
    #[schemars(length(min = 1))]
    pub interpreter: String,
    /// Wall-clock time of scoring one answer. What takes longer is killed, and its episode has no score.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub time_secs: f64,
    /// Address space of a scoring process, the package included.
    #[schemars(range(min = 1))]
    pub memory_mib: u64,
    /// Answers scored at once; absent means as many as there are cores.
    #[schemars(range(min = 1))]
    pub parallel: Option<u32>,
}

impl Default for ReasoningGym {
    fn default() -> Self {
        Self { interpreter: "python3".into(), time_secs: 10.0, memory_mib: 2048, parallel: None }
    }
}

/// A model as judge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    /// The name of a live worker of `pool.workers` or, so that the policy does not see it, of `pool.unlisted`.
    #[schemars(length(min = 1))]
    pub worker: String,
}
