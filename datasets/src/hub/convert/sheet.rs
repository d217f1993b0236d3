//! CSV with a row of names: every column is text, as it stands there.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use csv::{ErrorKind, ReaderBuilder, StringRecord};

use super::writer::Writer;
use super::{Limits, Source, Written, require};
use crate::error::{DataError, Place, Position};
use crate::hub::error::{self, HubError};
use crate::hub::watch::Watch;

pub(super) fn store(
    sources: &[Source<'_>],
    required: &[&str],
    target: &Path,
    limits: &Limits,
    watch: &mut dyn Watch,
) -> Result<Written, HubError> {
    let mut sheets = sources.iter().map(|source| Sheet::open(source, limits));
    let Some(first) = sheets.next() else {
        return Err(wrong("no file", 1, "a row of names", "nothing".into()));
    };
    let mut sheet = first?;
    require(sheet.name, required, &sheet.names)?;
    let names = sheet.names.clone();
    let fields: Vec<Field> =
        names.iter().map(|name| Field::new(name, DataType::Utf8, false)).collect();
    let schema = Arc::new(Schema::new(fields));
    let mut writer = Writer::create(target, &schema, limits)?;
    loop {
        while let Some(batch) = sheet.batch(&schema, limits)? {
            writer.write(&batch, watch)?;
        }
        let Some(next) = sheets.next() else { return writer.close() };
        sheet = next?;
        if sheet.names != names {
            let given = sheet.names.join(", ");
            return Err(wrong(sheet.name, 1, &format!("the columns {}", names.join(", ")), given));
        }
    }
}

struct Sheet<'a> {
    name: &'a str,
    names: Vec<String>,
    reader: csv::Reader<Metered<File>>,
    allowance: Rc<Cell<usize>>,
    record: StringRecord,
}

impl<'a> Sheet<'a> {
    fn open(source: &Source<'a>, limits: &Limits) -> Result<Self, HubError> {
        let inner = File::open(&source.path).map_err(error::io("open", &source.path))?;
        let allowance = Rc::new(Cell::new(limits.row_bytes));
        let reader = Metered { inner, allowance: allowance.clone() };
        let mut reader = ReaderBuilder::new().from_reader(reader);
        let names = reader.headers().map_err(|error| told(source.name, error))?;
        let names: Vec<String> =
            names.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
        let twice = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
        if names.is_empty() || names.iter().any(String::is_empty) || twice.is_some() {
            let given = twice.map_or("an empty name".into(), |(_, name)| format!("{name:?} twice"));
            return Err(wrong(source.name, 1, "a row of names, each once", given));
        }
        Ok(Self { name: source.name, names, reader, allowance, record: StringRecord::new() })
    }

    /// Some rows; `None` after the last one.
    fn batch(
        &mut self,
        schema: &Arc<Schema>,
        limits: &Limits,
    ) -> Result<Option<RecordBatch>, HubError> {
        let mut columns: Vec<StringBuilder> =
            self.names.iter().map(|_| StringBuilder::new()).collect();
        let (mut rows, mut bytes) = (0, 0);
        while rows < limits.batch_rows && bytes < limits.batch_bytes {
            self.allowance.set(limits.row_bytes);
            let more = self.reader.read_record(&mut self.record);
            if !more.map_err(|error| told(self.name, error))? {
                break;
            }
            for (column, cell) in columns.iter_mut().zip(&self.record) {
                column.append_value(cell);
                bytes += cell.len();
            }
            rows += 1;
        }
        if rows == 0 {
            return Ok(None);
        }
        let columns = columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef);
        let batch = RecordBatch::try_new(schema.clone(), columns.collect());
        Ok(Some(batch.expect("every column has one text a row")))
    }
}

/// Hands over so many bytes and no more until it is given leave: one quote that is never closed would take in the
/// rest of the file as one cell.
struct Metered<R> {
    inner: R,
    allowance: Rc<Cell<usize>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.allowance.get();
        if left == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a longer one"));
        }
        let most = buffer.len().min(left);
        let read = self.inner.read(&mut buffer[..most])?;
        self.allowance.set(left - read);
        Ok(read)
    }
}

fn told(file: &str, error: csv::Error) -> HubError {
    let line = error.position().map_or(1, csv::Position::line);
    match error.into_kind() {
        ErrorKind::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            wrong(file, line, "a row of bounded length", format!("{error} (is a quote missing?)"))
        }
        ErrorKind::Io(source) => error::io("read", Path::new(file))(source),
        ErrorKind::Utf8 { err, .. } => wrong(file, line, "UTF-8 text", err.to_string()),
        ErrorKind::UnequalLengths { expected_len, len, .. } => wrong(
            file,
            line,
            &format!("{expected_len} cells, as in the row of names"),
            len.to_string(),
        ),
        other => wrong(file, line, "comma-separated values", format!("{other:?}")),
    }
}

fn wrong(file: &str, line: u64, expected: &str, given: String) -> HubError {
    let place = Place::new(Path::new(file), Position::Line(line));
    DataError::Record { place, expected: expected.to_owned(), given }.into()
}
