//! Finding the answer in a text: pure functions, apart from judgement, with a name for each way to fail.
//!
//! Where an answer is looked for, in this order; the first place that is there decides, and what it holds is never
//! searched past: an `<answer>` tag, then the last `\boxed{…}`, then "answer is …" or "answer: …", then, for some
//! kinds, the last line where it is short. No rule reads a letter or a number out of running prose.

mod choice;
mod code;
mod fences;
mod math;
mod number;
mod program;

pub use choice::choice;
pub use code::{Code, code};
pub use math::math;
pub(crate) use number::list;
pub use number::{Number, number, numbers};
pub use program::{official_program, program};

use crate::pytext::strip;

/// Why no answer was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No place that may hold an answer.
    #[error("no <answer> tag, \\boxed{{}}, \"answer is\" or \"answer:\" was found")]
    NotFound,
    /// The place is there and empty.
    #[error("the place for the answer is empty")]
    Empty,
    /// `\boxed{` is never closed (the text may have been cut).
    #[error("\\boxed{{ is never closed")]
    Unbalanced,
    /// What was found names no option.
    #[error("\"{found}\" is not one of the options A to {last}")]
    NotAChoice {
        /// The text found, cut to a readable length.
        found: String,
        /// The last option's letter.
        last: char,
    },
    /// What was found names more than one option.
    #[error("\"{found}\" names several options; one is asked for")]
    SeveralChoices {
        /// The text found, cut to a readable length.
        found: String,
    },
    /// What was found is not one number.
    #[error("\"{found}\" is not one number")]
    NotANumber {
        /// The text found, cut to a readable length.
        found: String,
    },
    /// What was found is not a list of numbers.
    #[error("\"{found}\" is not a list of numbers")]
    NotNumbers {
        /// The text found, cut to a readable length.
        found: String,
    },
    /// No program.
    #[error("no pair of ``` fences, and the text itself is no program")]
    NoCode,
}

/// Which of several tags counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// The first complete one (the Conductor paper's rule).
    First,
    /// The last complete one (reasoning-gym's rule).
    Last,
}

/// When the last line of a text counts as the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastLine {
    /// Where it is short (at most [`SHORT_LINE`] characters).
    Short,
    /// Where it is short and the only line.
    Alone,
}

/// Longest line, in characters, that counts as an answer by itself.
pub const SHORT_LINE: usize = 40;

/// The answer as text, without surrounding space.
pub fn text(text: &str, which: Tag, last_line: LastLine) -> Result<&str, Failure> {
    let found = match tag(text, which) {
        Some(content) => content,
        None => match boxed(text) {
            Ok(Some(content)) => content,
            Ok(None) => phrase(text)
                .or_else(|| short_last_line(text, last_line))
                .ok_or(Failure::NotFound)?,
            Err(unbalanced) => phrase(text).ok_or(unbalanced)?,
        },
    };
    let found = strip(found);
    if found.is_empty() { Err(Failure::Empty) } else { Ok(found) }
}

/// What stands between `<answer>` and the next `</answer>`; `None` without a complete pair.
pub fn tag(text: &str, which: Tag) -> Option<&str> {
    const OPEN: &str = "<answer>";
    const CLOSE: &str = "</answer>";
    let mut found = None;
    let mut rest = text;
    while let Some(open) = rest.find(OPEN) {
        let content = &rest[open + OPEN.len()..];
        let Some(close) = content.find(CLOSE) else { break };
        found = Some(strip(&content[..close]));
        if which == Tag::First {
            break;
        }
        rest = &content[close + CLOSE.len()..];
    }
    found
}

/// What the last `\boxed{…}` holds, braces inside included; `Ok(None)` where there is none.
pub fn boxed(text: &str) -> Result<Option<&str>, Failure> {
    const OPEN: &str = "\\boxed{";
    let Some(at) = text.rfind(OPEN) else { return Ok(None) };
    let content = &text[at + OPEN.len()..];
    let mut depth = 1usize;
    let mut escaped = false;
    for (end, c) in content.char_indices() {
        match c {
            // \{ and \} are printed braces and balance nothing.
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Ok(Some(strip(&content[..end])));
        }
    }
    Err(Failure::Unbalanced)
}

