//! One case of the input.

use std::cell::RefCell;
use std::fmt;

use conductor_types::Task;
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::lines::{LONGEST_LINE, Line};
use super::task::{self, told};

/// A task with an answer to it.
#[derive(Debug)]
pub struct Case {
    pub task: Task,
    pub answer: String,
    pub recorded_score: Option<f64>,
}

/// What identifies a case, as it is written there: no digit of a number is lost.
pub type Id = Box<RawValue>;

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    task: &'a RawValue,
    #[serde(borrow)]
    answer: &'a RawValue,
    #[serde(default)]
    recorded_score: Option<f64>,
}

const EXPECTED: &str = "expected {\"id\", \"task\": {\"kind\", …}, \"answer\": \"…\"}";

/// The id of a line, null where none can be read, and its case, or what is wrong with it.
pub fn read(line: &Line) -> (Id, Result<Case, String>) {
    let bytes = line.bytes();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let id = id(bytes);
    let case = match line {
        Line::TooLong(_) => {
            Err(format!("the line is longer than {} MiB; {EXPECTED}", LONGEST_LINE >> 20))
        }
        Line::Whole(_) => case(&id, bytes),
    };
    (id, case)
}

fn case(id: &Id, bytes: &[u8]) -> Result<Case, String> {
    // A struct is read from a list, too.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(format!("{EXPECTED}; the line is no object"));
    }
    let Fields { task, answer, recorded_score } = serde_json::from_slice(bytes)
        .map_err(|error| format!("{EXPECTED}; column {}: {}", error.column(), told(&error)))?;
    let Answer(answer) = serde_json::from_str(answer.get())
        .map_err(|error| format!("{EXPECTED}; answer: {}", told(&error)))?;
    let task = Task {
        id: serde_json::from_str(id.get()).unwrap_or_else(|_| id.get().to_owned()),
        domain: "grade".into(),
        prompt: String::new(),
        parts: Vec::new(),
        date: None,
        grading: task::read(task)?,
        constraint: None,
    };
    Ok(Case { task, answer, recorded_score })
}

/// What a model wrote. The half of a surrogate pair, which Python's texts may have and no other text has, is U+FFFD: an answer
/// that has one is judged like any other.
struct Answer(String);

impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // Asked for bytes, the parser writes the half of a pair as the three bytes that UTF-8 would have for its number.
        from.deserialize_bytes(AnswerVisitor)
    }
}

struct AnswerVisitor;

impl Visitor<'_> for AnswerVisitor {
    type Value = Answer;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Answer, E> {
        let mut text = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            // Each of the three bytes is a chunk of its own.
            if chunk.invalid().first() == Some(&0xed) {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        Ok(Answer(text))
    }
}

/// The id at the outermost level, also of a line that breaks off behind it.
fn id(bytes: &[u8]) -> Id {
    let found = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    // That the line is broken, too long or something else altogether is told by who reads the case.
    let _ = reader.deserialize_map(IdOnly(&found));
    found.into_inner().unwrap_or_else(|| RawValue::NULL.to_owned())
}

struct IdOnly<'a>(&'a RefCell<Option<Id>>);

impl<'de> Visitor<'de> for IdOnly<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "id" {
                let id: &RawValue = map.next_value()?;
                // The one white space that some readers of lines take for the end of one.
                let id = RawValue::from_string(id.get().replace('\r', " "));
                *self.0.borrow_mut() = Some(id.map_err(A::Error::custom)?);
                return Ok(());
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (String, Result<Case, String>) {
        let (id, case) = read(&Line::Whole(text.into()));
        (id.get().to_owned(), case)
    }

