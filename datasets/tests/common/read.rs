//! Sources as a configuration names them, read whole.

use std::path::Path;

use conductor_configs::schema::TaskSource;
use conductor_datasets::sources;
use conductor_types::Task;
use serde_json::{Value, json};

/// A source by its kind, its path and its other keys.
pub fn source(kind: &str, path: &Path, keys: Value) -> TaskSource {
    let mut table = json!({"kind": kind, "path": path});
    let Value::Object(keys) = keys else { panic!("keys are a table, not {keys}") };
    table.as_object_mut().expect("a table").extend(keys);
    serde_json::from_value(table).expect("a source that a configuration may name")
}

/// Every task of a source, in order; an error in words.
pub fn all(kind: &str, path: &Path, keys: Value) -> Result<Vec<Task>, String> {
    let mut tasks = Vec::new();
    let read = sources::read(&source(kind, path, keys), &mut |_, task| {
        tasks.push(task);
        Ok(())
    });
    read.map(|()| tasks).map_err(|error| error.to_string())
}
