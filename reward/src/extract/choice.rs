//! A letter among options. "Because B" names none: a letter counts only where an answer is due.

use super::{Failure, Tag, boxed, excerpt, phrases, tag, undress, without_wrapper};

/// The option that a text chooses, as a capital letter. Looked for in the first `<answer>` tag, then in the last
/// `\boxed{…}`, then in the first "answer is X", "answer is (X)" or "answer: X" that names an option.
pub fn choice(text: &str, options: u8) -> Result<char, Failure> {
    let last = char::from(b'A' + options.clamp(1, 26) - 1);
    if let Some(content) = tag(text, Tag::First) {
        return whole(content, last);
    }
    let unboxed = boxed(text);
    if let Ok(Some(content)) = unboxed {
        return whole(content, last);
    }
    let mut failure = unboxed.err().unwrap_or(Failure::NotFound);
    for rest in phrases(text) {
        match leading(rest, last) {
            Some(letter) => return Ok(letter),
            None => failure = not_a_choice(rest, last),
        }
    }
    Err(failure)
}

/// A place that holds the answer and nothing else: "B", "(b)", "B.", "B) its text", "Option B".
fn whole(content: &str, last: char) -> Result<char, Failure> {
    let bare = without_wrapper(undress(content));
    if bare.is_empty() {
        return Err(Failure::Empty);
    }
    let (letter, rest) = letter_and_rest(bare).ok_or_else(|| not_a_choice(content, last))?;
    let rest = rest.trim_start();
    let ended = rest.is_empty()
        || rest.starts_with([')', ']', '}', '.', ':', ',', ';', '-', '–', '*', '\n']);
    let in_case = letter.is_ascii_uppercase() || rest.trim_matches([')', ']', '.', '}']).is_empty();
    let letter = letter.to_ascii_uppercase();
    if ended && in_case && letter <= last { Ok(letter) } else { Err(not_a_choice(content, last)) }
}

/// The start of a sentence's rest: "B", "(B) because", "**B**.", "option B".
fn leading(rest: &str, last: char) -> Option<char> {
    let bare = without_wrapper(undress(rest));
    let parenthesised = bare.starts_with(['(', '[']);
    let (letter, behind) = letter_and_rest(bare)?;
    let word_goes_on =
        behind.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '\'' | '’' | '_'));
    // "The answer is a number" names no option; "(a)" does.
    let closed = parenthesised && behind.starts_with([')', ']']);
    let in_case = letter.is_ascii_uppercase() || closed || behind.is_empty();
    let letter = letter.to_ascii_uppercase();
    (!word_goes_on && in_case && letter <= last).then_some(letter)
}

fn letter_and_rest(bare: &str) -> Option<(char, &str)> {
    let mut bare = bare.trim_start_matches(|c: char| {
        c.is_whitespace() || matches!(c, '(' | '[' | '{' | '$' | '*' | '\'')
    });
    for word in ["option", "choice"] {
        let begins = bare.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        if begins && bare[word.len()..].starts_with([' ', ':']) {
            bare = bare[word.len()..].trim_start_matches([' ', ':', '(', '*']);
        }
    }
    for open in ["\\text{", "\\textbf{", "\\mathrm{", "\\mathbf{", "\\boxed{"] {
        bare = bare.strip_prefix(open).unwrap_or(bare);
    }
    let bare = bare.trim_start_matches(['(', '*', ' ']);
    let letter = bare.chars().next().filter(char::is_ascii_alphabetic)?;
    Some((letter, &bare[1..]))
}

fn not_a_choice(found: &str, last: char) -> Failure {
    Failure::NotAChoice { found: excerpt(found.trim()), last }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_found_where_an_answer_is_due() {
        for (text, letter) in [
            ("<answer>B</answer>", 'B'),
            ("<answer> (c) </answer>", 'C'),
            ("<answer>b</answer>", 'B'),
            ("<answer>D. Paris</answer>", 'D'),
            ("<answer>Option A</answer> the answer is B", 'A'),
            ("<answer>**B**</answer>", 'B'),
            (r"\boxed{\text{(B)}} hence A", 'B'),
            (r"so \boxed{B}", 'B'),
            ("The answer is (B).", 'B'),
            ("the correct answer is: **C**", 'C'),
            ("Answer: A because", 'A'),
            ("Answer: (a)", 'A'),
            ("**Answer:** $D$", 'D'),
            (r"The answer is $\boxed{B}$.", 'B'),
            ("The answer is a riddle. Still, the answer is B, not C.", 'B'),
        ] {
            assert_eq!(choice(text, 4), Ok(letter), "{text:?}");
        }
    }

    #[test]
    fn letters_in_prose_are_refused() {
        for text in [
            "Because B",
            "B is valid",
            "The answer is Because B",
            "Answer: Because",
            "The answer is a number",
            "The answer isn't A",
            "A",
            "",
            "answer: ",
            "The answer is E",
        ] {
            assert!(choice(text, 4).is_err(), "{text:?}: {:?}", choice(text, 4));
        }
        for text in [
            "<answer>Because B</answer>",
            "<answer>A dog</answer>",
            "<answer></answer> Answer: B",
            "<answer>E</answer>",
        ] {
            assert!(choice(text, 4).is_err(), "{text:?}: {:?}", choice(text, 4));
        }
        assert_eq!(choice("<answer>J</answer>", 10), Ok('J'));
    }
}
