//! Makes a recording of answers that somebody else collected.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use conductor_types::Part;
use serde::Deserialize;

use super::{RecordedAnswer, Recording, RecordingError, duplicate, question_sha256, write};

/// Lines that are reported one by one; the rest is counted.
const SHOWN_PROBLEMS: usize = 20;

/// How every gzip file begins, whatever it is called.
const GZIP_START: [u8; 2] = [0x1f, 0x8b];

/// What is imported, and where to.
#[derive(Debug, Clone, Copy)]
pub struct ImportRequest<'a> {
    /// The answers, one JSON object a line, gzipped or not.
    pub answers: &'a Path,
    /// The tasks, one JSON object with an `id` a line, gzipped or not; the hash of a `prompt` is kept with its answers.
    pub tasks: &'a Path,
    /// The recording to write.
    pub out: &'a Path,
}

/// What an import found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportReport {
    /// Answers imported.
    pub answers: usize,
    /// Tasks in the tasks file.
    pub tasks: usize,
    /// For each worker: how many tasks it has no answer to.
    pub missing: BTreeMap<String, usize>,
    /// Answers without a cost.
    pub without_cost: usize,
    /// Answers without a text: their score is the truth.
    pub without_text: usize,
}

/// A line that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineProblem {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

impl std::fmt::Display for LineProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.message)
    }
}

/// Reads answers and tasks, checks every line, and writes the recording. Nothing is written where a line is bad.
pub fn import(request: ImportRequest<'_>) -> Result<ImportReport, RecordingError> {
    let mut problems = Problems::default();
    let tasks = read_tasks(request.tasks, &mut problems)?;
    let rows = read_answers(request.answers, &tasks, &mut problems)?;
    problems.into_result()?;
    let recording = Recording::new(rows).map_err(|(row, message)| RecordingError::Row {
        path: request.answers.to_owned(),
        row,
        message,
    })?;
    write(&recording, request.out)?;
    let rows = recording.rows();
    let missing = recording
        .workers()
        .map(|worker| {
            let answered = recording.of_worker(worker).map_or(0, Iterator::count);
            (worker.to_owned(), tasks.len() - answered)
        })
        .collect();
    Ok(ImportReport {
        answers: rows.len(),
        tasks: tasks.len(),
        missing,
        without_cost: rows.iter().filter(|row| row.cost_usd.is_none()).count(),
        without_text: rows.iter().filter(|row| row.answer.is_none()).count(),
    })
}

/// By task id: the hash of its prompt.
type TaskHashes = HashMap<String, Option<String>>;

/// A line as it is written, before its numbers are checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerLine {
    task_id: String,
    worker: String,
    #[serde(default)]
    answer: Option<String>,
    #[serde(default)]
    score: Option<f64>,
    prompt_tokens: i64,
    completion_tokens: i64,
    #[serde(default)]
    cost_usd: Option<f64>,
    #[serde(default)]
    latency_ms: Option<f64>,
}

impl AnswerLine {
    /// `prompt_sha256` stays open.
    fn check(self) -> Result<RecordedAnswer, String> {
        let tokens = |name: &str, given: i64| {
            u64::try_from(given).map_err(|_| format!("{name}: expected 0 or more, given {given}"))
        };
        let row = RecordedAnswer {
            prompt_tokens: tokens("prompt_tokens", self.prompt_tokens)?,
            completion_tokens: tokens("completion_tokens", self.completion_tokens)?,
            task_id: self.task_id,
            worker: self.worker,
            answer: self.answer,
            score: self.score,
            cost_usd: self.cost_usd,
            latency_ms: self.latency_ms,
            prompt_sha256: None,
        };
        match row.fault() {
            Some(fault) => Err(fault),
            None => Ok(row),
        }
    }
}

#[derive(Deserialize)]
struct TaskLine {
    id: String,
    #[serde(default)]
    prompt: Option<String>,
    #[serde(default)]
    parts: Vec<Part>,
}

/// The tasks' ids, each with the hash of its prompt where one is given.
fn read_tasks(path: &Path, problems: &mut Problems) -> Result<TaskHashes, RecordingError> {
    let mut tasks = TaskHashes::new();
    for_each_line(path, problems, |text| {
        let task: TaskLine = parse_line(text)?;
        if tasks.contains_key(&task.id) {
            return Err(format!("a second task with the id \"{}\"", task.id));
        }
        let hash = task.prompt.as_deref().map(|prompt| question_sha256(prompt, &task.parts));
        tasks.insert(task.id, hash);
        Ok(())
    })?;
    Ok(tasks)
}

fn read_answers(
    path: &Path,
    tasks: &TaskHashes,
    problems: &mut Problems,
) -> Result<Vec<RecordedAnswer>, RecordingError> {
    let mut rows: Vec<RecordedAnswer> = Vec::new();
    let mut seen = HashSet::new();
    for_each_line(path, problems, |text| {
        let mut row = parse_line::<AnswerLine>(text)?.check()?;
        let Some(hash) = tasks.get(&row.task_id) else {
            return Err(format!(
                "task_id \"{}\" is not in the tasks file; add the task, or leave its answers out",
                row.task_id
            ));
        };
        row.prompt_sha256.clone_from(hash);
        if !seen.insert((row.task_id.clone(), row.worker.clone())) {
            return Err(duplicate(&row));
        }
        rows.push(row);
        Ok(())
    })?;
    if rows.is_empty() && problems.is_empty() {
        problems.push(path, 1, "expected at least one answer, found none".into());
    }
    Ok(rows)
}

fn parse_line<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| {
        // Each line is its own document, so the parser's line number would mislead.
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        format!("column {}: {message}", error.column())
    })
}

/// Calls `each` with every line that is not blank; what it refuses becomes a problem of that line.
fn for_each_line(
    path: &Path,
    problems: &mut Problems,
    mut each: impl FnMut(&str) -> Result<(), String>,
) -> Result<(), RecordingError> {
    let file = File::open(path).map_err(RecordingError::io("open", path))?;
    let mut file = BufReader::new(file);
    let start = file.fill_buf().map_err(RecordingError::io("read", path))?;
    let mut reader: Box<dyn BufRead> = if start.starts_with(&GZIP_START) {
        Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(file)))
    } else {
        Box::new(file)
    };
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let read =
            reader.read_until(b'\n', &mut bytes).map_err(RecordingError::io("read", path))?;
        if read == 0 {
            break;
        }
        let result = match std::str::from_utf8(&bytes) {
            Ok(text) => {
                let text = text.trim_start_matches('\u{feff}').trim();
                if text.is_empty() { Ok(()) } else { each(text) }
            }
            Err(error) => Err(format!("byte {} is no UTF-8", error.valid_up_to() + 1)),
        };
        if let Err(message) = result {
            problems.push(path, line, message);
        }
    }
    Ok(())
}

#[derive(Default)]
struct Problems {
    shown: Vec<LineProblem>,
    more: usize,
}

impl Problems {
    fn push(&mut self, path: &Path, line: usize, message: String) {
        if self.shown.len() < SHOWN_PROBLEMS {
            self.shown.push(LineProblem { path: path.to_owned(), line, message });
        } else {
            self.more += 1;
        }
    }

    fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    fn into_result(self) -> Result<(), RecordingError> {
        if self.is_empty() {
            return Ok(());
        }
        Err(RecordingError::Lines { problems: self.shown, more: self.more })
    }
}
