//! Python literals: numbers, strings in all their quotes and escapes, `None`, booleans, lists, tuples, sets, dicts.

use super::value::Value;

/// Deeper nesting is no literal; it keeps recursion bounded.
const MAX_DEPTH: usize = 48;

/// The value of `text`, or `None` where it is not one whole literal.
pub(super) fn parse(text: &str) -> Option<Value> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.blanks();
    (reader.at == text.len()).then_some(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, expected: &str) -> bool {
        let there = self.rest().starts_with(expected);
        if there {
            self.at += expected.len();
        }
        there
    }

    /// Skips white space and comments.
    fn blanks(&mut self) {
        while let Some(c) = self.peek() {
            if c == '#' {
                self.at += self.rest().find('\n').unwrap_or(self.rest().len());
            } else if self.rest().starts_with("\\\n") {
                self.at += 2;
            } else if c.is_whitespace() {
                self.at += c.len_utf8();
            } else {
                return;
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.blanks();
        match self.peek()? {
            '[' => self.sequence(']', depth).map(|(items, _)| Value::List(items)),
            '(' => {
                let (mut items, comma) = self.sequence(')', depth)?;
                // Parentheses around one value without a comma only group.
                if items.len() == 1 && !comma { items.pop() } else { Some(Value::List(items)) }
            }
            '{' => self.braces(depth),
            '+' | '-' | '0'..='9' | '.' => self.number(),
            '"' | '\'' => self.strings(),
            c if c.is_alphabetic() => self.word(),
            _ => None,
        }
    }

    /// Values up to `close`, and whether there was a comma.
    fn sequence(&mut self, close: char, depth: usize) -> Option<(Vec<Value>, bool)> {
        self.take()?;
        let mut items = Vec::new();
        let mut comma = false;
        loop {
            self.blanks();
            if self.peek()? == close {
                self.take();
                return Some((items, comma));
            }
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.eat(",") {
                comma = true;
            } else if self.peek()? != close {
                return None;
            }
        }
    }

    /// A dict or a set: read to its end, and no more than that.
    fn braces(&mut self, depth: usize) -> Option<Value> {
        self.take()?;
        loop {
            self.blanks();
            if self.eat("}") {
                return Some(Value::Other("a dict".into()));
            }
            self.value(depth + 1)?;
            self.blanks();
            if self.eat(":") {
                self.value(depth + 1)?;
                self.blanks();
            }
            if !self.eat(",") && self.peek()? != '}' {
                return None;
            }
        }
    }

    fn number(&mut self) -> Option<Value> {
        let mut negative = false;
        while let Some(sign @ ('+' | '-')) = self.peek() {
            negative ^= sign == '-';
            self.take();
            self.blanks();
        }
        let length = self
            .rest()
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_'))
            .unwrap_or(self.rest().len());
        let token = &self.rest()[..length];
        let grouped = token.split('_').all(|part| {
            let ends = (part.as_bytes().first(), part.as_bytes().last());
            token.len() == part.len()
                || matches!(ends, (Some(a), Some(z)) if a.is_ascii_digit() && z.is_ascii_digit())
        });
        if !grouped {
            return None;
        }
        let digits = token.replace('_', "");
        let value = if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            // Python refuses "01"; the split at commas takes it as digits.
            if digits.len() > 1 && digits.starts_with('0') && digits.bytes().any(|b| b != b'0') {
                return None;
            }
            let size = digits.parse::<i128>().unwrap_or(i128::MAX);
            Value::Int(if negative { -size } else { size })
        } else if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && digits.parse::<f64>().is_ok()
        {
            Value::Other(token.to_owned())
        } else {
            return None;
        };
        self.at += length;
        Some(value)
    }

    fn word(&mut self) -> Option<Value> {
        for (word, value) in [
            ("None", Value::None),
            ("True", Value::Other("True".into())),
            ("False", Value::Other("False".into())),
        ] {
            let behind = self.rest().strip_prefix(word).map(|rest| rest.chars().next());
            if behind.is_some_and(|c| !c.is_some_and(|c| c.is_alphanumeric() || c == '_')) {
                self.at += word.len();
                return Some(value);
            }
        }
        self.strings()
    }

    /// One or more string literals in a row, which Python joins.
    fn strings(&mut self) -> Option<Value> {
        let mut joined = String::new();
        // Python does not join text and bytes.
        let (mut text_found, mut bytes_found) = (false, false);
        loop {
            let before = self.at;
            let Some((text, is_bytes)) = self.string() else {
                self.at = before;
                break;
            };
            joined.push_str(&text);
            text_found |= !is_bytes;
            bytes_found |= is_bytes;
            self.blanks();
            if !self.starts_string() {
                break;
            }
        }
        match (text_found, bytes_found) {
            (true, false) => Some(Value::Text(joined)),
            (false, true) => Some(Value::Other("bytes".into())),
            _ => None,
        }
    }

    fn starts_string(&self) -> bool {
        let prefix = self.rest().bytes().take(2).take_while(u8::is_ascii_alphabetic).count();
        matches!(self.rest().as_bytes().get(prefix), Some(b'"' | b'\''))
    }

    fn string(&mut self) -> Option<(String, bool)> {
        let length = self.rest().bytes().take(2).take_while(u8::is_ascii_alphabetic).count();
        let (raw, bytes) = match self.rest()[..length].to_ascii_lowercase().as_str() {
            "" | "u" => (false, false),
            "r" => (true, false),
            "b" => (false, true),
            "rb" | "br" => (true, true),
            _ => return None,
        };
        self.at += length;
        let quote = match self.peek()? {
            '"' => "\"",
            '\'' => "'",
            _ => return None,
        };
        let triple = quote.repeat(3);
        let (end, long) = if self.eat(&triple) {
            (triple.as_str(), true)
        } else {
            self.eat(quote);
            (quote, false)
        };
        let mut text = String::new();
        loop {
            if self.eat(end) {
                return Some((text, bytes));
            }
            match self.take()? {
                '\n' if !long => return None,
                '\\' if raw => {
                    text.push('\\');
                    text.push(self.take()?);
                }
                '\\' => self.escape(&mut text)?,
                c => text.push(c),
            }
        }
    }

    /// What stands behind a backslash. As in Python, an unknown escape keeps its backslash.
    fn escape(&mut self, text: &mut String) -> Option<()> {
        match self.take()? {
            '\n' => {}
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            'a' => text.push('\u{07}'),
            'b' => text.push('\u{08}'),
            'f' => text.push('\u{0c}'),
            'v' => text.push('\u{0b}'),
            c @ ('\\' | '\'' | '"') => text.push(c),
            c @ '0'..='7' => {
                let mut code = c.to_digit(8)?;
                for _ in 0..2 {
                    let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    self.take();
                }
                text.push(char::from_u32(code)?);
            }
            'x' => text.push(char::from_u32(self.hex(2)?)?),
            'u' => {
                let unit = self.hex(4)?;
                text.push(self.utf16(unit));
            }
            'U' => text.push(char::from_u32(self.hex(8)?)?),
            c => {
                text.push('\\');
                text.push(c);
            }
        }
        Some(())
    }

    fn hex(&mut self, digits: usize) -> Option<u32> {
        let token = self.rest().get(..digits)?;
        if !token.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let code = u32::from_str_radix(token, 16).ok()?;
        self.at += digits;
        Some(code)
    }

    /// A character written as one or two UTF-16 units; half a pair is the replacement character.
    fn utf16(&mut self, unit: u32) -> char {
        if let Some(c) = char::from_u32(unit) {
            return c;
        }
        let before = self.at;
        if unit < 0xdc00
            && self.eat("\\u")
            && let Some(low @ 0xdc00..=0xdfff) = self.hex(4)
        {
            let code = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            return char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        }
        self.at = before;
        char::REPLACEMENT_CHARACTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Option<Value> {
        parse(text)
    }

    fn is_text(literal: &str, value: &str) {
        assert_eq!(parse(literal), Some(Value::Text(value.into())), "{literal}");
    }

    #[test]
    fn strings_as_python_reads_them() {
        is_text(r#""a\"b\n\x41\u00e9\101\q""#, "a\"b\nAéA\\q");
        is_text(r"r'a\nb'", "a\\nb");
        is_text("'a' \"b\"\n'''c\nd'''", "abc\nd");
        is_text(r"'\ud83d\ude00 \U0001F600'", "😀 😀");
        is_text(r"'\ud83d'", "\u{fffd}");
        assert_eq!(one("'a\nb'"), None);
        assert_eq!(one("f'a'"), None);
        assert_eq!(one("'"), None);
        assert_eq!(one(r"'\x4'"), None);
    }

    #[test]
    fn numbers_words_and_containers() {
        assert_eq!(one("- 1_000"), Some(Value::Int(-1000)));
        assert_eq!(one("01"), None);
        assert_eq!(one("1.5"), Some(Value::Other("1.5".into())));
        assert_eq!(one("None"), Some(Value::None));
        assert_eq!(one("Nonesuch"), None);
        is_text("('a')", "a");
        assert_eq!(one("('a',)"), Some(Value::List(vec![Value::Text("a".into())])));
        assert_eq!(one("{'a': [1], 'b': 2}"), Some(Value::Other("a dict".into())));
        assert_eq!(one("[1, # one\n 2,]"), Some(Value::List(vec![Value::Int(1), Value::Int(2)])));
        assert_eq!(one("[1 2]"), None);
        assert_eq!(one("[1_]"), None);
        assert_eq!(one("[1, \\\n2]"), Some(Value::List(vec![Value::Int(1), Value::Int(2)])));
        assert_eq!(one("b'a' b'b'"), Some(Value::Other("bytes".into())));
        assert_eq!(one("b'a' 'b'"), None);
        assert_eq!(one("[,]"), None);
    }

    #[test]
    fn nesting_is_bounded() {
        assert_eq!(one(&"[".repeat(100_000)), None);
        assert!(one(&format!("{}{}", "[".repeat(40), "]".repeat(40))).is_some());
    }
}
