//! Where the tasks of one source are: in memory while all tasks together are few, else in a table that is read task by task.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use conductor_configs::schema::TaskSource;
use conductor_types::{Grading, Task, TestCases};

use crate::cache::Slot;
use crate::error::{DataError, help_for};
use crate::sources;
use crate::table::{Outline, TaskTable, TaskWriter};

/// The tasks of one source, by their number.
#[derive(Debug)]
pub enum Store {
    Memory(Vec<Arc<Task>>),
    Table(TaskTable),
}

impl Store {
    /// The whole task.
    pub fn task(&self, row: usize) -> Result<Arc<Task>, DataError> {
        match self {
            Self::Memory(tasks) => Ok(tasks[row].clone()),
            Self::Table(table) => table.task(row),
        }
    }

    /// The task without what only its grader reads and may be megabytes.
    pub fn question(&self, row: usize) -> Result<Arc<Task>, DataError> {
        let task = self.task(row)?;
        if matches!(self, Self::Memory(_)) {
            return Ok(task);
        }
        let mut question = Task::clone(&task);
        drop(task);
        if let Grading::Code { public_test_cases, private_test_cases, .. } = &mut question.grading {
            *public_test_cases = TestCases::default();
            *private_test_cases = TestCases::default();
        }
        Ok(Arc::new(question))
    }

    /// Whether [`question`](Self::question) leaves something out.
    pub fn leaves_out(&self, task: &Task) -> bool {
        matches!(self, Self::Table(_)) && matches!(task.grading, Grading::Code { .. })
    }
}

/// What is left of the memory that tasks may take, and where those go that find none.
pub struct Room {
    left: usize,
    cache: PathBuf,
}

impl Room {
    pub fn new(bytes: usize, cache: PathBuf) -> Self {
        Self { left: bytes, cache }
    }

    /// Reads a source once and hands over an outline of each task, in order.
    ///
    /// A table of the form that this program writes is read where it stands, once its rows are found to be good: anybody can
    /// write that form. So is one that was made of the source before, unless its files have changed since. Else tasks are kept in memory until there is no more room, and from then on all of them are
    /// written into a table.
    pub fn open(
        &mut self,
        source: &TaskSource,
        visit: &mut dyn FnMut(Outline) -> Result<(), DataError>,
    ) -> Result<Store, DataError> {
        if let TaskSource::Parquet { path } = source
            && let Some(table) = TaskTable::open(path)?
        {
            sources::read(source, &mut |_, task| visit(Outline::of(&task)))?;
            return Ok(Store::Table(table));
        }
        let slot = Slot::of(&self.cache, source);
        let kept = slot.as_ref().map(Slot::path).filter(|path| path.exists());
        // A damaged one is made again.
        if let Some(Ok(Some(table))) = kept.as_deref().map(TaskTable::open_copy) {
            table.outlines(visit)?;
            return Ok(Store::Table(table));
        }
        let mut sink = Sink { left: self.left, tasks: Vec::new(), writer: None };
        sources::read(source, &mut |_, task| {
            visit(Outline::of(&task))?;
            sink.put(task, || writer(slot.as_ref(), source.path()))
        })?;
        match sink.writer {
            None => {
                self.left = sink.left;
                Ok(Store::Memory(sink.tasks))
            }
            Some((writer, path)) => {
                writer.finish()?;
                let table = TaskTable::open_copy(&path)?;
                table.map(Store::Table).ok_or_else(|| sources::empty(&path))
            }
        }
    }
}

/// Begins the table of a source.
fn writer(slot: Option<&Slot>, source: &Path) -> Result<(TaskWriter, PathBuf), DataError> {
    let Some(slot) = slot else {
        // It was there a moment ago.
        let error = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(DataError::Read {
            operation: "read",
            path: source.to_path_buf(),
            help: help_for(&error),
            source: error,
        });
    };
    let path = slot.path();
    slot.prepare().map_err(|error| DataError::Write {
        path: path.clone(),
        help: "it is for tasks that do not fit memory: make room there, or set tasks.cache to another \
               folder"
            .into(),
        kept: "no file stands there",
        source: error,
    })?;
    Ok((TaskWriter::create(&path)?, path))
}

struct Sink {
    left: usize,
    tasks: Vec<Arc<Task>>,
    writer: Option<(TaskWriter, PathBuf)>,
}

impl Sink {
    fn put(
        &mut self,
        task: Task,
        create: impl FnOnce() -> Result<(TaskWriter, PathBuf), DataError>,
    ) -> Result<(), DataError> {
        if let Some((writer, _)) = &mut self.writer {
            return writer.write(&task);
        }
        let bytes = size(&task);
        if bytes <= self.left {
            self.left -= bytes;
            self.tasks.push(Arc::new(task));
            return Ok(());
        }
        let (writer, _) = self.writer.insert(create()?);
        for task in std::mem::take(&mut self.tasks) {
            writer.write(&task)?;
        }
        writer.write(&task)
    }
}

/// Bytes of a task as text, which is about what it takes in memory.
fn size(task: &Task) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    match serde_json::to_writer(&mut count, task) {
        Ok(()) => count.0,
        Err(error) => unreachable!("a task has a JSON form: {error}"),
    }
}
