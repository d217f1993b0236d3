//! What the rewards of a run look like: each part's distribution, which of them tells the members of a group apart, and what
//! had no reward.

mod read;
mod summary;
mod values;

pub use read::{RewardRow, for_each_reward};
pub use summary::{
    CostAndCorrectness, Groups, PartReport, RewardReport, RightBelowWrong, reward_report,
};
pub use values::{BINS, Distribution};
