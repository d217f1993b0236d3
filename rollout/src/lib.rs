//! From the policy's words to a graded-ready answer: the prompt that asks for a workflow, the parser that reads it,
//! the pool of workers that runs it, and the recordings that keep what workers answered.
//!
//! This crate knows nothing of tensors, rewards or graders, and it never prints: what a person should know comes
//! back in results, errors and notices.

pub mod card;
pub mod dispatch;
pub mod execute;
pub mod generate;
pub mod ledger;
pub mod listing;
pub mod obedience;
pub mod parse;
pub mod pool;
pub mod prompt;
pub mod recording;
pub mod render;
pub mod store;
pub mod worker_message;

pub use card::{Price, WorkerCard};
pub use listing::{Lister, Listing};
pub use parse::ParseRules;
pub use pool::{Pool, PoolError};
