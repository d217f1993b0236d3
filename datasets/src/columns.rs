//! Parquet tables as all our readers and writers see them.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use arrow_schema::Schema;
use parquet::arrow::ArrowWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaData};
use parquet::file::properties::WriterProperties;

use crate::atomic;
use crate::error::{DataError, help_for};

/// Rows that are in memory at once, at most.
pub const BATCH_ROWS: usize = 512;

/// What the rows of a batch may come to on average, in bytes: rows of some benchmarks have megabytes.
const BATCH_BYTES: i64 = 8 << 20;

const FORMAT_KEY: &str = "conductor.format";
const VERSION_KEY: &str = "conductor.version";

/// A kind of log and its newest version.
pub struct Format {
    /// The value of `conductor.format`.
    pub name: &'static str,
    /// The words for a person.
    pub label: &'static str,
    /// The newest version that this program writes and reads.
    pub version: u32,
}

/// A Parquet file that was opened and whose footer was read.
pub struct Table {
    path: PathBuf,
    builder: ParquetRecordBatchReaderBuilder<File>,
}

impl Table {
    /// Opens a file. Errors: it cannot be opened, or is no Parquet.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let file = File::open(path).map_err(|source| DataError::Read {
            operation: "open",
            path: path.to_path_buf(),
            help: help_for(&source),
            source,
        })?;
        // The writer's own Arrow types (large strings, categories) are left aside: the plain Parquet types are
        // the same whatever tool wrote the file.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
            .map_err(|error| unreadable(path, error))?;
        Ok(Self { path: path.to_path_buf(), builder })
    }

    /// Whether there is a top-level column of that name.
    pub fn has(&self, column: &str) -> bool {
        self.builder.schema().column_with_name(column).is_some()
    }

    /// Errors: the file is not of this format, or of a version that is not known here.
    pub fn require(&self, format: &Format) -> Result<(), DataError> {
        let pairs: HashMap<&str, &str> = self
            .builder
            .metadata()
            .file_metadata()
            .key_value_metadata()
            .into_iter()
            .flatten()
            .filter_map(|pair| Some((pair.key.as_str(), pair.value.as_deref()?)))
            .collect();
        let found = match (pairs.get(FORMAT_KEY), pairs.get(VERSION_KEY)) {
            (Some(&name), _) if name != format.name => {
                format!("its {FORMAT_KEY} is \"{name}\"; give a file of \"{}\"", format.name)
            }
            (Some(_), Some(version)) => match version.parse::<u32>() {
                Ok(version) if (1..=format.version).contains(&version) => return Ok(()),
                Ok(version) if version > format.version => {
                    format!("it has version {version}, of a newer Conductor; update this one")
                }
                _ => format!("its {VERSION_KEY} is \"{version}\"; the file is damaged"),
            },
            _ => format!(
                "it carries no {FORMAT_KEY} and {VERSION_KEY}; it was not written by Conductor, or was \
                 written again by another tool, which drops them"
            ),
        };
        Err(DataError::Version {
            path: self.path.clone(),
            format: format.label,
            known: format.version,
            found,
        })
    }

    /// The names of the top-level columns.
    pub fn names(&self) -> Vec<String> {
        self.builder.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    /// Reads the wanted columns, some rows at a time. Errors: a column is missing, the file is damaged.
    pub fn for_each(
        self,
        wanted: &[&str],
        visit: &mut dyn FnMut(&RecordBatch) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let Self { path, builder } = self;
        let names: Vec<&str> =
            builder.schema().fields().iter().map(|f| f.name().as_str()).collect();
        if let Some(missing) = wanted.iter().find(|name| !names.contains(name)) {
            return Err(DataError::Column {
                path,
                column: (*missing).to_string(),
                expected: "there".into(),
                given: format!("missing; the file has {}", names.join(", ")),
            });
        }
        let columns: Vec<usize> =
            (0..names.len()).filter(|&i| wanted.contains(&names[i])).collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns);
        let rows = batch_rows(builder.metadata(), wanted);
        let reader = builder
            .with_projection(mask)
            .with_batch_size(rows)
            .build()
            .map_err(|error| unreadable(&path, error))?;
        for batch in reader {
            visit(&batch.map_err(|error| unreadable(&path, ParquetError::from(error)))?)?;
        }
        Ok(())
    }
}

