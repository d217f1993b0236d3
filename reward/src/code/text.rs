//! What a program wrote against what it should have written: LiveCodeBench's rule, on plain bytes.
//!
//! Strip both texts whole, split them at line feeds, strip each line. There must be as many lines, and each pair must be the
//! same text, or the same list of decimal numbers: 1, 1.0 and 1e0 are one number, and not-a-number equals nothing. Numbers are
//! compared digit by digit, so that neither a megabyte of digits nor a huge exponent costs more than reading it.

use crate::pytext::{self, PyDecimal};

/// How an output differs from the expected one. The expected output itself is never part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Difference {
    /// Not a text at all.
    #[error("the output is not UTF-8 from byte {0} on")]
    NotUtf8(usize),
    /// Another number of lines.
    #[error("the output has {given} lines, expected {expected}")]
    Lines {
        /// The output's.
        given: usize,
        /// The right one.
        expected: usize,
    },
    /// The first line that differs, counted from 1.
    #[error("line {0} of the output differs")]
    Line(usize),
    /// The first line that differs, counted from 1, compares a signalling not-a-number, at which the official comparison fails
    /// with an error.
    #[error("line {0} of the output compares sNaN, which raises decimal.InvalidOperation")]
    Signals(usize),
}

/// `Ok` where the output is right.
pub(super) fn compare(output: &[u8], expected: &str) -> Result<(), Difference> {
    let output = std::str::from_utf8(output).map_err(|e| Difference::NotUtf8(e.valid_up_to()))?;
    let (given, wanted) = (pytext::strip(output), pytext::strip(expected));
    let count = |text: &str| text.split('\n').count();
    if count(given) != count(wanted) {
        return Err(Difference::Lines { given: count(given), expected: count(wanted) });
    }
    for (number, (a, b)) in (1..).zip(given.split('\n').zip(wanted.split('\n'))) {
        let (a, b) = (pytext::strip(a), pytext::strip(b));
        if a == b {
            continue;
        }
        match numbers(a, b) {
            Numbers::Equal => {}
            Numbers::Differ => return Err(Difference::Line(number)),
            Numbers::Signal => return Err(Difference::Signals(number)),
        }
    }
    Ok(())
}

/// How two lines compare as lists of decimals.
#[derive(Debug, PartialEq, Eq)]
enum Numbers {
    Equal,
    Differ,
    Signal,
}

/// Compares token by token and remembers none, so that a line of millions of numbers takes no memory.
fn numbers(a: &str, b: &str) -> Numbers {
    let (mut rest_a, mut rest_b) = (tokens(a), tokens(b));
    loop {
        let (a, b) = match (rest_a.next(), rest_b.next()) {
            (Some(a), Some(b)) => (a, b),
            (None, None) => return Numbers::Equal,
            _ => return Numbers::Differ,
        };
        match (number(a), number(b)) {
            (Some(Number::Value(a)), Some(Number::Value(b))) if a == b => {}
            (Some(a), Some(b)) if a == Number::Signalling || b == Number::Signalling => {
                // Both lines are turned into numbers, and their lengths compared, before any number is.
                let (left_a, left_b) = (count_numbers(rest_a), count_numbers(rest_b));
                let whole = left_a.is_some() && left_a == left_b;
                return if whole { Numbers::Signal } else { Numbers::Differ };
            }
            _ => return Numbers::Differ,
        }
    }
}

/// How many numbers these are, or `None` where not all are numbers.
fn count_numbers<'a>(mut tokens: impl Iterator<Item = &'a str>) -> Option<usize> {
    tokens.try_fold(0, |count, token| number(token).map(|_| count + 1))
}

/// `str.split()`.
fn tokens(line: &str) -> impl Iterator<Item = &str> {
    line.split(pytext::is_space).filter(|token| !token.is_empty())
}

#[derive(Debug, PartialEq, Eq)]
enum Number {
    Value(PyDecimal),
    /// Equal to nothing.
    Quiet,
    /// Whose comparison is an error.
    Signalling,
}

