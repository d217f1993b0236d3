//! Text and numbers as Python reads them, where a scorer's result depends on it.

use crate::decimal::Decimal;

/// First digit of every run of ten decimal digits in Unicode 14, the version of `CPython` 3.11.
const DIGIT_ZEROS: [u32; 66] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66,
    0xde6, 0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90,
    0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
    0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650,
    0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60, 0x16ac0, 0x16b50,
    0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
];

/// The value of a decimal digit of any script.
pub(crate) fn digit(c: char) -> Option<char> {
    let code = c as u32;
    let run = DIGIT_ZEROS.partition_point(|&zero| zero <= code).checked_sub(1)?;
    char::from_digit(code - DIGIT_ZEROS[run], 10)
}

/// White space in the sense of `str.isspace`, which counts four separators that Unicode does not.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// `str.strip`.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// A character of a word in a regular expression.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The first match of a whole or decimal number that stands between word boundaries, as the package's arithmetic
/// scorers search for it. A minus counts only right behind a word character, since there is no boundary elsewhere.
pub(crate) fn first_bounded_number(text: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    (0..chars.len()).find_map(|at| bounded_number_at(&chars, at))
}

fn bounded_number_at(chars: &[char], at: usize) -> Option<String> {
    if !boundary(chars, at) {
        return None;
    }
    let start = if chars[at] == '-' { at + 1 } else { at };
    let digits_from = |from: usize| {
        chars[from.min(chars.len())..].iter().take_while(|&&c| digit(c).is_some()).count()
    };
    let whole = digits_from(start);
    if whole == 0 {
        return None;
    }
    let whole_end = start + whole;
    let fraction = if chars.get(whole_end) == Some(&'.') { digits_from(whole_end + 1) } else { 0 };
    // Digits are word characters: a match can only end where the run of digits does.
    let decimal_end = whole_end + 1 + fraction;
    let end = if fraction > 0 && boundary(chars, decimal_end) {
        decimal_end
    } else if boundary(chars, whole_end) {
        whole_end
    } else {
        return None;
    };
    Some(chars[at..end].iter().collect())
}

fn boundary(chars: &[char], at: usize) -> bool {
    let before = at > 0 && is_word(chars[at - 1]);
    let after = chars.get(at).is_some_and(|&c| is_word(c));
    before != after
}

/// `float(text)`.
pub(crate) fn float(text: &str) -> Option<f64> {
    let ascii = to_ascii_digits(strip(text));
    let bytes = ascii.as_bytes();
    let is_digit =
        |at: Option<usize>| at.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'_' && !(is_digit(at.checked_sub(1)) && is_digit(Some(at + 1))) {
            return None;
        }
    }
    ascii.replace('_', "").parse().ok()
}

/// `Decimal(text)`; `None` where Python raises, and for what is equal to nothing (not a number).
pub(crate) fn decimal(text: &str) -> Option<PyDecimal> {
    let ascii = to_ascii_digits(strip(text)).replace('_', "");
    let unsigned = ascii.strip_prefix(['+', '-']).unwrap_or(&ascii);
    if ["inf", "infinity"].iter().any(|name| unsigned.eq_ignore_ascii_case(name)) {
        return Some(PyDecimal::Infinite { negative: ascii.starts_with('-') });
    }
    Decimal::parse(&ascii).map(PyDecimal::Finite)
}

/// A value of Python's decimal type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PyDecimal {
    Finite(Decimal),
    Infinite { negative: bool },
}

fn to_ascii_digits(text: &str) -> String {
    text.chars().map(|c| digit(c).unwrap_or(c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_every_script_have_their_value() {
        assert_eq!(digit('7'), Some('7'));
        assert_eq!(digit('٣'), Some('3'));
        assert_eq!(digit('９'), Some('9'));
        assert_eq!(digit('²'), None);
        assert_eq!(digit('a'), None);
        assert_eq!(digit('/'), None);
    }

    #[test]
    fn numbers_are_found_between_word_boundaries() {
        for (text, found) in [
            ("-5", Some("5")),
            ("x-5", Some("-5")),
            ("1.25a 3", Some("1")),
            ("12a", None),
            ("a12", None),
            ("$70.", Some("70")),
            ("1,000", Some("1")),
            ("3.", Some("3")),
            ("", None),
            ("_1", None),
            ("٣", Some("٣")),
        ] {
            assert_eq!(first_bounded_number(text).as_deref(), found, "{text:?}");
        }
    }

    #[test]
    fn floats_are_read_as_python_reads_them() {
        assert_eq!(float(" 1_0.5 "), Some(10.5));
        assert_eq!(float("1__0"), None);
        assert_eq!(float("_1"), None);
        assert_eq!(float("٣"), Some(3.0));
        assert_eq!(float("1,000"), None);
    }
}
