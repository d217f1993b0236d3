//! JSON as Python's `json.loads` reads it: integers of any length, NaN and the infinities, lone surrogates, the last of equal
//! keys. It is read piece by piece where it stands: a list of millions of numbers takes no memory beside its text.

use std::borrow::Cow;

/// A value, or the beginning of one that holds others.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    /// Digits, behind a minus where it is below zero; no leading zeros and no minus zero.
    Int(&'a str),
    Float(f64),
    Text(Text<'a>),
    /// Its items come one by one from [`Reader::item`].
    List,
    /// Its keys come one by one from [`Reader::key`].
    Object,
}

/// A text in WTF-8: UTF-8 in which a lone surrogate, of which Python's texts may have some, is three bytes of its own. So no
/// UTF-8 text equals one that has a lone surrogate.
pub(super) type Text<'a> = Cow<'a, [u8]>;

/// Lists within lists; deeper ones are no expected output.
pub(super) const DEEPEST: usize = 512;

/// Where a text is no JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: {what}")]
pub(super) struct JsonError {
    at: usize,
    what: &'static str,
}

/// Whether the whole text is one value.
pub(super) fn check(text: &str) -> Result<(), JsonError> {
    let mut reader = Reader::new(text);
    reader.skip()?;
    reader.space();
    if reader.at < text.len() { Err(reader.error("expected the end")) } else { Ok(()) }
}

/// Reads values in order.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// A list or object was opened and nothing in it is read.
    is_opened: bool,
}

impl<'a> Reader<'a> {
    /// At the start of a text.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0, is_opened: false }
    }

    /// The next value. Of a list or an object all items have to be read before what follows it.
    pub(super) fn value(&mut self) -> Result<Value<'a>, JsonError> {
        self.space();
        match self.peek() {
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b'[') => self.opened(Value::List),
            Some(b'{') => self.opened(Value::Object),
            Some(b'0'..=b'9') => self.number(),
            _ => self.scalar(),
        }
    }

    /// Whether the list that is being read has another item, which is the next value.
    pub(super) fn item(&mut self) -> Result<bool, JsonError> {
        self.goes_on("]")
    }

    /// The next key of the object that is being read; its value is the next one.
    pub(super) fn key(&mut self) -> Result<Option<Text<'a>>, JsonError> {
        if !self.goes_on("}")? {
            return Ok(None);
        }
        if self.peek() != Some(b'"') {
            return Err(self.error("expected a key in double quotes"));
        }
        let key = self.string()?;
        self.space();
        if self.eat(":") { Ok(Some(key)) } else { Err(self.error("expected `:`")) }
    }

    /// Passes over the next value, all that it holds included.
    pub(super) fn skip(&mut self) -> Result<(), JsonError> {
        match self.value()? {
            Value::List => {
                while self.item()? {
                    self.skip()?;
                }
            }
            Value::Object => {
                while self.key()?.is_some() {
                    self.skip()?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn opened(&mut self, value: Value<'a>) -> Result<Value<'a>, JsonError> {
        if self.depth == DEEPEST {
            return Err(self.error("nested too deeply"));
        }
        self.depth += 1;
        self.at += 1;
        self.is_opened = true;
        Ok(value)
    }

    /// Whether the list or object goes on, at its start or behind a comma, or else closes here.
    fn goes_on(&mut self, close: &str) -> Result<bool, JsonError> {
        let is_start = std::mem::take(&mut self.is_opened);
        self.space();
        if self.eat(close) {
            self.depth -= 1;
            return Ok(false);
        }
        if !is_start && !self.eat(",") {
            return Err(self.error("expected `,` or the end of the list or object"));
        }
        self.space();
        Ok(true)
    }

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

    fn scalar(&mut self) -> Result<Value<'a>, JsonError> {
        for (word, value) in [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Float(f64::NAN)),
            ("Infinity", Value::Float(f64::INFINITY)),
            ("-Infinity", Value::Float(f64::NEG_INFINITY)),
        ] {
            if self.eat(word) {
                return Ok(value);
            }
        }
        self.number()
    }

    fn number(&mut self) -> Result<Value<'a>, JsonError> {
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
            return Ok(Value::Int(if number == "-0" { "0" } else { number }));
        }
        number.parse().map(Value::Float).map_err(|_| JsonError { at: start, what: "no number" })
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn string(&mut self) -> Result<Text<'a>, JsonError> {
        self.at += 1;
        let mut found = Cow::Borrowed(&[][..]);
        loop {
            let start = self.at;
            while self.peek().is_some_and(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
                self.at += 1;
            }
            let plain = &self.text.as_bytes()[start..self.at];
            if found.is_empty() {
                found = Cow::Borrowed(plain);
            } else {
                found.to_mut().extend_from_slice(plain);
            }
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(found);
                }
                Some(b'\\') => {
                    let code = self.escape()?;
                    write_code(code, found.to_mut());
                }
                Some(_) => return Err(self.error("a control character in a string")),
                None => return Err(self.error("a string that does not end")),
            }
        }
    }

    /// The code point that an escape stands for, surrogates included.
    fn escape(&mut self) -> Result<u32, JsonError> {
        let start = self.at;
        self.at += 1;
        let byte = self.peek();
        self.at += 1;
        Ok(u32::from(match byte {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 8,
            Some(b'f') => 0xc,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => return self.unicode(start),
            _ => return Err(JsonError { at: start, what: "no escape" }),
        }))
    }

    fn unicode(&mut self, start: usize) -> Result<u32, JsonError> {
        let no_digits = || JsonError { at: start, what: "\\u without four hexadecimal digits" };
        let code = self.four().ok_or_else(no_digits)?;
        let behind = self.at;
        if (0xd800..0xdc00).contains(&code) && self.eat("\\u") {
            match self.four() {
                Some(low @ 0xdc00..0xe000) => {
                    return Ok(0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
                }
                // What follows is no second half, and stands for itself.
                _ => self.at = behind,
            }
        }
        Ok(code)
    }

    fn four(&mut self) -> Option<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
        let text = std::str::from_utf8(digits).ok()?;
        text.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(())?;
        self.at += 4;
        u32::from_str_radix(text, 16).ok()
    }
}

