//! Anyone's own tasks as a Parquet table with the text columns `id`, `prompt`, `grading` (JSON) and,
//! where wanted, `domain` and `constraint` (JSON). Other columns are left alone: tools add their own.

use std::path::Path;

use arrow_array::{Array, RecordBatch, StringArray};
use conductor_types::{Constraint, Grading, Task};

use super::{Emit, domain_of, lines};
use crate::columns::{self, Table};
use crate::error::{DataError, Place, Position};

const GRADING: &str = "a grading rule as JSON text {\"kind\": …} (docs/formats.md, Tasks)";
const CONSTRAINT: &str = "a constraint as JSON text {\"text\", …} (docs/formats.md, Constraints)";

pub(super) fn read(path: &Path, emit: &mut Emit) -> Result<(), DataError> {
    let table = Table::open(path)?;
    let optional = ["domain", "constraint"].into_iter().filter(|name| table.has(name));
    let wanted: Vec<&str> = ["id", "prompt", "grading"].into_iter().chain(optional).collect();
    let domain = domain_of(path);
    let mut row = 0;
    table.for_each(&wanted, &mut |batch| {
        let columns = Columns::of(path, batch, &wanted)?;
        for i in 0..batch.num_rows() {
            row += 1;
            let at = Position::Row(row);
            let task = columns.task(i, &Place::new(path, at), &domain)?;
            emit(at, task)?;
        }
        Ok(())
    })
}

struct Columns<'a> {
    id: &'a StringArray,
    prompt: &'a StringArray,
    grading: &'a StringArray,
    domain: Option<&'a StringArray>,
    constraint: Option<&'a StringArray>,
}

impl<'a> Columns<'a> {
    fn of(path: &Path, batch: &'a RecordBatch, there: &[&str]) -> Result<Self, DataError> {
        let text = |name| columns::get::<StringArray>(path, batch, name, "text");
        Ok(Self {
            id: text("id")?,
            prompt: text("prompt")?,
            grading: columns::get(path, batch, "grading", "JSON text, not a nested column")?,
            domain: there.contains(&"domain").then(|| text("domain")).transpose()?,
            constraint: there
                .contains(&"constraint")
                .then(|| columns::get(path, batch, "constraint", "JSON text, not a nested column"))
                .transpose()?,
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
        let constraint = match self.constraint {
            Some(column) if column.is_valid(i) => {
                lines::decode::<Constraint>(column.value(i)).map(Some).map_err(|given| {
                    DataError::Record { place: place.clone(), expected: CONSTRAINT.into(), given }
                })?
            }
            _ => None,
        };
        Ok(Task {
            id: text(self.id, "id")?,
            domain: domain.to_string(),
            prompt: text(self.prompt, "prompt")?,
            grading,
            parts: Vec::new(),
            constraint,
        })
    }
}
