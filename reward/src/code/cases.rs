//! The test cases of a task, in whichever of three forms they come: a list, a text of JSON, or LiveCodeBench's base64 of zlib
//! of a pickled text of JSON.

use std::fmt;
use std::io::{self, Read};
use std::marker::PhantomData;

use base64::Engine as _;
use conductor_types::{TestCase, TestCases, TestType};
use flate2::read::ZlibDecoder;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::pickle::{self, LONGEST_TEXT, PickleError};

/// All tests of a task, those that it shows first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cases {
    /// At least one; all of one type.
    pub(super) tests: Vec<TestCase>,
    /// How many of them the question shows.
    pub(super) public: usize,
    /// The function to call, where the encoded form itself names it.
    pub(super) func_name: Option<String>,
}

/// Why a task's tests cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum CasesError {
    #[error("the task has no tests: public_test_cases and private_test_cases are both empty")]
    NoTests,
    #[error("the task's tests are of both types; expected all \"stdin\" or all \"functional\"")]
    Mixed,
    #[error("{which} cannot be decoded: {reason}")]
    Undecodable { which: &'static str, reason: Reason },
}

/// What is wrong with an encoded text.
#[derive(Debug, thiserror::Error)]
pub(super) enum Reason {
    #[error(
        "expected a list of test cases, JSON, or base64 of zlib of a pickled text; got an empty text"
    )]
    Empty,
    #[error("it is neither JSON nor base64 ({0})")]
    Base64(#[from] base64::DecodeError),
    #[error(transparent)]
    Pickle(#[from] PickleError),
    #[error("its JSON is no list of {{input, output, testtype}}: {0}")]
    Json(#[from] serde_json::Error),
    #[error("it unpacks to more than {LONGEST_TEXT} bytes")]
    TooLarge,
}

/// Bytes of the tests' texts, those of an encoded form as they are once unpacked; which is found out without keeping them.
pub(super) fn size(cases: &TestCases) -> u64 {
    let text = match cases {
        TestCases::List(tests) => {
            return tests.iter().map(|test| (test.input.len() + test.output.len()) as u64).sum();
        }
        TestCases::Encoded(text) => text.trim(),
    };
    match base64(text) {
        Ok(packed) if !is_json(text) => {
            let mut unpacked = ZlibDecoder::new(packed.as_slice()).take(MOST_UNPACKED);
            // What cannot be unpacked is told by who decodes it, and takes no more than what comes before.
            let _ = io::copy(&mut unpacked, &mut io::sink());
            MOST_UNPACKED - unpacked.limit()
        }
        _ => text.len() as u64,
    }
}

fn is_json(text: &str) -> bool {
    text.starts_with(['[', '{'])
}

/// Decodes both lists.
pub(super) fn decode(public: TestCases, private: TestCases) -> Result<Cases, CasesError> {
    let named = |which| move |reason| CasesError::Undecodable { which, reason };
    let shown = list(public).map_err(named("public_test_cases"))?;
    let hidden = list(private).map_err(named("private_test_cases"))?;
    let public = shown.tests.len();
    let mut tests = shown.tests;
    tests.extend(hidden.tests);
    let Some(first) = tests.first() else { return Err(CasesError::NoTests) };
    if tests.iter().any(|test| test.testtype != first.testtype) {
        return Err(CasesError::Mixed);
    }
    Ok(Cases { tests, public, func_name: hidden.func_name.or(shown.func_name) })
}

fn list(cases: TestCases) -> Result<Decoded, Reason> {
    match cases {
        TestCases::List(tests) => Ok(Decoded { tests, func_name: None }),
        TestCases::Encoded(text) => decoded(text.trim()),
    }
}

fn decoded(text: &str) -> Result<Decoded, Reason> {
    if text.is_empty() {
        return Err(Reason::Empty);
    }
    if is_json(text) {
        return Ok(serde_json::from_str(text)?);
    }
    let packed = base64(text)?;
    let mut unpacked = Capped { inner: ZlibDecoder::new(packed.as_slice()), left: MOST_UNPACKED };
    let json = pickle::text(&mut unpacked).map_err(|error| match error {
        PickleError::Read(_) if unpacked.left == 0 => Reason::TooLarge,
        PickleError::TooLong(_) => Reason::TooLarge,
        error => Reason::Pickle(error),
    })?;
    drop(packed);
    Ok(serde_json::from_slice(&json)?)
}

/// As Python's `b64decode` takes it: line breaks do not matter.
fn base64(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    let engine = base64::engine::general_purpose::STANDARD;
    if text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        let joined: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        return engine.decode(joined);
    }
    engine.decode(text)
}

/// What is read of an unpacked stream at most: the longest text and its frame.
const MOST_UNPACKED: u64 = LONGEST_TEXT + (1 << 16);
/// Tests of one task in an encoded form: what each takes beside its own text is so no more than some megabytes.
const MOST_TESTS: usize = 1 << 16;

/// A reader that fails where a small input unpacks to more than memory should hold.
struct Capped<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.saturating_sub(read as u64);
        if read > 0 && self.left == 0 {
            return Err(std::io::Error::other("it unpacks to too much"));
        }
        Ok(read)
    }
}