fn write_code(code: u32, out: &mut Vec<u8>) {
    match char::from_u32(code) {
        Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        // A lone surrogate, in the form that UTF-8 would have for its number.
        None => out.extend(
            [code >> 12 | 0xe0, code >> 6 & 0x3f | 0x80, code & 0x3f | 0x80].map(|b| b as u8),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, JsonError> {
        check(text)?;
        Ok(seen(&mut Reader::new(text)))
    }

    /// What the reader sees, in a form of its own.
    fn seen(reader: &mut Reader<'_>) -> String {
        let mut items = Vec::new();
        match reader.value().unwrap() {
            Value::List => {
                while reader.item().unwrap() {
                    items.push(seen(reader));
                }
                format!("[{}]", items.join(", "))
            }
            Value::Object => {
                while let Some(key) = reader.key().unwrap() {
                    items.push(format!("{}={}", String::from_utf8_lossy(&key), seen(reader)));
                }
                format!("{{{}}}", items.join(", "))
            }
            Value::Text(text) => format!("<{}>", String::from_utf8_lossy(&text)),
            Value::Int(digits) => format!("i{digits}"),
            Value::Float(value) => format!("f{value}"),
            other => format!("{other:?}"),
        }
    }

    // Held against CPython 3.11's json.loads.
    #[test]
    fn values_are_those_of_python() {
        for (text, value) in [
            (" 12 ", "i12"),
            ("-0", "i0"),
            ("123456789012345678901234567890", "i123456789012345678901234567890"),
            ("-0.0", "f-0"),
            ("1e2", "f100"),
            ("1E400", "finf"),
            ("-Infinity", "f-inf"),
            ("NaN", "fNaN"),
            ("true", "Bool(true)"),
            ("null", "Null"),
            (r#""a\n\u00e9\ud83d\ude00\/""#, "<a\né😀/>"),
            ("[]", "[]"),
            ("[ ]", "[]"),
            ("[1, [2.5], \"\" , {}]\n", "[i1, [f2.5], <>, {}]"),
            (r#"{"a": 1, "b" : { } , "a":[2]}"#, "{a=i1, b={}, a=[i2]}"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(value), "{text}");
        }
    }

    // Each text's len() in CPython 3.11: 1, 2, 2, 2, 1.
    #[test]
    fn lone_surrogates_are_characters_of_their_own() {
        for (text, bytes) in [
            (r#""\ud800""#, &b"\xed\xa0\x80"[..]),
            (r#""\ud800\u0041""#, b"\xed\xa0\x80A"),
            (r#""\ud800\ud800""#, b"\xed\xa0\x80\xed\xa0\x80"),
            (r#""\udfff\n""#, b"\xed\xbf\xbf\n"),
            (r#""\ud83d\ude00""#, "😀".as_bytes()),
        ] {
            let value = Reader::new(text).value();
            assert_eq!(value, Ok(Value::Text(Cow::Borrowed(bytes))), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused_where_it_breaks() {
        let broken = concat!(
            "~ ~[~[1~[1,~[1,]~[,1]~{~{\"a\"~{\"a\":~{\"a\":1,}~{a:1}~01~1.~.5~+1~1e~-~--1~nul~\"~",
            "\"\\\"~\"\\x\"~\"\\u12\"~\"\\ud800\\u12\"~\"\n\"~'a'~1 2~[] []~True~\u{feff}1~",
            "\"\\u00é\"",
        );
        for text in broken.split('~') {
            assert!(check(text).is_err(), "{text:?}");
        }
        assert_eq!(check("[1, x]").unwrap_err().to_string(), "byte 4: expected a value");
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(check(&nested(DEEPEST)), Ok(()));
        let wide = format!("[{}[]]", "[[]],".repeat(DEEPEST));
        assert_eq!(check(&wide), Ok(()));
        assert!(check(&nested(DEEPEST + 1)).unwrap_err().to_string().contains("too deeply"));
        assert!(check(&"[".repeat(1 << 20)).is_err());
        assert!(check(&"{\"a\":".repeat(1 << 20)).is_err());
    }
}
