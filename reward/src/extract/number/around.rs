//! What may stand around a number without making it another one.

use crate::math::UNIT_LETTERS;

/// Words right before a number, or before "of" and it, that say another one.
const BEFORE: [&str; 23] = [
    "not",
    "never",
    "but",
    "except",
    "excluding",
    "negative",
    "minus",
    "than",
    "half",
    "either",
    "between",
    "root",
    "square",
    "cube",
    "sqrt",
    "log",
    "ln",
    "exp",
    "sin",
    "cos",
    "tan",
    "mod",
    "twice",
];
/// Words right behind it that do.
const BEHIND: [&str; 12] =
    ["or", "squared", "cubed", "factorial", "pi", "mod", "sqrt", "log", "ln", "sin", "cos", "tan"];
/// What begins the reason or the condition of an answer.
const REASONS: [&str; 14] = [
    "because", "since", "as", "for", "assuming", "when", "if", "with", "given", "where", "which",
    "that", "this", "not",
];
/// What begins another candidate.
const HEDGES: [&str; 11] = [
    "or",
    "and",
    "maybe",
    "perhaps",
    "possibly",
    "probably",
    "but",
    "alternatively",
    "either",
    "also",
    "to",
];

/// The side of a chain of equations that counts, which is the last one, and those before it. `None` where there is more than a
/// chain ("x = 6, x = 5").
pub(super) fn equation_side(text: &str) -> Option<(&str, Option<&str>)> {
    let Some((before, side)) = text.rsplit_once('=') else { return Some((text, None)) };
    if before.ends_with(['<', '>', '!', ':', '≠']) {
        return None;
    }
    let clauses =
        [", ", ";", ". ", "\n", " or ", " and ", " when ", " if ", " with ", " where ", " for "];
    // "12 (with n = 9)"
    let open = before.matches('(').count() > before.matches(')').count();
    let is_chain = !open && !clauses.iter().any(|clause| before.contains(clause));
    is_chain.then_some((side, Some(before)))
}

/// Without brackets around the whole and space behind a sign: `- 5` and `-(5)` as `-5`.
pub(super) fn bare(side: &str) -> String {
    let side = side.trim();
    let (sign, inner) = match side.strip_prefix('-') {
        Some(inner) => ("-", inner.trim_start()),
        None => ("", side),
    };
    let inside = inner.strip_prefix('(').and_then(|inner| inner.strip_suffix(')'));
    let inner = inside.filter(|inside| !inside.contains(['(', ')'])).map_or(inner, str::trim);
    if !sign.is_empty() && inner.starts_with(['-', '+']) {
        return side.to_owned();
    }
    format!("{sign}{inner}")
}

/// Without asterisks on both sides: `**5** apples`.
pub(super) fn without_emphasis<'a>(before: &'a str, behind: &'a str) -> (&'a str, &'a str) {
    let plain = before.trim_end_matches('*');
    let stars = &before[plain.len()..];
    match behind.strip_prefix(stars) {
        Some(behind) if !stars.is_empty() => (plain, behind),
        _ => (before, behind),
    }
}

/// Whether these are words before a number, and nothing that acts on it.
pub(super) fn is_said_before(text: &str) -> bool {
    let plain = |c: char| {
        (c.is_alphanumeric() && c != 'π')
            || c.is_whitespace()
            || "([{$€£¥*_`\"'’“‘:,.≈~#-".contains(c)
    };
    let trimmed = text.trim_end();
    // `x - `, `2 * `, `x*`: an operator; `-5` and `*5*` were passed over before.
    let minus = trimmed.ends_with('-') && trimmed.len() > 1;
    let times = trimmed.ends_with('*')
        && !trimmed.ends_with("**")
        && (trimmed.len() < text.len()
            || trimmed.trim_end_matches('*').ends_with(char::is_alphanumeric));
    let call = text.ends_with('(') && text.trim_end_matches('(').ends_with(char::is_alphanumeric);
    let in_word = |c: char| c.is_alphabetic() || matches!(c, '\'' | '’');
    let mut words = text.split(|c: char| !in_word(c)).filter(|word| !word.is_empty()).rev();
    let last = words.next().unwrap_or_default();
    let denied = last.ends_with("n't") || last.ends_with("n’t");
    let turning =
        if last.eq_ignore_ascii_case("of") { words.next().unwrap_or_default() } else { last };
    text.chars().all(plain) && !minus && !times && !call && !denied && !among(turning, &BEFORE)
}

