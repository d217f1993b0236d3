//! Tasks of reasoning-gym's generators, as `scripts/export_reasoning_gym.py` writes them.

use std::collections::BTreeSet;
use std::path::Path;

use conductor_types::Grading;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Emit, check, draft, lines};
use crate::error::{DataError, Place, Position};

const EXPECTED: &str = "a line of scripts/export_reasoning_gym.py {\"id\", \"dataset\", \"question\", \
                        \"answer\", …}, all texts";

/// What stands in a line; `index` is for other readers.
#[derive(Deserialize)]
struct Line {
    id: String,
    dataset: String,
    question: String,
    /// Null where the generator has no answer of its own, since many are right.
    answer: Option<String>,
    #[serde(default)]
    metadata: Option<Value>,
}

/// Generators that are asked for the answer alone, which keeps recordings short and cheap. It has a price: a model of 1.5B was
/// right on 0.64 of 14 tasks of `chain_sum` with steps (94 tokens an answer) and is on 0.33 of 60 without (8 tokens).
const SHORT: [&str; 9] = [
    "chain_sum",
    "family_relationships",
    "gcd",
    "isomorphic_strings",
    "letter_counting",
    "number_sequence",
    "ransom_note",
    "spell_backward",
    "syllogism",
];

/// What a worker is asked: recordings are made for exactly this text. Every generator that is not named above asks for
/// steps first.
pub fn prompt(dataset: &str, question: &str) -> String {
    let ask = if SHORT.contains(&dataset) {
        "Write only the final answer, between <answer> and </answer>."
    } else {
        "First work it out step by step, in few words. Then write the final answer alone between \
         <answer> and </answer>."
    };
    format!("{}\n\n{ask}", question.trim())
}

/// With `datasets`, keeps only those generators; one that the file does not hold is an error.
pub(super) fn read(
    path: &Path,
    datasets: Option<&[String]>,
    emit: &mut Emit,
) -> Result<(), DataError> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    lines::for_each(path, EXPECTED, |number, line: Line| {
        let place = Place::new(path, Position::Line(number));
        if !found.contains(&line.dataset) {
            found.insert(line.dataset.clone());
        }
        if datasets.is_some_and(|kept| !kept.contains(&line.dataset)) {
            return Ok(());
        }
        check::filled(&place, "question", &line.question)?;
        let Line { id, dataset, question, answer, metadata } = line;
        let prompt = prompt(&dataset, &question);
        // Scorers that read more than the answer want the entry as the generator made it.
        let entry = metadata
            .map(|metadata| json!({"question": question, "answer": answer, "metadata": metadata}));
        let gold = answer.unwrap_or_default();
        let grading = Grading::ReasoningGym { dataset: dataset.clone(), gold, entry };
        emit(place, draft::task(id, dataset, prompt, grading))
    })?;
    let missing: Vec<String> = datasets
        .unwrap_or_default()
        .iter()
        .filter(|name| !found.contains(*name))
        .cloned()
        .collect();
    if !missing.is_empty() && !found.is_empty() {
        let found = found.into_iter().collect();
        return Err(DataError::Generators { path: path.to_path_buf(), missing, found });
    }
    Ok(())
}
