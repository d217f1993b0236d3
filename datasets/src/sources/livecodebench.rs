//! `LiveCodeBench` (arXiv 2403.07974), code generation. Its files come to gigabytes, nearly all of it hidden tests, and those of one
//! problem may come to hundreds of megabytes: problems are read one at a time, and the tests stay packed as they are shipped
//! until an answer is graded.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use conductor_configs::schema::{
    ContestDifficulty, ContestPlatform, DomainBy, Errata, LiveCodeBenchRelease,
};
use conductor_types::{CodeMetadata, Grading, Task, TestCase, TestCases, TestType};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::draft::{self, At, Labels};
use super::livecodebench_release::{Members, files, read_ids};
use super::records::Rows;
use super::{Emit, lines, prompts};
use crate::day;
use crate::error::{DataError, Place, Position, excerpt};

const EXPECTED: &str = "a LiveCodeBench problem with the eleven official columns (question_title, question_content, platform, \
                        question_id, contest_id, contest_date, starter_code, difficulty, public_test_cases, \
                        private_test_cases, metadata)";

/// The columns that a task is made of.
const COLUMNS: [&str; 10] = [
    "question_title",
    "question_content",
    "platform",
    "question_id",
    "contest_date",
    "starter_code",
    "difficulty",
    "public_test_cases",
    "private_test_cases",
    "metadata",
];

/// The hidden tests of one problem stand on one line.
const MAX_PROBLEM_BYTES: usize = 1 << 30;

/// Problems that accept more than one answer, by id or, on LeetCode, by title; only one of their answers would be right.
const SEVERAL_ANSWERS: [&str; 11] = [
    "abc311_c",
    "abc326_d",
    "abc327_b",
    "abc333_e",
    "abc343_a",
    "abc343_e",
    "abc362_c",
    "arc185_c",
    "find-the-peaks",
    "find-words-containing-character",
    "generate-binary-strings-without-adjacent-zeros",
];

/// Problems in which the program talks with the judge.
const INTERACTIVE: [&str; 2] = ["abc337_e", "abc355_e"];

/// Problems with tests that are wrong.
const BAD_TESTS: [&str; 4] =
    ["abc350_c", "apply-operations-to-make-string-empty", "arc189_a", "most-frequent-ids"];

/// Which problems are wanted.
pub struct Options<'a> {
    /// Only of this release.
    pub release: Option<LiveCodeBenchRelease>,
    /// Which problems a release has.
    pub release_ids: Option<&'a Path>,
    /// The first day.
    pub from: Option<&'a str>,
    /// The last day.
    pub until: Option<&'a str>,
    /// Absent means all.
    pub difficulties: Option<&'a [ContestDifficulty]>,
    /// Absent means all.
    pub platforms: Option<&'a [ContestPlatform]>,
    /// Whether faulty problems are kept.
    pub errata: Errata,
    /// What the domain says.
    pub domain: DomainBy,
}

#[derive(Deserialize)]
struct Problem {
    question_title: String,
    question_content: String,
    platform: ContestPlatform,
    question_id: String,
    contest_date: String,
    #[serde(default)]
    starter_code: Option<String>,
    difficulty: ContestDifficulty,
    public_test_cases: Cases,
    private_test_cases: Cases,
    metadata: Packed<CodeMetadata>,
}

/// A text of JSON as shipped, or what it holds.
enum Packed<T> {
    Text(String),
    Open(T),
}

type Cases = Packed<Vec<TestCase>>;

impl<T: DeserializeOwned + Default> Packed<T> {
    fn open(self, at: &At, field: &str) -> Result<T, DataError> {
        match self {
            Self::Open(value) => Ok(value),
            Self::Text(text) if text.trim().is_empty() => Ok(T::default()),
            Self::Text(text) => lines::decode(&text)
                .map_err(|given| at.fail(format!("`{field}` that is JSON in a text"), given)),
        }
    }
}

/// By hand, since serde's untagged enums would keep a second copy of texts that may have hundreds of megabytes.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Packed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Unpack(PhantomData))
    }
}

struct Unpack<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Unpack<T> {
    type Value = Packed<T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON, or JSON in a text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Packed::Text(text.to_string()))
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Packed::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        T::deserialize(SeqAccessDeserializer::new(items)).map(Packed::Open)
    }

    fn visit_map<A: MapAccess<'de>>(self, pairs: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(pairs)).map(Packed::Open)
    }
}

pub(super) fn read(path: &Path, options: &Options<'_>, emit: &mut Emit) -> Result<(), DataError> {
    let window = Window::of(path, options)?;
    let files = files(path, options.release)?;
    let ids = options.release_ids.map(|ids| read_ids(ids, options.release)).transpose()?;
    let mut members = Members::new(path, options.release, ids, files.is_set);
    for file in &files.paths {
        let rows = Rows { limit: MAX_PROBLEM_BYTES, ..Rows::new(file, &COLUMNS, EXPECTED) };
        rows.for_each(|at, problem: Problem| {
            let day = day(&at, &problem.contest_date)?;
            if !members.has(&at, &problem.question_id, &day)?
                || !window.holds(&day)
                || !wanted(options, &problem)
            {
                return Ok(());
            }
            let place = at.place.clone();
            emit(place, task(&at, problem, options.domain)?)
        })?;
    }
    members.finish()
}

