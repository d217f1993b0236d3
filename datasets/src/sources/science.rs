//! What ARC and `OpenBookQA` share: a question, options with labels, the label of the right one. They come in the hub's form and
//! in MixEval's, whose files hold several benchmarks.

use std::collections::HashMap;
use std::path::Path;

use conductor_types::Grading;
use serde::Deserialize;
use serde_json::Value;

use super::draft::{self, At};
use super::records::Rows;
use super::{Emit, check, prompts};
use crate::error::{DataError, excerpt};

const COLUMNS: [&str; 10] = [
    "id",
    "question",
    "question_stem",
    "choices",
    "answerKey",
    "prompt",
    "options",
    "target",
    "context",
    "benchmark_name",
];

const EXPECTED: &str = "a question {\"id\", \"question\" or \"question_stem\", \"choices\": {\"text\", \"label\"}, \"answerKey\"} of the hub, or \
                        {\"prompt\", \"options\", \"target\": [index], \"benchmark_name\"} of MixEval";

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    question: Option<Value>,
    #[serde(default)]
    question_stem: Option<Value>,
    #[serde(default)]
    prompt: Option<Value>,
    #[serde(default)]
    choices: Option<Choices>,
    #[serde(default, rename = "answerKey")]
    answer_key: Option<String>,
    #[serde(default)]
    context: Option<String>,
    #[serde(default)]
    options: Option<Vec<String>>,
    #[serde(default)]
    target: Option<Vec<usize>>,
    #[serde(default)]
    benchmark_name: Option<String>,
}

#[derive(Deserialize)]
struct Choices {
    text: Vec<String>,
    label: Vec<String>,
}

/// Reads the questions of one benchmark: `kind` in our names, `mixed_name` in MixEval's.
pub(super) fn read(
    path: &Path,
    kind: &str,
    mixed_name: &str,
    emit: &mut Emit,
) -> Result<(), DataError> {
    let mut times: HashMap<String, u64> = HashMap::new();
    Rows::new(path, &COLUMNS, EXPECTED).for_each(|at, row: Row| {
        if row.benchmark_name.as_deref().is_some_and(|name| name != mixed_name) {
            return Ok(());
        }
        let (options, gold) = options(&at, &row)?;
        let question = question(&at, &row)?;
        check::filled(&at.place, "question", question)?;
        let context = row.context.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let whole = context.map_or_else(
            || question.to_string(),
            |context| format!("{context}\n\n{}", question.trim()),
        );
        let own = row.id.as_ref().filter(|id| !id.is_null());
        let id = if let Some(id) = own {
            draft::id_of(&at, "id", id)?
        } else {
            // The options too, since some questions come with several sets of them. MixEval draws with repetition: the second
            // time gets a mark of its own.
            let id = draft::content_id(&format!("{}\n{}", whole.trim(), options.join("\n")));
            draft::numbered(id, &mut times)
        };
        let count = u8::try_from(options.len()).unwrap_or(u8::MAX);
        let grading = Grading::Choice { gold: prompts::letter(gold), options: count };
        let prompt = prompts::choice(&whole, &options);
        emit(at.place, draft::task(format!("{kind}/{id}"), kind.into(), prompt, grading))
    })
}

/// The question, under whichever of its names.
fn question<'a>(at: &At, row: &'a Row) -> Result<&'a str, DataError> {
    let mut texts = [&row.question, &row.question_stem, &row.prompt]
        .into_iter()
        .filter_map(|text| text.as_ref().and_then(Value::as_str));
    let first = texts.next().ok_or_else(|| at.fail(EXPECTED, "a row without a question"))?;
    if texts.any(|other| other.trim() != first.trim()) {
        return Err(
            at.fail("one of `question`, `question_stem` and `prompt`", "several, and they differ")
        );
    }
    Ok(first)
}

/// The options in order, and which of them is right.
fn options(at: &At, row: &Row) -> Result<(Vec<String>, usize), DataError> {
    let (options, gold) = if let (Some(choices), Some(key)) = (&row.choices, &row.answer_key) {
        // Labels are letters or, in some of ARC, numbers.
        let gold = choices.label.iter().position(|label| label.trim() == key.trim());
        let gold = gold.filter(|_| choices.label.len() == choices.text.len()).ok_or_else(|| {
            at.fail("`answerKey` among the labels of `choices`, one a text", excerpt(key))
        })?;
        (&choices.text, gold)
    } else if let (Some(options), Some(target)) = (&row.options, &row.target) {
        let [gold] = target[..] else {
            return Err(at.fail("`target` with one index", format!("{} of them", target.len())));
        };
        (options, gold)
    } else {
        return Err(at.fail(EXPECTED, "a row without options or without the right one"));
    };
    if gold >= options.len() {
        let given = format!("{gold} of {}", options.len());
        return Err(at.fail("a right option that is among the options", given));
    }
    Ok((options.clone(), gold))
}
