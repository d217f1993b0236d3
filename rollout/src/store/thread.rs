//! The thread that owns the connection.

use std::sync::mpsc;

use conductor_types::Usage;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use tokio::sync::oneshot;

use super::{AnswerKey, Paid, StoredAnswer, now};

/// Operations that are taken as one transaction.
const MOST_AT_ONCE: usize = 1024;

/// Something to do, and whom to tell.
pub enum Op {
    Get { key: AnswerKey, reply: oneshot::Sender<rusqlite::Result<Option<StoredAnswer>>> },
    Put { paid: Paid, reply: oneshot::Sender<Result<(), String>> },
}

/// Works until the last sender is gone.
pub fn serve(mut connection: Connection, incoming: &mpsc::Receiver<Op>) {
    while let Ok(first) = incoming.recv() {
        let mut puts = Vec::new();
        for op in std::iter::once(first).chain(incoming.try_iter()).take(MOST_AT_ONCE) {
            match op {
                // Reads are answered at once; nobody waits for an answer that is only about to be kept.
                Op::Get { key, reply } => {
                    let _ = reply.send(find(&connection, &key));
                }
                Op::Put { paid, reply } => puts.push((paid, reply)),
            }
        }
        if puts.is_empty() {
            continue;
        }
        let kept = keep(&mut connection, puts.iter().map(|(paid, _)| paid));
        let kept = kept.map_err(|error| error.to_string());
        for (_, reply) in puts {
            let _ = reply.send(kept.clone());
        }
    }
}

fn find(connection: &Connection, key: &AnswerKey) -> rusqlite::Result<Option<StoredAnswer>> {
    let sql = "SELECT answer, prompt_tokens, completion_tokens, cost_usd, latency_ms FROM answers WHERE key = ?1";
    connection
        .prepare_cached(sql)?
        .query_row([key.as_str()], |row| {
            Ok(StoredAnswer {
                text: row.get(0)?,
                usage: Usage {
                    prompt_tokens: row.get::<_, i64>(1)? as u64,
                    completion_tokens: row.get::<_, i64>(2)? as u64,
                    cost_usd: row.get(3)?,
                    latency_ms: row.get(4)?,
                    ..Usage::default()
                },
            })
        })
        .optional()
}

fn keep<'p>(
    connection: &mut Connection,
    all: impl Iterator<Item = &'p Paid>,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut insert = transaction.prepare_cached(
            "INSERT INTO answers VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (key) DO NOTHING",
        )?;
        for Paid { key, worker, request, sample, answer } in all {
            let usage = &answer.usage;
            insert.execute(params![
                key.as_str(),
                worker,
                request,
                sample,
                answer.text,
                usage.prompt_tokens as i64,
                usage.completion_tokens as i64,
                usage.cost_usd,
                usage.latency_ms,
                now(),
            ])?;
        }
    }
    transaction.commit()
}
