//! Rows of a benchmark, whatever file they come in: JSONL (plain or gzip), one JSON array, or Parquet.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::elements::{Elements, is_array};
use super::lines::{self, Lines, MAX_LINE_BYTES};
use super::{At, cells};
use crate::columns::Table;
use crate::error::{DataError, Place, Position, help_for};

/// What is looked for in a file.
pub struct Rows<'a> {
    /// The file.
    pub path: &'a Path,
    /// The columns that are read where a file has them; others are left alone.
    pub columns: &'a [&'a str],
    /// A good row, in words.
    pub expected: &'a str,
    /// The longest row of a text file, in bytes.
    pub limit: usize,
}

impl<'a> Rows<'a> {
    /// Rows of at most 64 MiB.
    pub fn new(path: &'a Path, columns: &'a [&'a str], expected: &'a str) -> Self {
        Self { path, columns, expected, limit: MAX_LINE_BYTES }
    }

    /// Hands over one row after another.
    pub fn for_each<T: DeserializeOwned>(
        &self,
        mut visit: impl FnMut(At, T) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        if is_parquet(self.path)? {
            return self.table(&mut visit);
        }
        let mut reader = lines::open(self.path)?;
        let array = is_array(reader.as_mut())
            .map_err(|error| lines::unreadable(Place::new(self.path, Position::Line(1)), error))?;
        let mut index = 0;
        let mut take = |position, row: Result<T, String>| {
            let place = Place::new(self.path, position);
            let row = row.map_err(|given| self.record(&place, given))?;
            index += 1;
            visit(At { place, index: index - 1 }, row)
        };
        if array {
            let mut elements = Elements::over(self.path, reader, self.limit);
            while let Some((item, json)) = elements.next_element()? {
                let row = match std::str::from_utf8(json) {
                    Ok(text) => lines::decode(text.trim()),
                    Err(_) => Err("bytes that are no UTF-8 text".into()),
                };
                take(Position::Item(item), row)?;
            }
        } else {
            let mut lines = Lines::over(self.path, reader, self.limit);
            while let Some((line, text)) = lines.next_line()? {
                take(Position::Line(line), lines::decode(text))?;
            }
        }
        Ok(())
    }

    fn table<T: DeserializeOwned>(
        &self,
        visit: &mut dyn FnMut(At, T) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let table = Table::open(self.path)?;
        let names = table.names();
        let wanted: Vec<&str> =
            self.columns.iter().copied().filter(|column| table.has(column)).collect();
        if wanted.is_empty() {
            return Err(DataError::Column {
                path: self.path.to_path_buf(),
                column: self.columns.first().copied().unwrap_or_default().to_string(),
                expected: "there".into(),
                given: format!("missing; the file has {}", names.join(", ")),
            });
        }
        let mut index = 0;
        table.for_each(&wanted, &mut |batch| {
            for i in 0..batch.num_rows() {
                let place = Place::new(self.path, Position::Row(index + 1));
                let row = cells::row(batch, i)
                    .and_then(|row| {
                        serde_json::from_value(Value::Object(row)).map_err(|error| {
                            format!("{error}; the table has the columns {}", names.join(", "))
                        })
                    })
                    .map_err(|given| self.record(&place, given))?;
                visit(At { place, index }, row)?;
                index += 1;
            }
            Ok(())
        })
    }

    fn record(&self, place: &Place, given: String) -> DataError {
        DataError::Record { place: place.clone(), expected: self.expected.into(), given }
    }
}

/// Whether a file begins as Parquet does.
pub fn is_parquet(path: &Path) -> Result<bool, DataError> {
    starts_with(path, *b"PAR1")
}

/// Whether a file begins as a zip archive does.
pub fn is_zip(path: &Path) -> Result<bool, DataError> {
    starts_with(path, *b"PK\x03\x04")
}

fn starts_with(path: &Path, sign: [u8; 4]) -> Result<bool, DataError> {
    let fail = |operation, source: std::io::Error| DataError::Read {
        operation,
        path: path.to_path_buf(),
        help: help_for(&source),
        source,
    };
    let mut file = File::open(path).map_err(|error| fail("open", error))?;
    let mut start = Vec::new();
    file.by_ref().take(4).read_to_end(&mut start).map_err(|error| fail("read", error))?;
    Ok(start == sign)
}
