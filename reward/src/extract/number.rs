//! Numbers as people write them, compared exactly.

use super::{Failure, LastLine, Tag, excerpt};
use crate::decimal::Decimal;

/// A number: a decimal, a fraction of two, or a percentage.
#[derive(Debug, Clone)]
pub struct Number {
    numerator: Decimal,
    denominator: Decimal,
    percent: bool,
}

/// Longest run of characters read as one number; products of two stay quick.
const LONGEST: usize = 400;
/// Longest text, in bytes, that a number is looked for in: an answer's place holds an answer, not an essay.
const LONGEST_TEXT: usize = 4096;
/// Most elements of a list.
const MOST: usize = 256;

impl Number {
    /// Reads a text that is one number and nothing else: `-1,234.50`, `$5`, `3/4`, `\frac{3}{4}`, `1e9`, `2 \times 10^3`,
    /// `50%`, `90°`.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST_TEXT {
            return None;
        }
        let clean = cleaned(text);
        let (number, end) = number_at(&clean, 0)?;
        matches!(clean[end..].trim(), "" | "°").then_some(number)
    }

    /// Reads the one number in a text: behind the last `=` where there is one, with words or units around it.
    /// `None` where there is no number or more than one, and where it is part of a formula (`\sqrt{4}`, `2\pi`, `2^x`).
    pub fn find(text: &str) -> Option<Self> {
        if text.len() > LONGEST_TEXT {
            return None;
        }
        let clean = without_text_commands(&cleaned(text));
        let side = clean.rsplit('=').next().unwrap_or(&clean);
        if side.contains(['\\', '^', '√', 'π', '∞', '∑', '∫']) {
            return None;
        }
        let mut found = None;
        let mut at = 0;
        while at < side.len() {
            if let Some((number, end)) = number_at(side, at).filter(|_| starts_number(side, at)) {
                // A letter right behind is a variable ("2x"); several are a unit ("5cm").
                let letters = side[end..].chars().take_while(|c| c.is_alphabetic()).count();
                if found.is_some() || letters == 1 || side[end..].starts_with('/') {
                    return None;
                }
                found = Some(number);
                at = end;
            } else {
                at += side[at..].chars().next().map_or(1, char::len_utf8);
            }
        }
        found
    }

    /// Whether `answer` is this gold value: exactly, or within `tolerance` relative to it. Where only one of the two
    /// carries a percent sign, both readings of the sign are accepted (50% is 0.5, and is 50 to a question for a percentage).
    pub fn accepts(&self, answer: &Self, tolerance: f64) -> bool {
        let as_written = self.equals(answer, tolerance, true);
        as_written || (self.percent != answer.percent && self.equals(answer, tolerance, false))
    }

    fn equals(&self, answer: &Self, tolerance: f64, percent: bool) -> bool {
        let (gold_over, gold_under) = self.fraction(percent);
        let (answer_over, answer_under) = answer.fraction(percent);
        if gold_over.times(&answer_under) == answer_over.times(&gold_under) {
            return true;
        }
        // Rounding must not refuse what lies on the border.
        let border = tolerance * (1.0 + 1e-9);
        let ratio = answer_over.times(&gold_under).ratio(&gold_over.times(&answer_under));
        tolerance > 0.0 && (ratio - 1.0).abs() <= border
    }

    /// Ascending; fractions and percentages stand at their value.
    pub(crate) fn ascending(numbers: &mut [Self]) {
        let value = |number: &Self| {
            let (over, under) = number.fraction(true);
            over.to_f64() / under.to_f64()
        };
        numbers.sort_by(|a, b| value(a).total_cmp(&value(b)));
    }

    fn fraction(&self, percent: bool) -> (Decimal, Decimal) {
        let hundred = Decimal::from_u32(100);
        let under = if self.percent && percent {
            self.denominator.times(&hundred)
        } else {
            self.denominator.clone()
        };
        (self.numerator.clone(), under)
    }

    /// One text for each way to write the same decimal; fractions and percentages keep their form.
    pub fn canonical(&self) -> String {
        let percent = if self.percent { "%" } else { "" };
        if self.denominator == Decimal::from_u32(1) {
            format!("{}{percent}", self.numerator)
        } else {
            format!("{}/{}{percent}", self.numerator, self.denominator)
        }
    }
}

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

