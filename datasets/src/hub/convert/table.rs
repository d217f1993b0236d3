//! Parquet, perhaps in several files: written again as one, with row groups of bounded size, in compression that every
//! reader knows.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array as _, RecordBatch, new_null_array};
use arrow_schema::{ArrowError, DataType, Field, Schema};
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
    let schema = Arc::new(common(sources, required)?);
    let mut writer = Writer::create(target, &schema, limits)?;
    for source in sources {
        let builder = open(source)?;
        let rows = rows_at_once(builder.metadata(), limits);
        let reader =
            builder.with_batch_size(rows).build().map_err(|error| unreadable(source, error))?;
        for batch in reader {
            let batch = batch.and_then(|batch| fitted(&schema, &batch));
            let batch = batch.map_err(|error| unreadable(source, error.into()))?;
            writer.write(&batch, watch)?;
        }
    }
    writer.close()
}

fn open(source: &Source<'_>) -> Result<ParquetRecordBatchReaderBuilder<File>, HubError> {
    let file = File::open(&source.path).map_err(error::io("open", &source.path))?;
    // As in `columns`: the plain Parquet types are the same whatever tool wrote the file.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
        .map_err(|error| unreadable(source, error))
}

/// The columns that all files have, in the order of the first: of one type each, where a file without any value in a column
/// has whatever the others have, and without values where one of them may be.
fn common(sources: &[Source<'_>], required: &[&str]) -> Result<Schema, HubError> {
    let mut all: Vec<Field> = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        let schema = open(source)?.schema().clone();
        let own = schema.fields();
        if number == 0 {
            let names: Vec<String> = own.iter().map(|field| field.name().clone()).collect();
            require(source.name, required, &names)?;
            all = own.iter().map(|field| Field::clone(field)).collect();
            continue;
        }
        let widened =
            all.iter().map(|field| wider(field, schema.field_with_name(field.name()).ok()?));
        match widened.collect::<Option<Vec<Field>>>() {
            Some(wider) if own.len() == all.len() => all = wider,
            _ => {
                return Err(HubError::Answer {
                    what: source.name.to_owned(),
                    expected: format!("the columns of {} ({})", sources[0].name, shape(&all)),
                    given: shape(own.iter().map(AsRef::as_ref)),
                });
            }
        }
    }
    // A column without any value in any file is text, as everywhere.
    let settled = all.into_iter().map(|field| match field.data_type() {
        DataType::Null => Field::new(field.name(), DataType::Utf8, true),
        _ => field,
    });
    Ok(Schema::new(settled.collect::<Vec<Field>>()))
}

/// A column that takes the values of both; `None` where they are of two types.
fn wider(a: &Field, b: &Field) -> Option<Field> {
    let kind = match (a.data_type(), b.data_type()) {
        (DataType::Null, other) | (other, DataType::Null) => other,
        (one, other) if one == other => one,
        _ => return None,
    };
    Some(Field::new(a.name(), kind.clone(), a.is_nullable() || b.is_nullable()))
}

/// The rows with the columns of all files.
fn fitted(schema: &Arc<Schema>, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let column = |field: &Arc<Field>| {
        let missing = || ArrowError::SchemaError(format!("no column {}", field.name()));
        let column = batch.column_by_name(field.name()).ok_or_else(missing)?;
        Ok(match column.data_type() {
            DataType::Null => new_null_array(field.data_type(), batch.num_rows()),
            _ => column.clone(),
        })
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>, ArrowError>>()?;
    RecordBatch::try_new(schema.clone(), columns)
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

fn shape<'a>(fields: impl IntoIterator<Item = &'a Field>) -> String {
    let told = |field: &Field| format!("{} {}", field.name(), field.data_type());
    fields.into_iter().map(told).collect::<Vec<_>>().join(", ")
}

/// Errors name the hub's file, not the one in the cache, which is called by its sum.
fn unreadable(source: &Source<'_>, error: ParquetError) -> HubError {
    columns::unreadable(Path::new(source.name), error).into()
}
