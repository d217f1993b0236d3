//! A number, compared as a value.

use conductor_types::{Graded, Unscorable};

use super::{no_answer, right, shown, unscorable, wrong_answer};
use crate::extract::{self, Number};

/// Right where the number found is the gold value, exactly or within `tolerance` relative to it.
pub(crate) fn grade(gold: &str, tolerance: f64, answer: &str) -> Graded {
    let Some(gold_number) =
        Number::parse(gold).filter(|_| tolerance >= 0.0 && tolerance.is_finite())
    else {
        let detail = format!(
            "the gold answer {} with tolerance {tolerance} is no number to compare with",
            shown(gold)
        );
        return unscorable(Unscorable::BadTestData, detail);
    };
    match extract::number(answer) {
        Ok(found) if gold_number.accepts(&found, tolerance) => right(found.canonical()),
        Ok(found) => {
            let found = found.canonical();
            let detail = format!("answered {}", shown(&found));
            wrong_answer(found, detail)
        }
        Err(failure) => no_answer(&failure),
    }
}
