//! A letter among options. "Because B" names none: a letter counts only where an answer is due.

mod beside;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use beside::{is_denied, is_word, lists_options, second_option, word_goes_on};

use super::{Failure, Mark, Tag, blanked, boxed, excerpt, marked, tag, undress};

/// The option that a text chooses, as a capital letter. Looked for in this order, and the first place that is there decides:
/// the first `<answer>` tag; the last `\boxed{…}`; the first "Answer: X" that names an option; the first "answer is X" or
/// "correct option is X" that does; the whole text where it is a letter and nothing else.
pub fn choice(text: &str, options: u8) -> Result<char, Failure> {
    let last = char::from(b'A' + options.clamp(1, 26) - 1);
    if let Some(content) = tag(text, Tag::First) {
        return whole(content, last);
    }
    let unboxed = boxed(text);
    if let Ok(Some(content)) = unboxed {
        return whole(content, last);
    }
    let places = marked(text);
    let mut failure = None;
    for mark in [Mark::Label, Mark::Statement] {
        for (_, rest) in places.iter().filter(|(found, _)| *found == mark) {
            match leading(rest, last) {
                Err(miss @ Failure::NotAChoice { .. }) => {
                    failure.get_or_insert(miss);
                }
                decided => return decided,
            }
        }
    }
    let alone = || lone_letter(text, last).ok_or(Failure::NotFound);
    match (failure, unboxed) {
        (Some(failure), _) | (None, Err(failure)) => Err(failure),
        _ => alone(),
    }
}

/// A place that holds the answer and nothing else: "B", "(b)", "B.", "B) its text", "Option B".
fn whole(content: &str, last: char) -> Result<char, Failure> {
    let plain = without_commands(content);
    let bare = undress(&plain);
    if bare.is_empty() {
        return Err(Failure::Empty);
    }
    if let Some((_, said)) = marked(bare).pop()
        && starts_with_mark(bare)
    {
        return leading(said, last);
    }
    let miss = || not_a_choice(content, last);
    let (letter, rest) = letter_and_rest(bare).ok_or_else(miss)?;
    let behind = rest.trim_start();
    let option = letter.to_ascii_uppercase();
    let several = second_option(rest, option, last);
    let ended = behind.is_empty()
        || behind.starts_with(|c: char| ")]}.:,;-–—*/\n'(".contains(c))
        || several;
    let in_case = letter.is_ascii_uppercase() || closes_only(behind) || several;
    if !ended || !in_case || option > last || is_denied(rest) {
        return Err(miss());
    }
    if several || lists_options(bare, option, last) {
        return Err(Failure::SeveralChoices { found: excerpt(content.trim()) });
    }
    Ok(option)
}

/// "The answer is B" where a letter alone was due.
fn starts_with_mark(bare: &str) -> bool {
    let lower = bare.to_ascii_lowercase();
    let bare = lower.strip_prefix("the ").unwrap_or(&lower);
    ["answer", "correct answer", "final answer", "correct option", "correct choice"]
        .iter()
        .any(|start| bare.starts_with(start))
}

/// The start of a sentence's rest: "B", "(B) because", "**B**.", "option B", "closest to (B)".
fn leading(rest: &str, last: char) -> Result<char, Failure> {
    let plain = without_commands(rest);
    let bare = undress(without_filler(&plain)).trim();
    let miss = || not_a_choice(rest, last);
    let parenthesised = bare.starts_with(['(', '[']);
    let (letter, behind) = letter_and_rest(bare).ok_or_else(miss)?;
    let closed = parenthesised && behind.starts_with([')', ']']);
    // "The answer is a number" names no option; "(a)" does.
    let in_case = letter.is_ascii_uppercase() || closed || behind.is_empty();
    let upper = letter.to_ascii_uppercase();
    let is_word = word_goes_on(behind) || (!closed && is_word(letter, behind));
    if is_word || !in_case || upper > last || is_denied(behind) {
        return Err(miss());
    }
    if second_option(behind, upper, last) {
        return Err(Failure::SeveralChoices { found: excerpt(rest.trim()) });
    }
    Ok(upper)
}

/// A text that is one letter, dressed or not.
fn lone_letter(text: &str, last: char) -> Option<char> {
    let plain = without_commands(text);
    let bare = undress(&plain);
    // More than a dressed letter takes is more than a letter.
    let (letter, rest) = letter_and_rest(bare).filter(|_| text.trim().len() <= 40)?;
    let letter = letter.to_ascii_uppercase();
    (closes_only(rest) && letter <= last).then_some(letter)
}

/// Whether nothing follows but closing marks.
fn closes_only(rest: &str) -> bool {
    rest.trim_matches([')', ']', '.', '}', '*', ' ', '$', '\'']).is_empty()
}

/// What stands between "answer is" and the letter without saying anything.
fn without_filler(rest: &str) -> &str {
    const FILLERS: [&str; 10] = [
        "most likely",
        "probably",
        "closest to",
        "approximately",
        "therefore",
        "thus",
        "clearly",
        "definitely",
        "indeed",
        "letter",
    ];
    let rest = rest.trim_start_matches([' ', '*', ':']);
    let filler = FILLERS.iter().find_map(|filler| {
        let behind = rest.get(filler.len()..)?;
        let here = rest[..filler.len()].eq_ignore_ascii_case(filler);
        (here && behind.starts_with([' ', ',', ':'])).then_some(behind)
    });
    filler.map_or(rest, |behind| behind.trim_start_matches([' ', ',', ':']))
}

/// Without the commands that set letters in a formula, and the spaces in it.
fn without_commands(text: &str) -> Cow<'_, str> {
    const COMMANDS: [&str; 19] = [
        "\\textbf{",
        "\\textrm{",
        "\\textit{",
        "\\text{",
        "\\mathrm{",
        "\\mathbf{",
        "\\mathsf{",
        "\\mathit{",
        "\\mbox{",
        "\\boxed{",
        "\\left",
        "\\right",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "\\,",
        "\\;",
        "\\ ",
    ];
    if text.is_ascii() && !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let straight = text.replace(['“', '”', '‘', '’'], "'");
    Cow::Owned(blanked(&straight, &COMMANDS))
}

fn letter_and_rest(bare: &str) -> Option<(char, &str)> {
    let mut bare = bare.trim_start_matches(|c: char| {
        c.is_whitespace() || matches!(c, '(' | '[' | '{' | '$' | '*' | '\'' | '`' | '"')
    });
    for word in ["option", "choice"] {
        let begins = bare.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        if begins && bare[word.len()..].starts_with([' ', ':']) {
            bare = bare[word.len()..].trim_start_matches([' ', ':', '(', '*']);
        }
    }
    let bare = bare.trim_start_matches(['(', '*', ' ', '\'']);
    let letter = bare.chars().next().filter(char::is_ascii_alphabetic)?;
    Some((letter, &bare[1..]))
}

fn not_a_choice(found: &str, last: char) -> Failure {
    Failure::NotAChoice { found: excerpt(found.trim()), last }
}
