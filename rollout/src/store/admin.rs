//! What a person does with a store: look at it, thin it out, take answers out of it.

use std::io::Write;
use std::path::Path;

use rusqlite::params;
use serde::Serialize;
use serde_json::json;

use super::{StoreError, connect, now};

/// What a store holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoreStats {
    /// Answers.
    pub answers: u64,
    /// Dollars that were paid for them.
    pub cost_usd: f64,
    /// Bytes of the file.
    pub bytes: u64,
    /// By worker, in the order of their names.
    pub workers: Vec<WorkerStats>,
}

/// What a store holds of one worker.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkerStats {
    /// Its name in the pool that paid.
    pub worker: String,
    /// Answers.
    pub answers: u64,
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
    /// Dollars that were paid for them.
    pub cost_usd: f64,
    /// Seconds since 1970 of the oldest and the newest.
    pub from: i64,
    /// The newest.
    pub to: i64,
}

/// What [`prune`] took away.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Pruned {
    /// Answers.
    pub answers: u64,
    /// Dollars that were paid for them.
    pub cost_usd: f64,
}

/// Counts.
pub fn stats(path: &Path) -> Result<StoreStats, StoreError> {
    let connection = connect(path)?;
    let read = || -> rusqlite::Result<Vec<WorkerStats>> {
        connection
            .prepare(
                "SELECT worker, count(*), sum(prompt_tokens), sum(completion_tokens), sum(cost_usd), \
                 min(created_at), max(created_at) FROM answers GROUP BY worker ORDER BY worker",
            )?
            .query_map([], |row| {
                Ok(WorkerStats {
                    worker: row.get(0)?,
                    answers: row.get::<_, i64>(1)? as u64,
                    prompt_tokens: row.get::<_, i64>(2)? as u64,
                    completion_tokens: row.get::<_, i64>(3)? as u64,
                    cost_usd: row.get(4)?,
                    from: row.get(5)?,
                    to: row.get(6)?,
                })
            })?
            .collect()
    };
    let workers = read().map_err(failed("read", path))?;
    Ok(StoreStats {
        answers: workers.iter().map(|worker| worker.answers).sum(),
        // An empty sum would be minus zero.
        cost_usd: workers.iter().fold(0.0, |sum, worker| sum + worker.cost_usd),
        bytes: std::fs::metadata(path).map_or(0, |metadata| metadata.len()),
        workers,
    })
}

/// Removes the answers that are older than so many seconds, of one worker or of all, and gives the space back.
pub fn prune(
    path: &Path,
    worker: Option<&str>,
    older_than_secs: u64,
) -> Result<Pruned, StoreError> {
    let connection = connect(path)?;
    let before = now().saturating_sub(older_than_secs.min(i64::MAX as u64) as i64);
    let remove = || -> rusqlite::Result<Pruned> {
        let which = "created_at <= ?1 AND (?2 IS NULL OR worker = ?2)";
        let pruned = connection.query_row(
            &format!("SELECT count(*), total(cost_usd) FROM answers WHERE {which}"),
            params![before, worker],
            |row| Ok(Pruned { answers: row.get::<_, i64>(0)? as u64, cost_usd: row.get(1)? }),
        )?;
        connection
            .execute(&format!("DELETE FROM answers WHERE {which}"), params![before, worker])?;
        connection.execute_batch("VACUUM")?;
        Ok(pruned)
    };
    remove().map_err(failed("prune", path))
}

/// Writes every answer as a line of JSON, one at a time; returns how many there are.
pub fn export(path: &Path, worker: Option<&str>, out: &mut dyn Write) -> Result<u64, StoreError> {
    let connection = connect(path)?;
    let mut statement = connection
        .prepare(
            "SELECT key, worker, request, sample, answer, prompt_tokens, completion_tokens, cost_usd, latency_ms, \
             created_at FROM answers WHERE ?1 IS NULL OR worker = ?1 ORDER BY created_at, key",
        )
        .map_err(failed("export", path))?;
    let mut rows = statement.query([worker]).map_err(failed("export", path))?;
    let mut count = 0;
    while let Some(row) = rows.next().map_err(failed("export", path))? {
        let line = line(row).map_err(failed("export", path))?;
        writeln!(out, "{line}").map_err(StoreError::Export)?;
        count += 1;
    }
    Ok(count)
}

fn line(row: &rusqlite::Row<'_>) -> rusqlite::Result<serde_json::Value> {
    let request: String = row.get(2)?;
    Ok(json!({
        "key": row.get::<_, String>(0)?,
        "worker": row.get::<_, String>(1)?,
        // As the JSON that it is, where it is.
        "request": serde_json::from_str(&request).unwrap_or_else(|_| json!(request)),
        "sample": row.get::<_, Option<u32>>(3)?,
        "answer": row.get::<_, String>(4)?,
        "prompt_tokens": row.get::<_, i64>(5)?,
        "completion_tokens": row.get::<_, i64>(6)?,
        "cost_usd": row.get::<_, f64>(7)?,
        "latency_ms": row.get::<_, f64>(8)?,
        "created_at": row.get::<_, i64>(9)?,
    }))
}

fn failed<'p>(action: &'static str, path: &'p Path) -> impl Fn(rusqlite::Error) -> StoreError + 'p {
    move |source| StoreError::Sql { action, path: path.to_owned(), source }
}
