//! Training and evaluation: what wires tasks, pool, grader and policy into one way through the house.
//!
//! task → prompt → sample → parse → run → grade → shape → advantage → update → record. [`train`] reads in this order;
//! nothing goes back.

pub mod advantage;
mod batch;
mod environment;
mod error;
pub mod evaluate;
mod export;
mod judge;
mod learner;
mod listings;
pub mod loss;
mod metrics;
mod obedience;
mod optimizer;
mod plan;
mod recorder;
mod rollouts;
mod run;
mod snapshot;
mod warm_start;

pub use environment::Environment;
pub use error::TrainError;
pub use export::{ExportForm, best_or_newest, checkpoint_of, export, load_checkpoint};
pub use learner::{Item, Learner, UpdateOptions, UpdateStats};
pub use optimizer::{AdamW, learning_rate};
pub use plan::{Plan, plan};
pub use rollouts::Failing;
pub use run::{Ending, TrainReport, train};
