//! Comma-separated values by RFC 4180: fields in quotes may hold commas, quotes and line ends.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
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
    ends: Rc<RefCell<VecDeque<u64>>>,
    record: StringRecord,
    index: u64,
    /// Ends of lines before the row.
    passed: u64,
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
        let ends = Rc::new(RefCell::new(VecDeque::new()));
        let metered =
            Metered { inner: reader, allowance: allowance.clone(), ends: ends.clone(), read: 0 };
        let reader = builder.from_reader(metered);
        let (path, record) = (path.to_path_buf(), StringRecord::new());
        Self { path, reader, allowance, ends, record, index: 0, passed: 0 }
    }

    /// The names of the columns.
    pub fn headers(&mut self) -> Result<Vec<String>, DataError> {
        match self.reader.headers() {
            Ok(headers) => Ok(headers.iter().map(|name| name.trim().to_string()).collect()),
            Err(error) => Err(self.unreadable(&error)),
        }
    }

    /// The next row.
    pub fn next_row(&mut self) -> Result<Option<(At, &StringRecord)>, DataError> {
        self.allowance.set(MAX_LINE_BYTES);
        match self.reader.read_record(&mut self.record) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => return Err(self.unreadable(&error)),
        }
        let start = self.record.position().map_or(0, csv::Position::byte);
        let line = self.line(start);
        let place = Place::new(&self.path, Position::Line(line));
        self.index += 1;
        Ok(Some((draft::At { place, index: self.index - 1 }, &self.record)))
    }

    /// The line that begins at a byte. The reader's own count is one short where lines end with a carriage return and a line
    /// feed: it takes the second of the two for the next row's.
    fn line(&mut self, start: u64) -> u64 {
        let mut ends = self.ends.borrow_mut();
        while ends.front().is_some_and(|end| *end <= start) {
            ends.pop_front();
            self.passed += 1;
        }
        self.passed + 1
    }

    fn unreadable(&mut self, error: &csv::Error) -> DataError {
        let start = error.position().map(csv::Position::byte);
        let position = start.map_or(Position::Whole, |byte| Position::Line(self.line(byte)));
        let (expected, given) = match error.kind() {
            ErrorKind::UnequalLengths { expected_len, len, .. } => (
                format!("a row of {expected_len} fields, as the first has"),
                format!("one of {len}"),
            ),
            ErrorKind::Utf8 { .. } => {
                ("UTF-8 text".into(), "bytes that are none: save the file as UTF-8".into())
            }
            ErrorKind::Io(error) => ("a row that can be read".into(), error.to_string()),
            _ => ("a row of comma-separated values".into(), error.to_string()),
        };
        DataError::Record { place: Place::new(&self.path, position), expected, given }
    }
}

/// Ends a row that never ends: a quote that nothing closes would take in the whole file.
struct Metered<R> {
    inner: R,
    allowance: Rc<Cell<usize>>,
    /// Where lines end that no row has passed.
    ends: Rc<RefCell<VecDeque<u64>>>,
    read: u64,
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
        let lines = buffer[..read].iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        self.ends.borrow_mut().extend(lines.map(|(at, _)| self.read + at as u64));
        self.read += read as u64;
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
