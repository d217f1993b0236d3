//! What every task must satisfy, whatever its source.

use conductor_types::{Constraint, Grading, Task};

use super::test_cases;
use crate::day;
use crate::error::{DataError, Place, excerpt};

/// Errors name the field, what it should be and what it is.
pub fn task(place: &Place, task: &Task) -> Result<(), DataError> {
    name(place, "id", &task.id)?;
    name(place, "domain", &task.domain)?;
    filled(place, "prompt", &task.prompt)?;
    if let Err((expected, given)) = grading(&task.grading) {
        return fail(place, format!("{expected} in the grading of task \"{}\"", task.id), given);
    }
    if let Some(date) = task.date.as_deref().filter(|date| day::of(date).is_none()) {
        let expected = format!("a date YYYY-MM-DD of the calendar of task \"{}\"", task.id);
        return fail(place, expected, excerpt(date));
    }
    match task.constraint.as_ref().and_then(Constraint::fault) {
        None => Ok(()),
        Some((expected, given)) => {
            fail(place, format!("{expected} in the constraint of task \"{}\"", task.id), given)
        }
    }
}

/// A text with something in it besides white space.
pub fn filled(place: &Place, field: &str, text: &str) -> Result<(), DataError> {
    if text.trim().is_empty() {
        return fail(place, format!("a {field} that is not empty"), excerpt(text));
    }
    Ok(())
}

/// Ids and domains become parts of file rows, tables and command lines.
fn name(place: &Place, field: &str, text: &str) -> Result<(), DataError> {
    filled(place, field, text)?;
    if text.chars().any(char::is_control) || text.trim() != text {
        return fail(
            place,
            format!("a {field} without line breaks and without white space around it"),
            excerpt(text),
        );
    }
    Ok(())
}

fn fail<T>(place: &Place, expected: String, given: String) -> Result<T, DataError> {
    Err(DataError::Record { place: place.clone(), expected, given })
}

/// The rule's fields; an error is (expected, given).
fn grading(rule: &Grading) -> Result<(), (String, String)> {
    let text = |field: &str, value: &str| {
        if value.trim().is_empty() {
            return Err((format!("`{field}` that is not empty"), excerpt(value)));
        }
        Ok(())
    };
    match rule {
        Grading::Exact { gold }
        | Grading::Fuzzy { gold }
        | Grading::Math { gold, .. }
        | Grading::Judge { gold, .. } => text("gold", gold),
        Grading::Choice { gold, options } => choice(gold, *options),
        Grading::Number { gold, tolerance } => {
            if !is_number(gold) && !is_list(gold) {
                let expected = "`gold` that is a number (\"0.1\", \"1e9\", \"3/4\") or a list of numbers (\"[1, 2.5]\")";
                return Err((expected.into(), excerpt(gold)));
            }
            if !tolerance.is_finite() || *tolerance < 0.0 {
                return Err(("`tolerance` of at least 0".into(), tolerance.to_string()));
            }
            Ok(())
        }
        Grading::Python { tests, entry_point, .. } => {
            text("tests", tests)?;
            if !is_identifier(entry_point) {
                return Err(("`entry_point` that names a function".into(), excerpt(entry_point)));
            }
            Ok(())
        }
        Grading::ReasoningGym { dataset, gold, entry } => {
            text("dataset", dataset)?;
            // A question with many right answers has no gold one, and is scored from its entry.
            let many = entry.as_ref().is_some_and(|entry| entry["answer"].is_null());
            if many { Ok(()) } else { text("gold", gold) }
        }
        Grading::Countdown { numbers, .. } if !(1..=64).contains(&numbers.len()) => {
            Err(("1 to 64 `numbers`".into(), numbers.len().to_string()))
        }
        Grading::Code {
            public_test_cases,
            private_test_cases,
            metadata,
            time_limit_secs,
            memory_limit_mib,
        } => {
            test_cases::limits(*time_limit_secs, *memory_limit_mib)?;
            test_cases::check(public_test_cases, private_test_cases, metadata)
        }
        Grading::Countdown { .. } | Grading::Recorded => Ok(()),
    }
}

fn choice(gold: &str, options: u8) -> Result<(), (String, String)> {
    if !(2..=26).contains(&options) {
        return Err(("`options` from 2 to 26".into(), options.to_string()));
    }
    let last = char::from(b'A' + options - 1);
    match gold.as_bytes() {
        [letter @ b'A'..=b'Z'] if char::from(*letter) <= last => Ok(()),
        _ => Err((format!("`gold` that is a letter from A to {last}"), excerpt(gold))),
    }
}

/// A decimal number or a fraction of two, finite, without a denominator of 0.
fn is_number(text: &str) -> bool {
    let decimal = |part: &str| -> Option<f64> {
        let part = part.trim();
        // Rust's own parser also reads "inf" and "nan".
        let digits = part.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
        part.parse::<f64>().ok().filter(|value| digits && value.is_finite())
    };
    match text.split_once('/') {
        Some((above, below)) => {
            decimal(above).is_some() && decimal(below).is_some_and(|value| value != 0.0)
        }
        None => decimal(text).is_some(),
    }
}

fn is_list(text: &str) -> bool {
    let inner = text.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|inner| inner.split(',').all(is_number))
}

fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c == '_' || c.is_alphabetic())
        && chars.all(|c| c == '_' || c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use conductor_types::{CodeMetadata, TestCase, TestCases, TestType};

    use super::*;
    use crate::error::Position;

    fn with(grading: Grading) -> Result<(), DataError> {
        let place = Place::new(Path::new("t.jsonl"), Position::Line(7));
        task(
            &place,
            &Task {
                id: "a/1".into(),
                domain: "d".into(),
                prompt: "1+1?".into(),
                grading,
                parts: Vec::new(),
                date: None,
                constraint: None,
            },
        )
    }

    fn choice(gold: &str, options: u8) -> Grading {
        Grading::Choice { gold: gold.into(), options }
    }

    fn number(gold: &str, tolerance: f64) -> Grading {
        Grading::Number { gold: gold.into(), tolerance }
    }

    fn python(tests: &str, entry_point: &str) -> Grading {
        Grading::Python {
            prelude: String::new(),
            tests: tests.into(),
            entry_point: entry_point.into(),
        }
    }

    fn code(time_limit_secs: Option<f64>, memory_limit_mib: Option<u64>) -> Grading {
        Grading::Code {
            public_test_cases: TestCases::List(vec![TestCase {
                input: "1".into(),
                output: "2".into(),
                testtype: TestType::Stdin,
            }]),
            private_test_cases: TestCases::default(),
            metadata: CodeMetadata::default(),
            time_limit_secs,
            memory_limit_mib,
        }
    }

    #[test]
    fn good_rules_pass() {
        for grading in [
            Grading::Exact { gold: "yes".into() },
            choice("A", 2),
            choice("Z", 26),
            number("-0.1", 0.0),
            number("1e9", 0.01),
            number("3/4", 0.0),
            number(".5", 0.0),
            number("[4, -1.5]", 0.04),
            Grading::Countdown { numbers: vec![3, 5], target: 8 },
            code(Some(6.0), Some(256)),
            code(None, None),
            python("check(f)", "f"),
            python("check(größe_2)", "größe_2"),
            Grading::ReasoningGym { dataset: "chain_sum".into(), gold: "4".into(), entry: None },
            Grading::Recorded,
        ] {
            assert!(with(grading.clone()).is_ok(), "{grading:?}");
        }
    }

    #[test]
    fn bad_rules_name_the_place_the_field_and_what_was_found() {
        for (grading, words) in [
            (Grading::Exact { gold: " \n".into() }, "`gold` that is not empty"),
            (choice("C", 2), "a letter from A to B in the grading of task \"a/1\", found \"C\""),
            (choice("AB", 4), "found \"AB\""),
            (choice("a", 4), "found \"a\""),
            (choice("A", 1), "`options` from 2 to 26"),
            (choice("A", 27), "found 27"),
            (number("inf", 0.0), "a number"),
            (number("1e999", 0.0), "found \"1e999\""),
            (number("1/0", 0.0), "found \"1/0\""),
            (number("twelve", 0.0), "found \"twelve\""),
            (number("[1, two]", 0.0), "a list of numbers"),
            (number("[]", 0.0), "a list of numbers"),
            (Grading::Countdown { numbers: Vec::new(), target: 8 }, "1 to 64 `numbers`"),
            (code(Some(0.0), None), "`time_limit_secs` above 0"),
            (code(Some(1e9), None), "`time_limit_secs` above 0 and at most 3600"),
            (code(None, Some(1)), "`memory_limit_mib` of at least 16"),
            (number("1", -0.5), "`tolerance` of at least 0"),
            (number("1", f64::NAN), "found NaN"),
            (python("", "f"), "`tests` that is not empty"),
            (python("check(f)", "2f"), "found \"2f\""),
            (python("check(f)", "os.system"), "`entry_point` that names a function"),
            (
                Grading::ReasoningGym { dataset: String::new(), gold: "4".into(), entry: None },
                "`dataset`",
            ),
        ] {
            let error = with(grading).unwrap_err().to_string();
            assert!(error.starts_with("t.jsonl:7: ") && error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_date_is_a_day() {
        let place = Place::new(Path::new("t.jsonl"), Position::Line(3));
        let dated = |date: &str| Task {
            id: "a".into(),
            domain: "d".into(),
            prompt: "p".into(),
            grading: Grading::Recorded,
            parts: Vec::new(),
            date: Some(date.into()),
            constraint: None,
        };
        assert!(task(&place, &dated("2024-11-01T00:00:00")).is_ok());
        let error = task(&place, &dated("11/01/2024")).unwrap_err().to_string();
        let words = "t.jsonl:3: expected a date YYYY-MM-DD of the calendar of task \"a\", found \"11/01/2024\"";
        assert_eq!(error, words);
    }

    #[test]
    fn ids_and_prompts_must_say_something() {
        let place = Place::new(Path::new("t.jsonl"), Position::Line(1));
        let good = Task {
            id: "a".into(),
            domain: "d".into(),
            prompt: "p".into(),
            grading: Grading::Recorded,
            parts: Vec::new(),
            date: None,
            constraint: None,
        };
        for (id, domain, prompt, words) in [
            ("", "d", "p", "an id"),
            ("a\nb", "d", "p", "id without line breaks"),
            (" a", "d", "p", "white space around it"),
            ("a", "\t", "p", "domain that is not empty"),
            ("a", "d", " \r\n", "prompt that is not empty"),
        ] {
            let bad = Task {
                id: id.into(),
                domain: domain.into(),
                prompt: prompt.into(),
                ..good.clone()
            };
            let error = task(&place, &bad).unwrap_err().to_string();
            assert!(error.contains(&words.replace("an id", "id that is not empty")), "{error}");
        }
    }
}
