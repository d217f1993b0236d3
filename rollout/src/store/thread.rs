//! The thread that owns the connection.

use std::sync::mpsc;

use conductor_types::Usage;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use tokio::sync::oneshot;

use super::{AnswerKey, Entry, Paid, Settlement, StoredAnswer, now};

/// Operations that are taken as one transaction.
const MOST_AT_ONCE: usize = 1024;

/// Something to do, and whom to tell.
pub enum Op {
    Get { key: AnswerKey, reply: oneshot::Sender<rusqlite::Result<Option<StoredAnswer>>> },
    Write { write: Write, reply: oneshot::Sender<Result<i64, String>> },
}

/// Something that changes the file.
pub enum Write {
    /// An answer.
    Answer(Box<Paid>),
    /// Money that a request may cost; the reply is the reservation's number.
    Reserve(Box<Entry>),
    /// What became of a reservation, and the answer that it paid, if any.
    Settle { reservation: i64, settlement: Settlement, paid: Option<Box<Paid>> },
}

/// Works until the last sender is gone.
pub fn serve(mut connection: Connection, incoming: &mpsc::Receiver<Op>) {
    while let Ok(first) = incoming.recv() {
        let mut writes = Vec::new();
        for op in std::iter::once(first).chain(incoming.try_iter()).take(MOST_AT_ONCE) {
            match op {
                // Reads are answered at once; nobody waits for an answer that is only about to be kept.
                Op::Get { key, reply } => {
                    let _ = reply.send(find(&connection, &key));
                }
                Op::Write { write, reply } => writes.push((write, reply)),
            }
        }
        if writes.is_empty() {
            continue;
        }
        let done = keep(&mut connection, writes.iter().map(|(write, _)| write));
        match done.map_err(|error| error.to_string()) {
            Ok(numbers) => {
                for ((_, reply), number) in writes.into_iter().zip(numbers) {
                    let _ = reply.send(Ok(number));
                }
            }
            Err(message) => {
                for (_, reply) in writes {
                    let _ = reply.send(Err(message.clone()));
                }
            }
        }
    }
}

fn find(connection: &Connection, key: &AnswerKey) -> rusqlite::Result<Option<StoredAnswer>> {
    let sql = "SELECT answer, prompt_tokens, completion_tokens, cost_usd, latency_ms, estimated FROM answers WHERE key = ?1";
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
                    estimated: row.get(5)?,
                    ..Usage::default()
                },
            })
        })
        .optional()
}

/// All in one transaction; the numbers of the rows that were made, where a row was made.
fn keep<'w>(
    connection: &mut Connection,
    all: impl Iterator<Item = &'w Write>,
) -> rusqlite::Result<Vec<i64>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let numbers = all.map(|write| apply(&transaction, write)).collect::<Result<_, _>>()?;
    transaction.commit()?;
    Ok(numbers)
}

fn apply(transaction: &Transaction<'_>, write: &Write) -> rusqlite::Result<i64> {
    match write {
        Write::Answer(paid) => answer(transaction, paid).map(|()| 0),
        Write::Reserve(entry) => {
            let sql = "INSERT INTO ledger (account, part, task, worker, key, reserved_usd, state, opened_at) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'open', ?7)";
            transaction.prepare_cached(sql)?.execute(params![
                entry.account,
                entry.part,
                entry.task,
                entry.worker,
                entry.key.as_str(),
                entry.reserved_usd,
                now(),
            ])?;
            Ok(transaction.last_insert_rowid())
        }
        Write::Settle { reservation, settlement, paid } => {
            let sql = "UPDATE ledger SET state = ?2, paid_usd = ?3, estimated = ?4, settled_at = ?5 WHERE id = ?1";
            transaction.prepare_cached(sql)?.execute(params![
                reservation,
                settlement.state(),
                settlement.paid_usd(),
                settlement.is_estimated(),
                now(),
            ])?;
            paid.as_ref().map_or(Ok(()), |paid| answer(transaction, paid))?;
            Ok(0)
        }
    }
}

fn answer(transaction: &Transaction<'_>, paid: &Paid) -> rusqlite::Result<()> {
    let sql = "INSERT INTO answers VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (key) DO NOTHING";
    let Paid { key, worker, request, sample, answer } = paid;
    let usage = &answer.usage;
    transaction.prepare_cached(sql)?.execute(params![
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
        usage.estimated,
    ])?;
    Ok(())
}
