//! Lines of a text file, plain or gzip, one at a time.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use serde::de::DeserializeOwned;

use crate::error::{DataError, Place, Position, excerpt, help_for};

/// A longer line is refused: a file without line ends would otherwise be read whole.
pub const MAX_LINE_BYTES: usize = 64 << 20;

const GZIP: &[u8] = &[0x1f, 0x8b];
const UTF8_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// A file being read line by line. Gzip is recognised by its first bytes, whatever the file is called.
pub struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    buffer: Vec<u8>,
    line: u64,
    limit: usize,
}

impl Lines {
    /// Opens a file. Errors: it cannot be opened, or its first bytes say that it is no text.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        Self::with_limit(path, MAX_LINE_BYTES)
    }

    fn with_limit(path: &Path, limit: usize) -> Result<Self, DataError> {
        Ok(Self::over(path, open(path)?, limit))
    }

    /// Reads lines of at most `limit` bytes from a text that is open already.
    pub fn over(path: &Path, reader: Box<dyn BufRead>, limit: usize) -> Self {
        Self { path: path.to_path_buf(), reader, buffer: Vec::new(), line: 0, limit }
    }

    /// The next line that is not blank, without its end, and its number from 1.
    pub fn next_line(&mut self) -> Result<Option<(u64, &str)>, DataError> {
        loop {
            self.buffer.clear();
            self.line += 1;
            // One byte more than allowed tells a line of just that length from a longer one.
            let mut bounded = self.reader.by_ref().take(self.limit as u64 + 1);
            if let Err(error) = bounded.read_until(b'\n', &mut self.buffer) {
                return Err(self.unreadable(error));
            }
            if self.buffer.is_empty() {
                return Ok(None);
            }
            if self.buffer.len() > self.limit && self.buffer.last() != Some(&b'\n') {
                return Err(self.record(
                    format!("a line of at most {} bytes", self.limit),
                    "a longer one (are there line ends in this file?)".into(),
                ));
            }
            if self.line == 1 && self.buffer.starts_with(UTF8_MARK) {
                self.buffer.drain(..UTF8_MARK.len());
            }
            if !self.buffer.iter().all(u8::is_ascii_whitespace) {
                break;
            }
        }
        match std::str::from_utf8(&self.buffer) {
            Ok(text) => Ok(Some((self.line, text.trim_end_matches(['\n', '\r'])))),
            Err(error) => Err(self.record(
                "UTF-8 text".into(),
                format!("a byte that is none at column {}", error.valid_up_to() + 1),
            )),
        }
    }

    fn unreadable(&self, source: std::io::Error) -> DataError {
        unreadable(Place::new(&self.path, Position::Line(self.line)), source)
    }

    fn record(&self, expected: String, given: String) -> DataError {
        let place = Place::new(&self.path, Position::Line(self.line));
        DataError::Record { place, expected, given }
    }
}

/// An error of a text that is read, told at `place`.
pub fn unreadable(place: Place, source: std::io::Error) -> DataError {
    match source.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput => {
            DataError::Record {
                place,
                expected: "the rest of a gzip stream".into(),
                given: format!("{source}: the file is cut short or damaged; fetch it again"),
            }
        }
        _ => {
            DataError::Read { operation: "read", path: place.path, help: help_for(&source), source }
        }
    }
}

