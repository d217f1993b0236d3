//! Canonical answers, so that a vote can count equal ones.

use std::collections::HashMap;

use conductor_types::{AnswerExtractor, Grading, Task};

use crate::extract::{self, LastLine, Tag};
use crate::math;
use crate::pytext;
use crate::reasoning_gym::{self, Scorer};

/// Finds the answer proper in a worker's text, by the rule of the task that it answers. Gold answers are not kept.
///
/// - Exact: the text found. Choice: the letter. Number: the value, however written; fractions and percentages keep
///   their form.
/// - reasoning-gym: the text found, made equal where the generator's scorer does not tell apart: numbers by value,
///   letter case where it does not count.
/// - Python: the program without blank lines and trailing space. Programs agree only where their text does.
/// - Recorded: the whole text without surrounding space; recordings of outcomes have none, and do not vote.
#[derive(Debug, Clone, Default)]
pub struct Extractors {
    rules: HashMap<String, Rule>,
}

#[derive(Debug, Clone)]
enum Rule {
    Text,
    Choice { options: u8 },
    Number,
    Math,
    ReasoningGym { scorer: Option<Scorer> },
    Program { entry_point: String },
    Whole,
}

impl Extractors {
    /// The rules of these tasks.
    pub fn new<'a>(tasks: impl Iterator<Item = &'a Task>) -> Self {
        Self { rules: tasks.map(|task| (task.id.clone(), rule(&task.grading))).collect() }
    }
}

impl AnswerExtractor for Extractors {
    fn canonical(&self, task_id: &str, text: &str) -> Option<String> {
        let found = match self.rules.get(task_id)? {
            Rule::Text => extract::text(text, Tag::First, LastLine::Alone).ok()?.to_owned(),
            Rule::Choice { options } => extract::choice(text, *options).ok()?.to_string(),
            Rule::Number => extract::number(text).ok()?.canonical(),
            Rule::Math => math::canonical(&extract::math(text).ok()?),
            Rule::ReasoningGym { scorer } => {
                let found = extract::text(text, Tag::Last, LastLine::Short).ok()?;
                as_scored(*scorer, found)
            }
            Rule::Program { entry_point } => {
                let code = extract::code(text, entry_point).ok()?;
                let lines =
                    code.source().lines().map(str::trim_end).filter(|line| !line.is_empty());
                lines.collect::<Vec<_>>().join("\n")
            }
            Rule::Whole => text.trim().to_owned(),
        };
        (!found.is_empty()).then_some(found)
    }
}

fn rule(grading: &Grading) -> Rule {
    match grading {
        Grading::Exact { .. } | Grading::Fuzzy { .. } | Grading::Judge { .. } => Rule::Text,
        Grading::Math { .. } => Rule::Math,
        Grading::Choice { options, .. } => Rule::Choice { options: *options },
        Grading::Number { .. } => Rule::Number,
        Grading::ReasoningGym { dataset, .. } => {
            Rule::ReasoningGym { scorer: reasoning_gym::scorer(dataset) }
        }
        Grading::Python { entry_point, .. } => Rule::Program { entry_point: entry_point.clone() },
        Grading::Code { .. } | Grading::Countdown { .. } | Grading::Recorded => Rule::Whole,
    }
}

fn as_scored(scorer: Option<Scorer>, found: &str) -> String {
    let value = |text: &str| match pytext::decimal(text) {
        Some(pytext::PyDecimal::Finite(number)) => Some(number.to_string()),
        _ => None,
    };
    let equal = match scorer {
        Some(Scorer::FirstNumber) => {
            pytext::first_bounded_number(found).map(|number| value(&number).unwrap_or(number))
        }
        Some(Scorer::Decimal) => value(&found.replace(',', "")),
        Some(Scorer::Characters | Scorer::CaseFolded { .. }) => Some(found.to_lowercase()),
        Some(Scorer::Contains) | None => None,
    };
    equal.unwrap_or_else(|| found.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extractors(grading: Grading) -> Extractors {
        let task = Task {
            id: "t".into(),
            domain: String::new(),
            prompt: String::new(),
            grading,
            parts: Vec::new(),
            constraint: None,
        };
        Extractors::new([task].iter())
    }

    fn gym(dataset: &str) -> Extractors {
        extractors(Grading::ReasoningGym { dataset: dataset.into(), gold: "1".into(), entry: None })
    }

    #[track_caller]
    fn agree(rules: &Extractors, texts: &[&str], expected: &str) {
        for text in texts {
            assert_eq!(rules.canonical("t", text).as_deref(), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn equal_answers_give_equal_texts() {
        let number = extractors(Grading::Number { gold: "1".into(), tolerance: 0.0 });
        agree(
            &number,
            &["<answer>1,000</answer>", r"\boxed{1000.0}", "The answer is $1e3."],
            "1000",
        );
        let choice = extractors(Grading::Choice { gold: "A".into(), options: 4 });
        agree(&choice, &["<answer>(b)</answer>", "The answer is B."], "B");
        agree(&gym("chain_sum"), &["<answer>+01,000.0</answer>", "1000"], "1000");
        agree(&gym("gsm_symbolic"), &["<answer>70 dollars</answer>", r"\boxed{70.0}"], "70");
        agree(
            &gym("family_relationships"),
            &["<answer>Mother</answer>", "The answer is mother."],
            "mother",
        );
        agree(&gym("syllogism"), &["<answer>Yes</answer>", "Yes"], "Yes");
        let python = extractors(Grading::Python {
            prelude: String::new(),
            tests: String::new(),
            entry_point: "f".into(),
        });
        agree(
            &python,
            &["```python\ndef f():\n\n    return 1  \n```", "def f():\n    return 1"],
            "def f():\n    return 1",
        );
        agree(&extractors(Grading::Recorded), &[" x y\n"], "x y");
    }

    #[test]
    fn what_has_no_answer_does_not_vote() {
        let number = extractors(Grading::Number { gold: "1".into(), tolerance: 0.0 });
        assert_eq!(number.canonical("t", "<answer>several</answer>"), None);
        assert_eq!(number.canonical("another task", "<answer>1</answer>"), None);
        assert_eq!(extractors(Grading::Recorded).canonical("t", "  "), None);
        assert_eq!(extractors(Grading::Exact { gold: "x".into() }).canonical("t", ""), None);
    }
}
