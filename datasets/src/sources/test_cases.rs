//! What can be seen of a program's tests without unpacking them, so that a task that could only be `bad_test_data` is refused when
//! it is read. The tests of LiveCodeBench come to gigabytes unpacked: of them the first bytes are looked at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use conductor_types::{CodeMetadata, TestCases, TestType};
use serde::Deserialize;
use serde::de::{Error, Visitor};

use crate::error::excerpt;

/// Seconds that a test may be given at most.
pub const MOST_SECS: f64 = 3600.0;
/// MiB that a program is given at least.
pub const LEAST_MIB: u64 = 16;

/// An error is (expected, given).
type Fault = (String, String);

/// The tests, what they call, and their limits.
pub fn check(
    public: &TestCases,
    private: &TestCases,
    metadata: &CodeMetadata,
) -> Result<(), Fault> {
    let mut seen = Seen::default();
    for (which, cases) in [("public_test_cases", public), ("private_test_cases", private)] {
        look(which, cases, &mut seen)?;
    }
    match seen.kinds[..] {
        [_, _, ..] => {
            Err(("tests that are all \"stdin\" or all \"functional\"".into(), "both".into()))
        }
        // Those may name the function themselves.
        _ if seen.is_packed => Ok(()),
        [] => Err((
            "at least one test in `public_test_cases` or `private_test_cases`".into(),
            "none".into(),
        )),
        [TestType::Functional] if metadata.func_name.is_none() && !seen.names_function => {
            Err(("`metadata` with the func_name that functional tests call".into(), "none".into()))
        }
        _ => Ok(()),
    }
}

/// What a program is given.
pub fn limits(time_secs: Option<f64>, memory_mib: Option<u64>) -> Result<(), Fault> {
    if let Some(secs) = time_secs.filter(|secs| !(*secs > 0.0 && *secs <= MOST_SECS)) {
        return Err((
            format!("`time_limit_secs` above 0 and at most {MOST_SECS}"),
            secs.to_string(),
        ));
    }
    match memory_mib.filter(|mib| *mib < LEAST_MIB) {
        Some(mib) => Err((format!("`memory_limit_mib` of at least {LEAST_MIB}"), mib.to_string())),
        None => Ok(()),
    }
}

/// What was seen.
#[derive(Default)]
struct Seen {
    /// Each once.
    kinds: Vec<TestType>,
    names_function: bool,
    /// Whether there may be more, unseen.
    is_packed: bool,
}

impl Seen {
    fn add(&mut self, kinds: impl Iterator<Item = TestType>) {
        for kind in kinds {
            if !self.kinds.contains(&kind) {
                self.kinds.push(kind);
            }
        }
    }
}

fn look(which: &str, cases: &TestCases, seen: &mut Seen) -> Result<(), Fault> {
    let text = match cases {
        TestCases::List(tests) => {
            seen.add(tests.iter().map(|test| test.testtype));
            return Ok(());
        }
        TestCases::Encoded(text) => text.trim(),
    };
    let fault = |given: String| {
        (format!("`{which}` that is a list of tests, JSON of one, or base64 of zlib"), given)
    };
    let json = |error: serde_json::Error| fault(format!("{} ({error})", excerpt(text)));
    if text.starts_with('[') {
        let tests: Vec<Bare> = serde_json::from_str(text).map_err(json)?;
        seen.add(tests.iter().map(|test| test.testtype));
    } else if text.starts_with('{') {
        let lists: Lists = serde_json::from_str(text).map_err(json)?;
        let (inputs, outputs) = (lists.inputs.len(), lists.outputs.len());
        if inputs != outputs {
            return Err(fault(format!("{inputs} inputs and {outputs} outputs")));
        }
        let is_named = lists.fn_name.is_some();
        let kind = if is_named { TestType::Functional } else { TestType::Stdin };
        seen.names_function |= is_named;
        seen.add(std::iter::repeat_n(kind, inputs.min(1)));
    } else if is_packed(text) {
        seen.is_packed = true;
    } else {
        return Err(fault(excerpt(text)));
    }
    Ok(())
}