/// The rest of the line behind the last "answer is" or "answer:", without markup and final stop.
pub fn phrase(text: &str) -> Option<&str> {
    let (_, start) = marks(text, &["answer"]).pop()?;
    Some(undress(line_from(text, start)))
}

/// How an answer is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// "Answer: …"
    Label,
    /// "the answer is …"
    Statement,
}

/// The start of the line's rest behind every "answer:", "answer is" and "correct option is", in order.
fn marked(text: &str) -> Vec<(Mark, &str)> {
    /// More than a letter with all its dress takes; keeps texts of nothing but marks quick.
    const LONGEST: usize = 200;
    const WORDS: [&str; 5] =
        ["answer", "correct option", "correct choice", "right option", "right choice"];
    let start_of = |at: usize| {
        let end = (at..text.len()).find(|end| *end >= at + LONGEST && text.is_char_boundary(*end));
        line_from(&text[..end.unwrap_or(text.len())], at)
    };
    let found = marks(text, &WORDS).into_iter();
    found.map(|(mark, at)| (mark, start_of(at))).collect()
}

/// Where what is announced begins, behind every one of `words` with ":", "is" or "is:".
fn marks(text: &str, words: &[&str]) -> Vec<(Mark, usize)> {
    // Changing the case of ASCII letters moves no byte.
    let lower = text.to_ascii_lowercase();
    let is_gap = |c: char| matches!(c, ' ' | '\t' | '*' | '_');
    let mut found = Vec::new();
    for word in words {
        for (at, _) in lower.match_indices(word) {
            let behind = lower[at + word.len()..].trim_start_matches(is_gap);
            let start = lower.len() - behind.len();
            if behind.starts_with(':') {
                found.push((Mark::Label, start + 1));
            } else if let Some(rest) = behind.strip_prefix("is")
                && let Some(gap) = rest.chars().next().filter(|c| c.is_whitespace() || *c == ':')
            {
                found.push((Mark::Statement, start + "is".len() + gap.len_utf8()));
            }
        }
    }
    found.sort_by_key(|(_, at)| *at);
    found
}

/// From byte `at`, past white space and asterisks, to the end of the line; of a formula on lines of its own, its content.
fn line_from(text: &str, at: usize) -> &str {
    let rest = text[at..].trim_start_matches(|c: char| c.is_whitespace() || c == '*');
    let line = rest.lines().next().unwrap_or("");
    let displayed = [("\\[", "\\]"), ("$$", "$$")].into_iter().find_map(|(open, close)| {
        let inside = rest.strip_prefix(open).filter(|_| line.trim_end() == open)?;
        inside.split_once(close).map(|(formula, _)| formula.trim())
    });
    displayed.unwrap_or(line)
}

/// Without markdown, quotes, dollar signs around, and a final stop.
pub(crate) fn undress(found: &str) -> &str {
    let outer = |c: char| c.is_whitespace() || matches!(c, '*' | '_' | '`' | '"');
    let found = found.trim_matches(outer);
    let found = found.strip_suffix('.').unwrap_or(found).trim_matches(outer);
    let inner = found.strip_prefix('$').and_then(|inner| inner.strip_suffix('$'));
    // "$1$ or $2$" are two formulas.
    match inner.filter(|inner| !inner.trim_matches('$').contains('$')) {
        Some(formula) => formula.trim(),
        None => found,
    }
}

fn short_last_line(text: &str, rule: LastLine) -> Option<&str> {
    let mut lines = text.lines().rev().filter(|line| !line.trim().is_empty());
    let last = lines.next()?;
    if rule == LastLine::Alone && lines.next().is_some() {
        return None;
    }
    let last = undress(last);
    (last.chars().count() <= SHORT_LINE).then_some(last)
}

