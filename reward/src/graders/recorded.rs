//! A score that comes with the answer.

use conductor_types::{Graded, Unscorable, Verdict, WrongCause};

use super::{unscorable, wrong};

/// The score as it was recorded; right above 0. No score is no verdict.
pub(crate) fn grade(score: Option<f64>) -> Graded {
    match score {
        None => unscorable(Unscorable::NotRecorded, "the recording holds no score for this answer"),
        Some(score) if !(0.0..=1.0).contains(&score) => unscorable(
            Unscorable::BadTestData,
            format!("the recorded score {score} is not between 0 and 1"),
        ),
        Some(score) if score > 0.0 => Graded { extracted: None, verdict: Verdict::Right { score } },
        Some(_) => wrong(None, WrongCause::WrongAnswer, ""),
    }
}
