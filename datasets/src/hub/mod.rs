//! Benchmarks from the Hugging Face hub, stored as Parquet.
//!
//! `plan` says what a fetch would bring, `fetch` brings it: the list of files from the hub, each file into the cache
//! that Hugging Face's tools share (resumed, checked, retried), then rows into a folder of Parquet files with a
//! manifest. The client is hf-hub's; `client` and `transfer` say what it does not do and is done here. Nothing is
//! printed: whoever calls looks on through [`Watch`].

mod cache;
mod client;
mod convert;
mod error;
mod fetch;
mod folder;
mod listing;
mod manifest;
mod plan;
pub mod registry;
mod retry;
mod settings;
mod sum;
mod transfer;
mod watch;

pub use error::HubError;
pub use fetch::{Fetched, fetch};
pub use manifest::{MANIFEST, Manifest, SourceFile, StoredFile};
pub use plan::{Plan, Planned, Request, plan};
pub use registry::{BENCHMARKS, Benchmark, Release, Stored};
pub use settings::{HubSettings, Patience, Token};
pub use sum::Sum;
pub use watch::{Event, Watch};
