//! MMLU-Pro (arXiv 2406.01574): harder questions with up to ten options.

use std::path::Path;

use conductor_configs::schema::DomainBy;
use conductor_types::Grading;
use serde::Deserialize;
use serde_json::Value;

use super::draft::{self, Labels};
use super::records::Rows;
use super::{Emit, check, prompts};
use crate::error::{DataError, excerpt};

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
    Rows::new(path, &COLUMNS, EXPECTED).for_each(|at, row: Row| {
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
        let options = u8::try_from(row.options.len()).unwrap_or(u8::MAX);
        let grading = Grading::Choice { gold: gold.to_string(), options };
        let prompt = prompts::choice(&row.question, &row.options);
        emit(at.place, draft::task(id, domain, prompt, grading))
    })
}
