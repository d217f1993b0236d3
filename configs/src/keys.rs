//! How deep the keys of a text go, told before it is parsed: the parser bounds brackets, not dots, and tables
//! thousands of levels deep would end the process when they are dropped.

use std::ops::Range;

/// Tables below tables that a text may ask for; no key of the schema comes near.
pub(crate) const DEEPEST: usize = 64;

/// Where the first key of more than [`DEEPEST`] parts begins and ends.
pub(crate) fn deepest(text: &str) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let (mut at, mut start, mut dots) = (0, 0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' | b'\'' => at = behind_string(bytes, at),
            b'#' => at = find(bytes, at, b"\n"),
            b'.' => {
                dots += 1;
                at += 1;
            }
            b'=' | b',' | b'\n' | b'{' | b'}' | b'[' | b']' => {
                at += 1;
                (start, dots) = (at, 0);
            }
            _ => at += 1,
        }
        if dots >= DEEPEST {
            return Some(start..at);
        }
    }
    None
}

/// The offset behind the string that opens at `at`; a string of one line ends with it at the latest.
fn behind_string(bytes: &[u8], at: usize) -> usize {
    let quote = bytes[at];
    let triple = [quote; 3];
    let long = bytes[at..].starts_with(&triple);
    let mut i = at + if long { 3 } else { 1 };
    while i < bytes.len() {
        if bytes[i] == b'\\' && quote == b'"' {
            i += 2;
        } else if long && bytes[i..].starts_with(&triple) {
            return i + 3;
        } else if !long && bytes[i] == quote {
            return i + 1;
        } else if !long && bytes[i] == b'\n' {
            return i;
        } else {
            i += 1;
        }
    }
    bytes.len()
}

fn find(bytes: &[u8], at: usize, end: &[u8]) -> usize {
    bytes[at..].iter().position(|b| end.contains(b)).map_or(bytes.len(), |i| at + i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_are_counted() {
        let dots = ".".repeat(500);
        for text in [
            format!("a = \"{dots}\""),
            format!("a = '{dots}'"),
            format!("a = \"\"\"\n{dots}\n\"{dots}\"\"\""),
            format!("# {dots}\na = 1"),
            "a.b.c = [1.5, 2.5]\n".repeat(500),
            format!("a = [{}]", "0.5, ".repeat(500)),
            format!("a = \"\\\"{dots}\""),
        ] {
            assert_eq!(deepest(&text), None, "{text}");
        }
        let key = vec!["a"; 65].join(".");
        let quoted = vec!["\"x.y\""; 65].join(" . ");
        assert_eq!(deepest(&vec!["a"; 64].join(".")), None);
        for text in
            [format!("{key} = 1"), format!("x = 1\n[{key}]"), format!("x = {{ {quoted} = 1 }}")]
        {
            assert!(deepest(&text).is_some(), "{text}");
        }
    }
}