/// The content of `\text{…}` and its like, where that is the whole.
pub(crate) fn without_wrapper(found: &str) -> &str {
    let mut found = found.trim();
    loop {
        let inner = ["\\text{", "\\textbf{", "\\mathrm{", "\\mathbf{", "\\boxed{"]
            .iter()
            .find_map(|open| found.strip_prefix(open)?.strip_suffix('}'));
        match inner {
            Some(inner) => found = inner.trim(),
            None => return found,
        }
    }
}

/// With a space in the place of each of the commands, which only set type.
fn blanked(text: &str, commands: &[&str]) -> String {
    let mut plain = text.to_owned();
    for command in commands {
        if plain.contains(command) {
            plain = plain.replace(command, " ");
        }
    }
    plain
}

/// A text cut to a length that a reader takes in.
pub(crate) fn excerpt(found: &str) -> String {
    const LONGEST: usize = 60;
    match found.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &found[..end]),
        None => found.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_or_the_last_complete_tag_counts() {
        let answer = "<answer> 1\n</answer> no: <answer>2</answer> <answer>3";
        assert_eq!(tag(answer, Tag::First), Some("1"));
        assert_eq!(tag(answer, Tag::Last), Some("2"));
        assert_eq!(tag("<answer>a<answer>b</answer>", Tag::Last), Some("a<answer>b"));
        assert_eq!(tag("</answer>x<answer>", Tag::First), None);
        assert_eq!(tag("<answer></answer>", Tag::First), Some(""));
    }

    #[test]
    fn boxes_are_read_to_their_own_brace() {
        assert_eq!(boxed(r"so \boxed{1}, then \boxed{\frac{1}{2}}."), Ok(Some(r"\frac{1}{2}")));
        assert_eq!(boxed(r"\boxed{\{1, 2\}}"), Ok(Some(r"\{1, 2\}")));
        assert_eq!(boxed(r"\boxed{\frac{1}{2}"), Err(Failure::Unbalanced));
        assert_eq!(boxed("none"), Ok(None));
    }

    #[test]
    fn places_are_tried_in_order_and_never_searched_past() {
        let any = |t| text(t, Tag::First, LastLine::Short);
        assert_eq!(any(r"\boxed{1} <answer>2</answer> Answer: 3"), Ok("2"));
        assert_eq!(any(r"Answer: 3 and \boxed{1}"), Ok("1"));
        assert_eq!(any("The answer is 4.\nSure."), Ok("4"));
        assert_eq!(any("**Final Answer:** **Paris**\n"), Ok("Paris"));
        assert_eq!(any("Answer:\n\n42\nmore"), Ok("42"));
        assert_eq!(any("We count.\n\n**12**\n"), Ok("12"));
        assert_eq!(any("<answer> </answer> the answer is 5"), Err(Failure::Empty));
        assert_eq!(any(r"\boxed{1"), Err(Failure::Unbalanced));
        assert_eq!(any(r"the answer is 7, \boxed{1"), Ok(r"7, \boxed{1"));
        assert_eq!(any(""), Err(Failure::NotFound));
        assert_eq!(any(&"long ".repeat(20)), Err(Failure::NotFound));
        assert_eq!(text("Reasoning.\nParis", Tag::First, LastLine::Alone), Err(Failure::NotFound));
        assert_eq!(text("Paris.\n", Tag::First, LastLine::Alone), Ok("Paris"));
    }

    #[test]
    fn huge_and_odd_texts_are_no_trouble() {
        let long = format!("{}<answer>é💡</answer>", "ß".repeat(1_000_000));
        assert_eq!(text(&long, Tag::Last, LastLine::Short), Ok("é💡"));
        assert_eq!(text("İanswer: ü", Tag::First, LastLine::Alone), Ok("ü"));
    }
}
