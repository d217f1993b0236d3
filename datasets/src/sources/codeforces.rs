//! Codeforces problems with their tests through standard input and output: the hub's form, whose question is in pieces, and the form
//! that has it whole.

use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::records::Rows;
use super::stdin_sets::{self, Limits, Tests};
use super::{Emit, check, draft, prompts};
use crate::error::DataError;

const EXPECTED: &str = "a problem {\"id\", \"description\", \"input_format\", \"output_format\", \"examples\", \"official_tests\"} of the hub, or \
                        {\"problem\", \"tests\"}";
const COLUMNS: [&str; 13] = [
    "id",
    "description",
    "input_format",
    "output_format",
    "note",
    "interaction_format",
    "examples",
    "official_tests",
    "problem",
    "tests",
    "time_limit",
    "memory_limit",
    "input_mode",
];

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    input_format: Option<String>,
    #[serde(default)]
    output_format: Option<String>,
    #[serde(default)]
    note: Option<String>,
    /// Named where the program talks with the judge.
    #[serde(default)]
    interaction_format: Option<String>,
    #[serde(default)]
    examples: Option<Tests>,
    #[serde(default)]
    official_tests: Option<Tests>,
    #[serde(default)]
    problem: Option<String>,
    #[serde(default)]
    tests: Option<Tests>,
    /// Seconds.
    #[serde(default)]
    time_limit: Option<Value>,
    /// Megabytes.
    #[serde(default)]
    memory_limit: Option<f64>,
    /// "stdio" or "file".
    #[serde(default)]
    input_mode: Option<String>,
}

pub(super) fn read(path: &Path, emit: &mut Emit) -> Result<(), DataError> {
    Rows::new(path, &COLUMNS, EXPECTED).for_each(|at, row: Row| {
        let named = |text: &Option<String>| text.as_deref().is_some_and(|t| !t.trim().is_empty());
        let through_files = row.input_mode.as_deref().is_some_and(|mode| mode != "stdio");
        if through_files || named(&row.interaction_format) {
            return Ok(());
        }
        let pieces =
            [(&row.input_format, "Input"), (&row.output_format, "Output"), (&row.note, "Note")];
        let mut question = match (&row.problem, &row.description) {
            (Some(whole), _) | (None, Some(whole)) => whole.trim().to_string(),
            (None, None) => return Err(at.fail(EXPECTED, "a row without a question")),
        };
        check::filled(&at.place, "question", &question)?;
        for (text, title) in pieces {
            if let Some(text) = text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
                let _ = write!(question, "\n\n{title}\n\n{text}");
            }
        }
        let open = |tests: Option<Tests>| tests.map_or(Ok(Vec::new()), |tests| tests.cases(&at));
        let public = open(row.examples)?;
        for case in &public {
            let (input, output) = (case.input.trim_end(), case.output.trim_end());
            let _ = write!(question, "\n\nExample input\n\n{input}\n\nExample output\n\n{output}");
        }
        let mut private = open(row.official_tests)?;
        private.extend(open(row.tests)?);
        let limits = Limits {
            time_secs: row.time_limit.as_ref().and_then(stdin_sets::seconds),
            memory_mib: row.memory_limit.map(|mib| mib as u64),
        };
        let grading = stdin_sets::grading(&at, public, private, &limits)?;
        let id = match row.id.as_ref().filter(|id| !id.is_null()) {
            Some(id) => draft::id_of(&at, "id", id)?,
            None => draft::content_id(&question),
        };
        let (domain, prompt) = ("codeforces".to_string(), prompts::program(&question));
        emit(at.place, draft::task(format!("codeforces/{id}"), domain, prompt, grading))
    })
}