/// `Decimal(token)`, or `None` where that fails.
fn number(token: &str) -> Option<Number> {
    if let Some(value) = pytext::decimal(token) {
        return Some(Number::Value(value));
    }
    let bare = token.replace('_', "");
    let bare = bare.strip_prefix(['+', '-']).unwrap_or(&bare);
    let payload = |name: &str| {
        let (head, digits) = bare.split_at_checked(name.len())?;
        let whole =
            head.eq_ignore_ascii_case(name) && digits.chars().all(|c| pytext::digit(c).is_some());
        whole.then_some(())
    };
    if payload("snan").is_some() {
        return Some(Number::Signalling);
    }
    payload("nan").map(|()| Number::Quiet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::thread_secs;

    fn same(given: &str, expected: &str) -> bool {
        compare(given.as_bytes(), expected).is_ok()
    }

    // What Decimal makes of these is CPython 3.11's word; the whole rule is held against recorded verdicts of the official
    // evaluator in the root package's tests.
    #[test]
    fn equal_numbers_are_equal_however_they_are_written() {
        for (given, expected) in [
            ("1", "1.0"),
            ("1e0", "1"),
            ("-0", "0"),
            ("0e5", "0.000"),
            ("1_0 １", "10 1"),
            ("+Infinity", "inf"),
            ("1e999999999", "1E+999999999"),
            ("3\r\n1 2\r\n", "3\n1 2"),
            ("  3  \n\n", "3"),
            ("1\u{2028}2", "1 2"),
            ("nan", "nan"),
            ("", " \n"),
            ("a b", "a b\n"),
        ] {
            assert!(same(given, expected), "{given:?} is {expected:?}");
        }
        for (given, expected) in [
            ("1", "2"),
            ("a", "A"),
            ("a  b", "a b"),
            ("1 2", "1 2 3"),
            ("1 2 x", "1.0 2 x"),
            ("nan", "NaN"),
            ("", "0"),
            ("1\r2", "1\n2"),
            ("1\n\n2", "1\n2"),
            ("0.1", "0.1000000000000000055511151231257827"),
            ("1e999999999", "1e999999998"),
            ("1e99999999999999999999", "1E99999999999999999999"),
            ("\u{feff}1", "1"),
            ("0x10", "16"),
        ] {
            assert!(!same(given, expected), "{given:?} is not {expected:?}");
        }
    }

    #[test]
    fn differences_name_the_line_and_never_what_was_expected() {
        assert_eq!(compare(b"1\n2\n3", "1\n5\n3"), Err(Difference::Line(2)));
        assert_eq!(compare(b"1", "1\n2"), Err(Difference::Lines { given: 1, expected: 2 }));
        assert_eq!(compare(b"42\xff", "42"), Err(Difference::NotUtf8(2)));
        assert_eq!(compare(b"1\nsNaN", "1\n2"), Err(Difference::Signals(2)));
    }

    #[test]
    fn a_signalling_number_signals_only_where_python_comes_to_compare_it() {
        for (a, b, expected) in [
            ("sNaN", "1", Numbers::Signal),
            ("1", "-snan12", Numbers::Signal),
            ("nan", "sNaN", Numbers::Signal),
            ("1 sNaN", "1.0 2", Numbers::Signal),
            ("2 sNaN", "1 2", Numbers::Differ),
            ("sNaN 1", "1", Numbers::Differ),
            ("sNaN 1", "1 x", Numbers::Differ),
            ("sNaN x", "1 1", Numbers::Differ),
            ("sNaNx", "1", Numbers::Differ),
            ("NaN 1", "NaN  1", Numbers::Differ),
        ] {
            assert_eq!(numbers(a, b), expected, "{a:?} {b:?}");
        }
        assert!(same("sNaN", "sNaN"));
    }

    #[test]
    fn hostile_numbers_cost_no_more_than_their_length() {
        let began = thread_secs();
        let digits = "7".repeat(4 << 20);
        assert!(same(&digits, &format!("{digits}.0")));
        assert!(!same(&digits, &format!("{digits}.01")));
        assert!(same(&format!("0.{}1e{}", "0".repeat(1 << 20), (1 << 20) + 1), "1"));
        assert!(!same(&"1e999999999 ".repeat(1 << 16), &"1e-999999999 ".repeat(1 << 16)));
        assert!(same(&"1 ".repeat(1 << 18), &"1.0 ".repeat(1 << 18)));
        let secs = thread_secs() - began;
        assert!(secs < 20.0, "{secs}");
    }
}
