//! What AIME and AMC share: problems whose answer is a number, in the many forms that people pass them around in.

use std::path::Path;

use serde_json::{Map, Value};

use super::check;
use super::draft::{self, At};
use super::records::Rows;
use crate::error::{DataError, excerpt};

const COLUMNS: [&str; 20] = [
    "id",
    "ID",
    "unique_id",
    "problem",
    "Problem",
    "question",
    "Question",
    "answer",
    "Answer",
    "expected_answer",
    "solution",
    "Solution",
    "year",
    "Year",
    "aime_number",
    "part",
    "Part",
    "problem_number",
    "Problem Number",
    "problem_idx",
];

const EXPECTED: &str = "a problem {\"problem\" or \"question\", \"answer\" or \"expected_answer\", \"id\"?, \"year\"?}";

/// Names differ from file to file, and some files have two of them.
type Row = Map<String, Value>;

/// The first of these keys that holds something.
fn pick<'a>(row: &'a Row, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().find_map(|key| row.get(*key).filter(|value| !value.is_null()))
}

/// A problem with the number that answers it, as text.
pub(super) struct Problem {
    pub id: String,
    pub text: String,
    pub answer: String,
}

/// Ids have `name` in front, which tells one year's problems from another's.
pub(super) fn for_each(
    path: &Path,
    name: &str,
    mut visit: impl FnMut(At, Problem) -> Result<(), DataError>,
) -> Result<(), DataError> {
    Rows::new(path, &COLUMNS, EXPECTED).for_each(|at, row: Row| {
        let text = pick(&row, &["problem", "Problem", "question", "Question"]);
        let text = text.and_then(Value::as_str).ok_or_else(|| {
            let keys: Vec<&str> = row.keys().map(String::as_str).collect();
            at.fail(EXPECTED, format!("a row with {}", excerpt(&keys.join(", "))))
        })?;
        check::filled(&at.place, "problem", text)?;
        let (text, answer) = (text.to_string(), answer(&at, &row)?);
        let id = format!("{name}/{}", id(&at, &row)?);
        visit(at, Problem { id, text, answer })
    })
}

fn answer(at: &At, row: &Row) -> Result<String, DataError> {
    let given = pick(row, &["answer", "Answer", "expected_answer"]);
    let solution = pick(row, &["solution", "Solution"]).and_then(Value::as_str);
    let boxed = || solution.and_then(last_boxed).map(ToString::to_string);
    let text = match given {
        Some(value) => draft::scalar(value),
        None => boxed(),
    };
    let text = text.map(|text| text.trim().replace(',', ""));
    text.filter(|text| !text.is_empty()).ok_or_else(|| {
        let found = given.map_or("none".to_string(), |value| excerpt(&value.to_string()));
        at.fail("`answer` that is a number, or a solution with the answer in \\boxed{}", found)
    })
}

/// What stands in the last `\boxed{…}`, without the type that it is set in and the brackets around it.
fn last_boxed(solution: &str) -> Option<&str> {
    let (_, rest) = solution.rsplit_once("\\boxed{")?;
    let mut depth = 1;
    let end = rest.find(|c| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    let mut inside = rest[..end?].trim();
    let shells =
        [("\\textbf{", '}'), ("\\mathbf{", '}'), ("\\text{", '}'), ("\\mathrm{", '}'), ("(", ')')];
    while let Some(bare) =
        shells.iter().find_map(|(start, end)| inside.strip_prefix(start)?.strip_suffix(*end))
    {
        inside = bare.trim();
    }
    Some(inside)
}

/// The row's own id, or year, contest and number, or the row's number.
fn id(at: &At, row: &Row) -> Result<String, DataError> {
    if let Some(value) = pick(row, &["id", "ID", "unique_id", "problem_idx"]) {
        return draft::id_of(at, "id", value);
    }
    let text =
        |keys: &[&str]| pick(row, keys).and_then(draft::scalar).map(|text| text.trim().to_string());
    let parts = [
        text(&["year", "Year"]),
        text(&["aime_number", "part", "Part"]),
        text(&["problem_number", "Problem Number"]),
    ];
    match parts {
        [Some(year), contest, Some(number)] => {
            let contest = contest.map(|contest| format!("{contest}-")).unwrap_or_default();
            Ok(format!("{year}-{contest}{number}"))
        }
        _ => Ok(at.index.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_box_counts() {
        assert_eq!(last_boxed("so \\boxed{12}, no, \\boxed{073}."), Some("073"));
        assert_eq!(last_boxed("\\boxed{\\textbf{(025)}}"), Some("025"));
        assert_eq!(last_boxed("\\boxed{\\frac{1}{2}} {x}"), Some("\\frac{1}{2}"));
        assert_eq!(last_boxed("\\boxed{12"), None);
        assert_eq!(last_boxed("\\boxed{\\text{12}"), None);
        assert_eq!(last_boxed("12"), None);
    }
}
