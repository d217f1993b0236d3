//! Tables of tasks as this program writes them: the own-task form of Parquet (docs/formats.md, Tasks) in row groups so small that one
//! task is read without the rest.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use conductor_types::{Constraint, Grading, Part, Task};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;

use crate::atomic::Aside;
use crate::columns::{self, Format, Table};
use crate::error::{DataError, Place, Position, excerpt, help_for};

const FORMAT: Format = Format { name: "tasks", label: "a table of tasks", version: 1 };

/// A row group ends once it holds this much text, or this many rows: what must be read for one task.
const GROUP_BYTES: usize = 1 << 20;
const GROUP_ROWS: usize = 4096;

/// Row groups that are kept after they were read hold no more than this together, the newest one aside.
const KEPT_BYTES: usize = 16 << 20;

/// Texts a row, then the columns that are there so that an index can be made without the long ones.
const TEXTS: [(&str, bool); 8] = [
    ("id", false),
    ("domain", false),
    ("prompt", false),
    ("grading", false),
    ("parts", true),
    ("constraint", true),
    ("date", true),
    ("grading_kind", false),
];
const PROMPT_CHARS: &str = "prompt_chars";

fn schema() -> Schema {
    let text =
        |(name, nullable): &(&'static str, bool)| Field::new(*name, DataType::Utf8, *nullable);
    let mut fields: Vec<Field> = TEXTS.iter().map(text).collect();
    fields.push(Field::new(PROMPT_CHARS, DataType::Int64, false));
    Schema::new(fields)
}

/// Writes tasks into a table, one at a time. Without [`finish`](Self::finish) there is no file.
#[derive(Debug)]
pub struct TaskWriter {
    aside: Aside,
    file: File,
    writer: ArrowWriter<File>,
    schema: Arc<Schema>,
    texts: [Vec<Option<String>>; TEXTS.len()],
    chars: Vec<i64>,
    bytes: usize,
    rows: usize,
}

impl TaskWriter {
    /// Begins a table beside `path`, where it will stand. Errors: no file can be written there.
    pub fn create(path: &Path) -> Result<Self, DataError> {
        let schema = Arc::new(schema());
        let (aside, file) = Aside::create(path)?;
        let own = file.try_clone().map_err(|error| aside.error(error))?;
        let properties = columns::properties(&FORMAT);
        let writer = ArrowWriter::try_new(own, schema.clone(), Some(properties))
            .map_err(|error| aside.error(columns::into_io(error)))?;
        let texts = std::array::from_fn(|_| Vec::new());
        Ok(Self { aside, file, writer, schema, texts, chars: Vec::new(), bytes: 0, rows: 0 })
    }

    /// Adds a task. Errors: the disk is full.
    pub fn write(&mut self, task: &Task) -> Result<(), DataError> {
        let json = |value: serde_json::Result<String>| {
            value.map_err(|error| self.aside.error(std::io::Error::other(error)))
        };
        let parts = (!task.parts.is_empty())
            .then(|| json(serde_json::to_string(&task.parts)))
            .transpose()?;
        let constraint = task
            .constraint
            .as_ref()
            .map(|constraint| json(serde_json::to_string(constraint)))
            .transpose()?;
        let row = [
            Some(task.id.clone()),
            Some(task.domain.clone()),
            Some(task.prompt.clone()),
            Some(json(serde_json::to_string(&task.grading))?),
            parts,
            constraint,
            task.date.clone(),
            Some(task.grading.kind().to_owned()),
        ];
        self.bytes += row.iter().flatten().map(String::len).sum::<usize>();
        for (column, text) in self.texts.iter_mut().zip(row) {
            column.push(text);
        }
        self.chars.push(i64::try_from(task.prompt.chars().count()).unwrap_or(i64::MAX));
        self.rows += 1;
        if self.bytes >= GROUP_BYTES || self.chars.len() >= GROUP_ROWS {
            self.end_group()?;
        }
        Ok(())
    }

    /// Puts the table in its place and says how many tasks it has.
    pub fn finish(mut self) -> Result<usize, DataError> {
        self.end_group()?;
        let Self { aside, file, writer, rows, .. } = self;
        writer.close().map_err(|error| aside.error(columns::into_io(error)))?;
        aside.place(&file)?;
        Ok(rows)
    }

    fn end_group(&mut self) -> Result<(), DataError> {
        if self.chars.is_empty() {
            return Ok(());
        }
        let mut columns: Vec<ArrayRef> = self
            .texts
            .iter_mut()
            .map(|texts| Arc::new(StringArray::from(std::mem::take(texts))) as ArrayRef)
            .collect();
        columns.push(Arc::new(Int64Array::from(std::mem::take(&mut self.chars))));
        self.bytes = 0;
        RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(ParquetError::from)
            .and_then(|batch| self.writer.write(&batch))
            .and_then(|()| self.writer.flush())
            .map_err(|error| self.aside.error(columns::into_io(error)))
    }
}

/// What an index knows of a task.
#[derive(Debug)]
pub struct Outline {
    pub id: String,
    pub domain: String,
    pub grading: String,
    pub prompt_chars: u32,
    pub date: Option<String>,
    /// The task's own.
    pub constraint: Option<Constraint>,
}

impl Outline {
    pub fn of(task: &Task) -> Self {
        Self {
            id: task.id.clone(),
            domain: task.domain.clone(),
            grading: task.grading.kind().to_owned(),
            prompt_chars: u32::try_from(task.prompt.chars().count()).unwrap_or(u32::MAX),
            date: task.date.clone(),
            constraint: task.constraint.clone(),
        }
    }
}

/// A table of tasks that is open to be read row by row.
#[derive(Debug)]
pub struct TaskTable {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    /// The first row of each row group, then the number of rows.
    starts: Vec<usize>,
    state: Mutex<State>,
    /// Whether it was made of a source, and can be made of it again.
    is_copy: bool,
}

#[derive(Debug)]
struct State {
    // Inside the lock, since all handles of an open file share one position.
    file: File,
    groups: VecDeque<(usize, RecordBatch)>,
    /// Tasks that somebody still holds.
    held: HashMap<usize, Weak<Task>>,
}

impl TaskTable {
    /// Opens a table of the form that this program writes; `None` where the file is another Parquet file.
    pub fn open(path: &Path) -> Result<Option<Self>, DataError> {
        if Table::open(path)?.require(&FORMAT).is_err() {
            return Ok(None);
        }
        let file = File::open(path).map_err(|source| DataError::Read {
            operation: "open",
            path: path.to_path_buf(),
            help: help_for(&source),
            source,
        })?;
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::load(&file, options)
            .map_err(|error| columns::unreadable(path, error))?;
        if metadata.schema().fields() != schema().fields() {
            return Ok(None);
        }
        let mut starts = vec![0];
        for group in metadata.metadata().row_groups() {
            let rows = usize::try_from(group.num_rows()).unwrap_or(0);
            starts.push(starts.last().copied().unwrap_or(0) + rows);
        }
        let state = State { file, groups: VecDeque::new(), held: HashMap::new() };
        let (path, state) = (path.to_path_buf(), Mutex::new(state));
        Ok(Some(Self { path, metadata, starts, state, is_copy: false }))
    }

    /// Opens a table that was made of a source: what is wrong with it goes away with it.
    pub fn open_copy(path: &Path) -> Result<Option<Self>, DataError> {
        Ok(Self::open(path)?.map(|table| Self { is_copy: true, ..table }))
    }

    /// An error of reading it, with what can be done about it.
    fn told(&self, error: DataError) -> DataError {
        use DataError::{Column, Parquet, Read, Record};
        if self.is_copy
            && matches!(error, Column { .. } | Parquet { .. } | Read { .. } | Record { .. })
        {
            return DataError::Copy { path: self.path.clone(), source: Box::new(error) };
        }
        error
    }

    /// Hands over what an index needs of each row, in order. The long columns are not read.
    pub fn outlines(
        &self,
        visit: &mut dyn FnMut(Outline) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let short = ["id", "domain", "grading_kind", PROMPT_CHARS, "date", "constraint"];
        let mut row = 0;
        let read = Table::open(&self.path).and_then(|table| {
            table.for_each(&short, &mut |batch| {
                let texts = |name| columns::get::<StringArray>(&self.path, batch, name, "text");
                let chars =
                    columns::get::<Int64Array>(&self.path, batch, PROMPT_CHARS, "whole numbers")?;
                let (id, domain, kind) = (texts("id")?, texts("domain")?, texts("grading_kind")?);
                let (date, constraint) = (texts("date")?, texts("constraint")?);
                for i in 0..batch.num_rows() {
                    row += 1;
                    let at = || Place::new(&self.path, Position::Row(row));
                    visit(Outline {
                        id: text(id, i, "id", at)?.to_owned(),
                        domain: text(domain, i, "domain", at)?.to_owned(),
                        grading: text(kind, i, "grading_kind", at)?.to_owned(),
                        prompt_chars: u32::try_from(chars.value(i)).unwrap_or(u32::MAX),
                        date: date.is_valid(i).then(|| date.value(i).to_owned()),
                        constraint: json(constraint, i, at)?,
                    })?;
                }
                Ok(())
            })
        });
        read.map_err(|error| self.told(error))
    }

    /// The task of a row, from 0. Errors: the file cannot be read any more, or was changed.
    pub fn task(&self, row: usize) -> Result<Arc<Task>, DataError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = state.held.get(&row).and_then(Weak::upgrade) {
            return Ok(task);
        }
        if self.starts.last().is_none_or(|rows| row >= *rows) {
            return Err(self.told(self.no_row(row)));
        }
        // Groups without rows share their start with the one behind.
        let group = self.starts.partition_point(|start| *start <= row).saturating_sub(1);
        let task = state
            .group(self, group)
            .and_then(|batch| self.decode(&batch, row - self.starts[group], row))
            .map_err(|error| self.told(error))?;
        let task = Arc::new(task);
        if state.held.len() >= 1024 {
            state.held.retain(|_, task| task.strong_count() > 0);
        }
        state.held.insert(row, Arc::downgrade(&task));
        Ok(task)
    }

    fn no_row(&self, row: usize) -> DataError {
        DataError::Record {
            place: Place::new(&self.path, Position::Row(row as u64 + 1)),
            expected: "a task".into(),
            given: "the end of the table".into(),
        }
    }

    fn decode(&self, batch: &RecordBatch, i: usize, row: usize) -> Result<Task, DataError> {
        let at = || Place::new(&self.path, Position::Row(row as u64 + 1));
        if i >= batch.num_rows() {
            return Err(self.no_row(row));
        }
        let texts = |name| columns::get::<StringArray>(&self.path, batch, name, "text");
        let grading: Option<Grading> = json(texts("grading")?, i, at)?;
        let parts: Option<Vec<Part>> = json(texts("parts")?, i, at)?;
        let date = texts("date")?;
        Ok(Task {
            id: text(texts("id")?, i, "id", at)?.to_owned(),
            domain: text(texts("domain")?, i, "domain", at)?.to_owned(),
            prompt: text(texts("prompt")?, i, "prompt", at)?.to_owned(),
            parts: parts.unwrap_or_default(),
            grading: grading.ok_or_else(|| null("grading", at()))?,
            date: date.is_valid(i).then(|| date.value(i).to_owned()),
            constraint: json(texts("constraint")?, i, at)?,
        })
    }
}