/// Typography and LaTeX reduced to plain ASCII where a number is concerned.
fn cleaned(text: &str) -> String {
    let mut clean = text.trim().to_owned();
    for (from, to) in [
        ("\u{2212}", "-"),
        ("{,}", ","),
        ("\\,", ""),
        ("\\!", ""),
        ("\\%", "%"),
        ("\\$", "$"),
        ("\\dfrac", "\\frac"),
        ("\\tfrac", "\\frac"),
        ("\u{a0}", " "),
        ("^{\\circ}", "°"),
        ("^\\circ", "°"),
        ("\\degree", "°"),
    ] {
        if clean.contains(from) {
            clean = clean.replace(from, to);
        }
    }
    while let Some(plain) = plain_fraction(&clean) {
        clean = plain;
    }
    if let Some(plain) = plain_scientific(&clean) {
        clean = plain;
    }
    let unquoted = clean.strip_prefix('$').and_then(|inner| inner.strip_suffix('$'));
    unquoted.map_or_else(|| clean.clone(), |inner| inner.trim().to_owned())
}

/// Without the commands that only set type: what a unit or a word beside a number is written with.
fn without_text_commands(clean: &str) -> String {
    let mut plain = clean.to_owned();
    for command in [
        "\\textbf{",
        "\\text{",
        "\\mathrm{",
        "\\mathbf{",
        "\\boxed{",
        "\\left",
        "\\right",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "\\;",
        "\\:",
        "\\ ",
        "\\approx",
        "\\displaystyle",
    ] {
        if plain.contains(command) {
            plain = plain.replace(command, " ");
        }
    }
    plain
}

/// The first `\frac{a}{b}` or `\frac12` of plain numbers as `a/b`; `None` where there is none.
fn plain_fraction(text: &str) -> Option<String> {
    let at = text.find("\\frac")?;
    let inner = &text[at + "\\frac".len()..];
    let (over, under, rest) = match inner.strip_prefix('{') {
        Some(inner) => {
            let (over, rest) = inner.split_once("}{")?;
            let (under, rest) = rest.split_once('}')?;
            (over, under, rest)
        }
        None => (inner.get(..1)?, inner.get(1..2)?, inner.get(2..)?),
    };
    let plain = |part: &str| Decimal::parse(part.trim()).is_some();
    // A mixed number must not become one with more digits.
    let gap = if text[..at].ends_with(|c: char| c.is_alphanumeric()) { " " } else { "" };
    (plain(over) && plain(under))
        .then(|| format!("{}{gap}{}/{}{rest}", &text[..at], over.trim(), under.trim()))
}

/// `2.5 \times 10^{3}` as `2.5e3`; `None` where there is no such product, or more than one.
fn plain_scientific(text: &str) -> Option<String> {
    let (before, behind) = text.split_once("10^")?;
    let (exponent, rest) = if let Some(inner) = behind.strip_prefix('{') {
        inner.split_once('}')?
    } else {
        let sign = usize::from(behind.starts_with(['+', '-']));
        behind.split_at(sign + digits(&behind[sign..]))
    };
    let whole = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if whole.is_empty() || digits(whole) != whole.len() || rest.contains("10^") {
        return None;
    }
    let mantissa = ["\\times", "\\cdot", "×", "·", "*", "x"]
        .iter()
        .find_map(|sign| before.trim_end().strip_suffix(sign))?
        .trim_end();
    mantissa.ends_with(|c: char| c.is_ascii_digit()).then(|| format!("{mantissa}e{exponent}{rest}"))
}

/// Whether a number may begin here: not within a word or another number.
fn starts_number(text: &str, at: usize) -> bool {
    let before = text[..at].chars().next_back();
    match text.as_bytes()[at] {
        // Between two things a hyphen joins or subtracts.
        b'-' | b'+' => !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, ')' | '}')),
        _ => !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '/')),
    }
}

