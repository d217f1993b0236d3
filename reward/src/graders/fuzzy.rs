//! Short free text, by RLPR's rules.

use conductor_types::{Graded, Unscorable};

use super::{no_answer, right, shown, unscorable, wrong_answer};
use crate::extract::{self, LastLine, Number, Tag};

/// How far a number may be from the gold one, relative to it.
const TOLERANCE: f64 = 1e-3;

/// Right where the text found equals the gold text but for case and the width of white space, or both are numbers within
/// [`TOLERANCE`]; a percentage counts as its number.
pub(crate) fn grade(gold: &str, answer: &str) -> Graded {
    if gold.trim().is_empty() {
        return unscorable(Unscorable::BadTestData, "the gold answer is empty");
    }
    match extract::text(answer, Tag::First, LastLine::Alone) {
        Ok(found) if equal(gold, found) => right(found),
        Ok(found) => wrong_answer(found, format!("answered {}", shown(found))),
        Err(failure) => no_answer(&failure),
    }
}

/// One text for answers that no gold text tells apart. Numbers near one another keep their own value.
pub(crate) fn canonical(found: &str) -> String {
    Number::parse(&folded(found)).map_or_else(|| folded(found), |number| number.canonical())
}

fn equal(gold: &str, found: &str) -> bool {
    let (gold, found) = (folded(gold), folded(found));
    gold == found
        || Number::parse(&gold)
            .zip(Number::parse(&found))
            .is_some_and(|(gold, found)| gold.accepts(&found, TOLERANCE))
}

/// Lower case, single spaces, and neither markdown, a final stop, dollar signs nor `\text{…}` around the whole.
fn folded(text: &str) -> String {
    let bare = extract::without_wrapper(extract::undress(text));
    bare.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use conductor_types::Verdict;

    use super::*;

    fn cause(gold: &str, answer: &str) -> &'static str {
        grade(gold, answer).verdict.cause()
    }

    #[test]
    fn case_percentages_and_small_differences_do_not_count() {
        for (gold, answer) in [
            ("Paris", "<answer>paris</answer>"),
            ("New  York", "The answer is new york."),
            ("STRASSE", "<answer>strasse</answer>"),
            ("50%", "<answer>0.5</answer>"),
            ("0.5", "<answer>50%</answer>"),
            ("50%", "<answer>50</answer>"),
            ("3.14159", "<answer>3.1416</answer>"),
            ("1000", "<answer>1,001</answer>"),
            ("1000", "<answer>999</answer>"),
            ("-2", r"\boxed{-2.001}"),
            ("True", "**true**"),
            ("True", "<answer>**True**</answer>"),
            ("True", "<answer>True.</answer>"),
            ("U.S.", "<answer>u.s.</answer>"),
            ("5 m/s", "<answer>5 M/S</answer>"),
            ("noble gas", r"\boxed{\text{Noble gas}}"),
            ("7", "<answer>$7$</answer>"),
        ] {
            let graded = grade(gold, answer);
            assert_eq!(graded.verdict, Verdict::Right { score: 1.0 }, "{gold} {answer}");
            assert!(graded.extracted.is_some());
        }
    }

    #[test]
    fn other_texts_are_wrong_or_missing() {
        for (gold, answer) in [
            ("Paris", "<answer>Paris, France</answer>"),
            ("Paris", "<answer></answer> Paris"),
            ("1000", "<answer>1002</answer>"),
            ("0", "<answer>0.0001</answer>"),
            ("5", "<answer>not 5</answer>"),
            ("5 m/s", "<answer>5 km/s</answer>"),
            ("nan", "<answer>inf</answer>"),
            ("1e400", "<answer>7</answer>"),
        ] {
            let cause = cause(gold, answer);
            assert!(["wrong_answer", "no_answer"].contains(&cause), "{gold} {answer}: {cause}");
        }
        assert_eq!(cause("Paris", "We think.\nParis"), "no_answer");
        assert_eq!(cause(" ", "<answer></answer>"), "bad_test_data");
    }

    #[test]
    fn equal_answers_vote_together() {
        for (a, b) in [("Paris ", "paris"), ("1,000", "1000.0"), ("$7$", "7")] {
            assert_eq!(canonical(a), canonical(b));
        }
        assert_ne!(canonical("Paris"), canonical("Rome"));
    }
}