/// Opens a text, unpacking it where it is gzip.
pub fn open(path: &Path) -> Result<Box<dyn BufRead>, DataError> {
    let fail = |operation, source: std::io::Error| DataError::Read {
        operation,
        path: path.to_path_buf(),
        help: help_for(&source),
        source,
    };
    let mut file = BufReader::new(File::open(path).map_err(|e| fail("open", e))?);
    let start = file.fill_buf().map_err(|e| fail("read", e))?;
    let other = match start {
        [b'P', b'A', b'R', b'1', ..] => Some("a Parquet file: give this source kind = \"parquet\""),
        [b'P', b'K', 3, 4, ..] => Some("a zip archive: unpack it first"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("a zstd file: unpack it first; gzip is read as it is"),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => {
            Some("a bzip2 file: unpack it first; gzip is read as it is")
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            Some("an xz file: unpack it first; gzip is read as it is")
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16: save the file as UTF-8"),
        _ => None,
    };
    if let Some(other) = other {
        return Err(DataError::Record {
            place: Place::new(path, Position::Line(1)),
            expected: "lines of UTF-8 text, plain or gzip".into(),
            given: other.into(),
        });
    }
    Ok(if start.starts_with(GZIP) {
        Box::new(BufReader::new(MultiGzDecoder::new(file)))
    } else {
        Box::new(file)
    })
}

/// Reads every line of a JSONL file. `expected` describes a good line.
pub fn for_each<T: DeserializeOwned>(
    path: &Path,
    expected: &str,
    mut visit: impl FnMut(u64, T) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let mut lines = Lines::open(path)?;
    while let Some((line, text)) = lines.next_line()? {
        let value = decode(text).map_err(|given| DataError::Record {
            place: Place::new(path, Position::Line(line)),
            expected: expected.to_string(),
            given,
        })?;
        visit(line, value)?;
    }
    Ok(())
}

/// Reads JSON that stands on one line; the error says what was found there.
pub fn decode<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| {
        let column = error.column();
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or(&message);
        format!("{} ({message}, column {column})", excerpt(text))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(path: &Path) -> Result<Vec<(u64, String)>, DataError> {
        let mut lines = Lines::with_limit(path, 1000)?;
        let mut all = Vec::new();
        while let Some((line, text)) = lines.next_line()? {
            all.push((line, text.to_string()));
        }
        Ok(all)
    }

    #[test]
    fn marks_blank_lines_and_missing_ends_are_no_obstacle() {
        let text = "\u{feff}eins\r\n\n  \t\r\nzwei\u{2028}ü\nthree".as_bytes();
        let expected =
            vec![(1, "eins".to_string()), (4, "zwei\u{2028}ü".into()), (5, "three".into())];
        assert_eq!(read(file(text).path()).unwrap(), expected);
        assert_eq!(read(file(&gzip(text)).path()).unwrap(), expected);
        let members = [gzip(b"a\n"), gzip(b"b\n")].concat();
        assert_eq!(read(file(&members).path()).unwrap().len(), 2);
        assert_eq!(read(file(b"").path()).unwrap(), []);
        assert_eq!(read(file("\u{feff}".as_bytes()).path()).unwrap(), []);
    }

    #[test]
    fn a_cut_gzip_stream_names_the_line() {
        let noise: Vec<String> = (0..500u64).map(|i| (i * i * 7919).to_string()).collect();
        let whole = gzip(noise.join("\n").as_bytes());
        let error = read(file(&whole[..whole.len() / 2]).path()).unwrap_err().to_string();
        assert!(error.contains("cut short") && error.contains(':'), "{error}");
    }

    #[test]
    fn a_line_at_the_limit_is_read_and_a_longer_one_is_not() {
        let most = "x".repeat(1000);
        assert_eq!(read(file(format!("{most}\ny").as_bytes()).path()).unwrap().len(), 2);
        assert_eq!(read(file(most.as_bytes()).path()).unwrap().len(), 1);
        let error = read(file(format!("a\n{most}x\n").as_bytes()).path()).unwrap_err().to_string();
        assert!(error.contains(":2: expected a line of at most 1000 bytes"), "{error}");
    }

    #[test]
    fn files_that_are_no_text_say_what_they_are() {
        for (bytes, word) in [
            (&b"PAR1...."[..], "kind = \"parquet\""),
            (b"\xff\xfe{\0", "UTF-16"),
            (b"\x28\xb5\x2f\xfd....", "a zstd file: unpack it first"),
            (b"BZh91AY", "a bzip2 file"),
            (b"\xfd7zXZ\0..", "an xz file"),
            (b"PK\x03\x04", "unpack"),
            (b"a\n\xc3(\n", ":2: expected UTF-8 text, found a byte that is none at column 1"),
        ] {
            let error = read(file(bytes).path()).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        let error = read(Path::new("no/such/file.jsonl")).unwrap_err().to_string();
        assert!(
            error.contains("cannot open no/such/file.jsonl") && error.contains("path"),
            "{error}"
        );
    }
}
