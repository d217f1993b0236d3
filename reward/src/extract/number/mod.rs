//! Numbers as people write them, compared exactly.

mod clean;
#[cfg(test)]
mod tests;
mod value;

pub use value::Number;

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
        .or_else(|| Number::find(first_clause(found)))
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
    let side = plain.rsplit('=').next().unwrap_or(&plain);
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
    elements.into_iter().map(Number::parse).collect()
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

/// "12, since 3 × 4" and "12. That is": the part before the reason.
fn first_clause(found: &str) -> &str {
    let end = [", ", ". ", "; ", " because", " since", " (", "\n"]
        .iter()
        .filter_map(|stop| found.find(stop))
        .min();
    &found[..end.unwrap_or(found.len())]
}
