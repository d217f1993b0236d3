//! A letter among options. "Because B" names none: a letter counts only where an answer is due.

use std::borrow::Cow;

use super::{Failure, Mark, Tag, boxed, excerpt, marked, tag, undress};

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

/// "B is wrong".
fn is_denied(behind: &str) -> bool {
    let said = behind.trim_start_matches([')', ']', '}', '*', '$', '\'', ' ']);
    ["is wrong", "is incorrect", "is not", "isn't", "is false"]
        .iter()
        .any(|denial| said.starts_with(denial))
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

/// Whether the letter is part of a longer word or formula.
fn word_goes_on(behind: &str) -> bool {
    let possessive = behind.strip_prefix(['\'', '’']);
    possessive.is_some_and(|rest| rest.starts_with(char::is_alphabetic))
        || behind.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '^'))
        || behind.trim_start().starts_with('=')
}

/// "A dog" and "I think": the article and the pronoun, which are capital letters too.
fn is_word(letter: char, behind: &str) -> bool {
    const GO_ON: [&str; 13] = [
        "because", "since", "as", "for", "due", "based", "with", "which", "is", "and", "or", "but",
        "if",
    ];
    let Some(next) = behind.strip_prefix(' ').filter(|_| matches!(letter, 'A' | 'I')) else {
        return false;
    };
    let word: &str = next.split(|c: char| !c.is_alphanumeric() && c != '\'').next().unwrap_or("");
    word.starts_with(char::is_lowercase) && !GO_ON.contains(&word)
}

/// Whether another option than `first` is named beside it, with nothing but marks and joining words between: "A or B", "A, B and
/// C", "(A)/(B)", "B, maybe C".
fn second_option(behind: &str, first: char, last: char) -> bool {
    const JOINS: [&str; 12] = [
        "and",
        "or",
        "maybe",
        "perhaps",
        "possibly",
        "probably",
        "but",
        "also",
        "either",
        "else",
        "alternatively",
        "then",
    ];
    let mut rest = behind;
    let mut joined = false;
    loop {
        let marks = |c: char| c.is_whitespace() || ")]}([{.*$,;|/&:-–—'\"`".contains(c);
        let bare = rest.trim_start_matches(marks);
        let open = rest[..rest.len() - bare.len()].ends_with(['(', '[']);
        joined |= rest.starts_with([',', ';', '|', '/', '&']) || open;
        let word = &bare[..bare.len() - bare.trim_start_matches(char::is_alphabetic).len()];
        let after = &bare[word.len()..];
        let ends = after.is_empty()
            || after.starts_with(|c: char| ")]}.,;:/|&\n*$-–—".contains(c))
            || joins(after);
        let mut letters = word.chars();
        if let (Some(letter), None) = (letters.next(), letters.next()) {
            // A small letter is an option behind "or" and in parentheses.
            let option = letter.to_ascii_uppercase();
            let in_case = letter.is_ascii_uppercase() || joined || open;
            return in_case && ('A'..=last).contains(&option) && option != first && ends;
        }
        if !JOINS.iter().any(|join| word.eq_ignore_ascii_case(join)) {
            return false;
        }
        joined = true;
        rest = after;
    }
}

/// Whether "and" or "or" follows.
fn joins(after: &str) -> bool {
    [" and ", " or "].iter().any(|join| after.starts_with(join))
}

/// Whether a place lists options: lines that begin with another one's label, or two other labels within the line.
fn lists_options(content: &str, first: char, last: char) -> bool {
    let label = |text: &str| {
        let open = text.starts_with('(');
        let mut chars = text.trim_start_matches('(').chars();
        let letter =
            chars.next().filter(|letter| letter.is_ascii_uppercase() && *letter <= last)?;
        let closed = chars.next().is_some_and(|c| c == ')' || (!open && matches!(c, '.' | ':')));
        (closed && letter != first).then_some(letter)
    };
    if content.lines().skip(1).any(|line| label(line.trim_start()).is_some()) {
        return true;
    }
    // "Both (A) and (C)" is the text of an option.
    let words = content.split_whitespace().filter(|word| !word.starts_with('('));
    words.filter_map(label).collect::<std::collections::BTreeSet<char>>().len() > 1
}

