//! What an account has spent, for a person to read.

use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;

use crate::store::{StoreError, connect};

/// Everything that a ledger holds of one account.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statement {
    /// The identity of the run.
    pub account: String,
    /// Dollars that were paid.
    pub paid_usd: f64,
    /// Requests that were paid.
    pub calls: u64,
    /// Dollars among those paid whose tokens were counted here.
    pub estimated_usd: f64,
    /// Dollars at most of requests without a settlement.
    pub unsettled_usd: f64,
    /// By part and worker, in the order in which they began.
    pub lines: Vec<LedgerLine>,
    /// Requests that broke off or that a kill left open, oldest first.
    pub unsettled: Vec<Unsettled>,
}

/// What one part of a run paid to one worker.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LedgerLine {
    /// The part: `train/12`.
    pub part: String,
    /// The worker.
    pub worker: String,
    /// Requests that were paid.
    pub calls: u64,
    /// Requests that were refused, which cost nothing.
    pub refused: u64,
    /// Dollars that were paid.
    pub paid_usd: f64,
}

/// A request of which only the provider knows what it cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unsettled {
    /// The part.
    pub part: String,
    /// The question.
    pub task: String,
    /// The worker.
    pub worker: String,
    /// What its answer would have been found by.
    pub key: String,
    /// `unknown` (it broke off), `lost` (its process ended) or `open` (it is under way).
    pub state: String,
    /// The most that it can have cost.
    pub reserved_usd: f64,
    /// Seconds since 1970.
    pub opened_at: i64,
}

/// Reads the account's rows of a store; an account that spent nothing has none.
pub fn statement(store: &Path, account: &str) -> Result<Statement, StoreError> {
    let failed =
        |source| StoreError::Sql { action: "read the ledger of", path: store.to_owned(), source };
    read(&connect(store)?, account).map_err(failed)
}

fn read(connection: &Connection, account: &str) -> rusqlite::Result<Statement> {
    let lines: Vec<LedgerLine> = connection
        .prepare(
            "SELECT part, worker, count(CASE WHEN state = 'paid' THEN 1 END), \
             count(CASE WHEN state = 'refused' THEN 1 END), total(paid_usd) FROM ledger WHERE account = ?1 \
             GROUP BY part, worker ORDER BY min(id)",
        )?
        .query_map([account], |row| {
            Ok(LedgerLine {
                part: row.get(0)?,
                worker: row.get(1)?,
                calls: row.get::<_, i64>(2)? as u64,
                refused: row.get::<_, i64>(3)? as u64,
                paid_usd: row.get(4)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    let unsettled: Vec<Unsettled> = connection
        .prepare(
            "SELECT part, task, worker, key, state, reserved_usd, opened_at FROM ledger \
             WHERE account = ?1 AND paid_usd IS NULL ORDER BY id",
        )?
        .query_map([account], |row| {
            Ok(Unsettled {
                part: row.get(0)?,
                task: row.get(1)?,
                worker: row.get(2)?,
                key: row.get(3)?,
                state: row.get(4)?,
                reserved_usd: row.get(5)?,
                opened_at: row.get(6)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    let estimated_usd = connection.query_row(
        "SELECT total(paid_usd) FROM ledger WHERE account = ?1 AND estimated",
        [account],
        |row| row.get(0),
    )?;
    Ok(Statement {
        account: account.to_owned(),
        // An empty sum would be minus zero.
        paid_usd: lines.iter().fold(0.0, |sum, line| sum + line.paid_usd),
        calls: lines.iter().map(|line| line.calls).sum(),
        estimated_usd,
        unsettled_usd: unsettled.iter().fold(0.0, |sum, one| sum + one.reserved_usd),
        lines,
        unsettled,
    })
}
