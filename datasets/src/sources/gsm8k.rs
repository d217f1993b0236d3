//! GSM8K (arXiv 2110.14168): word problems. The worked answer ends with the number behind `####`.

use std::path::Path;

use conductor_configs::schema::DataPart;
use conductor_types::Grading;
use serde::Deserialize;

use super::records::Rows;
use super::{Emit, check, draft, prompts};
use crate::error::{DataError, excerpt};

const EXPECTED: &str =
    "a GSM8K problem {\"question\", \"answer\"}, the answer ending with #### and the number";

#[derive(Deserialize)]
struct Row {
    question: String,
    answer: String,
}

pub(super) fn read(path: &Path, part: DataPart, emit: &mut Emit) -> Result<(), DataError> {
    let part = match part {
        DataPart::Train => "train",
        DataPart::Test => "test",
    };
    Rows::new(path, &["question", "answer"], EXPECTED).for_each(|at, row: Row| {
        check::filled(&at.place, "question", &row.question)?;
        let Some((_, gold)) = row.answer.rsplit_once("####") else {
            let start = row.answer.len().saturating_sub(50);
            let end = row.answer.char_indices().find(|(i, _)| *i >= start).map_or(0, |(i, _)| i);
            return Err(at.fail(
                "`answer` that ends with #### and a number",
                format!("one that ends with {}", excerpt(&row.answer[end..])),
            ));
        };
        let gold = gold.trim().trim_start_matches('$').replace(',', "");
        let prompt = prompts::number(&row.question);
        let grading = Grading::Number { gold, tolerance: 0.0 };
        let id = format!("gsm8k/{part}/{}", at.index);
        emit(at.place, draft::task(id, "gsm8k".into(), prompt, grading))
    })
}
