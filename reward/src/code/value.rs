//! What a function returned against the JSON of what it should have returned: Python's `==`, on plain data.

use std::collections::HashMap;
use std::fmt::Write as _;

use conductor_sandbox::Plain;

use super::json::{JsonError, Reader, Value};

/// Which tuples count as lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tuples {
    /// All: JSON has no tuples, and an answer that is right but for its brackets is right.
    Anywhere,
    /// Only the returned value itself (the official evaluator's rule).
    Outermost,
}

/// Whether `returned == json.loads(expected)`, as Python has it: 1, 1.0 and True are one value, not-a-number equals nothing.
/// Nothing equals what is no JSON.
pub(super) fn equal(returned: &Plain, expected: &str, tuples: Tuples) -> bool {
    let how = How { tuples, is_final: true };
    let mut reader = Reader::new(expected);
    match returned {
        Plain::Tuple(items) => match reader.value() {
            Ok(Value::List) => all_same(&mut reader, Some(items), how).unwrap_or(false),
            _ => false,
        },
        _ => same(&mut reader, returned, how).unwrap_or(false),
    }
}

/// How values are compared.
#[derive(Clone, Copy)]
struct How {
    tuples: Tuples,
    /// A difference settles it, and nothing behind it is read: no later key takes the place of what it is in.
    is_final: bool,
}

/// Reads the next value to its end, whether or not it is the same, but for a difference that is final.
fn same(reader: &mut Reader<'_>, given: &Plain, how: How) -> Result<bool, JsonError> {
    Ok(match (given, reader.value()?) {
        (Plain::None, Value::Null) => true,
        (Plain::Str(a), Value::Text(b)) => a.as_bytes() == &*b,
        (Plain::List(items), Value::List) => all_same(reader, Some(items), how)?,
        (Plain::Tuple(items), Value::List) if how.tuples == Tuples::Anywhere => {
            all_same(reader, Some(items), how)?
        }
        (_, Value::List) => all_same(reader, None, how)?,
        (Plain::Dict(entries), Value::Object) => same_entries(reader, by_key(entries), how)?,
        (_, Value::Object) => same_entries(reader, None, how)?,
        (given, wanted) => match (number_of(given), number_of_json(&wanted)) {
            (Some(a), Some(b)) => a.equals(&b),
            _ => false,
        },
    })
}

/// Reads the rest of a list. Without items, which no list equals, it is only passed over.
fn all_same(
    reader: &mut Reader<'_>,
    mut items: Option<&[Plain]>,
    how: How,
) -> Result<bool, JsonError> {
    while (items.is_some() || !how.is_final) && reader.item()? {
        items = if let Some((first, rest)) = items.and_then(<[Plain]>::split_first) {
            same(reader, first, how)?.then_some(rest)
        } else {
            if !how.is_final {
                reader.skip()?;
            }
            None
        };
    }
    Ok(items.is_some_and(<[Plain]>::is_empty))
}

/// The values of a dictionary, each with whether it is the one that is wanted.
type Entries<'a> = HashMap<&'a [u8], (&'a Plain, bool)>;

/// A dictionary has each key once; what claims to have one twice is no dictionary. JSON has texts alone for keys.
fn by_key(entries: &[(Plain, Plain)]) -> Option<Entries<'_>> {
    let mut found = HashMap::with_capacity(entries.len());
    for (key, value) in entries {
        let Plain::Str(key) = key else { return None };
        if found.insert(key.as_bytes(), (value, false)).is_some() {
            return None;
        }
    }
    Some(found)
}

/// Reads the rest of an object. Without entries, which no object equals, it is only passed over.
fn same_entries(
    reader: &mut Reader<'_>,
    mut entries: Option<Entries<'_>>,
    how: How,
) -> Result<bool, JsonError> {
    while (entries.is_some() || !how.is_final)
        && let Some(key) = reader.key()?
    {
        if let Some((given, is_same)) = entries.as_mut().and_then(|found| found.get_mut(&*key)) {
            // Of equal keys the last one counts.
            *is_same = same(reader, given, How { is_final: false, ..how })?;
        } else {
            if !how.is_final {
                reader.skip()?;
            }
            entries = None;
        }
    }
    Ok(entries.is_some_and(|found| found.values().all(|(_, is_same)| *is_same)))
}

/// A Python number: an integer of any length, or a float.
enum Number<'a> {
    /// Digits without leading zeros, behind a minus where it is below zero.
    Int(&'a str),
    Float(f64),
}

