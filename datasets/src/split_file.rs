//! Files that say which split each task is in.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use serde_json::json;

use crate::columns::{self, BATCH_ROWS, Format};
use crate::set::{TaskEntry, TaskSet};
use crate::{DataError, atomic};

const FORMAT: Format = Format { name: "splits", label: "a table of splits", version: 1 };

/// Writes id, domain and split of every task: training, then validation, then test. A path that ends in `.parquet` becomes a table,
/// any other one JSON object a line.
///
/// Errors: the file cannot be written.
pub fn write_splits(path: &Path, tasks: &TaskSet) -> Result<(), DataError> {
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet")) {
        let columns = ["id", "domain", "split"];
        let fields = columns.map(|name| Field::new(name, DataType::Utf8, false));
        let schema = Arc::new(Schema::new(fields.to_vec()));
        let mut entries = tasks.iter();
        let of = schema.clone();
        let batches = std::iter::from_fn(move || {
            let rows: Vec<&TaskEntry> = entries.by_ref().take(BATCH_ROWS * 64).collect();
            (!rows.is_empty()).then(|| batch(&of, &rows))
        });
        return columns::write(path, &FORMAT, &schema, batches);
    }
    atomic::replace(path, |file| {
        tasks.iter().try_for_each(|entry| writeln!(file, "{}", split_line(entry)))
    })
}

/// The line of a task in a JSONL file of splits.
pub fn split_line(entry: &TaskEntry) -> String {
    json!({ "id": entry.id, "domain": entry.domain, "split": entry.split }).to_string()
}

fn batch(schema: &Arc<Schema>, rows: &[&TaskEntry]) -> RecordBatch {
    let texts = |of: &dyn Fn(&TaskEntry) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|entry| of(entry))))
    };
    let columns = vec![
        texts(&|entry| entry.id.to_string()),
        texts(&|entry| entry.domain.to_string()),
        texts(&|entry| entry.split.to_string()),
    ];
    match RecordBatch::try_new(schema.clone(), columns) {
        Ok(batch) => batch,
        Err(error) => unreachable!("three columns of as many texts: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use conductor_configs::schema::SplitShares;
    use conductor_types::{Grading, Task};

    use super::*;
    use crate::columns::Table;

    #[test]
    fn both_forms_say_the_same_of_every_task() {
        let tasks = (0..70).map(|i| Task {
            id: format!("sum/{i}"),
            domain: "sums".into(),
            prompt: "2+2?".into(),
            parts: Vec::new(),
            grading: Grading::Recorded,
            date: None,
            constraint: None,
        });
        let set = TaskSet::new(tasks, &SplitShares::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (lines, table) = (folder.path().join("s.jsonl"), folder.path().join("s.parquet"));
        write_splits(&lines, &set).unwrap();
        write_splits(&table, &set).unwrap();
        let text = fs::read_to_string(&lines).unwrap();
        assert_eq!(text.lines().count(), 70);
        let mut in_table = Vec::new();
        let table = Table::open(&table).unwrap();
        table.require(&FORMAT).unwrap();
        table
            .for_each(&["id", "domain", "split"], &mut |batch| {
                let text = |name| columns::get::<StringArray>(Path::new(""), batch, name, "text");
                let (id, split) = (text("id")?, text("split")?);
                for i in 0..batch.num_rows() {
                    in_table.push(
                        json!({ "id": id.value(i), "domain": "sums", "split": split.value(i) })
                            .to_string(),
                    );
                }
                Ok(())
            })
            .unwrap();
        assert!(text.lines().eq(in_table));
        let first = set.iter().next().unwrap();
        let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(line, json!({ "id": first.id, "domain": "sums", "split": "train" }));
        let error = write_splits(Path::new("no/such/s.jsonl"), &set).unwrap_err();
        assert!(error.to_string().contains("no/such/s.jsonl"), "{error}");
    }
}
