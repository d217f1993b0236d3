//! `CodeContests` (arXiv 2203.07814): contest problems with tests through standard input and output.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::records::Rows;
use super::stdin_sets::{self, Limits, Tests};
use super::{Emit, check, draft, prompts};
use crate::error::DataError;

const EXPECTED: &str = "a problem {\"description\", \"public_tests\", \"private_tests\", \"generated_tests\"} of the hub, or {\"problem\" or \
                        \"content\", \"tests\" or \"test\"}";
const COLUMNS: [&str; 13] = [
    "name",
    "id",
    "description",
    "problem",
    "content",
    "public_tests",
    "private_tests",
    "generated_tests",
    "tests",
    "test",
    "time_limit",
    "memory_limit_bytes",
    "input_file",
];

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    problem: Option<String>,
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    public_tests: Option<Tests>,
    #[serde(default)]
    private_tests: Option<Tests>,
    #[serde(default)]
    generated_tests: Option<Tests>,
    #[serde(default)]
    tests: Option<Tests>,
    #[serde(default)]
    test: Option<Tests>,
    #[serde(default)]
    time_limit: Option<Value>,
    #[serde(default)]
    memory_limit_bytes: Option<u64>,
    /// Named where a program must read a file in the place of standard input.
    #[serde(default)]
    input_file: Option<String>,
}

pub(super) fn read(path: &Path, emit: &mut Emit) -> Result<(), DataError> {
    Rows::new(path, &COLUMNS, EXPECTED).for_each(|at, row: Row| {
        if row.input_file.as_deref().is_some_and(|name| !name.trim().is_empty()) {
            return Ok(());
        }
        let question = row.description.or(row.problem).or(row.content);
        let question = question.ok_or_else(|| at.fail(EXPECTED, "a row without a question"))?;
        check::filled(&at.place, "question", &question)?;
        let open = |tests: Option<Tests>| tests.map_or(Ok(Vec::new()), |tests| tests.cases(&at));
        let public = open(row.public_tests)?;
        let mut private = open(row.private_tests)?;
        for tests in [row.generated_tests, row.tests, row.test] {
            private.extend(open(tests)?);
        }
        let limits = Limits {
            time_secs: row.time_limit.as_ref().and_then(stdin_sets::seconds),
            memory_mib: row.memory_limit_bytes.map(|bytes| bytes >> 20),
        };
        let grading = stdin_sets::grading(&at, public, private, &limits)?;
        let name = row.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let id = match (name, row.id.as_ref().filter(|id| !id.is_null())) {
            (Some(name), _) => name.to_string(),
            (None, Some(id)) => draft::id_of(&at, "id", id)?,
            (None, None) => draft::content_id(&question),
        };
        let (domain, prompt) = ("code_contests".to_string(), prompts::program(&question));
        emit(at.place, draft::task(format!("code_contests/{id}"), domain, prompt, grading))
    })
}
