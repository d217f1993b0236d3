//! The task of a case: a grading rule, also in the forms that benchmarks' own files have.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use conductor_types::{CodeMetadata, Grading, TestCases};
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

/// The rule that a task's JSON states. The error says what is wrong with it.
pub fn read(task: &RawValue) -> Result<Grading, String> {
    let text = task.get();
    // What is derived for an object reads a list, too.
    if !text.starts_with('{') {
        return Err("task: expected an object with a \"kind\"".into());
    }
    let kind = serde_json::from_str::<Kind<'_>>(text).ok().and_then(|found| found.kind);
    let found = if kind.as_deref() == Some("code") { code(text) } else { plain(text) };
    found.map_err(|what| format!("task: {what} (docs/formats.md lists the kinds and their fields)"))
}

/// An error of the parser without its place: each text is parsed by itself, so its line and column would mislead.
pub fn told(error: &serde_json::Error) -> String {
    error.to_string().split(" at line ").next().unwrap_or_default().to_owned()
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow)]
    kind: Option<Cow<'a, str>>,
}

/// The fields of a `code` task, and those of LiveCodeBench's own rows, which say nothing of how an answer is judged. They are
/// read straight from the text, since a tree of values takes many times its size.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeTask<'a> {
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    #[serde(borrow)]
    public_test_cases: Option<&'a RawValue>,
    #[serde(borrow)]
    private_test_cases: Option<&'a RawValue>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    time_limit_secs: Option<f64>,
    memory_limit_mib: Option<Number>,
    #[serde(default, rename = "question_title")]
    _question_title: IgnoredAny,
    #[serde(default, rename = "question_content")]
    _question_content: IgnoredAny,
    #[serde(default, rename = "question_id")]
    _question_id: IgnoredAny,
    #[serde(default, rename = "platform")]
    _platform: IgnoredAny,
    #[serde(default, rename = "contest_id")]
    _contest_id: IgnoredAny,
    #[serde(default, rename = "contest_date")]
    _contest_date: IgnoredAny,
    #[serde(default, rename = "starter_code")]
    _starter_code: IgnoredAny,
    #[serde(default, rename = "difficulty")]
    _difficulty: IgnoredAny,
}

fn code(text: &str) -> Result<Grading, String> {
    let CodeTask {
        public_test_cases,
        private_test_cases,
        metadata,
        time_limit_secs,
        memory_limit_mib,
        ..
    } = serde_json::from_str(text).map_err(|error| told(&error))?;
    Ok(Grading::Code {
        public_test_cases: tests("public_test_cases", public_test_cases)?,
        private_test_cases: tests("private_test_cases", private_test_cases)?,
        metadata: code_metadata(metadata)?,
        time_limit_secs,
        memory_limit_mib: memory_limit_mib.as_ref().map(mib).transpose()?,
    })
}

/// A list, or an encoded text; null and an empty text are no tests.
fn tests(name: &str, raw: Option<&RawValue>) -> Result<TestCases, String> {
    let Some(raw) = raw else { return Ok(TestCases::default()) };
    let in_field = |error: serde_json::Error| format!("`{name}`: {}", told(&error));
    if !raw.get().starts_with('"') {
        return serde_json::from_str(raw.get()).map(TestCases::List).map_err(in_field);
    }
    let text: String = serde_json::from_str(raw.get()).map_err(in_field)?;
    let is_none = text.trim().is_empty();
    Ok(if is_none { TestCases::default() } else { TestCases::Encoded(text.into()) })
}

/// An object, or a text of JSON; null and an empty text are no metadata.
fn code_metadata(raw: Option<&RawValue>) -> Result<CodeMetadata, String> {
    let Some(raw) = raw else { return Ok(CodeMetadata::default()) };
    let in_field = |error: serde_json::Error| format!("`metadata`: {}", told(&error));
    let mut text = Cow::Borrowed(raw.get());
    if text.starts_with('"') {
        text = serde_json::from_str::<String>(&text).map_err(in_field)?.into();
    }
    if text.trim().is_empty() {
        return Ok(CodeMetadata::default());
    }
    let found: Option<CodeMetadata> = serde_json::from_str(&text).map_err(in_field)?;
    Ok(found.unwrap_or_default())
}

fn mib(number: &Number) -> Result<u64, String> {
    /// Up to here every whole number is a float of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = number.as_f64().filter(|mib| mib.fract() == 0.0 && (0.0..EXACT).contains(mib));
    number
        .as_u64()
        .or_else(|| whole.map(|mib| mib as u64))
        .ok_or_else(|| format!("`memory_limit_mib`: expected a whole number of MiB, got {number}"))
}

fn plain(text: &str) -> Result<Grading, String> {
    let values = Cell::new(0);
    let mut reader = serde_json::Deserializer::from_str(text);
    let task = Unique(&values).deserialize(&mut reader).map_err(|error| told(&error))?;
    let Value::Object(mut fields) = task else { return Err("expected an object".into()) };
    gold_as_text(&mut fields)?;
    Grading::deserialize(Value::Object(fields)).map_err(|error| told(&error))
}

