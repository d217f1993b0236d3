//! What stands behind a letter: another option, a denial, the rest of a word.

/// Whether another option than `first` is named beside it, with nothing but marks and joining words between: "A or B", "A, B and
/// C", "(A)/(B)", "B, maybe C".
pub(super) fn second_option(behind: &str, first: char, last: char) -> bool {
    const JOINS: [&str; 17] = [
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
        "option",
        "choice",
        "vs",
        "versus",
        "unless",
    ];
    let mut rest = behind;
    let mut joined = false;
    loop {
        let marks = |c: char| c.is_whitespace() || ")]}([{.*$,;|/&:-–—~<>=→+·?'\"`".contains(c);
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

/// Whether "and", "or" or "are" follows.
fn joins(after: &str) -> bool {
    [" and ", " or ", " are "].iter().any(|join| after.starts_with(join))
}

/// Whether a place lists options: lines that begin with another one's label, or two other labels within the line.
pub(super) fn lists_options(content: &str, first: char, last: char) -> bool {
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

/// "B is wrong".
pub(super) fn is_denied(behind: &str) -> bool {
    let said = behind.trim_start_matches([')', ']', '}', '*', '$', '\'', ' ']);
    ["is wrong", "is incorrect", "is not", "isn't", "is false"]
        .iter()
        .any(|denial| said.starts_with(denial))
}

/// Whether the letter is part of a longer word or formula.
pub(super) fn word_goes_on(behind: &str) -> bool {
    let possessive = behind.strip_prefix(['\'', '’']);
    possessive.is_some_and(|rest| rest.starts_with(char::is_alphabetic))
        || behind.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '^'))
        || behind.trim_start().starts_with('=')
}

/// "A dog" and "I think": the article and the pronoun, which are capital letters too.
pub(super) fn is_word(letter: char, behind: &str) -> bool {
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
