//! From the hub's files to stored Parquet, some rows at a time: a file of any length needs the memory of a row group.

mod json;
mod sheet;
mod table;
mod writer;

use std::path::{Path, PathBuf};

use super::error::HubError;
use super::watch::Watch;

/// One of the hub's files, as it lies in the cache.
pub(super) struct Source<'a> {
    /// Its path on the hub, whose ending says what it is.
    pub name: &'a str,
    /// Where it lies.
    pub path: PathBuf,
}

/// What was written.
pub(super) struct Written {
    pub rows: u64,
    pub columns: Vec<String>,
}

/// How much is in memory at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Rows and bytes that are decoded together; a single longer row is taken as well.
    pub batch_rows: usize,
    pub batch_bytes: usize,
    /// Encoded bytes of a row group.
    pub group_bytes: usize,
    /// Bytes of one row.
    pub row_bytes: usize,
}

impl Limits {
    /// LiveCodeBench has rows of a hundred megabytes.
    pub const USUAL: Self =
        Self { batch_rows: 1024, batch_bytes: 8 << 20, group_bytes: 32 << 20, row_bytes: 1 << 30 };
}

/// Writes the rows of all sources, one after the other, to one Parquet file, which must have these columns.
pub(super) fn store(
    sources: &[Source<'_>],
    required: &[&str],
    target: &Path,
    limits: &Limits,
    watch: &mut dyn Watch,
) -> Result<Written, HubError> {
    let ending = |source: &Source<'_>| source.name.rsplit('.').next().map(str::to_owned);
    match sources.first().and_then(ending).as_deref() {
        Some("csv") => sheet::store(sources, required, target, limits, watch),
        Some("parquet") => table::store(sources, required, target, limits, watch),
        _ => json::store(sources, required, target, limits, watch),
    }
}

/// Errors: a column is missing.
fn require(file: &str, required: &[&str], found: &[String]) -> Result<(), HubError> {
    let missing: Vec<String> = required
        .iter()
        .filter(|name| !found.iter().any(|column| column == *name))
        .map(|name| (*name).to_owned())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(HubError::Columns { file: file.to_owned(), missing, found: found.to_vec() })
}

#[cfg(test)]
mod tests;
