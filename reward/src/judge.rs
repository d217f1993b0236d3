//! Judging answers by comparison alone, one function a kind of grading.

use conductor_types::{Unscorable, Verdict, WrongCause};

use crate::extract::{self, LastLine, Number, Tag};
use crate::reasoning_gym;

pub(crate) fn exact(gold: &str, answer: &str) -> Verdict {
    match extract::text(answer, Tag::First, LastLine::Alone) {
        Ok(found) if found == gold.trim() => Verdict::Right { score: 1.0 },
        Ok(found) => wrong(WrongCause::WrongAnswer, format!("answered {}", shown(found))),
        Err(failure) => wrong(WrongCause::NoAnswer, failure.to_string()),
    }
}

pub(crate) fn choice(gold: &str, options: u8, answer: &str) -> Verdict {
    let gold_letter = gold.trim().chars().next().filter(|_| gold.trim().len() == 1);
    let in_range = |letter: &char| {
        (b'A'..b'A' + options.min(26)).contains(&(*letter as u8)) && letter.is_ascii()
    };
    let Some(gold_letter) = gold_letter.filter(in_range).filter(|_| (2..=26).contains(&options))
    else {
        let detail = format!("the gold answer {} is not one of {options} options", shown(gold));
        return unscorable(Unscorable::BadTestData, detail);
    };
    match extract::choice(answer, options) {
        Ok(letter) if letter == gold_letter => Verdict::Right { score: 1.0 },
        Ok(letter) => wrong(WrongCause::WrongAnswer, format!("answered {letter}")),
        Err(failure) => wrong(WrongCause::NoAnswer, failure.to_string()),
    }
}

pub(crate) fn number(gold: &str, tolerance: f64, answer: &str) -> Verdict {
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
        Ok(found) if gold_number.accepts(&found, tolerance) => Verdict::Right { score: 1.0 },
        Ok(found) => {
            wrong(WrongCause::WrongAnswer, format!("answered {}", shown(&found.canonical())))
        }
        Err(failure) => wrong(WrongCause::NoAnswer, failure.to_string()),
    }
}

pub(crate) fn scored(dataset: &str, gold: &str, answer: &str) -> Verdict {
    /// The package's sums of shares come this close to 1.
    const WHOLE: f64 = 1.0 - 1e-9;
    let Some(scorer) = reasoning_gym::scorer(dataset) else {
        let detail = format!(
            "the reasoning-gym generator {} has no scorer here; those that have are {}",
            shown(dataset),
            reasoning_gym::supported_datasets().join(", ")
        );
        return unscorable(Unscorable::BadTestData, detail);
    };
    if gold.is_empty() {
        return unscorable(Unscorable::BadTestData, "the gold answer is empty");
    }
    let found = match extract::text(answer, Tag::Last, LastLine::Short) {
        Ok(found) => found,
        Err(failure) => return wrong(WrongCause::NoAnswer, failure.to_string()),
    };
    let score = reasoning_gym::score(scorer, gold, Some(found));
    if score >= WHOLE {
        return Verdict::Right { score: 1.0 };
    }
    wrong(
        WrongCause::WrongAnswer,
        format!("answered {}; {dataset} scores this {score}", shown(found)),
    )
}

pub(crate) fn recorded(score: Option<f64>) -> Verdict {
    match score {
        None => unscorable(Unscorable::NotRecorded, "the recording holds no score for this answer"),
        Some(score) if !(0.0..=1.0).contains(&score) => unscorable(
            Unscorable::BadTestData,
            format!("the recorded score {score} is not between 0 and 1"),
        ),
        Some(score) if score > 0.0 => Verdict::Right { score },
        Some(_) => wrong(WrongCause::WrongAnswer, String::new()),
    }
}

pub(crate) fn wrong(cause: WrongCause, detail: String) -> Verdict {
    Verdict::Wrong { cause, detail }
}

pub(crate) fn unscorable(cause: Unscorable, detail: impl Into<String>) -> Verdict {
    Verdict::Unscorable { cause, detail: detail.into() }
}

/// A text in quotes, cut to what a line of a log can hold.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    let cut: String = text.chars().take(LONGEST).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{more}")
}
