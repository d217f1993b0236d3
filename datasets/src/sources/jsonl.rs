//! Anyone's own tasks, one JSON object a line.

use std::path::Path;

use conductor_types::{Constraint, Grading, Task};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Emit, domain_of, lines};
use crate::error::{DataError, Position};

const EXPECTED: &str = "a task {\"id\", \"prompt\", \"domain\"?, \"grading\": {\"kind\": …}, \
                        \"constraint\": {\"text\", …}?} (docs/formats.md, Tasks)";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    prompt: String,
    domain: Option<String>,
    grading: Grading,
    constraint: Option<Constraint>,
    /// Room for what other programs keep with a task. Every other key is refused, since a misspelt
    /// `domain` would go unnoticed.
    #[serde(rename = "metadata")]
    _metadata: Option<IgnoredAny>,
}

pub(super) fn read(path: &Path, emit: &mut Emit) -> Result<(), DataError> {
    let domain = domain_of(path);
    lines::for_each(path, EXPECTED, |number, line: Line| {
        let Line { id, prompt, domain: own, grading, constraint, _metadata } = line;
        let domain = own.unwrap_or_else(|| domain.clone());
        emit(Position::Line(number), Task { id, domain, prompt, grading, parts: Vec::new(), constraint })
    })
}
