//! What stands in a list, whichever way it was written.

use super::literal;
use super::locate::quote_end;

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// A whole number; beyond the range, its nearest end.
    Int(i128),
    /// A quoted string.
    Text(String),
    /// A piece between commas of a list that is neither Python nor JSON.
    Bare(String),
    /// `None` or `null`.
    None,
    /// A list or tuple.
    List(Vec<Value>),
    /// Anything else, as written or by its type.
    Other(String),
}

impl Value {
    /// A whole number, or a string of digits.
    pub(super) fn whole_number(&self) -> Option<i128> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Text(text) | Self::Bare(text) => digits(text.trim()),
            _ => None,
        }
    }

    /// Nothing, in one of its spellings.
    pub(super) fn is_empty_entry(&self) -> bool {
        match self {
            Self::None => true,
            Self::List(items) => items.is_empty(),
            Self::Text(text) | Self::Bare(text) => text.trim().is_empty(),
            Self::Int(_) | Self::Other(_) => false,
        }
    }

    /// A piece between commas as the number, list or string that it spells.
    pub(super) fn resolved(self) -> Self {
        let Self::Bare(text) = self else { return self };
        if text == "null" {
            return Self::None;
        }
        literal::parse(&text).unwrap_or(Self::Bare(text))
    }

    /// For messages: short, on one line.
    pub(super) fn describe(&self) -> String {
        const SHOWN: usize = 40;
        let whole = match self {
            Self::Int(number) => number.to_string(),
            Self::Text(text) | Self::Bare(text) => {
                return format!("{:?}", shortened(text, SHOWN));
            }
            Self::None => "None".into(),
            Self::List(items) => format!("a list of {}", items.len()),
            Self::Other(what) => what.clone(),
        };
        shortened(&whole, SHOWN)
    }
}

fn shortened(text: &str, limit: usize) -> String {
    let mut short: String = text.chars().take(limit).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn digits(text: &str) -> Option<i128> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(i128::MAX))
}

/// The entries of a balanced bracket: Python literal, then JSON, then a split at commas.
pub(super) fn read_list(bracket: &str) -> Vec<Value> {
    if let Some(Value::List(items)) = literal::parse(bracket) {
        return items;
    }
    if let Ok(serde_json::Value::Array(items)) = serde_json::from_str(bracket) {
        return items.into_iter().map(from_json).collect();
    }
    split_at_commas(&bracket[1..bracket.len() - 1])
}

fn from_json(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::None,
        serde_json::Value::Bool(truth) => Value::Other(truth.to_string()),
        serde_json::Value::Number(number) => {
            let whole = number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
            whole.map_or_else(|| Value::Other(number.to_string()), Value::Int)
        }
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(from_json).collect()),
        serde_json::Value::Object(_) => Value::Other("an object".into()),
    }
}

/// Pieces between commas that stand outside quotes and inner brackets. As in Python, a comma before the closing
/// bracket adds nothing.
fn split_at_commas(inside: &str) -> Vec<Value> {
    let bytes = inside.as_bytes();
    let mut pieces = Vec::new();
    let (mut start, mut at, mut depth) = (0, 0, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'"' | b'\'') => at = quote_end(bytes, at, quote).unwrap_or(at),
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                pieces.push(piece(&inside[start..at]));
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    if !inside[start..].trim().is_empty() {
        pieces.push(piece(&inside[start..]));
    }
    pieces
}

fn piece(raw: &str) -> Value {
    let trimmed = raw.trim();
    for quote in ['"', '\''] {
        let inner = trimmed.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        if let Some(inner) = inner {
            return Value::Text(inner.to_owned());
        }
    }
    Value::Bare(trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Value {
        Value::Text(value.into())
    }

    fn bare(value: &str) -> Value {
        Value::Bare(value.into())
    }

    #[test]
    fn three_ways_in_order() {
        assert_eq!(read_list("['a', None, 1]"), [text("a"), Value::None, Value::Int(1)]);
        assert_eq!(read_list("[\"a\", null, 1]"), [text("a"), Value::None, Value::Int(1)]);
        assert_eq!(
            read_list("[a b, [1, x], \"c, d\"]"),
            [bare("a b"), bare("[1, x]"), text("c, d")]
        );
    }

    #[test]
    fn empty_pieces_count_except_behind_the_last_comma() {
        assert_eq!(read_list("[ , all, ]"), [bare(""), bare("all")]);
        assert_eq!(read_list("[,]"), [bare("")]);
        assert_eq!(read_list("[ ]"), []);
    }

    #[test]
    fn huge_numbers_saturate() {
        assert_eq!(text(&"9".repeat(60)).whole_number(), Some(i128::MAX));
        assert_eq!(text("١").whole_number(), None);
        assert_eq!(text("").whole_number(), None);
    }
}
