//! What a run leaves on disk: its folder, its checkpoints, and the weights that it hands out.
//!
//! A run is a folder `runs/<name>/`:
//!
//! ```text
//! lock               held while a process works in the folder
//! config.toml        the resolved configuration, written once
//! events.jsonl       one event a line
//! metrics.parquet    one row a step and metric
//! episodes/          one Parquet file a step
//! checkpoints/
//!   step-000010/     state.json, the trainer's files, manifest.json
//! ```
//!
//! Promises: a folder without a leading dot is complete; nothing is deleted before what replaces it is on the
//! disk; what is read back is checked against sizes and SHA-256 sums. This crate knows nothing of tensors,
//! networks, tasks or workers: weights are names, shapes and bytes.

mod durable;
mod error;
mod event_log;
pub mod export;
mod manifest;
mod run_folder;
mod state;
mod store;
pub mod weights;

pub use error::CheckpointError;
pub use event_log::EventLog;
pub use run_folder::RunFolder;
pub use state::{Best, STATE_VERSION, TrainPhase, TrainState};
pub use store::{Checkpoint, Checkpoints, Retention};