/// The number that begins at byte `at`, and where it ends.
fn number_at(text: &str, at: usize) -> Option<(Number, usize)> {
    let (numerator, mut end) = decimal_at(text, at)?;
    let mut denominator = Decimal::from_u32(1);
    if text[end..].starts_with('/')
        && let Some((under, under_end)) =
            decimal_at(text, end + 1).filter(|(under, _)| !under.is_zero())
    {
        denominator = under;
        end = under_end;
    }
    let percent = text[end..].trim_start_matches(' ').starts_with('%');
    if percent {
        end += text[end..].find('%').map_or(0, |i| i + 1);
    }
    Some((Number { numerator, denominator, percent }, end))
}

/// `[+-] [currency] digits, with commas between groups of three [. digits] [e [+-] digits]`.
fn decimal_at(text: &str, at: usize) -> Option<(Decimal, usize)> {
    let rest = text.get(at..)?;
    let signed = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    let body = signed.strip_prefix(['$', '€', '£', '¥']).unwrap_or(signed);
    let (negative, body) = match body.strip_prefix('-') {
        Some(inner) if !rest.starts_with(['+', '-']) => (true, inner),
        _ => (rest.starts_with('-'), body),
    };
    let mut end = whole_part(body);
    let fraction = body[end..].strip_prefix('.').map_or(0, digits);
    if end == 0 && fraction == 0 {
        return None;
    }
    if fraction > 0 || (body[end..].starts_with('.') && body[end + 1..].trim_start().is_empty()) {
        end += 1 + fraction;
    }
    end += exponent_part(&body[end..]);
    if end > LONGEST {
        return None;
    }
    let plain = format!("{}{}", if negative { "-" } else { "" }, body[..end].replace(',', ""));
    Some((Decimal::parse(&plain)?, text.len() - body.len() + end))
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn whole_part(text: &str) -> usize {
    let mut end = digits(text);
    if !(1..=3).contains(&end) {
        return end;
    }
    while text[end..].starts_with(',') && digits(&text[end + 1..]) == 3 {
        end += 4;
    }
    end
}

fn exponent_part(text: &str) -> usize {
    let Some(rest) = text.strip_prefix(['e', 'E']) else { return 0 };
    let sign = usize::from(rest.starts_with(['+', '-']));
    match digits(&rest[sign..]) {
        0 => 0,
        count => 1 + sign + count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(gold: &str, answer: &str) -> bool {
        let gold = Number::parse(gold).unwrap_or_else(|| panic!("gold {gold}"));
        Number::find(answer).is_some_and(|answer| gold.accepts(&answer, 0.0))
    }

    #[test]
    fn one_value_in_many_dresses() {
        for (gold, answer) in [
            ("1000", "1,000"),
            ("5", "$5"),
            ("-5", "-$5.00"),
            ("-5", "$-5"),
            ("-5", "\u{2212}5"),
            ("3/4", "0.75"),
            ("0.75", r"\frac{3}{4}"),
            ("3/4", "6/8"),
            ("1e9", "1,000,000,000"),
            ("0.1", "0.10"),
            ("12", "12."),
            ("12", "x = 12"),
            ("11", "5 + 6 = 11"),
            ("5", "5cm"),
            ("5", "5 apples"),
            ("1234.5", r"1{,}234.5 \text{ dollars}"),
            ("50%", "50%"),
            ("0.5", "50%"),
            ("50", r"50\%"),
            ("1/3", "2/6"),
            ("12345678901234567890", "12345678901234567890"),
            ("7", "$7$"),
            ("45", r"45^{\circ}"),
            ("1/2", r"\frac12"),
            ("2500", r"2.5 \times 10^{3}"),
            ("0.003", "3 × 10^-3 m"),
            ("6", r"6 \text{ cm}"),
            ("6", r"\(6\)"),
        ] {
            assert!(same(gold, answer), "{gold} and {answer}");
        }
    }

    #[test]
    fn near_is_not_equal() {
        for (gold, answer) in [
            ("0.1", "0.1000000000000000055511151231257827"),
            ("9007199254740993", "9007199254740992"),
            ("1/3", "0.3333333333333333"),
            ("5", "-5"),
            ("1000", "1,00"),
            ("5", "5 or 6"),
            ("2", "2x"),
            ("4", "GPT4"),
            ("3", "3/4/2024"),
            ("3", "3-4"),
            ("11/2", r"1\frac{1}{2}"),
            ("50", "0.5"),
            ("1", ""),
            ("1", "one"),
            ("4", r"\sqrt{4}"),
            ("4", "√4"),
            ("2", r"2\pi"),
            ("2", "2^x"),
            ("8", "2^3"),
            ("10", "10^5"),
            ("5", r"\frac{5}{x}"),
        ] {
            assert!(!same(gold, answer), "{gold} and {answer}");
        }
        assert!(Number::parse("1 2").is_none());
        assert!(Number::parse("five").is_none());
        assert!(Number::parse(&"9".repeat(100_000)).is_none());
    }

    #[test]
    fn tolerance_is_relative_to_the_gold_value() {
        let gold = Number::parse("200").unwrap();
        let answer = |text| Number::parse(text).unwrap();
        assert!(gold.accepts(&answer("200.19"), 1e-3));
        assert!(!gold.accepts(&answer("200.21"), 1e-3));
        let zero = Number::parse("0").unwrap();
        assert!(!zero.accepts(&answer("0.0001"), 1e-3));
        assert!(zero.accepts(&answer("0.000"), 1e-3));
        assert!(Number::parse("1000").is_some_and(|gold| gold.accepts(&answer("999"), 1e-3)));
        let huge = Number::parse("1e400").unwrap();
        assert!(!huge.accepts(&answer("5"), 1e-3));
        assert!(huge.accepts(&answer("1.0001e400"), 1e-3));
        assert!(!Number::parse("1e-400").unwrap().accepts(&answer("1e-500"), 1e-3));
    }

    #[test]
    fn lists_are_read_with_and_without_brackets() {
        for text in ["[1, 2.5]", "(1,2.5)", "1, 5/2", r"$\left\{1, 2.50\right\}$", "x = [1; 2.5]."]
        {
            let read: Vec<String> =
                list(text).unwrap_or_default().iter().map(Number::canonical).collect();
            assert!(read == ["1", "2.5"] || read == ["1", "5/2"], "{text:?}: {read:?}");
        }
        for text in ["", "[]", "[1, two]", "[1, 2", "[[1], [2]]", &"1,".repeat(300)] {
            assert!(list(text).is_none(), "{text:?}");
        }
        assert_eq!(numbers("<answer>[3]</answer>").map(|list| list.len()), Ok(1));
        assert!(matches!(numbers("<answer>[a]</answer>"), Err(Failure::NotNumbers { .. })));
    }

    #[test]
    fn gsm8ks_own_forms_are_places() {
        let value = |text: &str| number(text).map(|number| number.canonical());
        assert_eq!(value("He has 3.\nA: 1,026"), Ok("1026".into()));
        assert_eq!(
            value("So 18.\n#### 18\nThat was a long way to go, I must say, was it not?"),
            Ok("18".into())
        );
        assert_eq!(value("A: 5\n<answer>6</answer>"), Ok("6".into()));
        assert!(value("long talk, more than a short line holds, that ends\nA:").is_err());
    }

    #[test]
    fn hostile_lengths_take_no_time() {
        let began = std::time::Instant::now();
        for part in [r"\frac{1}{2}", "1,", "10^", "9", "-", "answer: ", "\nA: "] {
            let text = format!("<answer>{}</answer>", part.repeat(200_000));
            assert!(number(&text).is_err());
            assert!(numbers(&text).is_err());
            let _ = number(&part.repeat(200_000));
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
    }

    #[test]
    fn answers_are_found_in_texts() {
        for (text, canonical) in [
            ("<answer>1,000</answer>", "1000"),
            (r"so \boxed{\$70.50}", "70.5"),
            ("The answer is 12, since 3 times 4 is 12.", "12"),
            ("Thus:\n\n**42**", "42"),
            ("answer: 3/4", "3/4"),
        ] {
            assert_eq!(number(text).map(|n| n.canonical()).as_deref(), Ok(canonical), "{text:?}");
        }
        assert!(matches!(number("<answer>twelve</answer>"), Err(Failure::NotANumber { .. })));
        assert_eq!(
            number("No idea, there are 3 ways to see this and 4 more").unwrap_err(),
            Failure::NotFound
        );
    }
}
