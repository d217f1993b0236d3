//! Countdown: an arithmetic expression of given numbers, each used once, that comes to a target.

use std::path::Path;

use conductor_types::Grading;
use serde::Deserialize;

use super::records::Rows;
use super::{Emit, draft, prompts};
use crate::error::DataError;

const EXPECTED: &str =
    "a Countdown row {\"nums\": whole numbers from 0, \"target\": a whole number}";
const COLUMNS: [&str; 3] = ["nums", "numbers", "target"];
/// More cannot be searched by anyone, and a prompt of a million numbers is no question.
const MAX_NUMBERS: usize = 64;

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    nums: Option<Vec<u64>>,
    #[serde(default)]
    numbers: Option<Vec<u64>>,
    target: i64,
}

pub(super) fn read(path: &Path, name: &str, emit: &mut Emit) -> Result<(), DataError> {
    Rows::new(path, &COLUMNS, EXPECTED).for_each(|at, Row { nums, numbers, target }: Row| {
        let numbers = match (nums, numbers) {
            (Some(numbers), None) | (None, Some(numbers)) => numbers,
            (Some(nums), Some(numbers)) if nums == numbers => numbers,
            (Some(_), Some(_)) => {
                return Err(at.fail("`nums` or `numbers`", "both, and they differ"));
            }
            (None, None) => return Err(at.fail(EXPECTED, "a row without `nums`")),
        };
        if numbers.is_empty() || numbers.len() > MAX_NUMBERS {
            return Err(at.fail(
                format!("`nums` with 1 to {MAX_NUMBERS} numbers"),
                numbers.len().to_string(),
            ));
        }
        let id = format!("{name}/{}", at.index);
        let prompt = prompts::countdown(&numbers, target);
        let grading = Grading::Countdown { numbers, target };
        emit(at.place, draft::task(id, name.to_string(), prompt, grading))
    })
}