/// Takes a gold answer that is written as a number.
fn gold_as_text(fields: &mut Map<String, Value>) -> Result<(), String> {
    /// Up to here every whole number is a float of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let Some(Value::Number(gold)) = fields.get("gold") else { return Ok(()) };
    let exact = !gold.is_f64() || gold.as_f64().is_some_and(|value| value.abs() < EXACT);
    if !exact {
        return Err("`gold` is a number that loses digits as one; write it as a text".into());
    }
    let text = gold.to_string();
    fields.insert("gold".into(), text.into());
    Ok(())
}

/// JSON in which no object has a key twice: of two gold answers, neither is the one that was meant. Counts its values, since
/// each takes many times the memory of its text.
#[derive(Clone, Copy)]
struct Unique<'a>(&'a Cell<usize>);

/// Most values in a task that is no program.
const MOST_VALUES: usize = 1 << 17;

impl<'de> DeserializeSeed<'de> for Unique<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        self.0.set(self.0.get() + 1);
        if self.0.get() > MOST_VALUES {
            return Err(D::Error::custom(format!("more than {MOST_VALUES} values")));
        }
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique<'_> {
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

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {key:?} stands twice")));
            }
            let value = entries.next_value_seed(self)?;
            object.insert(key, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grading(task: &str) -> Result<Grading, String> {
        read(&RawValue::from_string(task.into()).unwrap())
    }

    #[test]
    fn gold_numbers_are_taken_where_they_lose_nothing() {
        let number = Grading::Number { gold: "42".into(), tolerance: 0.0 };
        assert_eq!(grading(r#"{"kind": "number", "gold": 42}"#), Ok(number));
        let error = grading(r#"{"kind": "number", "gold": 12345678901234567890123}"#).unwrap_err();
        assert!(error.contains("loses digits"), "{error}");
    }

    #[test]
    fn rows_of_livecodebench_are_code_tasks() {
        let row = r#"{"kind": "code", "question_title": "A", "question_content": "…", "platform": "leetcode",
            "question_id": "1", "contest_id": "c", "contest_date": "2024-01-01", "starter_code": "", "difficulty": "easy",
            "public_test_cases": "[]", "private_test_cases": "eJx", "metadata": "{\"func_name\": \"f\", \"more\": 1}"}"#;
        let Ok(Grading::Code { public_test_cases, private_test_cases, metadata, .. }) =
            grading(row)
        else {
            panic!("a code task")
        };
        assert_eq!(public_test_cases, TestCases::Encoded("[]".into()));
        assert_eq!(private_test_cases, TestCases::Encoded("eJx".into()));
        assert_eq!(metadata.func_name.as_deref(), Some("f"));
    }

    #[test]
    fn what_is_null_or_empty_is_not_there() {
        let none = grading(r#"{"kind": "code"}"#).unwrap();
        for fields in [
            r#""metadata": null, "private_test_cases": null, "public_test_cases": null"#,
            r#""metadata": "", "private_test_cases": "", "public_test_cases": " ""#,
            r#""metadata": "null", "private_test_cases": [], "memory_limit_mib": null"#,
        ] {
            assert_eq!(grading(&format!(r#"{{"kind": "code", {fields}}}"#)), Ok(none.clone()));
        }
    }

    #[test]
    fn whole_floats_are_limits_of_memory() {
        for (text, mib) in [("256.0", Some(256)), ("256", Some(256)), ("2.5e2", Some(250))] {
            let found = grading(&format!(r#"{{"kind": "code", "memory_limit_mib": {text}}}"#));
            let Ok(Grading::Code { memory_limit_mib, .. }) = found else { panic!("{found:?}") };
            assert_eq!(memory_limit_mib, mib, "{text}");
        }
        for text in ["256.5", "-1", "1e300"] {
            let found = grading(&format!(r#"{{"kind": "code", "memory_limit_mib": {text}}}"#));
            assert!(found.unwrap_err().contains("whole number of MiB"), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_task_is_named() {
        let many = format!(r#"{{"kind": "exact", "gold": [{}0]}}"#, "0,".repeat(MOST_VALUES));
        let deep =
            format!(r#"{{"kind": "exact", "gold": {}0{}}}"#, "[".repeat(9999), "]".repeat(9999));
        for (task, words) in [
            ("5", "expected an object"),
            (r#"["exact", "x"]"#, "expected an object"),
            (r#"{"kind": "magic"}"#, "magic"),
            (r#"{"kind": "exact"}"#, "missing field `gold`"),
            (r#"{"kind": "exact", "gold": "x", "gold": "y"}"#, "\"gold\" stands twice"),
            (r#"{"kind": "exact", "gold": "\ud800"}"#, "hex escape"),
            (r#"{"kind": "code", "kind": "code"}"#, "stands twice"),
            (r#"{"kind": "code", "metadata": {}, "metadata": {}}"#, "duplicate field `metadata`"),
            (r#"{"kind": "code", "metadata": "{"}"#, "`metadata`"),
            (r#"{"kind": "code", "private_test_case": []}"#, "unknown field `private_test_case`"),
            (r#"{"kind": "code", "private_test_cases": [{"input": 1}]}"#, "`private_test_cases`"),
            (
                r#"{"kind": "exact", "starter_code": "", "gold": "x"}"#,
                "unknown field `starter_code`",
            ),
            (&many, "more than 131072 values"),
            (&deep, "recursion limit"),
        ] {
            let error = grading(task).unwrap_err();
            assert!(error.contains(words) && error.starts_with("task: "), "{words}: {error}");
        }
    }
}