/// What a text of JSON decodes to: a list of tests, or the evaluator's own `{"inputs", "outputs", "fn_name"}`.
#[derive(Debug)]
struct Decoded {
    tests: Vec<TestCase>,
    func_name: Option<String>,
}

impl<'de> Deserialize<'de> for Decoded {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By hand, since what serde derives for two forms keeps a copy of the whole.
        deserializer.deserialize_any(Forms)
    }
}

struct Forms;

impl<'de> Visitor<'de> for Forms {
    type Value = Decoded;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of test cases, or an object with inputs and outputs")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Decoded, A::Error> {
        Ok(Decoded { tests: Few::of(list)?.0, func_name: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Decoded, A::Error> {
        let (mut inputs, mut outputs) = (Few(Vec::<String>::new()), Few(Vec::<String>::new()));
        let mut func_name: Option<String> = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "inputs" => inputs = map.next_value()?,
                "outputs" => outputs = map.next_value()?,
                "fn_name" => func_name = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let (Few(inputs), Few(outputs)) = (inputs, outputs);
        if inputs.len() != outputs.len() {
            let (given, wanted) = (inputs.len(), outputs.len());
            return Err(A::Error::custom(format!("{given} inputs and {wanted} outputs")));
        }
        let testtype = if func_name.is_some() { TestType::Functional } else { TestType::Stdin };
        let tests = inputs
            .into_iter()
            .zip(outputs)
            .map(|(input, output)| TestCase { input, output, testtype })
            .collect();
        Ok(Decoded { tests, func_name })
    }
}

/// A list of at most [`MOST_TESTS`].
struct Few<T>(Vec<T>);

impl<T: DeserializeOwned> Few<T> {
    fn of<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            if items.len() == MOST_TESTS {
                return Err(A::Error::custom(format!("more than {MOST_TESTS} tests")));
            }
            items.push(item);
        }
        Ok(Self(items))
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Few<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FewVisitor(PhantomData))
    }
}

