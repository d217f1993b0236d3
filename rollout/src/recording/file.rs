//! The Parquet file: version 1.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::{RecordedAnswer, Recording, RecordingError};

/// The version that is written; every earlier one is read.
pub const VERSION: u32 = 1;

const FORMAT_KEY: &str = "conductor.format";
const FORMAT: &str = "recording";
const VERSION_KEY: &str = "conductor.version";

/// Reads a recording whole.
pub fn read(path: &Path) -> Result<Recording, RecordingError> {
    let parquet_error = |error: &dyn std::fmt::Display| RecordingError::Parquet {
        path: path.to_owned(),
        message: error.to_string(),
    };
    let file = File::open(path).map_err(RecordingError::io("open", path))?;
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| parquet_error(&error))?;
    let metadata = builder.metadata().file_metadata().key_value_metadata().cloned();
    check_version(path, metadata.as_deref().unwrap_or_default())?;
    check_columns(path, builder.schema())?;
    let mut rows = Vec::new();
    for batch in builder.build().map_err(|error| parquet_error(&error))? {
        let batch = batch.map_err(|error| parquet_error(&error))?;
        append_rows(&batch, &mut rows);
    }
    Recording::new(rows).map_err(|(row, message)| RecordingError::Row {
        path: path.to_owned(),
        row,
        message,
    })
}

/// Writes a recording aside, syncs it and renames it over `path`: there is never half a file.
pub fn write(recording: &Recording, path: &Path) -> Result<(), RecordingError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(RecordingError::io("create", folder))?;
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".tmp-{}", std::process::id()));
    let aside = std::path::PathBuf::from(aside);
    let written = write_aside(recording, &aside).and_then(|()| {
        std::fs::rename(&aside, path).map_err(RecordingError::io("rename to", path))
    });
    if written.is_err() {
        // The first error is the one to report.
        let _ = std::fs::remove_file(&aside);
        return written;
    }
    // The rename itself must outlive a power cut.
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(RecordingError::io("sync", folder))
}

fn write_aside(recording: &Recording, path: &Path) -> Result<(), RecordingError> {
    let failed = |error: parquet::errors::ParquetError| RecordingError::Io {
        operation: "write",
        path: path.to_owned(),
        source: std::io::Error::other(error),
    };
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by("conductor".into())
        .set_key_value_metadata(Some(vec![
            KeyValue::new(FORMAT_KEY.into(), FORMAT.to_owned()),
            KeyValue::new(VERSION_KEY.into(), VERSION.to_string()),
        ]))
        .build();
    let file = File::create(path).map_err(RecordingError::io("create", path))?;
    let batch = to_batch(recording.rows()).map_err(|error| failed(error.into()))?;
    let mut writer =
        ArrowWriter::try_new(file, batch.schema(), Some(properties)).map_err(failed)?;
    writer.write(&batch).map_err(failed)?;
    let mut file = writer.into_inner().map_err(failed)?;
    file.flush().and_then(|()| file.sync_all()).map_err(RecordingError::io("sync", path))
}

/// Name, type and whether absent values are allowed.
const COLUMNS: [(&str, DataType, bool); 9] = [
    ("task_id", DataType::Utf8, false),
    ("worker", DataType::Utf8, false),
    ("answer", DataType::Utf8, true),
    ("score", DataType::Float64, true),
    ("prompt_tokens", DataType::UInt64, false),
    ("completion_tokens", DataType::UInt64, false),
    ("cost_usd", DataType::Float64, true),
    ("latency_ms", DataType::Float64, true),
    ("prompt_sha256", DataType::Utf8, true),
];

fn to_batch(rows: &[RecordedAnswer]) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let fields: Vec<Field> =
        COLUMNS.iter().map(|(name, kind, null)| Field::new(*name, kind.clone(), *null)).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.task_id))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.worker))),
        Arc::new(rows.iter().map(|row| row.answer.as_ref()).collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| row.score).collect::<Float64Array>()),
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.prompt_tokens))),
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.completion_tokens))),
        Arc::new(rows.iter().map(|row| row.cost_usd).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|row| row.latency_ms).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|row| row.prompt_sha256.as_ref()).collect::<StringArray>()),
    ];
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn check_version(path: &Path, metadata: &[KeyValue]) -> Result<(), RecordingError> {
    let value = |key: &str| {
        metadata.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.clone())
    };
    let wrong = |expected: String, found: Option<String>| RecordingError::Format {
        path: path.to_owned(),
        expected,
        found: found.unwrap_or_else(|| "nothing".into()),
    };
    let format = value(FORMAT_KEY);
    if format.as_deref() != Some(FORMAT) {
        let expected = format!("the metadata {FORMAT_KEY} = {FORMAT} (make one with pool import)");
        return Err(wrong(expected, format));
    }
    let version = value(VERSION_KEY);
    let known = version.as_deref().and_then(|text| text.parse::<u32>().ok());
    if known.is_none_or(|number| number == 0 || number > VERSION) {
        return Err(wrong(format!("version 1 to {VERSION}"), version));
    }
    Ok(())
}

fn check_columns(path: &Path, schema: &Schema) -> Result<(), RecordingError> {
    for (name, expected, _) in COLUMNS {
        let found = schema.field_with_name(name).ok().map(Field::data_type);
        if found != Some(&expected) {
            return Err(RecordingError::Format {
                path: path.to_owned(),
                expected: format!("a column {name} of type {expected}"),
                found: found.map_or_else(|| "no such column".into(), ToString::to_string),
            });
        }
    }
    Ok(())
}

/// The columns were checked against `COLUMNS`; an absent value in a column that allows none reads as empty or 0.
fn append_rows(batch: &RecordBatch, rows: &mut Vec<RecordedAnswer>) {
    let column = |index: usize| {
        batch.column_by_name(COLUMNS[index].0).expect("every column was found in the file's schema")
    };
    let text = |index: usize, row: usize| {
        let values = column(index).as_string::<i32>();
        values.is_valid(row).then(|| values.value(row).to_owned())
    };
    let float = |index: usize, row: usize| {
        let values = column(index).as_primitive::<Float64Type>();
        values.is_valid(row).then(|| values.value(row))
    };
    let count = |index: usize, row: usize| {
        let values = column(index).as_primitive::<UInt64Type>();
        if values.is_valid(row) { values.value(row) } else { 0 }
    };
    rows.extend((0..batch.num_rows()).map(|row| RecordedAnswer {
        task_id: text(0, row).unwrap_or_default(),
        worker: text(1, row).unwrap_or_default(),
        answer: text(2, row),
        score: float(3, row),
        prompt_tokens: count(4, row),
        completion_tokens: count(5, row),
        cost_usd: float(6, row),
        latency_ms: float(7, row),
        prompt_sha256: text(8, row),
    }));
}
