//! MMLU-Pro (arXiv 2406.01574): harder questions with up to ten options.

use std::collections::BTreeSet;
use std::path::Path;

use conductor_configs::schema::DomainBy;
use conductor_types::Grading;
use serde::Deserialize;
use serde_json::Value;

use super::draft::{self, At, Labels};
use super::records::Rows;
use super::{Emit, check, prompts};
use crate::error::{DataError, Place, Position, excerpt};

const EXPECTED: &str = "an MMLU-Pro question {\"question_id\", \"question\", \"options\": texts, \"answer\": a letter, \
                        \"answer_index\"?, \"category\"}";
const COLUMNS: [&str; 6] =
    ["question_id", "question", "options", "answer", "answer_index", "category"];

#[derive(Deserialize)]
struct Row {
    question_id: Value,
    question: String,
    options: Vec<String>,
    answer: String,
    #[serde(default)]
    answer_index: Option<usize>,
    category: String,
}

pub(super) fn read(
    path: &Path,
    categories: Option<&[String]>,
    by: DomainBy,
    emit: &mut Emit,
) -> Result<(), DataError> {
    let mut found = BTreeSet::new();
    Rows::new(path, &COLUMNS, EXPECTED).for_each(|at, row: Row| {
        if !found.contains(&row.category) {
            found.insert(row.category.clone());
        }
        if categories.is_some_and(|kept| !kept.contains(&row.category)) {
            return Ok(());
        }
        check::filled(&at.place, "question", &row.question)?;
        let gold = row.answer.trim();
        if let Some(index) = row.answer_index
            && prompts::letter(index) != gold
        {
            return Err(at.fail(
                format!("`answer` that is the letter of `answer_index` {index}"),
                excerpt(gold),
            ));
        }
        let labels = Labels { subject: Some(&row.category), ..Labels::default() };
        let domain = draft::domain(&at, "mmlu_pro", by, labels)?;
        let id = format!("mmlu_pro/{}", draft::id_of(&at, "question_id", &row.question_id)?);
        let (options, gold) = filled(&at, row.options, gold)?;
        let count = u8::try_from(options.len()).unwrap_or(u8::MAX);
        let grading = Grading::Choice { gold, options: count };
        let prompt = prompts::choice(&row.question, &options);
        emit(at.place, draft::task(id, domain, prompt, grading))
    })?;
    let unknown = categories.unwrap_or_default().iter().find(|name| !found.contains(*name));
    match unknown {
        Some(name) if !found.is_empty() => Err(DataError::Record {
            place: Place::new(path, Position::Whole),
            expected: format!("the category \"{name}\", since the source has it in `categories`"),
            given: found.into_iter().collect::<Vec<_>>().join(", "),
        }),
        _ => Ok(()),
    }
}

/// The options without the "N/A" that fills rows up to ten, as the official evaluator has them, and the letter of the right one
/// among those that stay.
fn filled(at: &At, options: Vec<String>, gold: &str) -> Result<(Vec<String>, String), DataError> {
    const PADDING: &str = "N/A";
    let Some(index) = (0..options.len()).find(|index| prompts::letter(*index) == gold) else {
        // The check of every task says what is wrong with it.
        return Ok((options, gold.to_string()));
    };
    if options[index] == PADDING {
        return Err(at.fail("an `answer` that is an option", format!("{gold}, which is \"N/A\"")));
    }
    let before = options[..index].iter().filter(|option| *option != PADDING).count();
    let options = options.into_iter().filter(|option| option != PADDING).collect();
    Ok((options, prompts::letter(before)))
}
