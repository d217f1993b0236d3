//! Equal text.

use conductor_types::{Graded, Unscorable};

use super::{no_answer, right, shown, unscorable, wrong_answer};
use crate::extract::{self, LastLine, Tag};

/// Right where the text found is the gold text, both without surrounding space.
pub(crate) fn grade(gold: &str, answer: &str) -> Graded {
    if gold.trim().is_empty() {
        return unscorable(Unscorable::BadTestData, "the gold answer is empty");
    }
    match extract::text(answer, Tag::First, LastLine::Alone) {
        Ok(found) if found == gold.trim() => right(found),
        Ok(found) => wrong_answer(found, format!("answered {}", shown(found))),
        Err(failure) => no_answer(&failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_gold_answer_is_no_task() {
        for answer in ["<answer></answer>", "<answer>x</answer>", ""] {
            assert_eq!(grade(" ", answer).verdict.cause(), "bad_test_data", "{answer}");
        }
        assert_eq!(grade("x ", "<answer>x</answer>").verdict.score(), Some(1.0));
    }
}