/// Whether these are words or units behind a number, and nothing that acts on it.
pub(super) fn is_said_behind(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    // "5 and a half"
    let fraction =
        first == "and" && words.take(2).any(|word| matches!(word, "half" | "third" | "quarter"));
    let mut words = text.split_whitespace();
    let denied = words.next() == Some("is")
        && words.next().is_some_and(|word| among(word, &["wrong", "incorrect", "not", "false"]));
    if fraction || denied || among(first, &BEHIND) {
        return false;
    }
    let mut rest = text;
    let mut after_word = false;
    while let Some(c) = rest.chars().next() {
        let word = &rest[..rest.len() - rest.trim_start_matches(char::is_alphabetic).len()];
        if !word.is_empty() {
            let behind = &rest[word.len()..];
            let single = word.chars().count() == 1;
            let article = matches!(word, "a" | "A" | "I") && behind.starts_with(' ');
            // A letter that is no unit is a variable.
            if single && !after_word && !article && !UNIT_LETTERS.contains(word) {
                return false;
            }
            // "of CO2"
            let behind = if single {
                behind
            } else {
                behind.trim_start_matches(|c: char| c.is_ascii_digit())
            };
            rest = without_power(behind);
            after_word = true;
        } else if c == '/' {
            // "5 km/h" and "$5/hour", but no division.
            let unit = rest[1..].chars().take_while(|c| c.is_alphabetic()).count();
            if unit == 0 || (unit == 1 && !after_word) {
                return false;
            }
            rest = &rest[1..];
            after_word = true;
        } else if c == '*' {
            // The end of emphasis.
            let behind = rest.trim_start_matches('*');
            if !(behind.is_empty()
                || rest.starts_with("**") && behind.starts_with([' ', '.', ',', ')', '\n']))
            {
                return false;
            }
            rest = behind;
        } else if c.is_whitespace() || ")]}([{$€£¥_`\"'’“”,.;:°-–—".contains(c) {
            rest = &rest[c.len_utf8()..];
        } else {
            return false;
        }
    }
    true
}

/// Behind the power of a unit: `cm^2`, `m³`.
fn without_power(rest: &str) -> &str {
    let power = ["^{2}", "^{3}", "^2", "^3", "²", "³"];
    let raised = rest.trim_start_matches('}');
    power.iter().find_map(|power| raised.strip_prefix(power)).unwrap_or(rest)
}

fn among(word: &str, words: &[&str]) -> bool {
    words.iter().any(|other| word.eq_ignore_ascii_case(other))
}

/// "12, since 3 × 4" and "12. That is": the part before the reason, and the reason. `None` where there is no such part.
pub(super) fn first_clause(found: &str) -> Option<(&str, &str)> {
    const STOPS: [&str; 9] =
        [", ", ". ", "; ", " because ", " since ", " when ", " assuming ", " (", "\n"];
    let at = STOPS.iter().filter_map(|stop| found.find(stop)).min()?;
    let (clause, rest) = found.split_at(at);
    let first = clause.split_whitespace().next().unwrap_or_default();
    // "For n = 9, …" is the condition itself.
    (!among(first, &REASONS))
        .then_some((clause, rest.trim_start_matches([',', '.', ';', ' ', '\n', '(', '*', '$'])))
}

/// Whether what follows an answer is its reason, or says nothing of numbers; what it may say else is another candidate ("5, 6",
/// "5 (or 6)", "5, x = 6").
pub(super) fn is_reason(rest: &str) -> bool {
    let word = &rest[..rest.len() - rest.trim_start_matches(char::is_alphabetic).len()];
    if among(word, &HEDGES) {
        return false;
    }
    among(word, &REASONS) || !rest.contains(|c: char| c.is_ascii_digit())
}
