//! How the parts of a reward that are not its cost are normalised.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How something that is gained enters the reward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GainForm {
    /// Added to the other parts; the sum is normalised within its group.
    #[default]
    Joint,
    /// Normalised within its group on its own, then weighted and added to the advantage.
    Separate,
}

/// How something that is lost enters the reward. A plain subtraction under division by the group's standard deviation cancels
/// the weight in groups without another spread, so that pair is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossForm {
    /// Weight × amount × the group's pass rate: a group that nobody solves teaches nothing about it.
    #[default]
    PassRate,
    /// Weight × amount, subtracted as it is; only with `train.advantage.scale_by_std = false`.
    Plain,
    /// Normalised within its group on its own, then weighted and added to the advantage.
    Separate,
}
