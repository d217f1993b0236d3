//! MATH-500 (arXiv 2305.20050): 500 problems of MATH (arXiv 2103.03874) with an expression as the answer.

use std::path::Path;

use conductor_configs::schema::DomainBy;
use conductor_types::{Grading, MathConvention};
use serde::Deserialize;
use serde_json::Value;

use super::draft::{self, Labels};
use super::records::Rows;
use super::{Emit, check, prompts};
use crate::error::{DataError, excerpt};

const EXPECTED: &str =
    "a MATH-500 problem {\"problem\", \"answer\", \"unique_id\", \"subject\"?, \"level\"?}";

const COLUMNS: [&str; 6] = ["problem", "answer", "unique_id", "subject", "level", "difficulty"];

#[derive(Deserialize)]
struct Row {
    problem: String,
    answer: String,
    unique_id: String,
    #[serde(default)]
    subject: Option<String>,
    /// 1 to 5, as a number or, where MATH is cut anew, "Level 5".
    #[serde(default)]
    level: Option<Value>,
    #[serde(default)]
    difficulty: Option<Value>,
}

pub(super) fn read(
    path: &Path,
    levels: Option<&[u8]>,
    by: DomainBy,
    emit: &mut Emit,
) -> Result<(), DataError> {
    Rows::new(path, &COLUMNS, EXPECTED).for_each(|at, row: Row| {
        let level = row.level.as_ref().or(row.difficulty.as_ref()).map(|value| {
            level(value).ok_or_else(|| {
                at.fail("`level` that is a number from 1 to 5", excerpt(&value.to_string()))
            })
        });
        let level = level.transpose()?;
        if let Some(kept) = levels {
            let level = level.ok_or_else(|| {
                at.fail("`level`, since the source has `levels`", "none: leave `levels` out")
            })?;
            if !kept.contains(&level) {
                return Ok(());
            }
        }
        check::filled(&at.place, "problem", &row.problem)?;
        check::filled(&at.place, "unique_id", &row.unique_id)?;
        let difficulty = level.map(|level| level.to_string());
        let labels = Labels { subject: row.subject.as_deref(), difficulty: difficulty.as_deref() };
        let domain = draft::domain(&at, "math500", by, labels)?;
        let id = format!("math500/{}", row.unique_id.trim());
        let prompt = prompts::math(&row.problem);
        let grading = Grading::Math { gold: row.answer, convention: MathConvention::default() };
        emit(at.place, draft::task(id, domain, prompt, grading))
    })
}

fn level(value: &Value) -> Option<u8> {
    let number = match value {
        Value::String(text) => text.trim().trim_start_matches("Level").trim().parse().ok()?,
        other => other.as_f64()?,
    };
    (1..=5).find(|level| (f64::from(*level) - number).abs() < f64::EPSILON)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn levels_are_read_in_every_form_that_they_come_in() {
        for (value, expected) in [
            (json!(3), Some(3)),
            (json!(5.0), Some(5)),
            (json!("Level 1"), Some(1)),
            (json!("2"), Some(2)),
            (json!(6), None),
            (json!(2.5), None),
            (json!("hard"), None),
            (json!(null), None),
        ] {
            assert_eq!(level(&value), expected, "{value}");
        }
    }
}
