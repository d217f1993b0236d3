//! A number as people write it, and when two are the same.

use super::LONGEST_TEXT;
use super::around::{bare, equation_side, is_said_before, is_said_behind, without_emphasis};
use super::clean::{cleaned, digits, without_text_commands};
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

    /// Reads the one number in a text: behind the last `=` of an equation, with words or units around it. `None` where there
    /// is no number or more than one, and where it is part of a formula (`\sqrt{4}`, `2\pi`, `2^x`, `5!`, `x > 5`) or of a
    /// phrase that says another one ("not 5", "half of 5").
    pub fn find(text: &str) -> Option<Self> {
        if text.len() > LONGEST_TEXT {
            return None;
        }
        let clean = without_text_commands(&cleaned(text));
        let (side, other_sides) = equation_side(&clean)?;
        let side = &bare(side);
        let at = (0..side.len()).find(|at| {
            side.is_char_boundary(*at) && starts_number(side, *at) && number_at(side, *at).is_some()
        })?;
        let (number, end) = number_at(side, at)?;
        let (before, behind) = without_emphasis(&side[..at], &side[end..]);
        let mut others = other_sides.into_iter().flat_map(|others| others.split('='));
        let denied = others.any(|other| number.is_denied(side, behind, other));
        (is_said_before(before) && is_said_behind(behind) && !denied).then_some(number)
    }

    /// Whether the other side of an equation is another number in the same unit ("8 = 7"): then two are named. Where one is
    /// written with a decimal point, it may be rounded.
    fn is_denied(&self, side: &str, behind: &str, other: &str) -> bool {
        /// How far a number that is rounded may be from what it is rounded from.
        const ROUNDED: f64 = 0.01;
        let other = bare(other);
        let Some((number, end)) = number_at(&other, 0) else { return false };
        let tolerance = if side.contains('.') || other.contains('.') { ROUNDED } else { 0.0 };
        other[end..].trim() == behind.trim() && !number.accepts(self, tolerance)
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
