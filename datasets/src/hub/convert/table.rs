//! Parquet, perhaps in several files: written again as one, with row groups of bounded size, in compression that every
//! reader knows.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use super::writer::Writer;
use super::{Limits, Source, Written, require};
use crate::columns;
use crate::hub::error::{self, HubError};
use crate::hub::watch::Watch;

pub(super) fn store(
    sources: &[Source<'_>],
    required: &[&str],
    target: &Path,
    limits: &Limits,
    watch: &mut dyn Watch,
) -> Result<Written, HubError> {
    let mut writer: Option<(Writer, Arc<Schema>)> = None;
    for source in sources {
        let file = File::open(&source.path).map_err(error::io("open", &source.path))?;
        // As in `columns`: the plain Parquet types are the same whatever tool wrote the file.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
            .map_err(|error| unreadable(source, error))?;
        let schema = Arc::new(Schema::new(builder.schema().fields().clone()));
        let (writer, first) = if let Some(writer) = &mut writer {
            writer
        } else {
            let names: Vec<String> =
                schema.fields().iter().map(|field| field.name().clone()).collect();
            require(source.name, required, &names)?;
            writer.insert((Writer::create(target, &schema, limits)?, schema.clone()))
        };
        if !same(first, &schema) {
            return Err(HubError::Answer {
                what: source.name.to_owned(),
                expected: format!("the columns of {} ({})", sources[0].name, shape(first)),
                given: shape(&schema),
            });
        }
        let rows = rows_at_once(builder.metadata(), limits);
        let reader =
            builder.with_batch_size(rows).build().map_err(|error| unreadable(source, error))?;
        for batch in reader {
            let batch = batch.map_err(|error| unreadable(source, error.into()))?;
            let batch = RecordBatch::try_new(first.clone(), batch.columns().to_vec())
                .map_err(|error| unreadable(source, error.into()))?;
            writer.write(&batch, watch)?;
        }
    }
    match writer {
        Some((writer, _)) => writer.close(),
        None => unreachable!("every stored file has a source"),
    }
}

/// So many that they have about the bytes of a batch.
fn rows_at_once(metadata: &ParquetMetaData, limits: &Limits) -> usize {
    let widest = metadata
        .row_groups()
        .iter()
        .map(|group| group.total_byte_size().max(0) as u64 / (group.num_rows().max(1) as u64));
    let widest = widest.max().unwrap_or(0).max(1);
    usize::try_from(limits.batch_bytes as u64 / widest).unwrap_or(1).clamp(1, limits.batch_rows)
}

/// Whether two files have the same columns of the same types in the same order.
fn same(a: &Schema, b: &Schema) -> bool {
    a.fields().len() == b.fields().len()
        && a.fields().iter().zip(b.fields()).all(|(a, b)| {
            a.name() == b.name()
                && a.data_type() == b.data_type()
                && a.is_nullable() == b.is_nullable()
        })
}

fn shape(schema: &Schema) -> String {
    let columns: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| format!("{} {}", field.name(), field.data_type()))
        .collect();
    columns.join(", ")
}

/// Errors name the hub's file, not the one in the cache, which is called by its sum.
fn unreadable(source: &Source<'_>, error: ParquetError) -> HubError {
    columns::unreadable(Path::new(source.name), error).into()
}
