//! AMC: problems whose answers are numbers; their options are left out, as is usual.

use std::path::Path;

use conductor_types::Grading;

use super::{Emit, contest, draft, prompts};
use crate::error::DataError;

pub(super) fn read(path: &Path, name: &str, emit: &mut Emit) -> Result<(), DataError> {
    contest::for_each(path, name, |at, problem| {
        let gold = problem.answer.strip_suffix(".0").unwrap_or(&problem.answer).to_string();
        let grading = Grading::Number { gold, tolerance: 0.0 };
        let prompt = prompts::number(&problem.text);
        emit(at.place, draft::task(problem.id, name.to_string(), prompt, grading))
    })
}
