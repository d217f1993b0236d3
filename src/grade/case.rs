//! One case of the input.

use std::cell::RefCell;
use std::fmt;

use conductor_types::{Grading, Task};
use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::lines::{LONGEST_LINE, Line};

/// A task with an answer to it.
#[derive(Debug)]
pub struct Case {
    pub task: Task,
    pub answer: String,
    pub recorded_score: Option<f64>,
}

#[derive(Deserialize)]
struct Fields {
    task: Unique,
    answer: String,
    #[serde(default)]
    recorded_score: Option<f64>,
}

const EXPECTED: &str = "expected {\"id\", \"task\": {\"kind\", …}, \"answer\": \"…\"}";

/// The id of a line, null where none can be read, and its case, or what is wrong with it.
pub fn read(line: &Line) -> (Value, Result<Case, String>) {
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

fn case(id: &Value, bytes: &[u8]) -> Result<Case, String> {
    let told = |error: &serde_json::Error| {
        // Each line is its own document, so the parser's own line number would mislead.
        let text = error.to_string();
        text.split(" at line ").next().unwrap_or_default().to_owned()
    };
    // A struct is read from a list, too.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(format!("{EXPECTED}; the line is no object"));
    }
    let fields: Fields = serde_json::from_slice(bytes)
        .map_err(|error| format!("{EXPECTED}; column {}: {}", error.column(), told(&error)))?;
    let Fields { task: Unique(mut task), answer, recorded_score } = fields;
    relax(&mut task)?;
    let grading = Grading::deserialize(task).map_err(|error| {
        format!("task: {} (docs/formats.md lists the kinds and their fields)", told(&error))
    })?;
    let name = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    let task = Task {
        id: name,
        domain: "grade".into(),
        prompt: String::new(),
        parts: Vec::new(),
        date: None,
        grading,
        constraint: None,
    };
    Ok(Case { task, answer, recorded_score })
}

/// Takes what benchmarks' own files write in another way: a gold answer as a number, metadata as a text of JSON.
fn relax(task: &mut Value) -> Result<(), String> {
    /// Up to here every whole number is a float of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let Some(fields) = task.as_object_mut() else { return Ok(()) };
    if let Some(Value::Number(gold)) = fields.get("gold") {
        let exact = !gold.is_f64() || gold.as_f64().is_some_and(|value| value.abs() < EXACT);
        if !exact {
            return Err(
                "task: `gold` is a number that loses digits as one; write it as a text".into()
            );
        }
        let text = gold.to_string();
        fields.insert("gold".into(), text.into());
    }
    if let Some(Value::String(text)) = fields.get("metadata") {
        let parsed: Value = serde_json::from_str(if text.trim().is_empty() { "{}" } else { text })
            .map_err(|_| "task: `metadata` is a text that is no JSON".to_owned())?;
        fields.insert("metadata".into(), parsed);
    }
    Ok(())
}

/// JSON in which no object has a key twice: of two gold answers, neither is the one that was meant.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = serde_json::Map::new();
        while let Some((key, Unique(value))) = entries.next_entry::<String, Unique>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {key:?} stands twice")));
            }
            object.insert(key, value);
        }
        Ok(object.into())
    }
}

/// The id at the outermost level, also of a line that breaks off behind it.
fn id(bytes: &[u8]) -> Value {
    let found = RefCell::new(Value::Null);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    // That the line is broken, too long or something else altogether is told by who reads the case.
    let _ = serde::Deserializer::deserialize_map(&mut reader, IdOnly(&found));
    found.into_inner()
}

struct IdOnly<'a>(&'a RefCell<Value>);

impl<'de> Visitor<'de> for IdOnly<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "id" {
                *self.0.borrow_mut() = map.next_value()?;
                return Ok(());
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_text(text: &str) -> (Value, Result<Case, String>) {
        read(&Line::Whole(text.into()))
    }

    #[test]
    fn a_case_is_read_with_its_id_as_it_is() {
        for id in [json!("a"), json!(7), json!(null), json!(["x"])] {
            let line = json!({"id": id, "task": {"kind": "exact", "gold": "x"}, "answer": "y", "model": "m"});
            let (read_id, case) = read_text(&format!("\u{feff}{line}\r"));
            assert_eq!((read_id, case.unwrap().answer.as_str()), (id, "y"));
        }
        let (id, case) = read_text(r#"{"task": {"kind": "exact", "gold": "x"}, "answer": "y"}"#);
        assert!(id.is_null() && case.is_ok());
    }

    #[test]
    fn gold_numbers_and_metadata_as_text_are_taken() {
        let grading = |task: &str| {
            read_text(&format!(r#"{{"task": {task}, "answer": ""}}"#))
                .1
                .map(|case| case.task.grading)
        };
        let number = Grading::Number { gold: "42".into(), tolerance: 0.0 };
        assert_eq!(grading(r#"{"kind": "number", "gold": 42}"#), Ok(number));
        let error = grading(r#"{"kind": "number", "gold": 12345678901234567890123}"#).unwrap_err();
        assert!(error.contains("loses digits"), "{error}");
        let code =
            r#"{"kind": "code", "public_test_cases": [], "metadata": "{\"func_name\": \"f\"}"}"#;
        let Ok(Grading::Code { metadata, .. }) = grading(code) else { panic!("a code task") };
        assert_eq!(metadata.func_name.as_deref(), Some("f"));
        assert!(grading(r#"{"kind": "code", "metadata": "{"}"#).unwrap_err().contains("metadata"));
    }

    #[test]
    fn a_broken_line_keeps_its_id_where_that_can_be_read() {
        for (line, id, words) in [
            (r#"{"id": 5, "task": {"kind": "exact", "gold": "x"}"#, json!(5), "column"),
            (
                r#"{"id": 6, "task": {"kind": "exact", "gold": "x", "gold": "y"}, "answer": "y"}"#,
                json!(6),
                "\"gold\" stands twice",
            ),
            (r#"[{"kind": "exact", "gold": "x"}, "x", null]"#, json!(null), "no object"),
            (r#"{"id": "a", "task": {"kind": "magic"}, "answer": "x"}"#, json!("a"), "magic"),
            (
                r#"{"task": {"kind": "exact"}, "answer": "x", "id": "b"}"#,
                json!("b"),
                "missing field `gold`",
            ),
            (
                r#"{"id": "c", "task": {"kind": "exact", "gold": "x"}}"#,
                json!("c"),
                "missing field `answer`",
            ),
            (r#"{"id": "d", "task": 5, "answer": "x"}"#, json!("d"), "task"),
            (
                r#"{"id": "e", "task": {"kind": "exact", "gold": "x"}, "answer": null}"#,
                json!("e"),
                "null",
            ),
            ("[1]", json!(null), "expected"),
            ("nonsense", json!(null), "expected"),
            ("{", json!(null), "expected"),
        ] {
            let (read_id, case) = read_text(line);
            let error = case.unwrap_err();
            assert_eq!(read_id, id, "{line}");
            assert!(error.contains(words), "{line}: {error}");
        }
        let (id, case) = read(&Line::Whole(b"{\"id\": \"u\", \"answer\": \"\xff\"}".to_vec()));
        assert!(id == "u" && case.is_err());
        let deep = format!(r#"{{"id": 1, "task": {}"#, "[".repeat(100_000));
        let (id, case) = read_text(&deep);
        assert!(id == 1 && case.unwrap_err().contains("recursion limit"));
        let (id, case) = read(&Line::TooLong(br#"{"id": "long", "answer": "xxxx"#.to_vec()));
        assert!(id == "long" && case.unwrap_err().contains("64 MiB"));
    }
}
