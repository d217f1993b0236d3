//! Anyone's own tasks as a Parquet table with the text columns `id`, `prompt`, `grading` (JSON) and,
//! where wanted, `domain`, `parts` and `constraint` (JSON). Other columns are left alone: tools add their own.

use std::path::Path;

use arrow_array::{Array, RecordBatch, StringArray};
use conductor_types::{Constraint, Grading, Part, Task};
use serde::de::DeserializeOwned;

use super::{Emit, domain_of, lines, parts};
use crate::columns::{self, Table};
use crate::error::{DataError, Place, Position};

const GRADING: &str = "a grading rule as JSON text {\"kind\": …} (docs/formats.md, Tasks)";
const CONSTRAINT: &str = "a constraint as JSON text {\"text\", …} (docs/formats.md, Constraints)";
const PARTS: &str = "content parts as JSON text [{\"type\", …}, …] (docs/formats.md, Tasks)";

pub(super) fn read(path: &Path, emit: &mut Emit) -> Result<(), DataError> {
    let table = Table::open(path)?;
    let optional = ["domain", "parts", "constraint"].into_iter().filter(|name| table.has(name));
    // With parts there may be no prompt.
    let prompt = (table.has("prompt") || !table.has("parts")).then_some("prompt");
    let wanted: Vec<&str> = ["id", "grading"].into_iter().chain(prompt).chain(optional).collect();
    let domain = domain_of(path);
    let mut row = 0;
    table.for_each(&wanted, &mut |batch| {
        let columns = Columns::of(path, batch, &wanted)?;
        for i in 0..batch.num_rows() {
            row += 1;
            let place = Place::new(path, Position::Row(row));
            let task = columns.task(i, &place, &domain)?;
            emit(place, task)?;
        }
        Ok(())
    })
}

struct Columns<'a> {
    id: &'a StringArray,
    prompt: Option<&'a StringArray>,
    grading: &'a StringArray,
    domain: Option<&'a StringArray>,
    parts: Option<&'a StringArray>,
    constraint: Option<&'a StringArray>,
}

impl<'a> Columns<'a> {
    fn of(path: &Path, batch: &'a RecordBatch, there: &[&str]) -> Result<Self, DataError> {
        let text = |name| columns::get::<StringArray>(path, batch, name, "text");
        let json =
            |name| columns::get::<StringArray>(path, batch, name, "JSON text, not a nested column");
        let has = |name| there.contains(&name);
        Ok(Self {
            id: text("id")?,
            prompt: has("prompt").then(|| text("prompt")).transpose()?,
            grading: json("grading")?,
            domain: has("domain").then(|| text("domain")).transpose()?,
            parts: has("parts").then(|| json("parts")).transpose()?,
            constraint: has("constraint").then(|| json("constraint")).transpose()?,
        })
    }

    fn task(&self, i: usize, place: &Place, domain: &str) -> Result<Task, DataError> {
        let text = |column: &StringArray, name: &str| {
            if column.is_null(i) {
                return Err(DataError::Record {
                    place: place.clone(),
                    expected: format!("text in the column \"{name}\""),
                    given: "null".into(),
                });
            }
            Ok(column.value(i).to_string())
        };
        let grading: Grading = lines::decode(&text(self.grading, "grading")?).map_err(|given| {
            DataError::Record { place: place.clone(), expected: GRADING.into(), given }
        })?;
        let domain = match self.domain {
            Some(column) if column.is_valid(i) => column.value(i),
            _ => domain,
        };
        let constraint = optional::<Constraint>(self.constraint, i, place, CONSTRAINT)?;
        let parts = optional::<Vec<Part>>(self.parts, i, place, PARTS)?.unwrap_or_default();
        let prompt = match self.prompt {
            // A null beside parts is a prompt that follows from them.
            Some(column) if parts.is_empty() || column.is_valid(i) => Some(text(column, "prompt")?),
            _ => None,
        };
        let prompt = parts::prompt(place, prompt, &parts)?;
        let (id, domain) = (text(self.id, "id")?, domain.to_string());
        Ok(Task { id, domain, prompt, parts, grading, constraint })
    }
}

/// JSON in a column that need not be there.
fn optional<T: DeserializeOwned>(
    column: Option<&StringArray>,
    i: usize,
    place: &Place,
    expected: &str,
) -> Result<Option<T>, DataError> {
    let Some(column) = column.filter(|column| column.is_valid(i)) else { return Ok(None) };
    lines::decode(column.value(i)).map(Some).map_err(|given| DataError::Record {
        place: place.clone(),
        expected: expected.into(),
        given,
    })
}
