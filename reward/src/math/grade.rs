//! A text judged against a gold answer.

use conductor_types::{Graded, MathConvention, Unscorable, Verdict, WrongCause};

use super::compare::equal;
use super::lexer::closing;
use super::text::is_prose;
use crate::extract;
use crate::graders::shown;

/// Finds the answer in `text` as [`extract::math`] says and compares it with `gold`. The gold answer may stand in a
/// formula, a box or the text of a solution, where it is found in the same way.
pub fn grade(gold: &str, convention: MathConvention, text: &str) -> Graded {
    let found = match extract::math(text) {
        Ok(found) => found,
        Err(failure) => {
            let verdict =
                Verdict::Wrong { cause: WrongCause::NoAnswer, detail: failure.to_string() };
            return Graded { extracted: None, verdict };
        }
    };
    let verdict = match equal(&expression(gold), &found, convention) {
        Ok(true) => Verdict::Right { score: 1.0 },
        Ok(false) => Verdict::Wrong {
            cause: WrongCause::WrongAnswer,
            detail: format!("answered {}", shown(&found)),
        },
        Err(error) => {
            let detail = format!("the gold answer {}: {error}", shown(gold));
            Verdict::Unscorable { cause: Unscorable::BadTestData, detail }
        }
    };
    Graded { extracted: Some(found), verdict }
}

/// The expression that a gold answer holds.
fn expression(gold: &str) -> String {
    const BOX: &str = "\\boxed{";
    let dressed = [BOX, "$", "\\(", "\\["].iter().any(|mark| gold.contains(mark));
    let solution = (is_prose(gold) || (gold.trim().contains('\n') && !gold.contains("\\begin")))
        && gold.contains(|c: char| c.is_ascii_digit());
    if !dressed && !solution {
        return gold.to_owned();
    }
    match extract::math(gold) {
        Ok(found) => found,
        Err(_) => match gold.rfind(BOX) {
            // A box that was cut off.
            Some(at) => {
                let inner = &gold[at + BOX.len()..];
                inner[..closing(inner)].to_owned()
            }
            None => gold.to_owned(),
        },
    }
}