struct FewVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for FewVisitor<T> {
    type Value = Few<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Few<T>, A::Error> {
        Few::of(list)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn encoded(text: &str) -> TestCases {
        TestCases::Encoded(text.into())
    }

    fn stdin(input: &str, output: &str) -> TestCase {
        TestCase { input: input.into(), output: output.into(), testtype: TestType::Stdin }
    }

    fn decode_one(text: &str) -> Result<Cases, String> {
        decode(TestCases::default(), encoded(text)).map_err(|error| error.to_string())
    }

    fn packed(pickle: &[u8]) -> String {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(pickle).unwrap();
        base64::engine::general_purpose::STANDARD.encode(encoder.finish().unwrap())
    }

    // Made by CPython 3.11: base64.b64encode(zlib.compress(pickle.dumps(json.dumps(tests), protocol=4))), tests being
    // [{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}], and the same with the dictionary form of two tests
    // {"input_output": json.dumps({"inputs": ["1\n2", "3\n4"], "outputs": ["3", "7"], "fn_name": "add"})}.
    const LIST: &str =
        "eJxrYJlqxwABPVbR1UqZeQWlJUpWCkqGCkYxeUo6Ckr5pSVQIWOIQElqcUlJZUEqSKi4JCUzT6k2dooeALEqFJ0=";
    const DICTIONARY: &str = "eJxrYJkazQABtVN6eDLzCkpL4vNLS4DUlB7XaiWwQLGSlUK0kmFMnpGSjoKScUyeiVIskAFRBpE0BsmYg4XT8uLzEnNTgcJKiSkpSrVTivUAJrceSg==";

    #[test]
    fn both_official_encodings_are_read() {
        let list = Cases { tests: vec![stdin("1 2\n", "3\n")], public: 0, func_name: None };
        assert_eq!(decode_one(LIST).unwrap(), list);
        let folded = format!("{}\n{}\n", &LIST[..40], &LIST[40..]);
        assert_eq!(decode_one(&folded).unwrap(), list);
        let functional = |input: &str, output: &str| TestCase {
            testtype: TestType::Functional,
            ..stdin(input, output)
        };
        let dictionary = Cases {
            tests: vec![functional("1\n2", "3"), functional("3\n4", "7")],
            public: 0,
            func_name: Some("add".into()),
        };
        assert_eq!(decode_one(DICTIONARY).unwrap(), dictionary);
    }

    #[test]
    fn the_official_encoding_of_an_empty_list_is_no_tests() {
        let error = decode_one("eJxrYJnKxgABPUzRsVP0ABkLAyg=").unwrap_err();
        assert!(error.contains("no tests"), "{error}");
    }

    #[test]
    fn json_as_text_and_as_list_are_the_same() {
        let text = r#"[{"input": "1 2\n", "output": "3\n", "testtype": "stdin", "more": [1]}]"#;
        let expected = Cases { tests: vec![stdin("1 2\n", "3\n")], public: 0, func_name: None };
        assert_eq!(decode_one(text).unwrap(), expected);
        let list = TestCases::List(vec![stdin("1 2\n", "3\n")]);
        assert_eq!(decode(TestCases::default(), list.clone()).unwrap(), expected);
        assert_eq!(decode(list, encoded("[]")).unwrap().public, 1);
    }

    #[test]
    fn what_is_no_set_of_tests_says_why() {
        let functional = TestCase { testtype: TestType::Functional, ..stdin("1", "2") };
        let both = TestCases::List(vec![stdin("1", "2"), functional]);
        assert!(matches!(decode(both, TestCases::default()), Err(CasesError::Mixed)));
        let test = r#"{"input": "", "output": "", "testtype": "stdin"}"#;
        let many_tests = format!("[{}{test}]", format!("{test},").repeat(MOST_TESTS));
        let many_inputs = format!(r#"{{"inputs": [{}""]}}"#, r#""","#.repeat(MOST_TESTS));
        for (text, words) in [
            ("", "empty text"),
            ("  \n", "empty text"),
            ("[", "its JSON"),
            ("[1]", "its JSON"),
            (r#"[{"input": "1"}]"#, "missing field `output`"),
            (r#"[{"input": "1", "output": "2", "testtype": "magic"}]"#, "unknown variant `magic`"),
            (r#"{"inputs": ["1"], "outputs": []}"#, "1 inputs and 0 outputs"),
            ("hello!", "neither JSON nor base64"),
            ("aGVsbG8=", "reading it failed"),
            (&LIST[..48], "reading it failed"),
            (&packed(b"cposix\nsystem\n(Vid\ntR."), "GLOBAL"),
            (&packed(b"\x8c\x03[1]."), "its JSON"),
            (&packed(b"\x8c\x03\xff\xfe[."), "its JSON"),
            (&many_tests, "more than 65536 tests"),
            (&many_inputs, "more than 65536 tests"),
        ] {
            let error = decode_one(text).unwrap_err();
            assert!(error.contains(words), "{words}: {error}");
            assert!(error.contains("private_test_cases"), "{error}");
        }
    }

    #[test]
    fn the_size_is_that_of_what_is_unpacked() {
        for (cases, bytes) in [
            (TestCases::List(vec![stdin("1 2\n", "3\n"), stdin("", "é")]), 8),
            (encoded("[]\n"), 2),
            (encoded("nonsense!"), 9),
            // The pickled text and its frame.
            (encoded(LIST), 73),
        ] {
            assert_eq!(size(&cases), bytes, "{cases:?}");
        }
        let zeros = packed(&vec![0; 1 << 20]);
        assert!(zeros.len() < 2000 && size(&encoded(&zeros)) == 1 << 20);
    }

    #[test]
    fn a_bomb_is_stopped_at_the_limit() {
        // 300 MiB of zeros pack to a few hundred kilobytes.
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"\x8d").unwrap();
        encoder.write_all(&(200u64 << 20).to_le_bytes()).unwrap();
        let blank = vec![b' '; 1 << 20];
        for _ in 0..300 {
            encoder.write_all(&blank).unwrap();
        }
        let bomb = base64::engine::general_purpose::STANDARD.encode(encoder.finish().unwrap());
        assert_eq!(size(&encoded(&bomb)), MOST_UNPACKED);
        let error = decode_one(&bomb).unwrap_err();
        assert!(error.contains("reading it failed") || error.contains("opcode"), "{error}");
        let claim = packed(b"\x8d\0\0\0\0\x10\0\0\0[]");
        assert!(decode_one(&claim).unwrap_err().contains("unpacks to more than 268435456 bytes"));
    }
}
