//! The store of paid answers: SQLite, addressed by content, shared by runs and processes. Beside them it holds a row for each
//! request that may cost money, from which [`crate::ledger`] knows what a run has spent.
//!
//! One thread owns the connection. It takes what has come in meanwhile as one transaction, so that thousands of calls
//! cost a few commits a second; an answer counts as kept when its transaction is on the disk.

mod admin;
mod entry;
mod error;
mod key;
mod thread;

use std::path::{Path, PathBuf};
use std::sync::mpsc;

use conductor_types::Usage;
use rusqlite::Connection;
use tokio::sync::oneshot;

pub use admin::{Pruned, StoreStats, WorkerStats, export, prune, stats};
pub use entry::{Entry, Settlement};
pub use error::StoreError;
pub use key::AnswerKey;

use thread::{Op, Write};

/// Version of the tables; a file of a newer one is refused.
const VERSION: i64 = 2;

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

/// Version 2: the ledger, and answers whose tokens were counted here.
const TABLES_2: &str = "
ALTER TABLE answers ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;
CREATE TABLE ledger (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    part TEXT NOT NULL,
    task TEXT NOT NULL,
    worker TEXT NOT NULL,
    key TEXT NOT NULL,
    reserved_usd REAL NOT NULL,
    paid_usd REAL,
    state TEXT NOT NULL,
    estimated INTEGER NOT NULL DEFAULT 0,
    opened_at INTEGER NOT NULL,
    settled_at INTEGER
) STRICT;
CREATE INDEX ledger_by_account ON ledger (account, part, task);
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
        self.write(Write::Answer(Box::new(paid))).await.map(|_| ())
    }

    /// Notes a request that is about to be sent; it is on the disk when this returns. The number is the reservation's.
    pub async fn reserve(&self, entry: Entry) -> Result<i64, StoreError> {
        self.write(Write::Reserve(Box::new(entry))).await
    }

    /// Notes what became of a request, together with the answer that it paid; both are on the disk when this returns.
    pub async fn settle(
        &self,
        reservation: i64,
        settlement: Settlement,
        paid: Option<Paid>,
    ) -> Result<(), StoreError> {
        let paid = paid.map(Box::new);
        self.write(Write::Settle { reservation, settlement, paid }).await.map(|_| ())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn write(&self, write: Write) -> Result<i64, StoreError> {
        let (reply, done) = oneshot::channel();
        self.send(Op::Write { write, reply });
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
pub(crate) fn connect(path: &Path) -> Result<Connection, StoreError> {
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
    let (mut connection, version) = prepare().map_err(failed)?;
    if !(0..=VERSION).contains(&version) {
        return Err(StoreError::Version { path: path.to_owned(), found: version, known: VERSION });
    }
    if version < VERSION {
        upgrade(&mut connection).map_err(failed)?;
    }
    Ok(connection)
}

/// Brings the tables to [`VERSION`]. Another process may do the same at the same time.
fn upgrade(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version < 1 {
        transaction.execute_batch(TABLES)?;
    }
    if version < 2 {
        transaction.execute_batch(TABLES_2)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Seconds since 1970.
fn now() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs() as i64)
}

#[cfg(test)]
mod tests;
