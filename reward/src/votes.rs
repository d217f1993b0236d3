//! Canonical answers, so that a vote can count equal ones.

use std::collections::HashMap;

use conductor_types::{AnswerExtractor, Grading, Task};

use crate::extract::{self, LastLine, Tag};
use crate::graders::{countdown, fuzzy, number};
use crate::math;
use crate::pytext;
use crate::reasoning_gym::{self, Scorer};

/// Finds the answer proper in a worker's text, by the rule of the task that it answers. Gold answers are not kept.
///
/// - Exact: the text found. Fuzzy: the same without regard to case, numbers by value. Choice: the letter. Number: the value,
///   however written; fractions and percentages keep their form; a list in ascending order.
/// - Countdown: the expression without white space, operators in one writing.
/// - reasoning-gym: the text found, made equal where the generator's scorer does not tell apart: numbers by value,
///   letter case where it does not count.
/// - Code, Python: the program without blank lines and trailing space. Programs agree only where their text does.
/// - Judge: what the first tag holds, or else the whole text: those agree that are alike to the letter.
/// - Recorded: the whole text without surrounding space; recordings of outcomes have none, and do not vote.
#[derive(Debug, Clone, Default)]
pub struct Extractors {
    rules: HashMap<String, Rule>,
}

#[derive(Debug, Clone)]
enum Rule {
    Text,
    Fuzzy,
    Choice { options: u8 },
    Number,
    Numbers,
    Countdown,
    Math,
    ReasoningGym { scorer: Option<Scorer> },
    Program { entry_point: String },
    Tested { function: Option<String> },
    Judged,
    Whole,
}

impl Extractors {
    /// The rules of these tasks.
    pub fn new<'a>(tasks: impl Iterator<Item = &'a Task>) -> Self {
        let mut rules = Self::default();
        tasks.for_each(|task| rules.add(task));
        rules
    }

    /// Adds the rule of a task.
    pub fn add(&mut self, task: &Task) {
        self.rules.insert(task.id.clone(), rule(&task.grading));
    }
}

impl AnswerExtractor for Extractors {
    fn canonical(&self, task_id: &str, text: &str) -> Option<String> {
        let found = match self.rules.get(task_id)? {
            Rule::Text => extract::text(text, Tag::First, LastLine::Alone).ok()?.to_owned(),
            Rule::Fuzzy => fuzzy::canonical(extract::text(text, Tag::First, LastLine::Alone).ok()?),
            Rule::Choice { options } => extract::choice(text, *options).ok()?.to_string(),
            Rule::Number => extract::number(text).ok()?.canonical(),
            Rule::Numbers => {
                let mut numbers = extract::numbers(text).ok()?;
                extract::Number::ascending(&mut numbers);
                number::canonical_list(&numbers)
            }
            Rule::Countdown => countdown::canonical(text)?,
            Rule::Math => math::canonical(&extract::math(text).ok()?),
            Rule::ReasoningGym { scorer } => {
                let found = extract::text(text, Tag::Last, LastLine::Short).ok()?;
                as_scored(*scorer, found)
            }
            Rule::Program { entry_point } => {
                lines_of(extract::code(text, entry_point).ok()?.source())
            }
            Rule::Tested { function } => {
                lines_of(&extract::program(text, function.as_deref()).ok()?)
            }
            Rule::Judged => extract::tag(text, Tag::First).unwrap_or(text).trim().to_owned(),
            Rule::Whole => text.trim().to_owned(),
        };
        (!found.is_empty()).then_some(found)
    }
}

fn rule(grading: &Grading) -> Rule {
    match grading {
        Grading::Exact { .. } => Rule::Text,
        Grading::Math { .. } => Rule::Math,
        Grading::Judge { .. } => Rule::Judged,
        Grading::Fuzzy { .. } => Rule::Fuzzy,
        Grading::Choice { options, .. } => Rule::Choice { options: *options },
        Grading::Number { gold, .. } if gold.trim_start().starts_with('[') => Rule::Numbers,
        Grading::Number { .. } => Rule::Number,
        Grading::Countdown { .. } => Rule::Countdown,
        Grading::ReasoningGym { dataset, .. } => {
            Rule::ReasoningGym { scorer: reasoning_gym::scorer(dataset) }
        }
        Grading::Python { entry_point, .. } => Rule::Program { entry_point: entry_point.clone() },
        Grading::Code { metadata, .. } => Rule::Tested { function: metadata.func_name.clone() },
        Grading::Recorded => Rule::Whole,
    }
}

/// A program without blank lines and trailing space.
fn lines_of(source: &str) -> String {
    let lines = source.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
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
    use conductor_types::{CodeMetadata, TestCases};

    use super::*;

    fn extractors(grading: Grading) -> Extractors {
        let task = Task {
            id: "t".into(),
            domain: String::new(),
            prompt: String::new(),
            grading,
            parts: Vec::new(),
            date: None,
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
        let code = |name: Option<&str>| {
            extractors(Grading::Code {
                public_test_cases: TestCases::default(),
                private_test_cases: TestCases::default(),
                metadata: CodeMetadata { func_name: name.map(String::from) },
                time_limit_secs: None,
                memory_limit_mib: None,
            })
        };
        agree(&code(None), &["```\nprint(1)\n```", "So:\n```python\n\nprint(1) \n```"], "print(1)");
        agree(&code(Some("f")), &["```\ndef f(): pass\n```\n```\nf()\n```"], "def f(): pass");
        assert_eq!(code(None).canonical("t", "no program"), None);
        let fuzzy = extractors(Grading::Fuzzy { gold: "x".into() });
        agree(&fuzzy, &["<answer>New  York</answer>", "The answer is new york."], "new york");
        let list = extractors(Grading::Number { gold: "[1, 2]".into(), tolerance: 0.0 });
        agree(&list, &["<answer>[2, 1.0]</answer>", r"\boxed{(1, 2)}"], "[1, 2]");
        let countdown = extractors(Grading::Countdown { numbers: vec![3, 5], target: 15 });
        agree(&countdown, &["<answer>3 × 5</answer>", r"\boxed{3 \cdot 5}"], "3*5");
        let judge = extractors(Grading::Judge { gold: "x".into(), rubric: None });
        agree(&judge, &["Well. <answer>Dust.</answer>", "Dust.\n"], "Dust.");
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
