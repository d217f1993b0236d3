//! Anyone's own tasks, one JSON object a line.

use std::path::Path;

use conductor_types::{Constraint, Grading, Part, Task};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Emit, domain_of, lines, parts};
use crate::error::{DataError, Place, Position};

const EXPECTED: &str = "a task {\"id\", \"prompt\", \"parts\"?, \"domain\"?, \"grading\": {\"kind\": …}, \
                        \"constraint\": {\"text\", …}?} (docs/formats.md, Tasks)";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    /// Follows from the parts where they are there.
    prompt: Option<String>,
    #[serde(default)]
    parts: Vec<Part>,
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
        let Line { id, prompt, parts, domain: own, grading, constraint, _metadata } = line;
        let domain = own.unwrap_or_else(|| domain.clone());
        let place = Place::new(path, Position::Line(number));
        let prompt = parts::prompt(&place, prompt, &parts)?;
        emit(place, Task { id, domain, prompt, parts, grading, constraint })
    })
}
