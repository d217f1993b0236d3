//! The episode log: one Parquet file for each part of each step, with everything about every sampled workflow.

mod decode;
mod encode;
pub mod rewards;
mod row;

use std::fs;
use std::path::{Path, PathBuf};

use conductor_types::Episode;

pub use row::EpisodeRow;

use crate::columns::{self, Format, Table};
use crate::error::{DataError, help_for};

/// What older versions lack.
const LATER_COLUMNS: [&str; 5] =
    ["round", "extracted", "reward_steps", "reward_latency", "reward_obedience"];

const FORMAT: Format = Format { name: "episodes", label: "an episode log", version: 4 };

/// The part of a step that training episodes belong to.
pub const TRAIN_PART: &str = "train";

/// The folder of a run's episodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpisodeLog {
    folder: PathBuf,
}

/// One file of the log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EpisodeFile {
    /// The training step, from 0; for evaluations the step of the weights.
    pub step: u64,
    /// "train", "valid", "test", or another name that its writer gave.
    pub part: String,
    /// Where it lies.
    pub path: PathBuf,
}

impl EpisodeLog {
    /// Opens the folder and makes it where it is missing.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, DataError> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(|source| DataError::Write {
            path: folder.clone(),
            help: help_for(&source),
            source,
            kept: "nothing was written",
        })?;
        Ok(Self { folder })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes the episodes of one part ("train", "valid", "test") of a step as `step-000012-train.parquet` and
    /// says where. A file of that name is replaced as a whole; after an error the old one stands.
    ///
    /// Errors: `part` has other characters than a-z, 0-9, '_' and '-'; the file cannot be written.
    pub fn write(&self, step: u64, part: &str, episodes: &[Episode]) -> Result<PathBuf, DataError> {
        if !is_part(part) {
            return Err(DataError::PartName { part: part.to_string() });
        }
        let path = self.folder.join(format!("step-{step:06}-{part}.parquet"));
        let rows = episodes.iter().map(EpisodeRow::from);
        write_rows(&path, rows)?;
        Ok(path)
    }

    /// Every file of the log by step and part. Files with other names are left alone.
    pub fn files(&self) -> Result<Vec<EpisodeFile>, DataError> {
        let fail = |source: std::io::Error| DataError::Read {
            operation: "list",
            path: self.folder.clone(),
            help: help_for(&source),
            source,
        };
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            if let Some((step, part)) = name_parts(&path) {
                files.push(EpisodeFile { step, part, path });
            }
        }
        files.sort();
        Ok(files)
    }

    /// Forgets what lies after a checkpoint with `step` finished steps, for a resume: training episodes of that
    /// step and later, and evaluations of later weights. An evaluation of the checkpoint's own weights stays.
    pub fn truncate_from(&self, step: u64) -> Result<(), DataError> {
        for file in self.files()? {
            let first = if file.part == TRAIN_PART { step } else { step.saturating_add(1) };
            if file.step >= first {
                fs::remove_file(&file.path).map_err(|source| DataError::Write {
                    help: help_for(&source),
                    path: file.path,
                    source,
                    kept: "it could not be removed and is still there",
                })?;
            }
        }
        Ok(())
    }
}

/// Reads a file of the log. Errors: it cannot be read, is no episode log, or is of a newer version.
pub fn read_episodes(path: &Path) -> Result<Vec<EpisodeRow>, DataError> {
    let table = Table::open(path)?;
    table.require(&FORMAT)?;
    let mut rows = Vec::new();
    let schema = encode::schema();
    let wanted: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .filter(|name| table.has(name) || !LATER_COLUMNS.contains(name))
        .collect();
    table.for_each(&wanted, &mut |batch| decode::rows(path, batch, &mut rows))?;
    Ok(rows)
}

/// Writes rows as one file of the log: for programs that build episodes without running them.
pub fn write_rows(
    path: &Path,
    rows: impl IntoIterator<Item = EpisodeRow>,
) -> Result<(), DataError> {
    let mut rows = rows.into_iter();
    let batches = std::iter::from_fn(|| {
        let chunk: Vec<EpisodeRow> = rows.by_ref().take(columns::BATCH_ROWS).collect();
        (!chunk.is_empty()).then(|| encode::batch(&chunk))
    });
    columns::write(path, &FORMAT, &encode::schema(), batches)
}

fn is_part(part: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    !part.is_empty() && part.chars().all(allowed)
}

fn name_parts(path: &Path) -> Option<(u64, String)> {
    let name = path.file_name()?.to_str()?;
    let (step, part) = name.strip_prefix("step-")?.strip_suffix(".parquet")?.split_once('-')?;
    is_part(part).then_some((step.parse().ok()?, part.to_string()))
}
