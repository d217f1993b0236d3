//! Small questions that the grammar asks of tokens and trees.

use super::error::Error;
use super::lexer::Token;
use super::names;
use super::rational::{decimal, to_i64};
use super::tree::Expr;

/// Outside of matrices, a line break separates items and `&` says nothing.
pub(super) fn without_alignment(tokens: Vec<Token>) -> Vec<Token> {
    let mut matrices = 0usize;
    let mut kept = Vec::with_capacity(tokens.len());
    for token in tokens {
        match &token {
            Token::Begin(name) if is_matrix(name) => matrices += 1,
            Token::End(name) if is_matrix(name) => {
                matrices = matrices.saturating_sub(1);
            }
            Token::Begin(_) | Token::End(_) => continue,
            Token::Ampersand if matrices == 0 => continue,
            Token::RowBreak if matrices == 0 => {
                kept.push(Token::Comma);
                continue;
            }
            _ => {}
        }
        kept.push(token);
    }
    kept
}

fn is_matrix(name: &str) -> bool {
    name.ends_with("matrix") || name == "array"
}

/// Tokens at which a list ends.
pub(super) fn ends_list(token: &Token) -> bool {
    matches!(
        token,
        Token::Close(_) | Token::Ampersand | Token::RowBreak | Token::End(_) | Token::Choose
    )
}

pub(super) fn one_or(mut parts: Vec<Expr>, many: impl FnOnce(Vec<Expr>) -> Expr) -> Expr {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            many(parts)
        }
        None => many(parts),
    }
}

/// A product, flat so that long ones are not deep. Words are a unit of several ("kg·m/s"), and are passed over.
pub(super) fn times(left: Expr, right: Expr) -> Expr {
    match (left, right) {
        (left, Expr::Text(_)) => left,
        (Expr::Product(mut parts), right) => {
            parts.push(right);
            Expr::Product(parts)
        }
        (left, right) => Expr::Product(vec![left, right]),
    }
}

/// A quotient, or what is measured by the unit below.
pub(super) fn over(left: Expr, right: Expr) -> Expr {
    match right {
        Expr::Text(_) => left,
        right => Expr::Quotient(left.into(), right.into()),
    }
}

/// Two factors without a sign between them. Words are units and remarks and are passed over; `None` for words that make another
/// number of what follows ("half of 5"), or say another one behind it ("5 or more").
pub(super) fn beside(left: Expr, next: Expr) -> Option<Expr> {
    Some(match (left, next) {
        (Expr::Text(a), Expr::Text(b)) => Expr::Text(format!("{a} {b}")),
        (_, Expr::Text(words)) if names::hedges(&words) => return None,
        (left, Expr::Text(_)) => left,
        (Expr::Text(words), right) if names::turns(&words) => {
            match words.trim().to_ascii_lowercase().as_str() {
                "negative" | "minus" => Expr::Negative(right.into()),
                _ => return None,
            }
        }
        (Expr::Text(_), right) => right,
        (left, right) => times(left, right),
    })
}

/// Letters that stand for functions where a parenthesis follows.
pub(super) fn is_function_name(name: &str) -> bool {
    let base = name.trim_end_matches('\'').split('_').next().unwrap_or(name);
    matches!(base, "f" | "g" | "h" | "F" | "G" | "H")
}

/// The literal of a numeral.
pub(super) fn number(plain: &str) -> Result<Expr, Error> {
    Ok(Expr::Number { value: decimal(plain)?, decimal: plain.contains('.') })
}

/// Whether it is a whole number below a hundred thousand, which may begin a mixed number.
pub(super) fn is_whole(expr: &Expr) -> bool {
    matches!(expr, Expr::Number { value, decimal: false } if to_i64(value).is_some_and(|n| n < 100_000))
}