fn wanted(options: &Options<'_>, problem: &Problem) -> bool {
    let faulty = |list: &[&str]| {
        list.contains(&problem.question_id.as_str())
            || list.contains(&problem.question_title.as_str())
    };
    options.difficulties.is_none_or(|kept| kept.contains(&problem.difficulty))
        && options.platforms.is_none_or(|kept| kept.contains(&problem.platform))
        && (options.errata == Errata::Keep
            || !(faulty(&SEVERAL_ANSWERS) || faulty(&INTERACTIVE) || faulty(&BAD_TESTS)))
}

fn task(at: &At, problem: Problem, by: DomainBy) -> Result<Task, DataError> {
    let Problem { question_content, question_id, contest_date, starter_code, .. } = problem;
    super::check::filled(&at.place, "question_content", &question_content)?;
    let labels = Labels {
        subject: Some(platform(problem.platform)),
        difficulty: Some(difficulty(problem.difficulty)),
    };
    let domain = draft::domain(at, "livecodebench", by, labels)?;
    let id = format!("livecodebench/{}", question_id.trim());
    let metadata = problem.metadata.open(at, "metadata")?;
    let public = problem.public_test_cases.open(at, "public_test_cases")?;
    let called = public.iter().any(|case| case.testtype == TestType::Functional);
    if called && metadata.func_name.is_none() {
        return Err(at.fail("`metadata` with the func_name that functional tests call", "none"));
    }
    let private_test_cases = match problem.private_test_cases {
        Packed::Open(cases) => TestCases::List(cases),
        Packed::Text(text) if text.trim().is_empty() => TestCases::default(),
        Packed::Text(text) => TestCases::Encoded(Arc::from(text)),
    };
    let prompt = match starter_code.as_deref().filter(|code| !code.trim().is_empty()) {
        Some(starter) => prompts::method(&question_content, starter),
        None => prompts::program(&question_content),
    };
    let grading = Grading::Code {
        public_test_cases: TestCases::List(public),
        private_test_cases,
        metadata,
        time_limit_secs: None,
        memory_limit_mib: None,
    };
    let date = Some(contest_date.trim().to_string());
    Ok(Task { date, ..draft::task(id, domain, prompt, grading) })
}

fn platform(platform: ContestPlatform) -> &'static str {
    match platform {
        ContestPlatform::Atcoder => "atcoder",
        ContestPlatform::Leetcode => "leetcode",
        ContestPlatform::Codeforces => "codeforces",
    }
}

/// The difficulty as domains have it.
pub(super) fn difficulty(difficulty: ContestDifficulty) -> &'static str {
    match difficulty {
        ContestDifficulty::Easy => "easy",
        ContestDifficulty::Medium => "medium",
        ContestDifficulty::Hard => "hard",
    }
}

/// Days, both ends included. A day is text that sorts as days do.
struct Window {
    from: Option<String>,
    until: Option<String>,
}

impl Window {
    fn of(path: &Path, options: &Options<'_>) -> Result<Self, DataError> {
        let place = Place::new(path, Position::Whole);
        let end = |key: &str, text: Option<&str>| match text {
            None => Ok(None),
            Some(text) if day::is_day(text) => Ok(Some(text.to_string())),
            Some(text) => Err(DataError::Record {
                place: place.clone(),
                expected: format!(
                    "`{key}` of this source as \"YYYY-MM-DD\", a day of the calendar"
                ),
                given: excerpt(text),
            }),
        };
        let (from, until) = (end("from", options.from)?, end("until", options.until)?);
        if let (Some(from), Some(until)) = (&from, &until)
            && from > until
        {
            return Err(DataError::Record {
                place,
                expected: "`from` of this source on or before `until`".into(),
                given: format!("{from} and {until}"),
            });
        }
        Ok(Self { from, until })
    }

    fn holds(&self, day: &str) -> bool {
        self.from.as_deref().is_none_or(|from| from <= day)
            && self.until.as_deref().is_none_or(|until| day <= until)
    }
}

/// The day of a contest.
fn day(at: &At, date: &str) -> Result<String, DataError> {
    let day = day::of(date.trim()).map(str::to_string);
    day.ok_or_else(|| at.fail("`contest_date` that begins with YYYY-MM-DD", excerpt(date)))
}

/// What the folder or file of a release is made of.
pub(super) struct Files {
    pub paths: Vec<PathBuf>,
    /// Whether the files were chosen by the release, so that every problem in them belongs to it.
    pub is_set: bool,
}

/// The ids of a release.
pub(super) type Ids = BTreeSet<String>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_told_from_other_texts() {
        let at = At { place: Place::new(Path::new("a"), Position::Line(1)), index: 0 };
        for date in ["2024-08-01", "2024-08-01T14:30:00", " 2024-08-01 00:00:00 "] {
            assert_eq!(day(&at, date).unwrap(), "2024-08-01");
        }
        for date in ["2024-8-1", "01.08.2024", "2024-13-01", "2024-02-30", "2024-08-01x", "", "ää"]
        {
            let error = day(&at, date).unwrap_err().to_string();
            assert!(error.contains("a:1: expected `contest_date`"), "{error}");
        }
    }

    #[test]
    fn both_ends_of_a_window_are_inside() {
        let window = Window { from: Some("2024-08-01".into()), until: Some("2025-01-04".into()) };
        for (day, inside) in [
            ("2024-07-31", false),
            ("2024-08-01", true),
            ("2025-01-04", true),
            ("2025-01-05", false),
        ] {
            assert_eq!(window.holds(day), inside, "{day}");
        }
    }
}
