//! From a task's test cases to what the sandbox runs and what its outputs are held against.

use std::sync::Arc;

use conductor_sandbox::{Form, Input};
use conductor_types::{TestCases, TestType};

use super::cases::{self, CasesError};
use super::json::{self, JsonError};

/// Test cases, taken apart: what goes into the cell, and what never does.
#[derive(Debug)]
pub(super) struct Prepared {
    /// How the program is talked to.
    pub(super) form: Form,
    /// What each test gives to the program.
    pub(super) inputs: Vec<Input>,
    /// What each test expects; as many.
    pub(super) expected: Vec<Expected>,
    /// How many of them, from the first on, the question shows.
    pub(super) public: usize,
}

/// What a test expects.
#[derive(Debug)]
pub(super) enum Expected {
    /// On standard output.
    Stdout(String),
    /// From the function: JSON, whose form is checked.
    Value(String),
}

/// Why a task's test data cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadTests {
    #[error(transparent)]
    Cases(#[from] CasesError),
    #[error(
        "the tests are \"functional\", but metadata.func_name does not say which function to call"
    )]
    NoFunction,
    #[error("metadata.func_name = {0:?} is not the name of a function")]
    FunctionName(String),
    #[error("test {test}: line {line} of the input is no JSON value to pass: {reason}")]
    Argument { test: usize, line: usize, reason: JsonError },
    #[error("test {test}: the expected output is no JSON value: {reason}")]
    Output { test: usize, reason: JsonError },
}

/// Decodes the tests and checks the values in them.
pub(super) fn prepare(
    public: TestCases,
    private: TestCases,
    func_name: Option<String>,
) -> Result<Prepared, BadTests> {
    let cases = cases::decode(public, private)?;
    let functional = cases.tests.iter().any(|test| test.testtype == TestType::Functional);
    let form = if functional { function(func_name.or(cases.func_name))? } else { Form::Stdin };
    let mut inputs = Vec::with_capacity(cases.tests.len());
    let mut expected = Vec::with_capacity(cases.tests.len());
    for (number, test) in (1..).zip(cases.tests) {
        if functional {
            inputs.push(Input::Call(arguments(test.input, number)?));
            json::check(&test.output)
                .map_err(|reason| BadTests::Output { test: number, reason })?;
            expected.push(Expected::Value(test.output));
        } else {
            inputs.push(Input::Stdin(test.input.into_bytes().into()));
            expected.push(Expected::Stdout(test.output));
        }
    }
    Ok(Prepared { form, inputs, expected, public: cases.public })
}

fn function(name: Option<String>) -> Result<Form, BadTests> {
    let name = name.filter(|name| !name.is_empty()).ok_or(BadTests::NoFunction)?;
    let letter = |c: char| c.is_alphabetic() || c == '_';
    let whole = name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_numeric());
    if whole { Ok(Form::Function { name }) } else { Err(BadTests::FunctionName(name)) }
}

/// The arguments of a call, as the text of a list: a line of JSON each. An input without any text is a call without arguments.
fn arguments(input: String, test: usize) -> Result<Arc<str>, BadTests> {
    let mut list = String::with_capacity(input.len() + 2);
    list.push('[');
    for (line, text) in (1..).zip(input.trim_end().split('\n')) {
        if line == 1 && text.is_empty() {
            break;
        }
        json::check(text).map_err(|reason| BadTests::Argument { test, line, reason })?;
        list.push_str(if line == 1 { "" } else { "," });
        list.push_str(text);
    }
    list.push(']');
    // So that no more than two copies are there at once.
    drop(input);
    Ok(list.into())
}

#[cfg(test)]
mod tests {
    use conductor_types::TestCase;

    use super::*;

    fn tests(testtype: TestType, pairs: &[(&str, &str)]) -> TestCases {
        let test = |(input, output): &(&str, &str)| TestCase {
            input: (*input).into(),
            output: (*output).into(),
            testtype,
        };
        TestCases::List(pairs.iter().map(test).collect())
    }

    fn functional(pairs: &[(&str, &str)], name: Option<&str>) -> Result<Prepared, String> {
        let public = tests(TestType::Functional, pairs);
        prepare(public, TestCases::default(), name.map(String::from)).map_err(|e| e.to_string())
    }

    #[test]
    fn standard_input_goes_in_and_standard_output_stays() {
        let public = tests(TestType::Stdin, &[("1 2\n", "3\n")]);
        let private = tests(TestType::Stdin, &[("", ""), ("x", "y")]);
        let prepared = prepare(public, private, None).unwrap();
        assert_eq!(prepared.form, Form::Stdin);
        assert_eq!(prepared.inputs[0], Input::Stdin(b"1 2\n"[..].into()));
        assert_eq!((prepared.inputs.len(), prepared.expected.len(), prepared.public), (3, 3, 1));
        assert!(matches!(&prepared.expected[2], Expected::Stdout(text) if text == "y"));
    }

    #[test]
    fn each_line_is_an_argument() {
        let prepared = functional(&[("[1, 2]\n\"a\"\n", "[3]"), ("", "null")], Some("f")).unwrap();
        assert_eq!(prepared.form, Form::Function { name: "f".into() });
        assert_eq!(prepared.inputs[0], Input::Call("[[1, 2],\"a\"]".into()));
        assert_eq!(prepared.inputs[1], Input::Call("[]".into()));
        assert!(matches!(&prepared.expected[1], Expected::Value(text) if text == "null"));
    }

    #[test]
    fn numbers_are_handed_over_as_they_are_written() {
        let input = "99999999999999999999\n[NaN, -Infinity, 1e-7]\n";
        let prepared = functional(&[(input, "null")], Some("f")).unwrap();
        let text = "[99999999999999999999,[NaN, -Infinity, 1e-7]]";
        assert_eq!(prepared.inputs[0], Input::Call(text.into()));
    }

    #[test]
    fn bad_test_data_says_where() {
        for (pairs, name, words) in [
            (&[("1", "2")][..], None, "metadata.func_name"),
            (&[("1", "2")], Some(""), "metadata.func_name"),
            (&[("1", "2")], Some("f()"), "not the name of a function"),
            (&[("1", "2"), ("1\nx", "2")], Some("f"), "test 2: line 2 of the input"),
            (&[("1\n\n2", "2")], Some("f"), "line 2"),
            (&[("1", "")], Some("f"), "test 1: the expected output"),
            (&[("1", "(1, 2)")], Some("f"), "test 1: the expected output"),
        ] {
            let error = functional(pairs, name).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
