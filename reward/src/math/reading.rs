//! Text → tree, and what of a relation is the answer.

use super::error::Error;
use super::lexer::{LONGEST, tokens};
use super::numerals::Commas;
use super::parser::parse;
use super::text::unescaped;
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

/// Whether a comma in the text can be read in more than one way.
pub(super) fn has_open_comma(text: &str) -> bool {
    text.as_bytes()
        .windows(3)
        .any(|part| part[0].is_ascii_digit() && part[1] == b',' && part[2].is_ascii_digit())
}

/// Whether the text is one number with a decimal comma, or may be.
pub(super) fn may_be_decimal(text: &str) -> bool {
    let bare = text.trim().trim_matches('$').trim_start_matches('-');
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    bare.split_once(',').is_some_and(|(whole, rest)| plain(whole) && plain(rest) && rest.len() > 1)
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
