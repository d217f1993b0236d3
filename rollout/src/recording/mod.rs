//! Recordings: what workers answered, kept in one Parquet file (docs/formats.md).

mod file;
mod import;
mod journal;
mod record;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use file::{VERSION, read, write};
pub use import::{ImportReport, ImportRequest, LineProblem, import};
pub use record::{
    RecordFailure, RecordOptions, RecordProgress, RecordReport, journal_path, prompt_sha256,
    question_sha256, record,
};

/// One worker's answer to one task, or only its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedAnswer {
    /// The task.
    pub task_id: String,
    /// The worker, under its name at recording.
    pub worker: String,
    /// Its text; absent where only the outcome is known.
    #[serde(default)]
    pub answer: Option<String>,
    /// Its score, 0 to 1; absent where the text must be graded.
    #[serde(default)]
    pub score: Option<f64>,
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written, hidden reasoning included.
    pub completion_tokens: u64,
    /// Dollars; absent where not known.
    #[serde(default)]
    pub cost_usd: Option<f64>,
    /// Milliseconds from request to last byte; absent where not known.
    #[serde(default)]
    pub latency_ms: Option<f64>,
    /// SHA-256 of the prompt that was sent, in hexadecimal; absent where not known.
    #[serde(default)]
    pub prompt_sha256: Option<String>,
}

impl RecordedAnswer {
    /// What makes this row unusable, in words.
    fn fault(&self) -> Option<String> {
        let out_of_range = |name: &str, value: Option<f64>, top: f64, expected: &str| {
            let value = value?;
            let fits = value.is_finite() && (0.0..=top).contains(&value);
            (!fits).then(|| format!("{name}: expected {expected}, given {value}"))
        };
        if self.task_id.is_empty() {
            return Some("task_id: expected text, given an empty string".into());
        }
        if self.worker.is_empty() {
            return Some("worker: expected a name, given an empty string".into());
        }
        if self.answer.is_none() && self.score.is_none() {
            return Some("expected an answer, a score or both, given neither".into());
        }
        out_of_range("score", self.score, 1.0, "a number from 0 to 1")
            .or_else(|| out_of_range("cost_usd", self.cost_usd, f64::MAX, "dollars, 0 or more"))
            .or_else(|| {
                out_of_range("latency_ms", self.latency_ms, f64::MAX, "milliseconds, 0 or more")
            })
    }
}

/// A recording in memory. There is at most one row for each task and worker.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recording {
    rows: Vec<RecordedAnswer>,
    by_worker: BTreeMap<String, HashMap<String, usize>>,
}

impl Recording {
    /// Checks rows and puts them in order (by worker, then task). `Err` holds the index of the bad row and why.
    pub fn new(mut rows: Vec<RecordedAnswer>) -> Result<Self, (usize, String)> {
        if let Some(bad) = rows.iter().enumerate().find_map(|(i, row)| Some((i, row.fault()?))) {
            return Err(bad);
        }
        let mut seen = std::collections::HashSet::new();
        for (index, row) in rows.iter().enumerate() {
            if !seen.insert((row.task_id.as_str(), row.worker.as_str())) {
                return Err((index, duplicate(row)));
            }
        }
        rows.sort_by(|a, b| (&a.worker, &a.task_id).cmp(&(&b.worker, &b.task_id)));
        let mut by_worker: BTreeMap<String, HashMap<String, usize>> = BTreeMap::new();
        for (index, row) in rows.iter().enumerate() {
            by_worker.entry(row.worker.clone()).or_default().insert(row.task_id.clone(), index);
        }
        Ok(Self { rows, by_worker })
    }

    /// Every row, by worker, then task.
    pub fn rows(&self) -> &[RecordedAnswer] {
        &self.rows
    }

    /// The names of the workers, ascending.
    pub fn workers(&self) -> impl Iterator<Item = &str> {
        self.by_worker.keys().map(String::as_str)
    }

    /// One worker's answer to one task.
    pub fn get(&self, task_id: &str, worker: &str) -> Option<&RecordedAnswer> {
        self.by_worker.get(worker)?.get(task_id).map(|&index| &self.rows[index])
    }

    /// Every answer of one worker, in task order; `None` where there is no such worker.
    pub fn of_worker(&self, worker: &str) -> Option<impl Iterator<Item = &RecordedAnswer> + Clone> {
        let rows = self.by_worker.get(worker)?.len();
        let start = self.rows.partition_point(|row| row.worker.as_str() < worker);
        Some(self.rows[start..start + rows].iter())
    }
}

fn duplicate(row: &RecordedAnswer) -> String {
    format!("a second row for task \"{}\" and worker \"{}\"", row.task_id, row.worker)
}

/// Why a recording cannot be read, written or made.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file system refuses.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was tried ("open", "write").
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file is no Parquet file, or a damaged one.
    #[error("cannot read {} as Parquet: {message}; is the file whole?", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The reader's reason.
        message: String,
    },
    /// A Parquet file of another kind or version.
    #[error("{} is no recording that this program reads: expected {expected}, found {found}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What a recording has there.
        expected: String,
        /// What it has.
        found: String,
    },
    /// A row of a recording breaks the rules of the form.
    #[error("{}, row {row} (from 0): {message}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// The row.
        row: usize,
        /// What is wrong with it.
        message: String,
    },
    /// Lines that cannot be imported.
    #[error("{}", lines_message(problems, *more))]
    Lines {
        /// The first ones.
        problems: Vec<LineProblem>,
        /// How many more there are.
        more: usize,
    },
    /// The question was another one when it was recorded.
    #[error(
        "{}: the prompt of task \"{task_id}\" has changed since it was recorded; \
         record into a new file, or bring the old task set back", path.display()
    )]
    PromptChanged {
        /// The recording or its journal.
        path: PathBuf,
        /// The task.
        task_id: String,
    },
    /// A worker that is no live endpoint.
    #[error("worker \"{worker}\" is not live: only workers that read a question can be recorded")]
    NotLive {
        /// The worker.
        worker: String,
    },
    /// Two tasks with one id.
    #[error("two tasks have the id \"{task_id}\"; ids must be unique")]
    DuplicateTask {
        /// The id.
        task_id: String,
    },
    /// Somebody else records into the same file.
    #[error("{} is in use by another process; wait for it, or record into another file", path.display())]
    Locked {
        /// The journal.
        path: PathBuf,
    },
}

impl RecordingError {
    fn io(operation: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { operation, path, source }
    }
}

fn lines_message(problems: &[LineProblem], more: usize) -> String {
    let mut lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    if more > 0 {
        lines.push(format!("and {more} more lines"));
    }
    lines.join("\n")
}
