//! The store of paid answers: SQLite, addressed by content, shared by runs and processes.
//!
//! One thread owns the connection. It takes what has come in meanwhile as one transaction, so that thousands of calls
//! cost a few commits a second; an answer counts as kept when its transaction is on the disk.

mod admin;
mod error;
mod key;
mod thread;

use std::path::{Path, PathBuf};
use std::sync::mpsc;

use conductor_types::Usage;
use rusqlite::Connection;
use tokio::sync::oneshot;

pub use admin::{Pruned, StoreStats, WorkerStats, export, prune, stats};
pub use error::StoreError;
pub use key::AnswerKey;

use thread::Op;

/// Version of the tables; a file of a newer one is refused.
const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY,
    worker TEXT NOT NULL,
    request TEXT NOT NULL,
    sample INTEGER,
    answer TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cost_usd REAL NOT NULL,
    latency_ms REAL NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// A paid answer as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAnswer {
    /// The worker's text.
    pub text: String,
    /// What it took and cost when it was paid.
    pub usage: Usage,
}

/// What is kept of one call.
#[derive(Debug, Clone, PartialEq)]
pub struct Paid {
    /// What the answer is found by.
    pub key: AnswerKey,
    /// The worker's name in the pool.
    pub worker: String,
    /// The request's body, as sent. Keys to endpoints are headers, so none is in it.
    pub request: String,
    /// Which of several answers to the same request, where the worker samples.
    pub sample: Option<u32>,
    /// The answer.
    pub answer: StoredAnswer,
}

/// An open store. The last value that is dropped waits until everything handed over is on the disk.
#[derive(Debug)]
pub struct AnswerStore {
    path: PathBuf,
    ops: Option<mpsc::Sender<Op>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl AnswerStore {
    /// Opens the file, which is made where it is missing. Any number of processes may have it open.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = connect(path)?;
        let (ops, incoming) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("answers".into())
            .spawn(move || thread::serve(connection, &incoming))
            .map_err(|source| StoreError::Thread { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), ops: Some(ops), thread: Some(thread) })
    }

    /// The answer that was paid for this, if any.
    pub async fn get(&self, key: &AnswerKey) -> Result<Option<StoredAnswer>, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Op::Get { key: key.clone(), reply });
        answer.await.map_err(|_| self.closed())?.map_err(|source| self.failed("read", source))
    }

    /// Keeps an answer; it is on the disk when this returns. An answer that is there already stays.
    pub async fn put(&self, paid: Paid) -> Result<(), StoreError> {
        let (reply, done) = oneshot::channel();
        self.send(Op::Put { paid, reply });
        let kept = done.await.map_err(|_| self.closed())?;
        kept.map_err(|message| StoreError::Write { path: self.path.clone(), message })
    }

    fn send(&self, op: Op) {
        // A thread that has ended drops the reply's sender, which the caller sees.
        if let Some(ops) = &self.ops {
            let _ = ops.send(op);
        }
    }

    fn failed(&self, action: &'static str, source: rusqlite::Error) -> StoreError {
        StoreError::Sql { action, path: self.path.clone(), source }
    }

    fn closed(&self) -> StoreError {
        StoreError::Write { path: self.path.clone(), message: "its thread has ended".into() }
    }
}

impl Drop for AnswerStore {
    fn drop(&mut self) {
        self.ops = None;
        if let Some(thread) = self.thread.take() {
            // It ends when it has written what it was given; a panic in it has been reported to the callers.
            let _ = thread.join();
        }
    }
}

/// A connection with the tables in place.
fn connect(path: &Path) -> Result<Connection, StoreError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .map_err(|source| StoreError::Folder { path: folder.to_owned(), source })?;
    }
    let failed = |source| StoreError::Sql { action: "open", path: path.to_owned(), source };
    let prepare = || -> rusqlite::Result<(Connection, i64)> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(std::time::Duration::from_mins(1))?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        // With NORMAL a power cut could take the last transactions, which hold paid answers.
        connection.pragma_update(None, "synchronous", "full")?;
        let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        Ok((connection, version))
    };
    let (connection, version) = prepare().map_err(failed)?;
    match version {
        0 => {
            connection.execute_batch(TABLES).map_err(failed)?;
            connection.pragma_update(None, "user_version", VERSION).map_err(failed)?;
        }
        VERSION => {}
        found => return Err(StoreError::Version { path: path.to_owned(), found, known: VERSION }),
    }
    Ok(connection)
}

/// Seconds since 1970.
fn now() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs() as i64)
}

#[cfg(test)]
mod tests;