/// How many rows to hold at once, from what the footer says of their size.
fn batch_rows(metadata: &ParquetMetaData, wanted: &[&str]) -> usize {
    let widest = metadata.row_groups().iter().map(|group| {
        let bytes: i64 = group
            .columns()
            .iter()
            .filter(|column| {
                let root = column.column_path().parts().first();
                root.is_some_and(|root| wanted.contains(&root.as_str()))
            })
            .map(|column| column.uncompressed_size().max(0))
            .sum();
        bytes / group.num_rows().max(1)
    });
    let widest = widest.max().unwrap_or(0).max(1);
    usize::try_from(BATCH_BYTES / widest).unwrap_or(1).clamp(1, BATCH_ROWS)
}

/// A column of a known type. `expected` is the type in words.
pub fn get<'a, A: Array + 'static>(
    path: &Path,
    batch: &'a RecordBatch,
    name: &str,
    expected: &str,
) -> Result<&'a A, DataError> {
    let fail = |given: String| DataError::Column {
        path: path.to_path_buf(),
        column: name.to_string(),
        expected: expected.to_string(),
        given,
    };
    let column = batch.column_by_name(name).ok_or_else(|| fail("missing".into()))?;
    column.as_any().downcast_ref().ok_or_else(|| fail(column.data_type().to_string()))
}

/// How a table of this format is written.
pub fn properties(format: &Format) -> WriterProperties {
    let pair = |key: &str, value: String| KeyValue::new(key.to_string(), value);
    WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by("conductor".to_string())
        .set_key_value_metadata(Some(vec![
            pair(FORMAT_KEY, format.name.to_string()),
            pair(VERSION_KEY, format.version.to_string()),
        ]))
        .build()
}

/// Writes a table aside, syncs it and puts it in place. `batches` are encoded one at a time.
pub fn write(
    path: &Path,
    format: &Format,
    schema: &Arc<Schema>,
    batches: impl Iterator<Item = RecordBatch>,
) -> Result<(), DataError> {
    let properties = properties(format);
    atomic::replace(path, |file| {
        let mut writer =
            ArrowWriter::try_new(file, schema.clone(), Some(properties)).map_err(into_io)?;
        for batch in batches {
            writer.write(&batch).map_err(into_io)?;
            writer.flush().map_err(into_io)?;
        }
        writer.close().map_err(into_io)?;
        Ok(())
    })
}

/// Keeps the system's own error where there is one, so that a full disk is told from a bad value.
pub fn into_io(error: ParquetError) -> std::io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(error) => *error,
            Err(inner) => std::io::Error::other(inner),
        },
        error => std::io::Error::other(error),
    }
}

pub fn unreadable(path: &Path, source: ParquetError) -> DataError {
    let text = source.to_string();
    let help = if text.contains("Disabled feature") || text.contains("compression") {
        "write the file again with snappy, zstd or no compression"
    } else {
        "the file is cut short or damaged, or is no Parquet; fetch or write it again"
    };
    DataError::Parquet { path: path.to_path_buf(), source, help: help.into() }
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, StringArray};

    use super::*;

    #[test]
    fn a_full_disk_is_told_through_the_encoder() {
        let Ok(full) = File::options().write(true).open("/dev/full") else { return };
        let column: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(100_000)]));
        let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
        let mut writer = ArrowWriter::try_new(full, batch.schema(), None).unwrap();
        let error = writer.write(&batch).and_then(|()| writer.close().map(|_| ())).unwrap_err();
        assert_eq!(into_io(error).kind(), std::io::ErrorKind::StorageFull);
    }
}