    #[test]
    fn a_case_is_read_with_its_id_as_it_is() {
        for id in [
            "\"a\"",
            "7",
            "null",
            "[\"x\"]",
            "123456789012345678901234567890",
            "0.1234567890123456789",
            "1.0",
            "-0",
            r#""\ud800""#,
            r#"{"b": 1, "a": 1E400}"#,
        ] {
            let line = format!(
                r#"{{"model": "m", "id": {id}, "task": {{"kind": "exact", "gold": "x"}}, "answer": "y"}}"#
            );
            let (read_id, case) = read_text(&format!("\u{feff}{line}\r"));
            assert_eq!((read_id.as_str(), case.unwrap().answer.as_str()), (id, "y"));
        }
        let (id, case) = read_text(r#"{"task": {"kind": "exact", "gold": "x"}, "answer": "y"}"#);
        assert!(id == "null" && case.is_ok());
        let (id, _) = read_text("{\"id\": [1,\r2]}");
        assert_eq!(id, "[1, 2]");
    }

    #[test]
    fn half_a_surrogate_pair_does_not_keep_an_answer_from_its_verdict() {
        for (answer, read) in [
            (r"\ud800", "\u{fffd}"),
            (r"a\udfffb\n", "a\u{fffd}b\n"),
            (r"\ud83d\ude00\ud83d\u0041", "😀\u{fffd}A"),
            (r"\ud800\ud800", "\u{fffd}\u{fffd}"),
            ("é", "é"),
        ] {
            let line =
                format!(r#"{{"task": {{"kind": "exact", "gold": "x"}}, "answer": "{answer}"}}"#);
            assert_eq!(read_text(&line).1.map(|case| case.answer).as_deref(), Ok(read));
        }
    }

    #[test]
    fn a_broken_line_keeps_its_id_where_that_can_be_read() {
        for (line, id, words) in [
            (r#"{"id": 5, "task": {"kind": "exact", "gold": "x"}"#, "5", "column"),
            (
                r#"{"id": 6, "task": {"kind": "exact"}, "answer": "", "answer": ""}"#,
                "6",
                "duplicate",
            ),
            (r#"[{"kind": "exact", "gold": "x"}, "x", null]"#, "null", "no object"),
            (r#"{"id": "a", "task": {"kind": "magic"}, "answer": "x"}"#, "\"a\"", "magic"),
            (
                r#"{"task": {"kind": "exact"}, "answer": "x", "id": "b"}"#,
                "\"b\"",
                "missing field `gold`",
            ),
            (
                r#"{"id": "c", "task": {"kind": "exact", "gold": "x"}}"#,
                "\"c\"",
                "missing field `answer`",
            ),
            (r#"{"id": "d", "task": 5, "answer": "x"}"#, "\"d\"", "task"),
            (
                r#"{"id": "e", "task": {"kind": "exact", "gold": "x"}, "answer": null}"#,
                "\"e\"",
                "answer: invalid type: null, expected a text",
            ),
            (
                r#"{"id": "f", "task": {"kind": "exact", "gold": "x"}, "answer": [1]}"#,
                "\"f\"",
                "a text",
            ),
            ("[1]", "null", "expected"),
            ("nonsense", "null", "expected"),
            ("{", "null", "expected"),
        ] {
            let (read_id, case) = read_text(line);
            let error = case.unwrap_err();
            assert_eq!(read_id, id, "{line}");
            assert!(error.contains(words), "{line}: {error}");
        }
        let bytes = &b"{\"id\": \"u\", \"task\": {}, \"answer\": \"\xff\"}"[..];
        let (id, case) = read(&Line::Whole(bytes.to_vec()));
        assert!(id.get() == "\"u\"" && case.unwrap_err().contains("unicode"));
        let deep = format!(r#"{{"id": 1, "task": {}"#, "[".repeat(100_000));
        let (id, case) = read_text(&deep);
        assert!(id == "1" && case.unwrap_err().contains("EOF"));
        let (id, case) = read(&Line::TooLong(br#"{"id": "long", "answer": "xxxx"#.to_vec()));
        assert!(id.get() == "\"long\"" && case.unwrap_err().contains("64 MiB"));
    }
}
