//! One of several options, by its letter.

use conductor_types::{Graded, Unscorable};

use super::{no_answer, right, shown, unscorable, wrong_answer};
use crate::extract;

/// Right where the letter found is the gold letter.
pub(crate) fn grade(gold: &str, options: u8, answer: &str) -> Graded {
    let Some(gold_letter) = gold_letter(gold, options) else {
        let detail = if (2..=26).contains(&options) {
            format!("the gold answer {} is not one of {options} options", shown(gold))
        } else {
            format!("a question lists 2 to 26 options, and not {options}")
        };
        return unscorable(Unscorable::BadTestData, detail);
    };
    match extract::choice(answer, options) {
        Ok(letter) if letter == gold_letter => right(letter),
        Ok(letter) => wrong_answer(letter, format!("answered {letter}")),
        Err(failure) => no_answer(&failure),
    }
}

fn gold_letter(gold: &str, options: u8) -> Option<char> {
    let gold = gold.trim();
    let letter = gold.chars().next().filter(|letter| gold.len() == 1 && letter.is_ascii())?;
    let in_range = (b'A'..b'A' + options.min(26)).contains(&(letter as u8));
    (in_range && (2..=26).contains(&options)).then_some(letter)
}
