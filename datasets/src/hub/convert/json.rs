//! JSONL. The file is read twice: once to see what its columns hold, once to write them.

use std::path::Path;
use std::sync::Arc;

use arrow_json::ReaderBuilder;
use arrow_json::reader::{Decoder, infer_json_schema_from_iterator};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema};
use serde_json::Value;

use super::writer::Writer;
use super::{Limits, Source, Written, require};
use crate::error::{DataError, Place, Position, excerpt};
use crate::hub::error::HubError;
use crate::hub::watch::{Watch, go_on};
use crate::sources::lines::{self, Lines};

/// More are no table, but an object whose keys are data.
const MOST_COLUMNS: usize = 2000;

const EXPECTED: &str = "a JSON object with the benchmark's columns";

pub(super) fn store(
    sources: &[Source<'_>],
    required: &[&str],
    target: &Path,
    limits: &Limits,
    watch: &mut dyn Watch,
) -> Result<Written, HubError> {
    let schema = Arc::new(schema_of(sources, limits, watch)?);
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    require(sources.first().map_or("", |source| source.name), required, &names)?;
    let mut writer = Writer::create(target, &schema, limits)?;
    let mut decoder = ReaderBuilder::new(schema.clone())
        .with_batch_size(limits.batch_rows)
        .with_coerce_primitive(true)
        .build_decoder()
        .map_err(|error| refused(sources[0].name, error.to_string()))?;
    for source in sources {
        let mut lines = open(source, limits)?;
        let (mut rows, mut bytes) = (0, 0);
        while let Some((number, text)) = lines.next_line().map_err(|e| named(source, e))? {
            feed(&mut decoder, text).map_err(|given| bad_line(source, number, given))?;
            (rows, bytes) = (rows + 1, bytes + text.len());
            if rows >= limits.batch_rows || bytes >= limits.batch_bytes {
                flush(&mut decoder, source, &mut writer, watch)?;
                (rows, bytes) = (0, 0);
            }
        }
        flush(&mut decoder, source, &mut writer, watch)?;
    }
    writer.close()
}

fn open(source: &Source<'_>, limits: &Limits) -> Result<Lines, HubError> {
    let reader = lines::open(&source.path).map_err(|error| named(source, error))?;
    Ok(Lines::over(&source.path, reader, limits.row_bytes))
}

/// Gives one whole line to the decoder.
fn feed(decoder: &mut Decoder, text: &str) -> Result<(), String> {
    for mut bytes in [text.as_bytes(), b"\n"] {
        while !bytes.is_empty() {
            let taken = decoder.decode(bytes).map_err(|error| error.to_string())?;
            if taken == 0 {
                return Err("more than one object".into());
            }
            bytes = &bytes[taken..];
        }
    }
    if decoder.has_partial_record() { Err("half an object".into()) } else { Ok(()) }
}

fn flush(
    decoder: &mut Decoder,
    source: &Source<'_>,
    writer: &mut Writer,
    watch: &mut dyn Watch,
) -> Result<(), HubError> {
    match decoder.flush() {
        Ok(Some(batch)) => writer.write(&batch, watch),
        Ok(None) => Ok(()),
        Err(error) => Err(refused(source.name, error.to_string())),
    }
}

/// What the columns of all files hold, in the order in which they are met.
fn schema_of(
    sources: &[Source<'_>],
    limits: &Limits,
    watch: &dyn Watch,
) -> Result<Schema, HubError> {
    let mut order: Vec<String> = Vec::new();
    let mut failure = None;
    let mut file = sources.first().map_or("", |source| source.name);
    let mut rows = sources.iter().flat_map(|source| Rows::open(source, limits));
    let values = std::iter::from_fn(|| {
        let (source, row) = rows.next()?;
        file = source;
        match go_on(watch).and(row) {
            Ok(value) => {
                for key in value.as_object().into_iter().flat_map(serde_json::Map::keys) {
                    if !order.contains(key) {
                        order.push(key.clone());
                    }
                }
                if order.len() > MOST_COLUMNS {
                    let given = format!("more than {MOST_COLUMNS} columns");
                    failure = Some(refused(file, given));
                    return None;
                }
                Some(Ok(value))
            }
            Err(error) => {
                failure = Some(error);
                None
            }
        }
    });
    let inferred = infer_json_schema_from_iterator(values);
    if let Some(error) = failure {
        return Err(error);
    }
    let inferred = inferred.map_err(|error| refused(file, told(error)))?;
    let fields = order.iter().filter_map(|name| inferred.field_with_name(name).ok()).map(settled);
    Ok(Schema::new(fields.collect::<Vec<Field>>()))
}

/// The rows of a file as values; an error is the last one.
struct Rows<'a> {
    source: &'a Source<'a>,
    lines: Option<Lines>,
    failure: Option<HubError>,
}

impl<'a> Rows<'a> {
    fn open(source: &'a Source<'a>, limits: &Limits) -> Self {
        let (lines, failure) = match open(source, limits) {
            Ok(lines) => (Some(lines), None),
            Err(error) => (None, Some(error)),
        };
        Self { source, lines, failure }
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = (&'a str, Result<Value, HubError>);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(failure) = self.failure.take() {
            return Some((self.source.name, Err(failure)));
        }
        let row = match self.lines.as_mut()?.next_line() {
            Ok(None) => return None,
            Ok(Some((number, text))) => lines::decode::<Value>(text)
                .and_then(|value| if value.is_object() { Ok(value) } else { Err(excerpt(text)) })
                .map_err(|given| bad_line(self.source, number, given)),
            Err(error) => Err(named(self.source, error)),
        };
        if row.is_err() {
            self.lines = None;
        }
        Some((self.source.name, row))
    }
}

/// Columns that hold nothing are text, and fields within fields stand in the order of their names.
fn settled(field: &Field) -> Field {
    let kind = match field.data_type() {
        DataType::Null => DataType::Utf8,
        DataType::List(item) => DataType::List(Arc::new(settled(item))),
        DataType::Struct(fields) => {
            let mut fields: Vec<Field> = fields.iter().map(|field| settled(field)).collect();
            fields.sort_by(|a, b| a.name().cmp(b.name()));
            DataType::Struct(Fields::from(fields))
        }
        other => other.clone(),
    };
    Field::new(field.name(), kind, true)
}

fn told(error: ArrowError) -> String {
    match error {
        ArrowError::JsonError(text) => text,
        error => error.to_string(),
    }
}

fn bad_line(source: &Source<'_>, number: u64, given: String) -> HubError {
    DataError::Record {
        place: Place::new(Path::new(source.name), Position::Line(number)),
        expected: EXPECTED.into(),
        given,
    }
    .into()
}

fn refused(file: &str, given: String) -> HubError {
    HubError::Answer {
        what: file.to_owned(),
        expected: "lines of JSON objects whose columns hold one type each".into(),
        given,
    }
}

/// Errors name the hub's file, not the one in the cache, which is called by its sum.
fn named(source: &Source<'_>, error: DataError) -> HubError {
    match error {
        DataError::Record { place, expected, given } => DataError::Record {
            place: Place::new(Path::new(source.name), place.at),
            expected,
            given,
        }
        .into(),
        error => error.into(),
    }
}
