//! A number, compared as a value.

use conductor_types::{Graded, Unscorable};

use super::{no_answer, right, shown, unscorable, wrong_answer};
use crate::extract::{self, Number};

/// Right where what is found is the gold value, exactly or within `tolerance` relative to it. A gold list asks for a list of
/// as many numbers, compared in ascending order.
pub(crate) fn grade(gold: &str, tolerance: f64, answer: &str) -> Graded {
    // GSM8K's own answers are whole solutions with the number behind this mark.
    let gold = gold.rsplit("####").next().unwrap_or(gold);
    let sound = tolerance >= 0.0 && tolerance.is_finite();
    if gold.trim_start().starts_with('[') {
        return match extract::list(gold).filter(|_| sound) {
            Some(gold) => several(gold, tolerance, answer),
            None => bad_gold(gold, tolerance),
        };
    }
    match Number::parse(gold).filter(|_| sound) {
        Some(gold) => one(&gold, tolerance, answer),
        None => bad_gold(gold, tolerance),
    }
}

fn one(gold: &Number, tolerance: f64, answer: &str) -> Graded {
    match extract::number(answer) {
        Ok(found) if gold.accepts(&found, tolerance) => right(found.canonical()),
        Ok(found) => wrong_with(found.canonical()),
        Err(failure) => no_answer(&failure),
    }
}

fn several(mut gold: Vec<Number>, tolerance: f64, answer: &str) -> Graded {
    let mut found = match extract::numbers(answer) {
        Ok(found) => found,
        Err(failure) => return no_answer(&failure),
    };
    let shown = canonical_list(&found);
    Number::ascending(&mut gold);
    Number::ascending(&mut found);
    let equal = gold.len() == found.len()
        && gold.iter().zip(&found).all(|(gold, found)| gold.accepts(found, tolerance));
    if equal { right(shown) } else { wrong_with(shown) }
}

/// One text for a list of numbers, in its own order.
pub(crate) fn canonical_list(numbers: &[Number]) -> String {
    let numbers: Vec<String> = numbers.iter().map(Number::canonical).collect();
    format!("[{}]", numbers.join(", "))
}

fn wrong_with(found: String) -> Graded {
    let detail = format!("answered {}", shown(&found));
    wrong_answer(found, detail)
}

fn bad_gold(gold: &str, tolerance: f64) -> Graded {
    let detail = format!(
        "the gold answer {} with tolerance {tolerance} is no number and no list of numbers to compare with",
        shown(gold)
    );
    unscorable(Unscorable::BadTestData, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_compared_without_regard_to_order() {
        for (gold, tolerance, answer, cause) in [
            ("[4, 1, 2, 0]", 0.0, "<answer>[0, 1, 2, 4]</answer>", ""),
            ("[4, 1, 2, 0]", 0.0, "<answer>4, 1, 2, 0</answer>", ""),
            ("[4, 1, 2, 0]", 0.0, "<answer>[4, 1, 2]</answer>", "wrong_answer"),
            ("[4, 4, 1]", 0.0, "<answer>[4, 1, 1]</answer>", "wrong_answer"),
            ("[0.333, 0.25]", 0.04, r"\boxed{(\frac{1}{4}, \frac{1}{3})}", ""),
            ("[0.333, 0.25]", 0.04, "<answer>[0.36, 0.25]</answer>", "wrong_answer"),
            ("[-1.78, 0.28]", 0.04, "<answer>[0.2807, -1.7807]</answer>", ""),
            ("[3]", 0.0, "<answer>3</answer>", ""),
            ("[3]", 0.0, "<answer>three</answer>", "no_answer"),
            ("[3, x]", 0.0, "<answer>3</answer>", "bad_test_data"),
            ("[]", 0.0, "<answer>3</answer>", "bad_test_data"),
        ] {
            assert_eq!(grade(gold, tolerance, answer).verdict.cause(), cause, "{gold} {answer}");
        }
    }

    #[test]
    fn a_gsm8k_solution_serves_as_gold() {
        let gold = "She sells 9 eggs.\n9 * 2 = <<9*2=18>>18\n#### 18";
        assert_eq!(grade(gold, 0.0, "<answer>18</answer>").verdict.cause(), "");
        assert_eq!(grade("#### 1,800", 0.0, "So 1800.\nA: 1800").verdict.cause(), "");
        assert_eq!(grade("####", 0.0, "A: 1800").verdict.cause(), "bad_test_data");
    }
}
