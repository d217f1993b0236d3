//! Models that leave the house: folders that transformers, vLLM, PEFT and llama.cpp load as they are.
//!
//! A folder is written aside, synced and renamed: it is there whole or not at all.

mod hugging_face;
mod peft;

use std::fs;
use std::path::{Path, PathBuf};

pub use hugging_face::hugging_face;
pub use peft::{Lora, peft};

use crate::durable;
use crate::error::{CheckpointError, is_out_of_space};
use crate::weights::WeightsError;

/// How to export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportOptions {
    /// Replace an earlier export in the same place.
    pub overwrite: bool,
    /// Most bytes of one weight file; larger models are cut into several with an index.
    pub max_shard_bytes: u64,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self { overwrite: false, max_shard_bytes: 4_000_000_000 }
    }
}

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Something is there already.
    #[error("{} is not empty: choose another folder, or pass --overwrite to replace the model in it", out.display())]
    NotEmpty {
        /// The folder.
        out: PathBuf,
    },
    /// What is there is no model, so it is not replaced even when asked to.
    #[error(
        "{} is not replaced: it holds neither config.json nor adapter_config.json, so it is no exported model",
        out.display()
    )]
    NotAModel {
        /// The folder.
        out: PathBuf,
    },
    /// The export would replace its own source.
    #[error("cannot export to {}: it is the folder that the model comes from; choose another", out.display())]
    OntoSource {
        /// The folder.
        out: PathBuf,
    },
    /// The model that the export is based on lacks a file or has a broken one.
    #[error("cannot use {}: {message}", path.display())]
    BadSource {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        message: String,
    },
    /// The tensors are not what such a folder holds.
    #[error("cannot export the tensors: {message}")]
    BadTensors {
        /// What was expected and what was found.
        message: String,
    },
    /// The weights cannot be written.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The disk is full.
    #[error("no space left to write {}: free some space or choose another folder; nothing was replaced", path.display())]
    DiskFull {
        /// The file or folder.
        path: PathBuf,
    },
    /// A folder cannot be made durable or moved.
    #[error(transparent)]
    Folder(#[from] CheckpointError),
}

/// Refuses a place that must not be written to.
fn check_place(out: &Path, source: Option<&Path>, overwrite: bool) -> Result<(), ExportError> {
    if let (Some(source), Ok(canonical)) = (source, out.canonicalize())
        && source.canonicalize().is_ok_and(|source| source == canonical)
    {
        return Err(ExportError::OntoSource { out: out.to_owned() });
    }
    if !out.exists() {
        return Ok(());
    }
    let is_empty = out.is_dir() && durable::entries(out)?.is_empty();
    if is_empty {
        return Ok(());
    }
    if !overwrite {
        return Err(ExportError::NotEmpty { out: out.to_owned() });
    }
    if !out.join("config.json").is_file() && !out.join("adapter_config.json").is_file() {
        return Err(ExportError::NotAModel { out: out.to_owned() });
    }
    Ok(())
}

/// Fills a folder beside `out` and puts it in its place.
fn publish(
    out: &Path,
    fill: impl FnOnce(&Path) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let parent = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(|e| CheckpointError::io("create", parent, e))?;
    let aside = durable::sibling(out, "partial");
    durable::remove(&aside)?;
    fs::create_dir(&aside).map_err(|e| CheckpointError::io("create", &aside, e))?;
    let published = fill(&aside).and_then(|()| Ok(durable::replace_folder(&aside, out)?));
    published.map_err(|error| {
        // The unfinished folder may be what fills the disk; the first error is the one that matters.
        let _ = durable::remove(&aside);
        match error {
            ExportError::Weights(WeightsError::Io { source, path, .. })
                if is_out_of_space(&source) =>
            {
                ExportError::DiskFull { path }
            }
            ExportError::Folder(CheckpointError::DiskFull { path, .. }) => {
                ExportError::DiskFull { path }
            }
            other => other,
        }
    })
}

fn write_json(path: &Path, value: &serde_json::Value) -> Result<(), ExportError> {
    let text = format!("{value:#}\n");
    fs::write(path, text).map_err(|e| CheckpointError::io("write", path, e).into())
}
