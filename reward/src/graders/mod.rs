//! One file a kind of grading. Each finds the answer, then judges it, and says both.

pub(crate) mod choice;
pub(crate) mod countdown;
pub(crate) mod exact;
pub(crate) mod fuzzy;
pub(crate) mod judge;
pub(crate) mod number;
pub(crate) mod reasoning_gym;
pub(crate) mod recorded;

use conductor_types::{Graded, Unscorable, Verdict, WrongCause};

use crate::extract::Failure;

/// Wholly right.
pub(crate) fn right(extracted: impl Into<String>) -> Graded {
    Graded { extracted: Some(extracted.into()), verdict: Verdict::Right { score: 1.0 } }
}

/// An answer was found, and it is not the right one.
pub(crate) fn wrong_answer(extracted: impl Into<String>, detail: impl Into<String>) -> Graded {
    wrong(Some(extracted.into()), WrongCause::WrongAnswer, detail)
}

/// No answer was found.
pub(crate) fn no_answer(failure: &Failure) -> Graded {
    wrong(None, WrongCause::NoAnswer, failure.to_string())
}

pub(crate) fn wrong(
    extracted: Option<String>,
    cause: WrongCause,
    detail: impl Into<String>,
) -> Graded {
    Graded { extracted, verdict: Verdict::Wrong { cause, detail: detail.into() } }
}

/// No verdict, through no fault of the answer.
pub(crate) fn unscorable(cause: Unscorable, detail: impl Into<String>) -> Graded {
    Graded { extracted: None, verdict: Verdict::Unscorable { cause, detail: detail.into() } }
}

/// A text in quotes, cut to what a line of a log can hold.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    let cut: String = text.chars().take(LONGEST).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{more}")
}