/// Whether it begins as base64 of a zlib stream does.
fn is_packed(text: &str) -> bool {
    let start: String = text.chars().filter(|c| !c.is_ascii_whitespace()).take(4).collect();
    let Ok(bytes) = BASE64.decode(&start) else { return false };
    // RFC 1950: the method is deflate, and both bytes together are a multiple of 31.
    matches!(bytes[..], [method, flags, ..]
        if method & 15 == 8 && (u16::from(method) << 8 | u16::from(flags)).is_multiple_of(31))
}

/// A test of which the type is kept alone.
#[derive(Deserialize)]
struct Bare {
    #[serde(rename = "input")]
    _input: Text,
    #[serde(rename = "output")]
    _output: Text,
    testtype: TestType,
}

/// The official evaluator's own form.
#[derive(Deserialize)]
struct Lists {
    #[serde(default)]
    inputs: Vec<Text>,
    #[serde(default)]
    outputs: Vec<Text>,
    #[serde(default)]
    fn_name: Option<String>,
}

/// A text that is not kept.
struct Text;

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyText;
        impl Visitor<'_> for AnyText {
            type Value = Text;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Text, E> {
                Ok(Text)
            }
        }
        deserializer.deserialize_str(AnyText)
    }
}

#[cfg(test)]
mod tests {
    use conductor_types::TestCase;

    use super::*;

    fn list(kinds: &[TestType]) -> TestCases {
        let test = |&testtype| TestCase { input: "1".into(), output: "2".into(), testtype };
        TestCases::List(kinds.iter().map(test).collect())
    }

    fn encoded(text: &str) -> TestCases {
        TestCases::Encoded(text.into())
    }

    fn called() -> CodeMetadata {
        CodeMetadata { func_name: Some("f".into()) }
    }

    #[test]
    fn tests_that_a_grader_could_use_pass() {
        use TestType::{Functional, Stdin};
        let none = CodeMetadata::default();
        let json = r#"[{"input": "1\n", "output": "2", "testtype": "stdin", "more": 1}]"#;
        for (public, private, metadata) in [
            (list(&[Stdin]), list(&[Stdin, Stdin]), &none),
            (list(&[Functional]), list(&[]), &called()),
            (list(&[]), encoded(json), &none),
            (list(&[]), encoded(" eJw=\n"), &none),
            (list(&[Functional]), encoded("eJxrYJlq"), &none),
            (list(&[]), encoded(r#"{"inputs": ["1"], "outputs": ["2"], "fn_name": "f"}"#), &none),
        ] {
            assert_eq!(check(&public, &private, metadata), Ok(()), "{public:?} {private:?}");
        }
        assert_eq!(limits(Some(MOST_SECS), Some(LEAST_MIB)), Ok(()));
        assert_eq!(limits(None, None), Ok(()));
    }

    #[test]
    fn what_no_grader_could_use_is_told() {
        use TestType::{Functional, Stdin};
        let functional = r#"[{"input": "1", "output": "2", "testtype": "functional"}]"#;
        for (public, private, words) in [
            (list(&[]), list(&[]), "at least one test"),
            (list(&[]), encoded("[]"), "at least one test"),
            (list(&[]), encoded("{}"), "at least one test"),
            (list(&[Stdin]), list(&[Functional]), "all \"stdin\" or all \"functional\""),
            (list(&[Stdin]), encoded(functional), "all \"stdin\" or all \"functional\""),
            (list(&[Functional]), list(&[]), "func_name"),
            (list(&[Stdin]), encoded(""), "`private_test_cases`"),
            (list(&[Stdin]), encoded("zzz"), "`private_test_cases`"),
            (encoded("!!"), list(&[Stdin]), "`public_test_cases`"),
            (list(&[Stdin]), encoded("aGVsbG8="), "`private_test_cases`"),
            (list(&[Stdin]), encoded("[{\"input\": 1}]"), "`private_test_cases`"),
            (list(&[Stdin]), encoded("{\"inputs\": [\"1\"]}"), "`private_test_cases`"),
        ] {
            let (expected, _) = check(&public, &private, &CodeMetadata::default()).unwrap_err();
            assert!(expected.contains(words), "{expected}");
        }
        for (secs, mib) in
            [(Some(0.0), None), (Some(3601.0), None), (Some(f64::NAN), None), (None, Some(15))]
        {
            assert!(limits(secs, mib).is_err(), "{secs:?} {mib:?}");
        }
    }
}
