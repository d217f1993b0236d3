//! Lines of a bounded length, whatever comes.

use std::io::{self, BufRead};

/// Longest line that is read, in bytes.
pub const LONGEST_LINE: usize = 64 << 20;
/// What is kept of a longer one, to read its id from.
const KEPT: usize = 4 << 10;

/// One line of input that is not blank.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// Without its line break.
    Whole(Vec<u8>),
    /// Longer than [`LONGEST_LINE`]; this is how it begins.
    TooLong(Vec<u8>),
}

impl Line {
    /// Bytes held.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) | Self::TooLong(bytes) => bytes,
        }
    }
}

/// The next line that is not blank; `None` at the end. Memory is bounded by [`LONGEST_LINE`].
pub fn next(reader: &mut impl BufRead) -> io::Result<Option<Line>> {
    next_within(reader, LONGEST_LINE)
}

fn next_within(reader: &mut impl BufRead, longest: usize) -> io::Result<Option<Line>> {
    loop {
        let mut line = Vec::new();
        let mut is_too_long = false;
        let mut is_end = false;
        loop {
            let buffer = match reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                is_end = true;
                break;
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let piece = &buffer[..end.unwrap_or(buffer.len())];
            if !is_too_long && line.len() + piece.len() > longest {
                line.extend_from_slice(&piece[..piece.len().min(KEPT)]);
                line.truncate(KEPT);
                line.shrink_to_fit();
                is_too_long = true;
            } else if !is_too_long {
                line.extend_from_slice(piece);
            }
            let used = end.map_or(buffer.len(), |end| end + 1);
            reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if is_too_long {
            return Ok(Some(Line::TooLong(line)));
        }
        if !line.trim_ascii().is_empty() {
            return Ok(Some(Line::Whole(line)));
        }
        if is_end {
            return Ok(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, longest: usize) -> Vec<Line> {
        let mut reader = io::BufReader::with_capacity(3, text.as_bytes());
        std::iter::from_fn(|| next_within(&mut reader, longest).unwrap()).collect()
    }

    fn whole(text: &str) -> Line {
        Line::Whole(text.into())
    }

    #[test]
    fn blank_lines_are_left_out_and_the_last_needs_no_break() {
        assert_eq!(lines("ab\n\n \r\ncde\r\nf", 10), [whole("ab"), whole("cde\r"), whole("f")]);
        assert_eq!(lines("", 10), []);
        assert_eq!(lines("\n\n", 10), []);
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_to_its_end() {
        let found = lines("abcdefghij\nabcdefghijk\nab\n", 10);
        assert_eq!(
            found,
            [whole("abcdefghij"), Line::TooLong(b"abcdefghijk"[..].into()), whole("ab")]
        );
        let long = "x".repeat(20_000);
        let found = lines(&format!("{long}\ny"), 10_000);
        assert_eq!(found, [Line::TooLong(vec![b'x'; KEPT]), whole("y")]);
    }
}
