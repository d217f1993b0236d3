//! Equal text.

use conductor_types::Graded;

use super::{no_answer, right, shown, wrong_answer};
use crate::extract::{self, LastLine, Tag};

/// Right where the text found is the gold text, both without surrounding space.
pub(crate) fn grade(gold: &str, answer: &str) -> Graded {
    match extract::text(answer, Tag::First, LastLine::Alone) {
        Ok(found) if found == gold.trim() => right(found),
        Ok(found) => wrong_answer(found, format!("answered {}", shown(found))),
        Err(failure) => no_answer(&failure),
    }
}
