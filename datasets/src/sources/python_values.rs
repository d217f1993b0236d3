//! Values as Python writes them, and as JSON does: numbers, texts, lists, tuples, dictionaries, `True`, `true`, `None`, `null`.
//! Nothing is run: what is no plain value is refused. Time is linear and depth bounded, whatever the text.

use std::iter::Peekable;
use std::str::Chars;

use serde_json::{Map, Number, Value};

const MAX_DEPTH: usize = 64;

/// One value that fills the text.
pub fn value(text: &str) -> Option<Value> {
    let mut reader = Reader { rest: text.chars().peekable() };
    let value = reader.value(0)?;
    reader.ends().then_some(value)
}

/// Arguments of a call, "n = 3, [1, 2]": each with its name where it has one.
pub fn arguments(text: &str) -> Option<Vec<(Option<String>, Value)>> {
    let mut reader = Reader { rest: text.chars().peekable() };
    let mut found = Vec::new();
    loop {
        reader.space();
        if reader.rest.peek().is_none() {
            return Some(found);
        }
        let name = reader.name_before_equals();
        found.push((name, reader.value(0)?));
        if !reader.eat(',') {
            return reader.ends().then_some(found);
        }
    }
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
}

impl Reader<'_> {
    fn space(&mut self) {
        while self.rest.next_if(|c| c.is_whitespace()).is_some() {}
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.space();
        self.rest.next_if_eq(&wanted).is_some()
    }

    fn ends(&mut self) -> bool {
        self.space();
        self.rest.peek().is_none()
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(c) = self.rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
            word.push(c);
        }
        word
    }

    /// Takes "name =" and nothing where that does not come next.
    fn name_before_equals(&mut self) -> Option<String> {
        let start = self.rest.clone();
        let name = self.word();
        let named = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if named && self.eat('=') && self.rest.peek() != Some(&'=') {
            return Some(name);
        }
        self.rest = start;
        None
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.space();
        match *self.rest.peek()? {
            '[' => self.items('[', ']', depth).map(|(items, _)| Value::Array(items)),
            '(' => match self.items('(', ')', depth)? {
                // Brackets around one value without a comma are no tuple.
                (mut items, false) if items.len() == 1 => items.pop(),
                (items, _) => Some(Value::Array(items)),
            },
            '{' => self.pairs(depth).map(Value::Object),
            '"' | '\'' => self.text().map(Value::String),
            c if c.is_ascii_digit() || "+-.".contains(c) => self.number(),
            _ => match self.word().as_str() {
                "True" | "true" => Some(Value::Bool(true)),
                "False" | "false" => Some(Value::Bool(false)),
                "None" | "null" => Some(Value::Null),
                _ => None,
            },
        }
    }

    /// The items, and whether a comma stood behind the last.
    fn items(&mut self, open: char, close: char, depth: usize) -> Option<(Vec<Value>, bool)> {
        self.eat(open);
        let mut items = Vec::new();
        let mut comma = false;
        while !self.eat(close) {
            if !items.is_empty() && !comma {
                return None;
            }
            items.push(self.value(depth + 1)?);
            comma = self.eat(',');
        }
        Some((items, comma))
    }

    /// Keys are texts: JSON knows no others.
    fn pairs(&mut self, depth: usize) -> Option<Map<String, Value>> {
        self.eat('{');
        let mut pairs = Map::new();
        let mut comma = true;
        while !self.eat('}') {
            if !comma {
                return None;
            }
            self.space();
            let key = matches!(self.rest.peek()?, '"' | '\'').then(|| self.text())??;
            if !self.eat(':') {
                return None;
            }
            pairs.insert(key, self.value(depth + 1)?);
            comma = self.eat(',');
        }
        Some(pairs)
    }

    fn number(&mut self) -> Option<Value> {
        let mut text = String::new();
        while let Some(c) = self.rest.next_if(|c| c.is_ascii_alphanumeric() || "+-._".contains(*c))
        {
            text.push(c);
        }
        let text = text.strip_prefix('+').unwrap_or(&text);
        // "1_000" is a number in Python; "1__0", "0x10" and "1j" are left.
        let text = text.replace('_', "");
        let plain = text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
        if !plain {
            return None;
        }
        if let Ok(whole) = text.parse::<i64>() {
            return Some(whole.into());
        }
        if let Ok(whole) = text.parse::<u64>() {
            return Some(whole.into());
        }
        // A whole number that is too large must not lose digits.
        let fraction = text.contains(['.', 'e', 'E']);
        fraction.then(|| Number::from_f64(text.parse().ok()?).map(Value::Number))?
    }

    fn text(&mut self) -> Option<String> {
        let quote = self.rest.next()?;
        let mut text = String::new();
        loop {
            match self.rest.next()? {
                c if c == quote => return Some(text),
                '\n' => return None,
                '\\' => match self.rest.next()? {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    'x' => text.push(self.code(2)?),
                    'u' => text.push(self.code(4)?),
                    'U' => text.push(self.code(8)?),
                    c @ ('\\' | '\'' | '"' | '/') => text.push(c),
                    _ => return None,
                },
                c => text.push(c),
            }
        }
    }

    fn code(&mut self, digits: usize) -> Option<char> {
        let hex: String = self.rest.by_ref().take(digits).collect();
        (hex.len() == digits).then(|| char::from_u32(u32::from_str_radix(&hex, 16).ok()?))?
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Expected values are what `ast.literal_eval` of Python 3.11 gives, and `json.loads` for JSON's own words.
    #[test]
    fn plain_values_of_both_languages_are_read() {
        for (text, expected) in [
            ("3", json!(3)),
            (" -17 ", json!(-17)),
            ("+1_000", json!(1000)),
            ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
            ("2.00000", json!(2.0)),
            ("1e-05", json!(1e-5)),
            (".5", json!(0.5)),
            ("True", json!(true)),
            ("false", json!(false)),
            ("None", json!(null)),
            ("null", json!(null)),
            ("[]", json!([])),
            ("[1, [2,], (3, 4), (5), (6,), ()]", json!([1, [2], [3, 4], 5, [6], []])),
            ("'a\\'b\\n\\x41\\u00fc\"'", json!("a'b\nA\u{fc}\"")),
            ("\"it's\"", json!("it's")),
            ("{'a': 1, \"b\": {}}", json!({"a": 1, "b": {}})),
        ] {
            assert_eq!(value(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "x",
            "1 + 2",
            "[2] * 3",
            "[1 2]",
            "[1",
            "1]",
            "{1, 2}",
            "{1: 2}",
            "'a",
            "0x10",
            "1j",
            "inf",
            "-inf",
            "nan",
            "f(1)",
            "[i for i in x]",
            "1 2",
            "'a' 'b'",
            "36893488147419103232",
            "{'a': 1 'b': 2}",
            "'\\q'",
            "b'a'",
            "--1",
        ] {
            assert_eq!(value(text), None, "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(value(&deep), None);
        assert!(value(&format!("{}{}", "[".repeat(60), "]".repeat(60))).is_some());
    }

    #[test]
    fn arguments_have_names_or_not() {
        let named = |text: &str| {
            let found = arguments(text)?;
            Some(found.into_iter().map(|(n, v)| (n.unwrap_or_default(), v)).collect::<Vec<_>>())
        };
        assert_eq!(
            named("n = 7, queries = [[0,5],\n[1,6]]"),
            Some(vec![("n".into(), json!(7)), ("queries".into(), json!([[0, 5], [1, 6]]))])
        );
        assert_eq!(
            named("[1], True"),
            Some(vec![(String::new(), json!([1])), (String::new(), json!(true))])
        );
        assert_eq!(named(""), Some(Vec::new()));
        for text in ["n == 7", "n = ", "n = x", "n = 1 m = 2", "board"] {
            assert_eq!(named(text), None, "{text}");
        }
    }
}
