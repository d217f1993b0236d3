//! What a run may spend on its pool, and what it has spent.
//!
//! Before a request is sent, the most that it can cost is reserved, on the disk and against every limit; after it, the
//! reservation is settled at what it did cost. So requests under way can never overspend together, and a kill leaves
//! a list of reservations that nobody settled. They count in full against the limits, because only the provider knows
//! whether it charged for them.

mod book;
mod statement;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use conductor_configs::schema::Budget;
use tokio::sync::Notify;

pub use book::{Scope, Wall};
pub use statement::{LedgerLine, Statement, Unsettled, statement};

use crate::store::{AnswerStore, Entry, Paid, Settlement, StoreError, connect};
use book::{Book, Room};

/// Who pays, and how much at most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Account<'a> {
    /// The identity of a run. Only one process at a time may spend under it.
    pub id: &'a str,
    /// The limits.
    pub budget: &'a Budget,
}

/// The ledger of one account.
#[derive(Debug)]
pub struct Ledger {
    store: Arc<AnswerStore>,
    account: String,
    book: Mutex<Book>,
    changed: Notify,
}

/// What an account has spent.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spent {
    /// Dollars that were paid.
    pub paid_usd: f64,
    /// Dollars at most of requests that broke off or that a kill left unsettled: only the provider knows what they cost.
    pub unsettled_usd: f64,
    /// Requests that were paid.
    pub calls: u64,
    /// Requests that broke off or that a kill left unsettled.
    pub unsettled_calls: u64,
}

/// A request that a ledger is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asked<'a> {
    /// The part of the run.
    pub part: &'a str,
    /// The question.
    pub task: &'a str,
    /// The worker's name in the pool.
    pub worker: &'a str,
    /// What the answer will be found by.
    pub key: &'a crate::store::AnswerKey,
    /// The most that it can cost.
    pub most_usd: f64,
}

/// Room for one request, not yet on the disk; dropped, it is free again.
#[derive(Debug)]
#[must_use]
pub struct Held<'a> {
    ledger: &'a Arc<Ledger>,
    asked: Asked<'a>,
    kept: bool,
}

/// Money put aside for one request. A value that is dropped without being settled stays reserved.
#[derive(Debug)]
#[must_use]
pub struct Reservation {
    ledger: Arc<Ledger>,
    number: i64,
    part: String,
    task: String,
    usd: f64,
}

impl Ledger {
    /// Reads what the account has spent. Requests that an earlier process left open are lost: they count as spent.
    pub fn open(store: Arc<AnswerStore>, account: Account<'_>) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Sql {
            action: "read the ledger of",
            path: store.path().to_owned(),
            source,
        };
        let connection = connect(store.path())?;
        let book = (|| -> rusqlite::Result<Book> {
            connection.execute(
                "UPDATE ledger SET state = 'lost' WHERE account = ?1 AND state = 'open'",
                [account.id],
            )?;
            let mut book = Book::new(*account.budget);
            let mut statement = connection.prepare(
                "SELECT part, task, total(paid_usd), total(CASE WHEN paid_usd IS NULL THEN reserved_usd END), \
                 count(CASE WHEN state = 'paid' THEN 1 END), count(CASE WHEN paid_usd IS NULL THEN 1 END) \
                 FROM ledger WHERE account = ?1 GROUP BY part, task",
            )?;
            let mut rows = statement.query([account.id])?;
            while let Some(row) = rows.next()? {
                let (part, task): (String, String) = (row.get(0)?, row.get(1)?);
                let spent = Spent {
                    paid_usd: row.get(2)?,
                    unsettled_usd: row.get(3)?,
                    calls: row.get::<_, i64>(4)? as u64,
                    unsettled_calls: row.get::<_, i64>(5)? as u64,
                };
                book.spent_before(&part, &task, spent);
            }
            Ok(book)
        })()
        .map_err(failed)?;
        Ok(Self {
            store,
            account: account.id.to_owned(),
            book: Mutex::new(book),
            changed: Notify::new(),
        })
    }

    /// Where paid answers are kept.
    pub fn store(&self) -> &AnswerStore {
        &self.store
    }

    /// What the account has spent so far.
    pub fn spent(&self) -> Spent {
        self.book().spent()
    }

    /// The limit that ends the run, once it is reached.
    pub fn wall(&self) -> Option<Wall> {
        self.book().wall().cloned()
    }

    /// Holds the most that a request can cost against every limit. Where only requests under way stand in the way, it waits
    /// for them. May be dropped at any time.
    pub async fn hold<'a>(self: &'a Arc<Self>, asked: Asked<'a>) -> Result<Held<'a>, Wall> {
        loop {
            // Before the look at the book, so that no change after it is missed.
            let changed = self.changed.notified();
            let room = self.book().take(asked.part, asked.task, asked.most_usd);
            match room {
                Room::Taken => return Ok(Held { ledger: self, asked, kept: false }),
                Room::Later => changed.await,
                Room::Never(wall) => {
                    // Others that wait for room need not wait any longer.
                    self.changed.notify_waiters();
                    return Err(wall);
                }
            }
        }
    }

    fn end(&self, part: &str, task: &str, reserved_usd: f64, settlement: Settlement) {
        self.book().settle(part, task, reserved_usd, settlement);
        self.changed.notify_waiters();
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held<'_> {
    /// Writes it down; it is on the disk when this returns, and the request may be sent.
    pub async fn keep(mut self) -> Result<Reservation, StoreError> {
        let Asked { part, task, worker, key, most_usd } = self.asked;
        let entry = Entry {
            account: self.ledger.account.clone(),
            part: part.to_owned(),
            task: task.to_owned(),
            worker: worker.to_owned(),
            key: key.clone(),
            reserved_usd: most_usd,
        };
        let number = self.ledger.store.reserve(entry).await?;
        self.kept = true;
        Ok(Reservation {
            ledger: Arc::clone(self.ledger),
            number,
            part: part.to_owned(),
            task: task.to_owned(),
            usd: most_usd,
        })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if !self.kept {
            let Asked { part, task, most_usd, .. } = self.asked;
            self.ledger.end(part, task, most_usd, Settlement::Refused);
        }
    }
}

impl Reservation {
    /// Settles it, and keeps the answer that it paid; both are on the disk when this returns.
    pub async fn settle(
        self,
        settlement: Settlement,
        paid: Option<Paid>,
    ) -> Result<(), StoreError> {
        let kept = self.ledger.store.settle(self.number, settlement, paid).await;
        // What was paid counts, whether it could be written down or not.
        self.ledger.end(&self.part, &self.task, self.usd, settlement);
        kept
    }
}

#[cfg(test)]
mod tests;
