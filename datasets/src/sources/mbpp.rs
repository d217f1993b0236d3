//! MBPP (arXiv 2108.07732): 974 short Python functions, and 427 of them whose questions were gone over by hand. As its authors do,
//! the question shows the asserts: without them nobody knows the function's name.

use std::path::Path;

use conductor_configs::schema::MbppPart;
use conductor_types::Grading;
use serde::Deserialize;

use super::draft::At;
use super::records::Rows;
use super::{Emit, check, draft, prompts};
use crate::error::{DataError, excerpt};

const EXPECTED: &str = "an MBPP problem {\"task_id\", \"text\" or \"prompt\", \"code\", \"test_list\", \"test_setup_code\"?, \
                        \"test_imports\"?}";
const COLUMNS: [&str; 7] =
    ["task_id", "text", "prompt", "code", "test_list", "test_setup_code", "test_imports"];

#[derive(Deserialize)]
struct Row {
    task_id: u64,
    text: Option<String>,
    prompt: Option<String>,
    code: String,
    test_list: Vec<String>,
    #[serde(default)]
    test_setup_code: Option<String>,
    #[serde(default)]
    test_imports: Option<Vec<String>>,
}

pub(super) fn read(path: &Path, part: Option<MbppPart>, emit: &mut Emit) -> Result<(), DataError> {
    Rows::new(path, &COLUMNS, EXPECTED).for_each(|at, row: Row| {
        if part.is_some_and(|part| part != part_of(row.task_id)) {
            return Ok(());
        }
        // The two sets word the same problem differently and have other tests.
        let (name, question) = match (&row.text, &row.prompt) {
            (Some(text), _) => ("mbpp", text),
            (None, Some(prompt)) => ("mbpp_sanitized", prompt),
            (None, None) => return Err(at.fail(EXPECTED, "a row without `text` and `prompt`")),
        };
        check::filled(&at.place, "question", question)?;
        let entry_point = entry_point(&at, &row)?;
        let before = row.test_imports.iter().flatten().map(String::as_str);
        let setup = row.test_setup_code.as_deref().filter(|code| !code.trim().is_empty());
        let asserts = row.test_list.iter().map(String::as_str);
        let tests: Vec<&str> = before.chain(setup).chain(asserts).map(str::trim_end).collect();
        let tests = format!("{}\n", tests.join("\n")).replace("\r\n", "\n");
        let prompt = prompts::asserted(question, &tests);
        let grading = Grading::Python { prelude: String::new(), tests, entry_point };
        let id = format!("{name}/{}", row.task_id);
        emit(at.place, draft::task(id, name.into(), prompt, grading))
    })
}

fn part_of(id: u64) -> MbppPart {
    match id {
        0..=10 => MbppPart::Prompt,
        11..=510 => MbppPart::Test,
        511..=600 => MbppPart::Validation,
        _ => MbppPart::Train,
    }
}

/// The function that the asserts call: of those that the authors' program defines, the last one in it, since helpers and classes for
/// its arguments stand before it.
fn entry_point(at: &At, row: &Row) -> Result<String, DataError> {
    let Some(first) = row.test_list.first() else {
        return Err(at.fail("`test_list` with at least one assert", "an empty list"));
    };
    let defined = row.code.lines().rev().filter_map(|line| {
        let rest = line.trim_start().strip_prefix("def ")?.trim_start();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        Some(&rest[..end])
    });
    let mut called = defined.filter(|name| !name.is_empty() && calls(first, name));
    called.next().map(ToString::to_string).ok_or_else(|| {
        at.fail("`test_list` that calls a function which `code` defines", excerpt(first))
    })
}

fn calls(assert: &str, name: &str) -> bool {
    assert.match_indices(name).any(|(i, _)| {
        let before = assert[..i].chars().next_back();
        let apart = before.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == '.'));
        apart && assert[i + name.len()..].trim_start().starts_with('(')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_told_from_other_words() {
        assert!(calls("assert f(1) == 2", "f"));
        assert!(calls("assert (f (1)) == 2", "f") && calls("assert set(f(1)) == {2}", "f"));
        for other in ["assert ff(1)", "assert math.f(1)", "assert f == 1", "assert f1(2)"] {
            assert!(!calls(other, "f"), "{other}");
        }
    }
}
