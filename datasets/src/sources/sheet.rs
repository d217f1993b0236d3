//! Comma-separated values by RFC 4180: fields in quotes may hold commas, quotes and line ends.

use std::cell::Cell;
use std::io::Read;
use std::path::Path;
use std::rc::Rc;

use csv::{ErrorKind, ReaderBuilder, StringRecord};

use super::lines::MAX_LINE_BYTES;
use super::{At, draft};
use crate::error::{DataError, Place, Position};

/// Rows of a sheet as it is read. `path` is for errors.
pub struct Sheet<R> {
    path: std::path::PathBuf,
    reader: csv::Reader<Metered<R>>,
    allowance: Rc<Cell<usize>>,
    record: StringRecord,
    index: u64,
}

impl<R: Read> Sheet<R> {
    /// A sheet whose first row is a question already.
    pub fn without_headers(path: &Path, reader: R) -> Self {
        Self::new(path, reader, ReaderBuilder::new().has_headers(false))
    }

    /// A sheet whose first row names its columns.
    pub fn with_headers(path: &Path, reader: R) -> Self {
        Self::new(path, reader, ReaderBuilder::new().has_headers(true))
    }

    fn new(path: &Path, reader: R, builder: &ReaderBuilder) -> Self {
        let allowance = Rc::new(Cell::new(MAX_LINE_BYTES));
        let metered = Metered { inner: reader, allowance: allowance.clone() };
        let reader = builder.from_reader(metered);
        let record = StringRecord::new();
        Self { path: path.to_path_buf(), reader, allowance, record, index: 0 }
    }

    /// The names of the columns.
    pub fn headers(&mut self) -> Result<Vec<String>, DataError> {
        let path = self.path.clone();
        let headers = self.reader.headers().map_err(|error| unreadable(&path, &error))?;
        Ok(headers.iter().map(|name| name.trim().to_string()).collect())
    }

    /// The next row.
    pub fn next_row(&mut self) -> Result<Option<(At, &StringRecord)>, DataError> {
        self.allowance.set(MAX_LINE_BYTES);
        let more = self.reader.read_record(&mut self.record);
        if !more.map_err(|error| unreadable(&self.path, &error))? {
            return Ok(None);
        }
        let line = self.record.position().map_or(0, csv::Position::line);
        let place = Place::new(&self.path, Position::Line(line));
        self.index += 1;
        Ok(Some((draft::At { place, index: self.index - 1 }, &self.record)))
    }
}

fn unreadable(path: &Path, error: &csv::Error) -> DataError {
    let position = error.position().map_or(Position::Whole, |at| Position::Line(at.line()));
    let (expected, given) = match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            (format!("a row of {expected_len} fields, as the first has"), format!("one of {len}"))
        }
        ErrorKind::Utf8 { .. } => {
            ("UTF-8 text".into(), "bytes that are none: save the file as UTF-8".into())
        }
        ErrorKind::Io(error) => ("a row that can be read".into(), error.to_string()),
        _ => ("a row of comma-separated values".into(), error.to_string()),
    };
    DataError::Record { place: Place::new(path, position), expected, given }
}

/// Ends a row that never ends: a quote that nothing closes would take in the whole file.
struct Metered<R> {
    inner: R,
    allowance: Rc<Cell<usize>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let left = self.allowance.get().checked_sub(read).ok_or_else(|| {
            std::io::Error::other(format!(
                "a row of more than {MAX_LINE_BYTES} bytes; does a quote stand open?"
            ))
        })?;
        self.allowance.set(left);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &[u8]) -> Result<Vec<(u64, Vec<String>)>, String> {
        let mut sheet = Sheet::without_headers(Path::new("a.csv"), text);
        let mut all = Vec::new();
        while let Some((at, row)) = sheet.next_row().map_err(|e| e.to_string())? {
            let Position::Line(line) = at.place.at else { panic!("{:?}", at.place) };
            all.push((line, row.iter().map(Into::into).collect()));
        }
        Ok(all)
    }

    #[test]
    fn quotes_hold_commas_quotes_and_line_ends() {
        let text = "\u{feff}a,\"b,\"\"c\"\"\r\nd\"\r\n\"[e]\",f\r\n";
        let expected = [(1, vec!["a", "b,\"c\"\r\nd"]), (3, vec!["[e]", "f"])];
        let expected: [(u64, Vec<String>); 2] =
            expected.map(|(n, row)| (n, row.into_iter().map(String::from).collect()));
        assert_eq!(rows(text.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn bad_rows_name_their_line() {
        let error = rows(b"a,b\nc\n").unwrap_err();
        assert!(error.contains("a.csv:2: expected a row of 2 fields"), "{error}");
        let error = rows(b"a,b\nc,\xff\n").unwrap_err();
        assert!(error.contains("a.csv:2: expected UTF-8 text"), "{error}");
    }

    #[test]
    fn a_quote_that_stands_open_ends_at_the_bound() {
        let endless = std::io::repeat(b'x');
        let start: &[u8] = b"a,\"";
        let mut sheet = Sheet::without_headers(Path::new("a.csv"), start.chain(endless));
        let error = sheet.next_row().unwrap_err().to_string();
        assert!(error.contains("does a quote stand open?"), "{error}");
    }
}
