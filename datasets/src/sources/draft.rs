//! What sources share when they make a task of a row.

use std::collections::HashMap;

use conductor_configs::schema::DomainBy;
use conductor_types::{Grading, Task, seed};
use serde_json::Value;

use crate::error::{DataError, Place, excerpt};

/// Where a row stands, and which one it is.
#[derive(Debug, Clone)]
pub struct At {
    /// For errors.
    pub place: Place,
    /// The row's number in its file, from 0: the id of rows that have none of their own.
    pub index: u64,
}

impl At {
    /// An error at this row.
    pub fn fail(&self, expected: impl Into<String>, given: impl Into<String>) -> DataError {
        DataError::Record {
            place: self.place.clone(),
            expected: expected.into(),
            given: given.into(),
        }
    }
}

/// A task that is text alone.
pub fn task(id: String, domain: String, prompt: String, grading: Grading) -> Task {
    Task { id, domain, prompt, grading, parts: Vec::new(), date: None, constraint: None }
}

/// An id for rows that carry none: it follows from their text, so that it stays when rows are added or moved.
pub fn content_id(text: &str) -> String {
    format!("{:016x}", seed::derive(0, "task id", &[text.trim()]))
}

/// The id for the first row that has it, and with a mark ("-2") for each further one.
pub fn numbered(id: String, times: &mut HashMap<String, u64>) -> String {
    let times = times.entry(id.clone()).or_default();
    *times += 1;
    if *times == 1 { id } else { format!("{id}-{times}") }
}

/// What a row says of itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Labels<'a> {
    /// Its subject, category or platform.
    pub subject: Option<&'a str>,
    /// Its difficulty or level.
    pub difficulty: Option<&'a str>,
}

/// The domain of a row of `benchmark`. Errors: the row does not say what `by` asks for.
pub fn domain(
    at: &At,
    benchmark: &str,
    by: DomainBy,
    labels: Labels<'_>,
) -> Result<String, DataError> {
    let (name, label) = match by {
        DomainBy::Benchmark => return Ok(benchmark.to_string()),
        DomainBy::Subject => ("subject", labels.subject),
        DomainBy::Difficulty => ("difficulty", labels.difficulty),
    };
    match label.map(str::trim).filter(|label| !label.is_empty()) {
        Some(label) => Ok(format!("{benchmark}/{label}")),
        None => Err(at.fail(
            format!("a {name} of the question, since the source has domain = \"{name}\""),
            "none: set `domain` of this source to \"benchmark\"",
        )),
    }
}

/// Text, a number or a truth value as text; nothing else.
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// An id in a row: text that is not blank, or a whole number.
pub fn id_of(at: &At, field: &str, value: &Value) -> Result<String, DataError> {
    let found = match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_string()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    };
    found.ok_or_else(|| {
        at.fail(format!("`{field}` that is text or a whole number"), excerpt(&value.to_string()))
    })
}
