//! Numbers as people write them, compared exactly.

mod around;
mod clean;
#[cfg(test)]
mod tests;
mod value;

pub use value::Number;

use around::{first_clause, is_reason};

use super::{Failure, LastLine, Tag, excerpt};

/// Longest text, in bytes, that a number is looked for in: an answer's place holds an answer, not an essay.
const LONGEST_TEXT: usize = 4096;
/// Most elements of a list.
const MOST: usize = 256;

/// The number that a text gives as its answer. Looked for in the first `<answer>` tag, the last `\boxed{…}`, behind the
/// last "answer is" or "answer:", behind `####` or `A:` at the start of a line (GSM8K's two forms, the last one), or in the last
/// line where it is short.
pub fn number(text: &str) -> Result<Number, Failure> {
    let found = place(text)?;
    Number::find(found)
        .or_else(|| {
            let (clause, rest) = first_clause(found)?;
            let number = Number::find(clause)?;
            let again = || Number::find(rest).is_some_and(|other| number.accepts(&other, 0.0));
            (is_reason(rest) || again()).then_some(number)
        })
        .ok_or_else(|| Failure::NotANumber { found: excerpt(found) })
}

/// The list of numbers that a text gives as its answer, looked for where [`number`] looks: `[1, 2.5]`, `(1, 2)`,
/// `\{1, 2\}` or `1, 2`. A comma ends a number, so that no element has thousands separators.
pub fn numbers(text: &str) -> Result<Vec<Number>, Failure> {
    let found = place(text)?;
    list(found).ok_or_else(|| Failure::NotNumbers { found: excerpt(found) })
}

/// Reads a text that is a list of at most 256 numbers.
pub(crate) fn list(text: &str) -> Option<Vec<Number>> {
    if text.len() > LONGEST_TEXT {
        return None;
    }
    let mut plain = text.trim().to_owned();
    for command in ["\\left", "\\right", "\\(", "\\)", "\\[", "\\]", "\\\\"] {
        plain = plain.replace(command, "");
    }
    let plain = plain.replace("\\{", "[").replace("\\}", "]");
    // "x = [1, 2]" and "a, b = 1, 2"; in "x = 1, x = 2" each element has its own.
    let named = |(name, _): &(&str, &str)| !name.contains(|c: char| c.is_ascii_digit());
    let side = plain.split_once('=').filter(named).map_or(plain.as_str(), |(_, side)| side);
    let side = side.trim().trim_matches(['$', '.']).trim();
    let inner = [('[', ']'), ('(', ')'), ('{', '}')]
        .iter()
        .find_map(|(open, close)| side.strip_prefix(*open)?.strip_suffix(*close))
        .unwrap_or(side);
    if inner.trim().is_empty() {
        return None;
    }
    let elements: Vec<&str> = inner.split([',', ';']).take(MOST + 1).collect();
    if elements.len() > MOST {
        return None;
    }
    let value = |element: &str| Number::parse(element.rsplit('=').next().unwrap_or(element));
    elements.into_iter().map(value).collect()
}

/// The text where a numeric answer is due.
fn place(text: &str) -> Result<&str, Failure> {
    let announced = super::tag(text, Tag::First).is_some()
        || super::boxed(text) != Ok(None)
        || super::phrase(text).is_some();
    if !announced && let Some(found) = gsm8k_line(text) {
        return if found.is_empty() { Err(Failure::Empty) } else { Ok(found) };
    }
    super::text(text, Tag::First, LastLine::Short)
}

/// What stands behind the last `####` or `A:` that begins a line.
fn gsm8k_line(text: &str) -> Option<&str> {
    let behind = |line: &'_ str| {
        let line = line.trim_start();
        line.strip_prefix("####").or_else(|| line.strip_prefix("A:")).map(str::len)
    };
    text.lines().rev().find_map(|line| behind(line).map(|kept| line[line.len() - kept..].trim()))
}
