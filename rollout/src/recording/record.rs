//! Records live workers over a set of tasks. Every answer is paid once: it is on disk before the next one counts.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use conductor_types::{Answer, Part, Task, WorkerCapability, WorkerError, WorkerRequest};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sha2::{Digest, Sha256};

use super::journal::Journal;
use super::{RecordedAnswer, Recording, RecordingError, read, write};
use crate::pool::Worker;

/// A worker that fails so often in a row is asked nothing more in this recording.
const FAILURES_IN_A_ROW: usize = 5;

/// How to record.
#[derive(Debug, Clone, Copy)]
pub struct RecordOptions<'a> {
    /// The recording to make or go on with. Its journal lies beside it.
    pub out: &'a Path,
    /// Set from elsewhere to stop: running calls are finished and kept, no new ones begin.
    pub cancel: &'a AtomicBool,
    /// Write the recording even where some answers are missing because workers failed.
    pub keep_incomplete: bool,
    /// Seed of the calls, for workers that sample.
    pub seed: u64,
}

/// How far a recording is, after each call.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordProgress<'a> {
    /// The task of the call that just ended.
    pub task_id: &'a str,
    /// The worker of the call that just ended.
    pub worker: &'a str,
    /// Why it failed, where it did.
    pub error: Option<&'a WorkerError>,
    /// Answers that are kept, those of earlier runs included.
    pub done: usize,
    /// Answers wanted.
    pub total: usize,
    /// Dollars paid in this run.
    pub cost_usd: f64,
}

/// What a recording run did.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordReport {
    /// Answers paid in this run.
    pub recorded: usize,
    /// Answers wanted that were there before.
    pub kept: usize,
    /// Answers wanted that are still missing.
    pub missing: usize,
    /// Calls that failed in this run.
    pub failures: Vec<RecordFailure>,
    /// Dollars paid in this run.
    pub cost_usd: f64,
    /// Whether the recording was written; otherwise the journal holds every answer, and the same command goes on.
    pub written: bool,
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFailure {
    /// The task.
    pub task_id: String,
    /// Who failed, how and why.
    pub error: WorkerError,
}

/// Where the journal of a recording lies.
pub fn journal_path(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".journal.jsonl");
    name.into()
}

/// SHA-256 of a prompt in hexadecimal.
pub fn prompt_sha256(prompt: &str) -> String {
    question_sha256(prompt, &[])
}

/// SHA-256 of a question in hexadecimal: of its prompt, and behind it of its content parts as compact JSON where it has any.
pub fn question_sha256(prompt: &str, parts: &[Part]) -> String {
    let mut hash = Sha256::new_with_prefix(prompt);
    if !parts.is_empty() {
        // A byte that no text holds: no prompt can pass for another one with parts.
        hash.update([0xff]);
        hash.update(serde_json::to_vec(parts).expect("parts are JSON"));
    }
    hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
        hex
    })
}

/// Asks each live worker each task from scratch (the message is the task's prompt, exactly), and keeps every answer.
/// What `out` or its journal already hold is not asked again.
pub async fn record(
    tasks: &[Task],
    workers: &[Arc<dyn Worker>],
    options: RecordOptions<'_>,
    progress: &mut (dyn FnMut(RecordProgress<'_>) + Send),
) -> Result<RecordReport, RecordingError> {
    check(tasks, workers)?;
    let (mut journal, mut rows) = open(tasks, options.out)?;
    let mut lanes = lanes(tasks, workers, &rows);
    let total = tasks.len() * workers.len();
    let wanted: usize = lanes.iter().map(|lane| lane.waiting.len()).sum();
    let mut report = RecordReport {
        recorded: 0,
        kept: total - wanted,
        missing: wanted,
        failures: Vec::new(),
        cost_usd: 0.0,
        written: false,
    };

    let mut calls = FuturesUnordered::new();
    loop {
        if !options.cancel.load(Ordering::Relaxed) {
            for (index, lane) in lanes.iter_mut().enumerate() {
                while let Some(task) = lane.next() {
                    calls.push(ask(index, lane.worker, task, options.seed));
                }
            }
        }
        let Some((index, task, result)) = calls.next().await else { break };
        let lane = &mut lanes[index];
        lane.ended(result.is_ok());
        let error = match result {
            Ok(answer) => {
                report.cost_usd += answer.usage.paid_usd();
                let row = to_row(task, lane.worker.name(), answer);
                journal.append(&row)?;
                rows.push(row);
                report.recorded += 1;
                report.missing -= 1;
                None
            }
            Err(error) => {
                report.failures.push(RecordFailure { task_id: task.id.clone(), error });
                report.failures.last().map(|failure| &failure.error)
            }
        };
        progress(RecordProgress {
            task_id: &task.id,
            worker: lane.worker.name(),
            error,
            done: report.kept + report.recorded,
            total,
            cost_usd: report.cost_usd,
        });
    }

    let cancelled = options.cancel.load(Ordering::Relaxed);
    if report.missing == 0 || (options.keep_incomplete && !cancelled) {
        finish(rows, options.out, journal)?;
        report.written = true;
    }
    Ok(report)
}

/// For each worker, the tasks that it has not answered yet.
fn lanes<'a>(
    tasks: &'a [Task],
    workers: &'a [Arc<dyn Worker>],
    rows: &[RecordedAnswer],
) -> Vec<Lane<'a>> {
    let done: HashSet<(&str, &str)> =
        rows.iter().map(|row| (row.task_id.as_str(), row.worker.as_str())).collect();
    workers
        .iter()
        .map(|worker| {
            let wanted =
                tasks.iter().filter(|task| !done.contains(&(task.id.as_str(), worker.name())));
            Lane { worker: worker.as_ref(), waiting: wanted.collect(), running: 0, in_a_row: 0 }
        })
        .collect()
}

