//! `[train]`: reinforcement learning.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Reinforcement learning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Train {
    /// Updates of the policy; 0 evaluates the warm-started policy.
    pub steps: u32,
    /// Questions a step.
    #[schemars(range(min = 1))]
    pub tasks_per_step: u32,
    /// Sampled workflows a question.
    #[schemars(range(min = 1))]
    pub group_size: u32,
    /// How rewards become advantages.
    pub advantage: Advantage,
    /// Lower clip bound ε of the ratio.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub clip_low: f64,
    /// Upper clip bound ε of the ratio; DAPO's is 0.28.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub clip_high: f64,
    /// Weight of the KL term towards the policy at the start of reinforcement; 0 keeps no reference model.
    #[schemars(range(min = 0))]
    pub kl_weight: f64,
    /// Passes over each batch of episodes; above 1 the update is off-policy and the clip binds.
    #[schemars(range(min = 1))]
    pub epochs: u32,
    /// How token losses become one number.
    pub aggregation: Aggregation,
    /// Most tokens of a micro-batch, shared prefixes counted once. Bounds memory; the result does not depend on it.
    #[schemars(range(min = 1))]
    pub micro_batch_tokens: u32,
    /// The optimiser.
    pub optimizer: Optimizer,
}

impl Default for Train {
    fn default() -> Self {
        Self {
            steps: 200,
            tasks_per_step: 4,
            group_size: 64,
            advantage: Advantage::default(),
            clip_low: 0.2,
            clip_high: 0.2,
            kl_weight: 0.0,
            epochs: 1,
            aggregation: Aggregation::default(),
            micro_batch_tokens: 16_384,
            optimizer: Optimizer::default(),
        }
    }
}

/// How rewards become advantages (GRPO, arXiv 2402.03300; without the division, Dr. GRPO, arXiv 2503.20783).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Advantage {
    /// Divide by the group's standard deviation (n − 1 in the denominator).
    pub scale_by_std: bool,
    /// Added to the standard deviation.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub epsilon: f64,
}

impl Default for Advantage {
    fn default() -> Self {
        Self { scale_by_std: true, epsilon: 1e-6 }
    }
}

/// How token losses become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// The mean over the response tokens of the whole batch, micro-batches and ranks included.
    #[default]
    TokenMean,
    /// The mean over sequences of each sequence's token mean.
    SequenceMean,
    /// The sum over tokens divided by sequences × `sampling.max_new_tokens` (Dr. GRPO).
    ConstantLength,
}

/// `AdamW` (arXiv 1711.05101) with a learning-rate schedule and a gradient-norm limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Optimizer {
    /// Peak learning rate.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub lr: f64,
    /// Share of the steps over which the rate rises linearly from 0.
    #[schemars(range(min = 0, max = 1))]
    pub warmup_share: f64,
    /// What the rate does then.
    pub schedule: LrSchedule,
    /// First-moment decay.
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub beta1: f64,
    /// Second-moment decay.
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub beta2: f64,
    /// Added to the root of the second moment.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub epsilon: f64,
    /// Decoupled weight decay; norms and biases are left out.
    #[schemars(range(min = 0))]
    pub weight_decay: f64,
    /// The gradient is scaled down to this norm.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub max_grad_norm: f64,
}

impl Default for Optimizer {
    fn default() -> Self {
        Self {
            lr: 1e-6,
            warmup_share: 0.03,
            schedule: LrSchedule::default(),
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            max_grad_norm: 1.0,
        }
    }
}

/// What the learning rate does after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LrSchedule {
    /// Half a cosine down to 0 at the last step.
    #[default]
    Cosine,
    /// Stays.
    Constant,
}
