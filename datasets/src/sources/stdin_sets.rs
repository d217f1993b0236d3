//! What `CodeContests` and Codeforces sets share: a question, and tests that go through standard input and output, in the forms that
//! they are passed around in.

use serde::Deserialize;
use serde_json::Value;

use conductor_types::{CodeMetadata, Grading, TestCase, TestCases, TestType};

use super::draft::At;
use super::lines;
use super::test_cases::{LEAST_MIB, MOST_SECS};
use crate::error::{DataError, excerpt};

/// Tests in one of their forms.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Tests {
    /// JSON of any of the others.
    Text(String),
    /// Two lists side by side.
    Columns {
        #[serde(alias = "inputs")]
        input: Vec<String>,
        #[serde(alias = "outputs")]
        output: Vec<String>,
    },
    /// A list of pairs.
    Pairs(Vec<Pair>),
}

#[derive(Deserialize)]
pub(super) struct Pair {
    input: Stream,
    output: Stream,
}

/// A text, or a text under its stream's name.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stream {
    Plain(String),
    Named {
        #[serde(alias = "stdout")]
        stdin: String,
    },
}

impl Stream {
    fn text(self) -> String {
        match self {
            Self::Plain(text) | Self::Named { stdin: text } => text,
        }
    }
}

impl Tests {
    /// The cases. Errors: inputs and outputs differ in number, or a text holds no such tests.
    pub(super) fn cases(self, at: &At) -> Result<Vec<TestCase>, DataError> {
        let case =
            |input: String, output: String| TestCase { input, output, testtype: TestType::Stdin };
        match self {
            Self::Columns { input, output } if input.len() == output.len() => {
                Ok(input.into_iter().zip(output).map(|(i, o)| case(i, o)).collect())
            }
            Self::Columns { input, output } => Err(at.fail(
                "as many outputs as inputs in the tests",
                format!("{} inputs and {} outputs", input.len(), output.len()),
            )),
            Self::Pairs(pairs) => {
                Ok(pairs.into_iter().map(|p| case(p.input.text(), p.output.text())).collect())
            }
            Self::Text(text) => {
                let expected =
                    "tests as JSON [{\"input\", \"output\"}, …] or {\"inputs\", \"outputs\"}";
                match lines::decode(&text).map_err(|given| at.fail(expected, given))? {
                    // A text in a text in a text is nobody's form.
                    Self::Text(_) => Err(at.fail(expected, excerpt(&text))),
                    tests => tests.cases(at),
                }
            }
        }
    }
}

/// Judged by the samples that the question shows and the tests that it does not.
pub(super) fn grading(
    at: &At,
    public: Vec<TestCase>,
    private: Vec<TestCase>,
    limits: &Limits,
) -> Result<Grading, DataError> {
    if public.is_empty() && private.is_empty() {
        return Err(at.fail("at least one test", "none"));
    }
    Ok(Grading::Code {
        public_test_cases: TestCases::List(public),
        private_test_cases: TestCases::List(private),
        metadata: CodeMetadata::default(),
        // Limits that no program could run under are none.
        time_limit_secs: limits.time_secs.filter(|secs| *secs > 0.0 && *secs <= MOST_SECS),
        memory_limit_mib: limits.memory_mib.filter(|mib| *mib >= LEAST_MIB),
    })
}

/// What a problem's author allows.
#[derive(Default)]
pub(super) struct Limits {
    pub time_secs: Option<f64>,
    pub memory_mib: Option<u64>,
}

/// Seconds, as a number or as whole seconds and a rest in 10⁻⁹.
pub(super) fn seconds(value: &Value) -> Option<f64> {
    match value {
        Value::Object(parts) => {
            let part = |name: &str| parts.get(name).and_then(Value::as_f64).unwrap_or(0.0);
            Some(part("seconds") + part("nanos") / 1e9)
        }
        other => other.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::error::{Place, Position};

    fn cases(tests: Value) -> Result<Vec<(String, String)>, String> {
        let at = At { place: Place::new(Path::new("t"), Position::Row(1)), index: 0 };
        let tests: Tests = serde_json::from_value(tests).map_err(|e| e.to_string())?;
        let cases = tests.cases(&at).map_err(|e| e.to_string())?;
        Ok(cases.into_iter().map(|case| (case.input, case.output)).collect())
    }

    #[test]
    fn every_form_of_tests_is_read() {
        let expected = vec![("1\n".to_string(), "2".to_string())];
        for tests in [
            json!({"input": ["1\n"], "output": ["2"]}),
            json!({"inputs": ["1\n"], "outputs": ["2"]}),
            json!([{"input": "1\n", "output": "2"}]),
            json!([{"input": {"stdin": "1\n"}, "output": {"stdout": "2"}}]),
            json!("[{\"input\": {\"stdin\": \"1\\n\"}, \"output\": {\"stdout\": \"2\"}}]"),
        ] {
            assert_eq!(cases(tests.clone()).unwrap(), expected, "{tests}");
        }
    }

    #[test]
    fn tests_that_are_none_are_errors() {
        let error = cases(json!({"inputs": ["1", "2"], "outputs": ["1"]})).unwrap_err();
        assert!(error.contains("2 inputs and 1 outputs"), "{error}");
        for tests in [json!("\"[]\""), json!("nothing"), json!("[{\"input\": 1}]")] {
            assert!(cases(tests).unwrap_err().contains("tests as JSON"));
        }
    }

    #[test]
    fn seconds_come_in_parts_too() {
        assert_eq!(seconds(&json!({"seconds": 2, "nanos": 500_000_000})), Some(2.5));
        assert_eq!(seconds(&json!(1.5)), Some(1.5));
        assert_eq!(seconds(&json!(null)), None);
    }
}
