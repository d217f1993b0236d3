//! The one text in a pickle, read without executing it.
//!
//! LiveCodeBench ships its hidden tests as a pickled text of JSON, or as a pickled dictionary that holds such a text under
//! `input_output`. Both need a handful of opcodes. Every other opcode is refused by name: what imports or calls (GLOBAL,
//! REDUCE …) is how a pickle runs code.

use std::io::{self, Read};

/// Longest text that is read, in bytes.
pub(super) const LONGEST_TEXT: u64 = 256 << 20;

const PROTO: u8 = 0x80;
const FRAME: u8 = 0x95;
const MEMOIZE: u8 = 0x94;
const BINPUT: u8 = b'q';
const LONG_BINPUT: u8 = b'r';
const SHORT_BINUNICODE: u8 = 0x8c;
const BINUNICODE: u8 = b'X';
const BINUNICODE8: u8 = 0x8d;
const EMPTY_DICT: u8 = b'}';
const MARK: u8 = b'(';
const SETITEM: u8 = b's';
const SETITEMS: u8 = b'u';
const STOP: u8 = b'.';

const NEWEST_PROTOCOL: u8 = 5;
/// A dictionary with more texts than this is no set of tests.
const MOST_TEXTS: usize = 32;

/// Why no text was found.
#[derive(Debug, thiserror::Error)]
pub(super) enum PickleError {
    #[error("reading it failed: {0}")]
    Read(#[from] io::Error),
    #[error(
        "the pickle has opcode {code:#04x} ({name}), which is not executed here; expected one text, or a dictionary of texts"
    )]
    Refused { code: u8, name: &'static str },
    #[error("it is pickle protocol {0}; those up to 5 are known")]
    Protocol(u8),
    #[error("the pickle holds a text of {0} bytes; at most {LONGEST_TEXT} are read")]
    TooLong(u64),
    #[error("the pickle is neither one text nor a dictionary with a text under \"input_output\"")]
    Shape,
}

/// The pickled text, or the one that a pickled dictionary has under `input_output`. Reads to the end of `from`, so that what
/// unpacks it can check its sum.
pub(super) fn text(from: &mut impl Read) -> Result<Vec<u8>, PickleError> {
    let mut texts: Vec<Vec<u8>> = Vec::new();
    let mut is_dictionary = false;
    loop {
        match u8::from_le_bytes(array(from)?) {
            PROTO => {
                let [version] = array(from)?;
                if version > NEWEST_PROTOCOL {
                    return Err(PickleError::Protocol(version));
                }
            }
            // Frames say how much to read ahead, the memo what could be used again: neither is needed.
            FRAME => drop(array::<8>(from)?),
            BINPUT => drop(array::<1>(from)?),
            LONG_BINPUT => drop(array::<4>(from)?),
            MEMOIZE | MARK | SETITEM | SETITEMS => {}
            EMPTY_DICT if !is_dictionary && texts.is_empty() => is_dictionary = true,
            code @ (SHORT_BINUNICODE | BINUNICODE | BINUNICODE8) => {
                if texts.len() == MOST_TEXTS {
                    return Err(PickleError::Shape);
                }
                let length = length(code, from)?;
                texts.push(take(from, length)?);
            }
            STOP => break,
            code => return Err(PickleError::Refused { code, name: name(code) }),
        }
    }
    io::copy(from, &mut io::sink())?;
    if !is_dictionary {
        return if texts.len() == 1 { Ok(texts.remove(0)) } else { Err(PickleError::Shape) };
    }
    let at = texts.chunks(2).position(|pair| pair.len() == 2 && pair[0] == b"input_output");
    match at {
        Some(at) if texts.len().is_multiple_of(2) => Ok(texts.swap_remove(2 * at + 1)),
        _ => Err(PickleError::Shape),
    }
}

fn array<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn length(code: u8, from: &mut impl Read) -> io::Result<u64> {
    Ok(match code {
        SHORT_BINUNICODE => u64::from(u8::from_le_bytes(array(from)?)),
        BINUNICODE => u64::from(u32::from_le_bytes(array(from)?)),
        _ => u64::from_le_bytes(array(from)?),
    })
}

/// So many bytes. Room is made as they come, since the length is only what the pickle says.
fn take(from: &mut impl Read, length: u64) -> Result<Vec<u8>, PickleError> {
    if length > LONGEST_TEXT {
        return Err(PickleError::TooLong(length));
    }
    let mut bytes = Vec::new();
    let read = from.by_ref().take(length).read_to_end(&mut bytes)?;
    if read as u64 != length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(bytes)
}