/// Without the commands that set letters in a formula, and the spaces in it.
fn without_commands(text: &str) -> Cow<'_, str> {
    const COMMANDS: [&str; 18] = [
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
    ];
    if text.is_ascii() && !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = text.replace(['“', '”', '‘', '’'], "'");
    for command in COMMANDS {
        if plain.contains(command) {
            plain = plain.replace(command, " ");
        }
    }
    Cow::Owned(plain.replace("\\ ", " "))
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
            ("Answer: A, I think", 'A'),
            ("Answer: (a)", 'A'),
            ("**Answer:** $D$", 'D'),
            (r"The answer is $\boxed{B}$.", 'B'),
            ("The answer is a riddle. Still, the answer is B, not C.", 'B'),
            ("The answer is B, C is wrong.", 'B'),
            ("The answer is closest to (A).", 'A'),
            ("Hence the correct option is\n(C).", 'C'),
            ("At first the answer is A.\nAnswer: D\nAnswer: B", 'D'),
            ("B", 'B'),
            (" **(c)**\n", 'C'),
            ("C.", 'C'),
            (r"$\text{D}$", 'D'),
            (r"Answer: \(B\)", 'B'),
            (r"The answer is \(\text{B}\).", 'B'),
            ("Answer: 'B'", 'B'),
            ("Answer: “B”", 'B'),
            (r"\boxed{\textrm{B}}", 'B'),
            (r"\boxed{\,B}", 'B'),
            (r"\boxed{B \text{ (Paris)}}", 'B'),
            ("<answer>The answer is B</answer>", 'B'),
            ("<answer>B — Paris</answer>", 'B'),
            ("<answer>D. Both (A) and (C)</answer>", 'D'),
            ("<answer>C) Vitamin A</answer>", 'C'),
            ("The answer is:\n\\[\nB\n\\]", 'B'),
            ("The answer is (B), since (A) fails.", 'B'),
        ] {
            assert_eq!(choice(text, 4), Ok(letter), "{text:?}");
        }
        assert_eq!(choice("<answer>J</answer>", 10), Ok('J'));
        assert_eq!(choice("The answer is I because it is.", 10), Ok('I'));
    }

    #[test]
    fn letters_in_prose_are_refused() {
        for text in [
            "Because B",
            "B is valid",
            "A. Because B is not valid",
            "I think it's (D).",
            "The answer is Because B",
            "Answer: Because",
            "Answer: A dog",
            "The answer is a number",
            "The answer is A=3",
            "The answer isn't A",
            "",
            "answer: ",
            "The answer is E",
            "E",
            "<answer>Because B</answer>",
            "<answer>A dog</answer>",
            "<answer></answer> Answer: B",
            "<answer>E</answer>",
            "The answer is B is wrong.",
            "<answer>B is not it</answer>",
        ] {
            assert!(choice(text, 4).is_err(), "{text:?}: {:?}", choice(text, 4));
        }
        assert!(choice("The answer is I think B", 10).is_err());
    }

    #[test]
    fn failures_have_names() {
        assert_eq!(choice("I wonder.", 4), Err(Failure::NotFound));
        assert_eq!(choice("<answer> </answer>", 4), Err(Failure::Empty));
        assert_eq!(choice(r"so \boxed{B", 4), Err(Failure::Unbalanced));
        assert!(matches!(choice("Answer: E", 4), Err(Failure::NotAChoice { last: 'D', .. })));
        for text in [
            "<answer>A, B</answer>",
            "<answer>A and B</answer>",
            "<answer>A/B</answer>",
            "<answer>A\nB\nC\nD</answer>",
            "Answer: A or B",
            "The answer is (A) and (C).",
            r"\boxed{A, C}",
            "<answer>(A) (B) (C) (D)</answer>",
            r"\boxed{A) B) C) D)}",
            r"\boxed{A; B; C; D}",
            "<answer>A. Paris\nB. London\nC. Rome\nD. Berlin</answer>",
            "<answer>A. Paris B. London C. Rome</answer>",
            "The answer is B, or C.",
            "<answer>B, maybe C</answer>",
            "<answer>B (or C)</answer>",
            "<answer>(B) or possibly (C)</answer>",
            "<answer>(b) or (c)</answer>",
            "<answer>B or c</answer>",
            "<answer>B, but also C</answer>",
            "<answer>B|C</answer>",
            "<answer>B, A, C, D</answer>",
            r"\boxed{B \text{ or } C}",
        ] {
            assert!(
                matches!(choice(text, 4), Err(Failure::SeveralChoices { .. })),
                "{text:?}: {:?}",
                choice(text, 4)
            );
        }
    }

    #[test]
    fn long_texts_take_no_time() {
        let began = std::time::Instant::now();
        let text = "answer: answer is ".repeat(100_000);
        assert!(choice(&text, 4).is_err());
        assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    }
}
