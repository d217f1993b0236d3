//! The values of a JSON array, one at a time: many benchmarks ship as one array that fills a file.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use crate::error::{DataError, Place, Position, excerpt};

use super::lines;

const MARK_AND_SPACE: &[u8] = &[0xef, 0xbb, 0xbf, b' ', b'\t', b'\r', b'\n'];

/// Whether a text that is open, and stands at its start, is a JSON array. Looks at no more than what is in the reader's buffer.
pub fn is_array(reader: &mut dyn BufRead) -> std::io::Result<bool> {
    let start = reader.fill_buf()?;
    Ok(start.iter().find(|byte| !MARK_AND_SPACE.contains(byte)) == Some(&b'['))
}

/// A JSON array being read value by value.
pub struct Elements {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    buffer: Vec<u8>,
    item: u64,
    limit: usize,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Before the bracket that opens the array.
    Start,
    /// Behind it, or behind a comma.
    Values,
    /// Behind the bracket that closes it.
    End,
}

/// What ended a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    Comma,
    Bracket,
    EndOfFile,
}

impl Elements {
    /// Values have at most `limit` bytes.
    pub fn over(path: &Path, reader: Box<dyn BufRead>, limit: usize) -> Self {
        let (path, buffer) = (path.to_path_buf(), Vec::new());
        Self { path, reader, buffer, item: 0, limit, stage: Stage::Start }
    }

    /// The next value as JSON text, and its number from 1.
    pub fn next_element(&mut self) -> Result<Option<(u64, &[u8])>, DataError> {
        if self.stage == Stage::Start {
            self.open()?;
        }
        if self.stage == Stage::End {
            return Ok(None);
        }
        self.item += 1;
        let stop = self.value()?;
        let blank = self.buffer.iter().all(u8::is_ascii_whitespace);
        match stop {
            Stop::EndOfFile => {
                return Err(self.record(
                    "the bracket that closes the array",
                    "the end of the file: it is cut short; fetch it again".into(),
                ));
            }
            Stop::Bracket => {
                self.stage = Stage::End;
                self.nothing_follows()?;
                if blank && self.item == 1 {
                    return Ok(None);
                }
            }
            Stop::Comma => {}
        }
        if blank {
            return Err(self.record("a value", "nothing between two commas".into()));
        }
        Ok(Some((self.item, &self.buffer)))
    }

    fn open(&mut self) -> Result<(), DataError> {
        while let Some(byte) = self.next_byte()? {
            if byte == b'[' {
                self.stage = Stage::Values;
                return Ok(());
            }
            if !MARK_AND_SPACE.contains(&byte) {
                let given = excerpt(&char::from(byte).to_string());
                return Err(self.record("a JSON array", given));
            }
        }
        self.stage = Stage::End;
        Ok(())
    }

    /// Reads up to the comma or bracket behind a value and leaves the value in the buffer.
    fn value(&mut self) -> Result<Stop, DataError> {
        self.buffer.clear();
        let mut scan = Scan::default();
        loop {
            let chunk = match self.reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) => return Err(lines::unreadable(self.place(), error)),
            };
            if chunk.is_empty() {
                return Ok(Stop::EndOfFile);
            }
            let end = chunk.iter().position(|byte| scan.ends(*byte));
            let taken = end.unwrap_or(chunk.len());
            if self.buffer.len() + taken > self.limit {
                let limit = self.limit;
                return Err(self.record(
                    &format!("a value of at most {limit} bytes"),
                    "a longer one (is this file an array of rows?)".into(),
                ));
            }
            self.buffer.extend_from_slice(&chunk[..taken]);
            if let Some(end) = end {
                let stop = if chunk[end] == b',' { Stop::Comma } else { Stop::Bracket };
                self.reader.consume(end + 1);
                return Ok(stop);
            }
            self.reader.consume(taken);
        }
    }

    fn nothing_follows(&mut self) -> Result<(), DataError> {
        while let Some(byte) = self.next_byte()? {
            if !byte.is_ascii_whitespace() {
                let given = format!("{:?} behind it", char::from(byte));
                return Err(self.record("the end of the file behind the array", given));
            }
        }
        Ok(())
    }

    fn next_byte(&mut self) -> Result<Option<u8>, DataError> {
        let byte = match self.reader.fill_buf() {
            Ok(chunk) => chunk.first().copied(),
            Err(error) => return Err(lines::unreadable(self.place(), error)),
        };
        self.reader.consume(usize::from(byte.is_some()));
        Ok(byte)
    }

    fn place(&self) -> Place {
        Place::new(&self.path, Position::Item(self.item.max(1)))
    }

    fn record(&self, expected: &str, given: String) -> DataError {
        DataError::Record { place: self.place(), expected: expected.into(), given }
    }
}

/// Where in a value the scan stands. Whether brackets match is serde's to say; here only the value's end matters.
#[derive(Default)]
struct Scan {
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl Scan {
    fn ends(&mut self, byte: u8) -> bool {
        if self.in_text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => self.depth += 1,
            b',' | b']' if self.depth == 0 => return true,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use super::*;

    /// Reads through a buffer of three bytes, so that values lie across its ends.
    fn all(text: &str, limit: usize) -> Result<Vec<String>, String> {
        let reader = Box::new(BufReader::with_capacity(3, Cursor::new(text.to_owned())));
        let mut elements = Elements::over(Path::new("a.json"), reader, limit);
        let mut found = Vec::new();
        while let Some((item, text)) = elements.next_element().map_err(|e| e.to_string())? {
            assert_eq!(item, found.len() as u64 + 1);
            found.push(String::from_utf8_lossy(text).trim().to_owned());
        }
        Ok(found)
    }

    #[test]
    fn values_are_cut_at_their_own_ends() {
        let text = "\u{feff} \n[ {\"a\": \"],[\\\"}\", \"b\": [1, [2]]} ,\n3 , \"x\\\\\", [ ] ]\n ";
        let expected = ["{\"a\": \"],[\\\"}\", \"b\": [1, [2]]}", "3", "\"x\\\\\"", "[ ]"];
        assert_eq!(all(text, 100).unwrap(), expected);
        assert!(all("[]", 100).unwrap().is_empty() && all("[ \n]", 100).unwrap().is_empty());
        assert_eq!(all("[1]", 1).unwrap(), ["1"]);
    }

    #[test]
    fn arrays_that_are_none_say_where() {
        for (text, limit, words) in [
            ("[{\"a\": 1}, {\"b\"", 40, "item 2: expected the bracket that closes the array"),
            ("[1,,2]", 4, "item 2: expected a value, found nothing"),
            ("[1,]", 4, "item 2: expected a value, found nothing"),
            ("[1] 2", 4, "behind the array, found '2' behind it"),
            ("[12345, 6]", 4, "item 1: expected a value of at most 4 bytes"),
            ("{}", 4, "item 1: expected a JSON array, found \"{\""),
        ] {
            let error = all(text, limit).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn an_array_is_told_from_lines_by_its_first_sign() {
        let is = |text: &str| is_array(&mut Cursor::new(text.to_owned())).unwrap();
        assert!(is("\u{feff}\n [{"));
        assert!(!is("{\"a\": [") && !is("") && !is("\n\n"));
    }
}
