//! AIME: thirty problems a year, whose answers are integers from 0 to 999.

use std::path::Path;

use conductor_types::Grading;

use super::{Emit, contest, draft, prompts};
use crate::error::{DataError, excerpt};

pub(super) fn read(path: &Path, name: &str, emit: &mut Emit) -> Result<(), DataError> {
    contest::for_each(path, name, |at, problem| {
        // Tables that went through a spreadsheet have "73.0" for 73, and some files "073".
        let whole = problem.answer.strip_suffix(".0").unwrap_or(&problem.answer);
        let digits = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit());
        let number: Option<u16> = digits.then(|| whole.parse().ok()).flatten();
        let gold = number.filter(|number| *number <= 999).ok_or_else(|| {
            at.fail("`answer` that is an integer from 0 to 999", excerpt(&problem.answer))
        })?;
        let grading = Grading::Number { gold: gold.to_string(), tolerance: 0.0 };
        let prompt = prompts::aime(&problem.text);
        emit(at.place, draft::task(problem.id, name.to_string(), prompt, grading))
    })
}
