//! Tasks in, logs out: reads task sources, splits and orders them, and keeps the episode log and the
//! metrics of a run as Parquet; brings benchmarks from the hub.
//!
//! Everything here is files and arithmetic, but for `hub`, which alone reaches the network. This crate
//! knows nothing of workers, graders or tensors, and starts no thread. The forms of all files are in
//! `docs/formats.md`.

mod atomic;
mod cache;
mod columns;
mod constraints;
mod day;
pub mod episodes;
mod error;
pub mod hub;
mod metrics;
pub mod mix;
mod names;
pub mod order;
pub mod python_random;
mod set;
pub mod sources;
mod split;
mod split_file;
mod store;
mod table;

pub use episodes::{EpisodeFile, EpisodeLog, EpisodeRow, read_episodes};
pub use error::{DataError, Place};
pub use metrics::{MetricRow, MetricsAt, MetricsLog};
pub use mix::TrainOrder;
pub use order::tasks_of_step;
pub use python_random::PythonRandom;
pub use set::{MEMORY_BYTES, TaskEntry, TaskSet, load, load_with};
pub use split::split_of;
pub use split_file::{split_line, write_splits};
pub use table::TaskWriter;