/// The names of the opcodes that a hostile pickle needs; for the reader of a message.
fn name(code: u8) -> &'static str {
    match code {
        b'c' => "GLOBAL",
        0x93 => "STACK_GLOBAL",
        b'R' => "REDUCE",
        b'i' => "INST",
        b'o' => "OBJ",
        0x81 => "NEWOBJ",
        0x92 => "NEWOBJ_EX",
        b'b' => "BUILD",
        0x82..=0x84 => "EXT",
        b'P' | b'Q' => "PERSID",
        b'h' | b'j' | b'g' => "GET",
        b']' | b'l' | b'a' | b'e' => "a list",
        b')' | b't' | 0x85..=0x87 => "a tuple",
        b'J' | b'K' | b'M' | b'I' | b'L' | 0x8a | 0x8b => "a number",
        b'C' | b'B' | 0x8e | b'T' | b'U' | b'S' => "bytes",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut bytes: &[u8]) -> Result<String, String> {
        text(&mut bytes).map(|t| String::from_utf8(t).unwrap()).map_err(|e| e.to_string())
    }

    // Made by CPython 3.11: pickle.dumps("[]", 4), pickle.dumps("[]", 2), pickle.dumps({"input_output": "[1]"}, 4) and
    // pickle.dumps({"a": "b", "input_output": "[1]"}, 4).
    const TEXT: &[u8] = b"\x80\x04\x95\x06\0\0\0\0\0\0\0\x8c\x02[]\x94.";
    const TEXT_2: &[u8] = b"\x80\x02X\x02\0\0\0[]q\0.";
    const DICTIONARY: &[u8] =
        b"\x80\x04\x95\x19\0\0\0\0\0\0\0}\x94\x8c\x0cinput_output\x94\x8c\x03[1]\x94s.";
    const DICTIONARY_2: &[u8] = b"\x80\x04\x95\"\0\0\0\0\0\0\0}\x94(\x8c\x01a\x94\x8c\x01b\x94\x8c\x0cinput_output\x94\x8c\x03[1]\x94u.";

    #[test]
    fn texts_and_dictionaries_of_texts_are_read() {
        assert_eq!(read(TEXT), Ok("[]".into()));
        assert_eq!(read(TEXT_2), Ok("[]".into()));
        assert_eq!(read(DICTIONARY), Ok("[1]".into()));
        assert_eq!(read(DICTIONARY_2), Ok("[1]".into()));
        assert_eq!(read(b"\x8d\x03\0\0\0\0\0\0\0abc."), Ok("abc".into()));
    }

    #[test]
    fn what_would_run_code_is_refused_by_name() {
        // pickle.dumps of an object whose __reduce__ is (os.system, ("id",)), protocols 4 and 0.
        for (bytes, name) in [
            (&b"\x80\x04\x95\x1d\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94."[..], "STACK_GLOBAL"),
            (b"cposix\nsystem\np0\n(Vid\np1\ntp2\nRp3\n.", "GLOBAL"),
            (b"\x80\x02K\x01.", "a number"),
            (b"\x80\x04]\x94.", "a list"),
            (b"\xff.", "unknown"),
        ] {
            let error = read(bytes).unwrap_err();
            assert!(error.contains(name) && error.contains("not executed"), "{error}");
        }
    }

    #[test]
    fn lengths_are_only_claims() {
        let huge = b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc.";
        assert!(read(huge).unwrap_err().contains("at most 268435456"));
        assert!(
            read(b"\x8d\xff\xff\xff\x0f\0\0\0\0abc.").unwrap_err().contains("reading it failed")
        );
        for end in 0..TEXT.len() {
            assert!(read(&TEXT[..end]).is_err(), "{end}");
        }
        assert!(read(b"\x80\x09.").unwrap_err().contains("protocol 9"));
        for shapeless in [
            &b"."[..],
            b"}.",
            b"\x8c\x01a\x8c\x01b.",
            b"}\x8c\x01a\x8c\x01bs.",
            b"}\x8c\x0cinput_outputs.",
        ] {
            assert!(read(shapeless).unwrap_err().contains("neither"), "{shapeless:?}");
        }
        assert!(
            read(&[&b"\x8c\x01a".repeat(33)[..], b"."].concat()).unwrap_err().contains("neither")
        );
    }
}
