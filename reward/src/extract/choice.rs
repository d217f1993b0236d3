//! A letter among options. "Because B" names none: a letter counts only where an answer is due.

use super::{Failure, Mark, Tag, boxed, excerpt, marked, tag, undress, without_wrapper};

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
    let bare = without_wrapper(undress(content));
    if bare.is_empty() {
        return Err(Failure::Empty);
    }
    let miss = || not_a_choice(content, last);
    let (letter, rest) = letter_and_rest(bare).ok_or_else(miss)?;
    let behind = rest.trim_start();
    let ended = behind.is_empty()
        || behind.starts_with([')', ']', '}', '.', ':', ',', ';', '-', '–', '*', '/', '\n'])
        || second_option(rest, letter, last);
    let in_case = letter.is_ascii_uppercase() || closes_only(behind);
    let letter = letter.to_ascii_uppercase();
    if !ended || !in_case || letter > last {
        return Err(miss());
    }
    if second_option(rest, letter, last) {
        return Err(Failure::SeveralChoices { found: excerpt(content.trim()) });
    }
    Ok(letter)
}

/// The start of a sentence's rest: "B", "(B) because", "**B**.", "option B", "closest to (B)".
fn leading(rest: &str, last: char) -> Result<char, Failure> {
    let bare = without_wrapper(undress(without_filler(rest)));
    let miss = || not_a_choice(rest, last);
    let parenthesised = bare.starts_with(['(', '[']);
    let (letter, behind) = letter_and_rest(bare).ok_or_else(miss)?;
    let closed = parenthesised && behind.starts_with([')', ']']);
    // "The answer is a number" names no option; "(a)" does.
    let in_case = letter.is_ascii_uppercase() || closed || behind.is_empty();
    let upper = letter.to_ascii_uppercase();
    if word_goes_on(behind) || !in_case || upper > last || (!closed && is_word(letter, behind)) {
        return Err(miss());
    }
    if second_option(behind, upper, last) {
        return Err(Failure::SeveralChoices { found: excerpt(rest.trim()) });
    }
    Ok(upper)
}

/// A text that is one letter, dressed or not.
fn lone_letter(text: &str, last: char) -> Option<char> {
    let bare = without_wrapper(undress(text));
    // More than a dressed letter takes is more than a letter.
    let (letter, rest) = letter_and_rest(bare).filter(|_| text.trim().len() <= 40)?;
    let letter = letter.to_ascii_uppercase();
    (closes_only(rest) && letter <= last).then_some(letter)
}

/// Whether nothing follows but closing marks.
fn closes_only(rest: &str) -> bool {
    rest.trim_matches([')', ']', '.', '}', '*', ' ', '$']).is_empty()
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
    behind.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '\'' | '’' | '_' | '^'))
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

/// Whether another option than `first` is named beside it: "A or B", "A, B and C", "(A)/(B)".
fn second_option(behind: &str, first: char, last: char) -> bool {
    let rest = behind.trim_start_matches([')', ']', '}', '*', ' ', '$', '.']);
    let joins = ["and/or", "or", "and", "/", ",", "&", "\n"];
    let Some(second) = joins.iter().find_map(|join| rest.strip_prefix(join)) else {
        return false;
    };
    let Some((letter, after)) = letter_and_rest(second.trim_start()) else { return false };
    let ends = after.is_empty()
        || after.starts_with([')', ']', '}', '.', ',', ';', '/', '\n', '*', '$'])
        || [" and ", " or "].iter().any(|join| after.starts_with(join));
    letter.is_ascii_uppercase() && letter <= last && letter != first && ends
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
