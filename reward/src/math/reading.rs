//! Text → tree, and what of a relation is the answer.

use super::error::Error;
use super::lexer::{LONGEST, tokens};
use super::numerals::Commas;
use super::parser::parse;
use super::text::{squeezed, unescaped};
use super::tree::{Expr, Relation};
use super::values::Value;

/// Reads an expression.
pub(super) fn tree(text: &str, commas: Commas) -> Result<Expr, Error> {
    if text.len() > LONGEST {
        return Err(Error::TooLong { bytes: text.len(), most: LONGEST });
    }
    let text = text.trim().trim_end_matches(['.', ',', ';', ':']);
    if text.is_empty() {
        return Err(Error::Empty);
    }
    parse(tokens(&unescaped(text), commas)?)
}

/// What the commas of two texts may mean. A number that is grouped in thousands is nothing else.
pub(super) fn readings(gold: &str, found: &str) -> Vec<Commas> {
    let mut readings = vec![Commas::Thousands];
    let open = has_open_comma(gold) || has_open_comma(found);
    if open && !is_grouped(gold) {
        readings.push(Commas::Separators);
    }
    let decimal = |comma: &str, point: &str| may_be_decimal(comma) && point.contains('.');
    if decimal(gold, found) || decimal(found, gold) {
        readings.push(Commas::Decimal);
    }
    readings
}

/// Whether a comma in the text can be read in more than one way.
fn has_open_comma(text: &str) -> bool {
    text.as_bytes()
        .windows(3)
        .any(|part| part[0].is_ascii_digit() && part[1] == b',' && part[2].is_ascii_digit())
}

/// Whether the text is one number whose commas group thousands: `58,500`.
fn is_grouped(text: &str) -> bool {
    let bare = text.trim().trim_matches('$').trim_start_matches('-');
    let mut groups = bare.split('.').next().unwrap_or_default().split(',');
    let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let first = groups.next().unwrap_or_default();
    let leads = (1..=3).contains(&first.len()) && digits(first) && !first.starts_with('0');
    let mut rest = groups.peekable();
    leads && rest.peek().is_some() && rest.all(|group| group.len() == 3 && digits(group))
}

/// Whether the text may be one number with a decimal comma.
fn may_be_decimal(text: &str) -> bool {
    let bare = text.trim().trim_matches('$').trim_start_matches('-');
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let comma = |(whole, rest): (&str, &str)| plain(whole) && plain(rest) && rest.len() > 1;
    bare.split_once(',').is_some_and(comma) && !is_grouped(text)
}

/// A number in scientific notation with a small `e` and nothing else, with a capital one, which is read as that in any case.
pub(super) fn scientific(text: &str) -> Option<String> {
    let bare = text.trim().trim_matches('$');
    let (mantissa, exponent) = bare.split_once('e')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = mantissa.trim_start_matches('-').replacen('.', "", 1);
    let whole = exponent.trim_start_matches(['-', '+']);
    let short = exponent.len() - whole.len() <= 1;
    (digits(&plain) && digits(whole) && short).then(|| format!("{mantissa}E{exponent}"))
}

/// Of a time of day, whether it is after noon.
pub(super) fn half_day(text: &str) -> Option<bool> {
    let bare = squeezed(text).to_ascii_lowercase().replace('.', "");
    let after_noon = bare.ends_with("pm");
    let hour = bare.strip_suffix("pm").or_else(|| bare.strip_suffix("am"))?;
    hour.ends_with(|c: char| c.is_ascii_digit()).then_some(after_noon)
}

/// The side of a chain of equations that is the answer: the last one where another only names it (`x = 2 + 3 = 5`) or all
/// are numbers; what stands before `≈` counts more than what stands behind it.
pub(super) fn answer_side(value: &Value) -> Option<&Value> {
    let Value::Related { sides, relations } = value else { return None };
    let about = relations.iter().position(|relation| *relation == Relation::About);
    let end = match about {
        Some(0) if sides[0].label => 1,
        Some(0) => return Some(&sides[0].value),
        Some(at) => at,
        None => relations.len(),
    };
    let exact = relations[..end].iter().all(|r| matches!(r, Relation::Equal | Relation::About));
    if !exact {
        return None;
    }
    let chain = &sides[..=end];
    let (last, before) = chain.split_last()?;
    if before.iter().any(|side| side.label) || chain.iter().all(|side| side.constant) {
        return Some(&last.value);
    }
    (last.label && chain[0].constant).then_some(&chain[0].value)
}