/// Writes the recording; only then is the journal superfluous.
fn finish(rows: Vec<RecordedAnswer>, out: &Path, journal: Journal) -> Result<(), RecordingError> {
    let recording = Recording::new(rows).map_err(|(row, message)| RecordingError::Row {
        path: out.to_owned(),
        row,
        message,
    })?;
    write(&recording, out)?;
    journal.remove()
}

/// One worker's queue.
struct Lane<'a> {
    worker: &'a dyn Worker,
    waiting: VecDeque<&'a Task>,
    running: usize,
    in_a_row: usize,
}

impl<'a> Lane<'a> {
    fn next(&mut self) -> Option<&'a Task> {
        if self.running >= self.worker.concurrency() || self.in_a_row >= FAILURES_IN_A_ROW {
            return None;
        }
        let task = self.waiting.pop_front()?;
        self.running += 1;
        Some(task)
    }

    fn ended(&mut self, well: bool) {
        self.running -= 1;
        self.in_a_row = if well { 0 } else { self.in_a_row + 1 };
    }
}

async fn ask<'a>(
    lane: usize,
    worker: &'a dyn Worker,
    task: &'a Task,
    seed: u64,
) -> (usize, &'a Task, Result<Answer, WorkerError>) {
    let question = task.question();
    let request = WorkerRequest {
        task_id: &task.id,
        part: "record",
        domain: &task.domain,
        message: &question,
        parts: &task.parts,
        seen: &[],
        seen_scores: &[],
        seed: conductor_types::seed::derive(seed, "record", &[&task.id, worker.name()]),
        sample: 0,
        chain: 1,
    };
    (lane, task, worker.call(request).await)
}

fn to_row(task: &Task, worker: &str, answer: Answer) -> RecordedAnswer {
    RecordedAnswer {
        task_id: task.id.clone(),
        worker: worker.to_owned(),
        answer: Some(answer.text),
        score: answer.recorded_score,
        prompt_tokens: answer.usage.prompt_tokens,
        completion_tokens: answer.usage.completion_tokens,
        cost_usd: Some(answer.usage.cost_usd),
        latency_ms: Some(answer.usage.latency_ms),
        prompt_sha256: Some(question_sha256(&task.prompt, &task.parts)),
    }
}

fn check(tasks: &[Task], workers: &[Arc<dyn Worker>]) -> Result<(), RecordingError> {
    if let Some(worker) = workers.iter().find(|w| w.capability() != WorkerCapability::General) {
        return Err(RecordingError::NotLive { worker: worker.name().to_owned() });
    }
    let mut ids = HashSet::new();
    match tasks.iter().find(|task| !ids.insert(task.id.as_str())) {
        Some(task) => Err(RecordingError::DuplicateTask { task_id: task.id.clone() }),
        None => Ok(()),
    }
}

/// The journal, and every answer that it or the recording holds.
fn open(tasks: &[Task], out: &Path) -> Result<(Journal, Vec<RecordedAnswer>), RecordingError> {
    if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(RecordingError::io("create", folder))?;
    }
    let path = journal_path(out);
    let (journal, journaled) = Journal::open(&path)?;
    let mut rows = if out.exists() { read(out)?.rows().to_vec() } else { Vec::new() };
    let mut known: HashSet<(String, String)> =
        rows.iter().map(|row| (row.task_id.clone(), row.worker.clone())).collect();
    // A kill between writing the recording and removing the journal leaves rows in both.
    rows.extend(
        journaled.into_iter().filter(|row| known.insert((row.task_id.clone(), row.worker.clone()))),
    );
    let hashes: HashMap<&str, String> = tasks
        .iter()
        .map(|task| (task.id.as_str(), question_sha256(&task.prompt, &task.parts)))
        .collect();
    for row in &rows {
        if let (Some(then), Some(now)) = (&row.prompt_sha256, hashes.get(row.task_id.as_str()))
            && then != now
        {
            return Err(RecordingError::PromptChanged {
                path: out.to_owned(),
                task_id: row.task_id.clone(),
            });
        }
    }
    Ok((journal, rows))
}