impl Number<'_> {
    #[expect(clippy::float_cmp, reason = "Python's == is meant")]
    fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Int(int), Self::Float(float)) | (Self::Float(float), Self::Int(int)) => {
                /// Digits of the largest float and its sign.
                const LONGEST: usize = 310;
                // Exact: a float without a fraction is an integer, and all its digits are printed.
                let whole = float.is_finite() && float.fract() == 0.0 && int.len() <= LONGEST;
                whole && format!("{:.0}", float + 0.0).as_str() == *int
            }
        }
    }
}

fn number_of(value: &Plain) -> Option<Number<'_>> {
    match value {
        Plain::Bool(value) => Some(Number::Int(if *value { "1" } else { "0" })),
        Plain::Int(text) => integer(text).map(Number::Int),
        Plain::Float(text) => text.parse().ok().map(Number::Float),
        _ => None,
    }
}

fn number_of_json<'a>(value: &Value<'a>) -> Option<Number<'a>> {
    match value {
        Value::Bool(value) => Some(Number::Int(if *value { "1" } else { "0" })),
        Value::Int(text) => Some(Number::Int(text)),
        Value::Float(value) => Some(Number::Float(*value)),
        _ => None,
    }
}

/// The text of a Python integer. It comes from the program's side, so it is held to its form.
fn integer(text: &str) -> Option<&str> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = !digits.starts_with('0') || text == "0";
    let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (canonical && whole).then_some(text)
}

/// The value as Python would print it, cut where it is longer than `longest` characters.
pub(super) fn shown(value: &Plain, longest: usize) -> String {
    let mut text = String::new();
    write_value(value, longest, &mut text);
    if let Some((end, _)) = text.char_indices().nth(longest) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn write_value(value: &Plain, longest: usize, out: &mut String) {
    // Every level of nesting writes a bracket first, so that depth is bounded as length is.
    if out.len() > longest {
        return;
    }
    let room = longest - out.len();
    match value {
        Plain::None => out.push_str("None"),
        Plain::Bool(true) => out.push_str("True"),
        Plain::Bool(false) => out.push_str("False"),
        Plain::Int(text) | Plain::Float(text) | Plain::Other(text) => {
            out.extend(text.chars().take(room + 1));
        }
        Plain::Str(text) => {
            let cut: String = text.chars().take(room + 1).collect();
            let _ = write!(out, "{cut:?}");
        }
        Plain::List(items) => write_all(items, ["[", "]"], longest, out),
        Plain::Tuple(items) => write_all(items, ["(", ")"], longest, out),
        Plain::Dict(entries) => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                if out.len() > longest {
                    return;
                }
                out.push_str(if index == 0 { "" } else { ", " });
                write_value(key, longest, out);
                out.push_str(": ");
                write_value(value, longest, out);
            }
            out.push('}');
        }
    }
}

fn write_all(items: &[Plain], brackets: [&str; 2], longest: usize, out: &mut String) {
    out.push_str(brackets[0]);
    for (index, item) in items.iter().enumerate() {
        if out.len() > longest {
            return;
        }
        out.push_str(if index == 0 { "" } else { ", " });
        write_value(item, longest, out);
    }
    out.push_str(brackets[1]);
}

#[cfg(test)]
mod tests {
    use super::super::json::check;
    use super::*;

    fn int(text: &str) -> Plain {
        Plain::Int(text.into())
    }

    fn float(text: &str) -> Plain {
        Plain::Float(text.into())
    }

    fn text(text: &str) -> Plain {
        Plain::Str(text.into())
    }

    fn is(value: &Plain, json: &str) -> bool {
        assert_eq!(check(json), Ok(()), "{json}");
        equal(value, json, Tuples::Anywhere)
    }

