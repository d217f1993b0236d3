//! Tasks in, logs out: reads task sources, splits and orders them, and keeps the episode log and the
//! metrics of a run as Parquet; brings benchmarks from the hub.
//!
//! Everything here is files and arithmetic, but for `hub`, which alone reaches the network. This crate
//! knows nothing of workers, graders or tensors, and starts no thread. The forms of all files are in
//! `docs/formats.md`.

mod atomic;
mod columns;
mod constraints;
pub mod episodes;
mod error;
pub mod hub;
mod metrics;
mod names;
pub mod order;
mod set;
pub mod sources;
mod split;

pub use episodes::{EpisodeFile, EpisodeLog, EpisodeRow, read_episodes};
pub use error::{DataError, Place};
pub use metrics::{MetricRow, MetricsAt, MetricsLog};
pub use order::tasks_of_step;
pub use set::{TaskSet, load};
pub use split::split_of;