impl State {
    /// A row group, from what is kept or from the file.
    fn group(&mut self, table: &TaskTable, group: usize) -> Result<RecordBatch, DataError> {
        if let Some(place) = self.groups.iter().position(|(kept, _)| *kept == group) {
            return Ok(self.groups[place].1.clone());
        }
        let fail = |error| columns::unreadable(&table.path, error);
        let file = self.file.try_clone().map_err(|source| DataError::Read {
            operation: "read",
            path: table.path.clone(),
            help: help_for(&source),
            source,
        })?;
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, table.metadata.clone());
        let rows = table.starts.get(group + 1).map_or(0, |end| end - table.starts[group]);
        let mut reader = builder
            .with_row_groups(vec![group])
            .with_batch_size(rows.max(1))
            .build()
            .map_err(fail)?;
        let batch = match reader.next() {
            Some(batch) => batch.map_err(|error| fail(ParquetError::from(error)))?,
            None => RecordBatch::new_empty(table.metadata.schema().clone()),
        };
        self.groups.push_front((group, batch.clone()));
        let mut kept = 0;
        self.groups.retain(|(number, batch)| {
            kept += batch.get_array_memory_size();
            *number == group || kept <= KEPT_BYTES
        });
        Ok(batch)
    }
}

fn null(column: &str, place: Place) -> DataError {
    let expected = format!("text in the column \"{column}\"");
    DataError::Record { place, expected, given: "null".into() }
}

fn text<'a>(
    column: &'a StringArray,
    i: usize,
    name: &str,
    at: impl Fn() -> Place,
) -> Result<&'a str, DataError> {
    if column.is_null(i) { Err(null(name, at())) } else { Ok(column.value(i)) }
}

fn json<T: serde::de::DeserializeOwned>(
    column: &StringArray,
    i: usize,
    at: impl Fn() -> Place,
) -> Result<Option<T>, DataError> {
    if column.is_null(i) {
        return Ok(None);
    }
    let text = column.value(i);
    serde_json::from_str(text).map(Some).map_err(|error| DataError::Record {
        place: at(),
        expected: "JSON as this program writes it (the file was changed; write it again)".into(),
        given: format!("{} ({error})", excerpt(text)),
    })
}

#[cfg(test)]
mod tests;
