//! JSON as Python's `json.loads` reads it: integers of any length, NaN and the infinities, the last of equal keys.

use std::collections::BTreeMap;

/// A value of an expected output.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// Digits, behind a minus where it is below zero; no leading zeros and no minus zero.
    Int(String),
    Float(f64),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

/// Lists within lists; deeper ones are no expected output.
pub(super) const DEEPEST: usize = 512;

/// Where a text is no JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: {what}")]
pub(super) struct JsonError {
    at: usize,
    what: &'static str,
}

/// The value of a whole text.
pub(super) fn parse(text: &str) -> Result<Json, JsonError> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    reader.space();
    let value = reader.value()?;
    reader.space();
    if reader.at < text.len() { Err(reader.error("expected the end")) } else { Ok(value) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn error(&self, what: &'static str) -> JsonError {
        JsonError { at: self.at, what }
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, word: &str) -> bool {
        let is_there = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        if is_there {
            self.at += word.len();
        }
        is_there
    }

    fn value(&mut self) -> Result<Json, JsonError> {
        match self.peek() {
            Some(b'"') => Ok(Json::Text(self.string()?)),
            Some(b'[') => self.nested(Self::list),
            Some(b'{') => self.nested(Self::object),
            _ => self.scalar(),
        }
    }

    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<Json, JsonError>,
    ) -> Result<Json, JsonError> {
        if self.depth == DEEPEST {
            return Err(self.error("nested too deeply"));
        }
        self.depth += 1;
        self.at += 1;
        self.space();
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn list(&mut self) -> Result<Json, JsonError> {
        let mut items = Vec::new();
        if self.eat("]") {
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value()?);
            if self.ends("]")? {
                return Ok(Json::List(items));
            }
        }
    }

    fn object(&mut self) -> Result<Json, JsonError> {
        let mut entries = BTreeMap::new();
        if self.eat("}") {
            return Ok(Json::Object(entries));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.error("expected a key in double quotes"));
            }
            let key = self.string()?;
            self.space();
            if !self.eat(":") {
                return Err(self.error("expected `:`"));
            }
            self.space();
            let value = self.value()?;
            entries.insert(key, value);
            if self.ends("}")? {
                return Ok(Json::Object(entries));
            }
        }
    }

    /// Whether a list or object ends here, or goes on behind a comma.
    fn ends(&mut self, close: &str) -> Result<bool, JsonError> {
        self.space();
        if self.eat(close) {
            return Ok(true);
        }
        if !self.eat(",") {
            return Err(self.error("expected `,` or the end of the list or object"));
        }
        self.space();
        Ok(false)
    }

    fn scalar(&mut self) -> Result<Json, JsonError> {
        for (word, value) in [
            ("null", Json::Null),
            ("true", Json::Bool(true)),
            ("false", Json::Bool(false)),
            ("NaN", Json::Float(f64::NAN)),
            ("Infinity", Json::Float(f64::INFINITY)),
            ("-Infinity", Json::Float(f64::NEG_INFINITY)),
        ] {
            if self.eat(word) {
                return Ok(value);
            }
        }
        self.number()
    }

    fn number(&mut self) -> Result<Json, JsonError> {
        let start = self.at;
        let _ = self.eat("-");
        let whole = self.at;
        match self.digits() {
            0 => return Err(JsonError { at: start, what: "expected a value" }),
            // A zero stands alone: what follows it is not part of the number.
            _ if self.text.as_bytes()[whole] == b'0' => self.at = whole + 1,
            _ => {}
        }
        let end_of_whole = self.at;
        let behind = |reader: &mut Self, mark: usize| {
            if reader.digits() == 0 {
                reader.at = mark;
            }
        };
        let mark = self.at;
        if self.eat(".") {
            behind(self, mark);
        }
        let mark = self.at;
        if self.eat("e") || self.eat("E") {
            let _ = self.eat("+") || self.eat("-");
            behind(self, mark);
        }
        let number = &self.text[start..self.at];
        if self.at == end_of_whole {
            return Ok(Json::Int(if number == "-0" { "0".into() } else { number.into() }));
        }
        number.parse().map(Json::Float).map_err(|_| JsonError { at: start, what: "no number" })
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut found = String::new();
        loop {
            let start = self.at;
            while self.peek().is_some_and(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
                self.at += 1;
            }
            found.push_str(&self.text[start..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(found);
                }
                Some(b'\\') => found.push(self.escape()?),
                Some(_) => return Err(self.error("a control character in a string")),
                None => return Err(self.error("a string that does not end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let start = self.at;
        self.at += 1;
        let byte = self.peek();
        self.at += 1;
        Ok(match byte {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(start),
            _ => return Err(JsonError { at: start, what: "no escape" }),
        })
    }

    fn unicode(&mut self, start: usize) -> Result<char, JsonError> {
        let no_character = JsonError { at: start, what: "\\u without a character of its own" };
        let mut code = self.four().ok_or_else(|| no_character.clone())?;
        if (0xd800..0xdc00).contains(&code) && self.eat("\\u") {
            let low = self.four().filter(|low| (0xdc00..0xe000).contains(low));
            let low = low.ok_or_else(|| no_character.clone())?;
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
        char::from_u32(code).ok_or(no_character)
    }

    fn four(&mut self) -> Option<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
        self.at += 4;
        let text = std::str::from_utf8(digits).ok()?;
        text.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(())?;
        u32::from_str_radix(text, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(text: &str) -> Json {
        Json::Int(text.into())
    }

    // Held against CPython 3.11's json.loads.
    #[test]
    fn values_are_those_of_python() {
        for (text, value) in [
            (" 12 ", int("12")),
            ("-0", int("0")),
            ("123456789012345678901234567890", int("123456789012345678901234567890")),
            ("-0.0", Json::Float(0.0)),
            ("1e2", Json::Float(100.0)),
            ("1E400", Json::Float(f64::INFINITY)),
            ("-Infinity", Json::Float(f64::NEG_INFINITY)),
            ("true", Json::Bool(true)),
            ("null", Json::Null),
            (r#""a\n\u00e9\ud83d\ude00\/""#, Json::Text("a\né😀/".into())),
            ("[]", Json::List(vec![])),
            (
                "[1, [2.5], \"\"]\n",
                Json::List(vec![
                    int("1"),
                    Json::List(vec![Json::Float(2.5)]),
                    Json::Text(String::new()),
                ]),
            ),
            (
                r#"{"a": 1, "b": {}, "a": 2}"#,
                Json::Object(BTreeMap::from([
                    ("a".into(), int("2")),
                    ("b".into(), Json::Object(BTreeMap::new())),
                ])),
            ),
        ] {
            assert_eq!(parse(text), Ok(value), "{text}");
        }
        assert!(matches!(parse("NaN"), Ok(Json::Float(x)) if x.is_nan()));
    }

    #[test]
    fn what_is_no_json_is_refused_where_it_breaks() {
        for text in [
            "",
            " ",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "{",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1,}",
            "{a:1}",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "-",
            "--1",
            "nul",
            "\"",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\n\"",
            "'a'",
            "1 2",
            "True",
            "\u{feff}1",
            "\"\\u00é\"",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert_eq!(parse("[1, x]").unwrap_err().to_string(), "byte 4: expected a value");
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(&nested(DEEPEST)).is_ok());
        assert!(parse(&nested(DEEPEST + 1)).unwrap_err().to_string().contains("too deeply"));
        assert!(parse(&"[".repeat(1 << 20)).is_err());
        assert!(parse(&"{\"a\":".repeat(1 << 20)).is_err());
    }
}
