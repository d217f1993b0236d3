//! Small files in the forms that benchmarks ship, and what is read of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use conductor_types::Grading;
use parquet::arrow::ArrowWriter;
use serde_json::Value;

pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        path
    }

    /// One row a line.
    pub fn lines(&self, name: &str, rows: &[Value]) -> PathBuf {
        let rows: Vec<String> = rows.iter().map(Value::to_string).collect();
        self.file(name, rows.join("\n"))
    }

    /// All rows in one array, as many benchmarks ship.
    pub fn array(&self, name: &str, rows: &[Value]) -> PathBuf {
        self.file(name, format!("{:#}", Value::Array(rows.to_vec())))
    }

    pub fn table(&self, name: &str, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
        let path = self.path().join(name);
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let file = fs::File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        path
    }
}

pub fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

pub fn lists(values: &[&[&str]]) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for list in values {
        for value in *list {
            builder.values().append_value(value);
        }
        builder.append(true);
    }
    Arc::new(builder.finish())
}

pub fn number(gold: &str, tolerance: f64) -> Grading {
    Grading::Number { gold: gold.into(), tolerance }
}

pub fn choice(gold: &str, options: u8) -> Grading {
    Grading::Choice { gold: gold.into(), options }
}
