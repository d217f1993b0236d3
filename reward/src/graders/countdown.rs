//! Countdown: an arithmetic expression that uses each of the given numbers once and equals the target.

use conductor_types::{Graded, Unscorable, WrongCause};

use super::{no_answer, right, shown, unscorable, wrong, wrong_answer};
use crate::expression::{self, Expression, Fault};
use crate::extract::{self, LastLine, Tag};

/// Right where the expression found uses each number exactly once and equals the target exactly.
pub(crate) fn grade(numbers: &[u64], target: i64, answer: &str) -> Graded {
    if numbers.is_empty() || numbers.len() > expression::MOST_NUMBERS {
        let detail = format!(
            "{} numbers are given; expected 1 to {}",
            numbers.len(),
            expression::MOST_NUMBERS
        );
        return unscorable(Unscorable::BadTestData, detail);
    }
    let found = match place(answer) {
        Ok(found) => found,
        Err(failure) => return no_answer(&failure),
    };
    let told = |fault: &dyn std::fmt::Display| format!("answered {}: {fault}", shown(found));
    let read = match expression::parse(found) {
        Ok(read) => read,
        Err(fault @ (Fault::DivisionByZero | Fault::TooLarge)) => {
            return wrong_answer(found, told(&fault));
        }
        Err(fault) => return wrong(Some(found.to_owned()), WrongCause::NoAnswer, told(&fault)),
    };
    match judge(&read, numbers, target) {
        Ok(()) => right(found),
        Err(why) => wrong_answer(found, told(&why)),
    }
}

/// The expression without white space, operators in one writing; `None` where there is none.
pub(crate) fn canonical(answer: &str) -> Option<String> {
    let found = place(answer).ok()?;
    expression::parse(found).ok().map(|read| read.canonical)
}

fn place(answer: &str) -> Result<&str, extract::Failure> {
    let found = extract::text(answer, Tag::First, LastLine::Short)?;
    // In a tag, too, a model may set it in bold or in a box.
    let bare = found.trim_matches(['*', '`', ' ']).trim_end_matches(['.', '*', '`']);
    Ok(extract::without_wrapper(bare))
}

/// Why a well-formed expression is not the answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Miss {
    #[error("it comes to {value} and not to {target}")]
    NotTheTarget { value: String, target: i64 },
    #[error("it says that it equals {claimed}, where the target is {target}")]
    AnotherTarget { claimed: i128, target: i64 },
    #[error("{number} is not one of the given numbers")]
    NotGiven { number: u64 },
    #[error("{number} is used more often than it is given")]
    UsedTwice { number: u64 },
    #[error("{number} is not used")]
    Unused { number: u64 },
}

fn judge(read: &Expression, numbers: &[u64], target: i64) -> Result<(), Miss> {
    let mut left = numbers.to_vec();
    for number in &read.numbers {
        match left.iter().position(|given| given == number) {
            Some(at) => {
                left.swap_remove(at);
            }
            None if numbers.contains(number) => return Err(Miss::UsedTwice { number: *number }),
            None => return Err(Miss::NotGiven { number: *number }),
        }
    }
    if let Some(number) = left.first() {
        return Err(Miss::Unused { number: *number });
    }
    if !read.value.is_whole(i128::from(target)) {
        return Err(Miss::NotTheTarget { value: read.value.to_string(), target });
    }
    match read.claimed {
        Some(claimed) if claimed != i128::from(target) => {
            Err(Miss::AnotherTarget { claimed, target })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use conductor_types::Verdict;

    use super::*;

    fn verdict(answer: &str) -> Verdict {
        grade(&[3, 5, 7, 7], 24, answer).verdict
    }

    #[test]
    fn every_way_to_write_it_is_right() {
        // 3 × 5 + 7 + 7 = 29.
        for expression in [
            "3 * 5 + 7 + 7",
            "(3×5)+(7+7) = 29",
            "29 = 3*5+7+7",
            r"3 \times 5 + 7 + 7",
            r"$3 \cdot 5 + \left(7 + 7\right)$",
            "7-(-7) + 3*5",
            "[3*5] + {7 + 7}",
            "7 − (−7) + 5·3",
        ] {
            for answer in [
                format!("<answer>{expression}</answer>"),
                format!(r"It is \boxed{{{expression}}}."),
                format!("Answer: {expression}."),
                format!("<answer>**{expression}**</answer>"),
                format!("<answer>`{expression}`.</answer>"),
                format!(r"<answer>\boxed{{{expression}}}</answer>"),
            ] {
                let graded = grade(&[3, 5, 7, 7], 29, &answer);
                assert_eq!(graded.verdict, Verdict::Right { score: 1.0 }, "{answer}");
            }
        }
        // Exact where floats are not: 1/3 three times is 1.
        let thirds = grade(&[1, 1, 1, 3, 3, 3], 1, "<answer>1/3 + 1/3 + 1/3</answer>");
        assert_eq!(thirds.verdict, Verdict::Right { score: 1.0 });
        assert_eq!(
            grade(&[4, 2], -2, r"<answer>-(4 \div 2)</answer>").verdict,
            Verdict::Right { score: 1.0 }
        );
    }

    #[test]
    fn each_miss_has_its_words() {
        for (answer, cause, words) in [
            ("3*5+7+7", "wrong_answer", "comes to 29"),
            ("3+5+7", "wrong_answer", "7 is not used"),
            ("3+5+7+7+7", "wrong_answer", "7 is used more often"),
            ("3+5+7+7+2", "wrong_answer", "2 is not one of"),
            ("24", "wrong_answer", "24 is not one of"),
            ("3/5+7+7", "wrong_answer", "73/5"),
            ("3/(7-7)+5", "wrong_answer", "division by zero"),
            ("3+5+7+7 = 23", "wrong_answer", "comes to 22"),
            ("3^5", "no_answer", "'^'"),
            ("3 5 7 7", "no_answer", "an operator is expected"),
            ("2(3+4)", "no_answer", "an operator is expected"),
            ("(3+5", "no_answer", "ends"),
            ("3+5)", "no_answer", "')'"),
            ("3.5+7", "no_answer", "'.'"),
            ("3**5", "no_answer", "'*'"),
            ("__import__('os')", "no_answer", "'_'"),
        ] {
            let Verdict::Wrong { cause: found, detail } =
                verdict(&format!("<answer>{answer}</answer>"))
            else {
                panic!("{answer} is wrong");
            };
            assert_eq!(
                (found.as_str(), detail.contains(words)),
                (cause, true),
                "{answer}: {detail}"
            );
        }
        assert_eq!(
            verdict("I give up, there is no such expression as far as I can see.").cause(),
            "no_answer"
        );
        assert_eq!(grade(&[], 1, "<answer>1</answer>").verdict.cause(), "bad_test_data");
        // The value is right, and the claim beside it is not.
        let claim = grade(&[3, 5], 8, "<answer>3 + 5 = 9</answer>");
        assert_eq!(claim.verdict.cause(), "wrong_answer");
    }

    #[test]
    fn equal_expressions_vote_together() {
        assert_eq!(canonical("<answer>3 × (5)</answer>"), canonical("Answer: 3*(5)"));
        assert_eq!(canonical("<answer>3 +</answer>"), None);
    }
}
