//! Questions that hold more than text come out as they stand in the file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use conductor_configs::schema::Tasks;
use conductor_datasets::{DataError, TaskSet, load};
use conductor_types::Part;
use parquet::arrow::ArrowWriter;
use serde_json::json;

fn source(kind: &str, path: &Path) -> Result<TaskSet, DataError> {
    let tasks: Tasks =
        serde_json::from_value(json!({ "sources": [{ "kind": kind, "path": path }] })).unwrap();
    load(&tasks)
}

fn jsonl(folder: &Path, parts: &str) -> (PathBuf, Result<TaskSet, DataError>) {
    let path = folder.join("own.jsonl");
    let line = format!(
        r#"{{"id": "a", "prompt": "Which?", "parts": {parts}, "grading": {{"kind": "exact", "gold": "4"}}}}"#
    );
    fs::write(&path, format!("\n{line}\n")).unwrap();
    let set = source("jsonl", &path);
    (path, set)
}

const PARTS: &str = r#"[{"type":"text","text":"Which?"},{"type":"image_url","image_url":{"url":"data:,","detail":"low"},"b":1,"a":2.0}]"#;

fn parquet(path: &Path, parts: Vec<Option<&str>>) -> Result<TaskSet, DataError> {
    let ids: Vec<String> = (0..parts.len()).map(|row| row.to_string()).collect();
    let grading = vec![r#"{"kind": "exact", "gold": "4"}"#; parts.len()];
    let columns: [(&str, ArrayRef); 4] = [
        ("prompt", Arc::new(StringArray::from(vec!["Which?"; parts.len()]))),
        ("grading", Arc::new(StringArray::from(grading))),
        ("parts", Arc::new(StringArray::from(parts))),
        ("id", Arc::new(StringArray::from(ids))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    source("parquet", path)
}

#[test]
fn parts_keep_their_keys_and_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let set = jsonl(folder.path(), PARTS).1.unwrap();
    let task = set.get(set.find("a").unwrap()).unwrap();
    assert_eq!(serde_json::to_string(&task.parts).unwrap(), PARTS);
    assert_eq!(task.question(), "Which?\n[image 1]");
    let set = jsonl(folder.path(), "[]").1.unwrap();
    assert_eq!(set.get(set.find("a").unwrap()).unwrap().question(), "Which?");

    let path = folder.path().join("own.parquet");
    let set = parquet(&path, vec![Some(PARTS), None]).unwrap();
    let parts = |id: &str| set.get(set.find(id).unwrap()).unwrap().parts.clone();
    assert_eq!(parts("0"), task.parts);
    assert_eq!(parts("1"), Vec::<Part>::new());
}

#[test]
fn parts_that_no_endpoint_takes_are_refused_where_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let (path, error) = jsonl(folder.path(), r#"[{"type": "text", "text": "a"}, {"text": "b"}]"#);
    let error = error.unwrap_err().to_string();
    let place = format!("{}:2: ", path.display());
    assert!(error.starts_with(&place) && error.contains("in part 2"), "{error}");
    let error = jsonl(folder.path(), r#""an image""#).1.unwrap_err().to_string();
    assert!(error.contains(":2: "), "{error}");

    let path = folder.path().join("own.parquet");
    let error = parquet(&path, vec![None, Some("[{]")]).unwrap_err().to_string();
    assert!(error.contains("row 2") && error.contains("content parts as JSON text"), "{error}");
}
