//! Reads what a reward report needs of an episode log, and no token and no text of it.

use std::path::Path;

use conductor_types::RewardParts;

use super::super::{FORMAT, LATER_COLUMNS, decode};
use crate::columns::Table;
use crate::error::DataError;

/// The columns that are read; those that a file of an earlier version lacks are left out.
const COLUMNS: [&str; 14] = [
    "task_id",
    "round",
    "domain",
    "outcome",
    "verdict",
    "cause",
    "score",
    "reward_format",
    "reward_correctness",
    "reward_cost",
    "reward_steps",
    "reward_latency",
    "reward_obedience",
    "cost_usd",
];

/// An episode as far as its reward goes.
#[derive(Debug, Clone, PartialEq)]
pub struct RewardRow {
    /// The task.
    pub task_id: String,
    /// Which of the sample's workflows, from 0.
    pub round: u32,
    /// The task's domain.
    pub domain: String,
    /// "malformed", "ran" or "failed".
    pub outcome: String,
    /// "right", "wrong" or "unscorable"; `None` for a malformed completion.
    pub verdict: Option<String>,
    /// Why it is wrong or unscorable.
    pub cause: Option<String>,
    /// Correctness in 0..=1; `None` where there is no verdict.
    pub score: Option<f64>,
    /// The parts of the reward; `None` where the episode left its group.
    pub reward: Option<RewardParts>,
    /// Dollars of all calls.
    pub cost_usd: f64,
}

/// Hands over every row of a file, some hundred in memory at a time. Errors: it cannot be read, is no episode log, or is of a
/// newer version.
pub fn for_each_reward(path: &Path, visit: &mut dyn FnMut(RewardRow)) -> Result<(), DataError> {
    let table = Table::open(path)?;
    table.require(&FORMAT)?;
    let wanted: Vec<&str> = COLUMNS
        .into_iter()
        .filter(|name| table.has(name) || !LATER_COLUMNS.contains(name))
        .collect();
    table.for_each(&wanted, &mut |batch| decode::rewards(path, batch, visit))
}