    // Each line is CPython 3.11's `value == json.loads(text)`.
    #[test]
    fn equality_is_pythons() {
        for (value, json) in [
            (Plain::None, "null"),
            (int("1"), "1"),
            (int("1"), "1.0"),
            (int("1"), "true"),
            (float("1.0"), "true"),
            (Plain::Bool(true), "1"),
            (Plain::Bool(true), "1.0"),
            (Plain::Bool(false), "-0.0"),
            (float("-0.0"), "0"),
            (float("1e+16"), "10000000000000000"),
            (float("inf"), "1e999"),
            (float("0.1"), "0.1000000000000000055511151231257827"),
            (int("100000000000000000000000000000"), "100000000000000000000000000000"),
            (int("9007199254740992"), "9007199254740992.0"),
            (text("a"), "\"\\u0061\""),
            (Plain::List(vec![int("1"), Plain::None]), "[1.0, null]"),
            (Plain::Tuple(vec![int("1"), Plain::Tuple(vec![])]), "[1, []]"),
            (
                Plain::Dict(vec![(text("b"), int("2")), (text("a"), int("1"))]),
                r#"{"a": 1, "b": 2}"#,
            ),
            (Plain::Dict(vec![]), "{}"),
            (Plain::Dict(vec![(text("a"), int("1"))]), r#"{"a": [2, {"b": 3}], "a": 1}"#),
            (
                Plain::List(vec![Plain::Dict(vec![(text("a"), Plain::List(vec![int("1")]))])]),
                r#"[{"a": [[2], 3], "a": {"a": [1]}, "a": [1]}]"#,
            ),
            (text("\\ud800"), r#""\\ud800""#),
        ] {
            assert!(is(&value, json), "{value:?} == {json}");
        }
        for (value, json) in [
            (Plain::None, "0"),
            (Plain::None, "false"),
            (int("2"), "true"),
            (int("9007199254740993"), "9007199254740992.0"),
            (int("100000000000000000000000000001"), "1e29"),
            (float("0.30000000000000004"), "0.3"),
            (float("nan"), "NaN"),
            (float("inf"), "1"),
            (text("1"), "1"),
            (text("a"), "\"A\""),
            (Plain::List(vec![]), "{}"),
            (Plain::List(vec![int("1")]), "[1, 2]"),
            (Plain::Dict(vec![(int("1"), int("2"))]), r#"{"1": 2}"#),
            (Plain::Dict(vec![(text("a"), int("1"))]), r#"{"a": 1, "b": 2}"#),
            (Plain::Dict(vec![(text("a"), int("1"))]), r#"{"a": 1, "a": 2}"#),
            (Plain::Dict(vec![(text("a"), int("1")), (text("b"), int("1"))]), r#"{"a": 1}"#),
            (Plain::List(vec![int("1")]), r#"[[1, {"a": 2}], {"b": [3]}]"#),
            (Plain::List(vec![Plain::List(vec![int("1")])]), "[[2]]"),
            (text("\\ud800"), r#""\ud800""#),
            (text("\u{fffd}"), r#""\ud800""#),
            (Plain::Other("deque".into()), "[1]"),
        ] {
            assert!(!is(&value, json), "{value:?} != {json}");
        }
    }

    #[test]
    fn nothing_that_python_cannot_return_equals_anything() {
        let twice = Plain::Dict(vec![(text("a"), int("1")), (text("a"), int("1"))]);
        assert!(!is(&twice, r#"{"a": 1, "b": 1}"#));
        for forged in ["01", "+1", "1 ", "", "-", "1_0", "１"] {
            assert!(!is(&int(forged), "1") && !is(&int(forged), "10"), "{forged:?}");
        }
        assert!(!is(&int("-0"), "0"));
        assert!(!is(&float("one"), "1"));
    }

    #[test]
    fn what_stands_behind_a_difference_is_not_read() {
        let long = format!("[2, {}1]", "1, ".repeat(8 << 20));
        let began = crate::tests::thread_secs();
        for _ in 0..1000 {
            assert!(!equal(&Plain::List(vec![int("1"); 3]), &long, Tuples::Anywhere));
        }
        assert!(crate::tests::thread_secs() - began < 1.0);
    }

    #[test]
    fn officially_only_the_outermost_tuple_is_a_list() {
        let pair = Plain::Tuple(vec![int("1"), int("2")]);
        let official = |value: &Plain, json| equal(value, json, Tuples::Outermost);
        assert!(official(&pair, "[1, 2]"));
        assert!(!official(&Plain::List(vec![pair]), "[[1, 2]]"));
    }

    #[test]
    fn values_are_shown_as_python_prints_them_and_cut() {
        let value = Plain::List(vec![
            Plain::Tuple(vec![int("1"), Plain::None]),
            Plain::Dict(vec![(text("k"), Plain::Bool(true))]),
            float("0.5"),
        ]);
        assert_eq!(shown(&value, 100), r#"[(1, None), {"k": True}, 0.5]"#);
        assert!(shown(&value, 3).len() < 20);
        let mut deep = int("1");
        for _ in 0..200 {
            deep = Plain::List(vec![deep]);
        }
        assert!(shown(&deep, 50).len() < 60);
        assert!(shown(&text(&"x".repeat(1 << 20)), 50).len() < 60);
    }
}
