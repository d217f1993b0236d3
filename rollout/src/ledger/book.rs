//! The sums of a ledger, in memory, and the limits that they are held against.

use std::collections::HashMap;
use std::fmt;

use conductor_configs::schema::Budget;

use super::Spent;
use crate::store::Settlement;

/// Rounding of sums; far below what anything costs.
const ROUNDING_USD: f64 = 1e-12;

/// What a limit is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The whole run.
    Run,
    /// One training step, or one validation.
    Step,
    /// One question in one step.
    Question,
}

/// A limit that is reached.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub struct Wall {
    /// What the limit is on.
    pub scope: Scope,
    /// Which step or question; empty for the run.
    pub what: String,
    /// The limit.
    pub limit: Limit,
}

/// A limit, and how near to it the spending is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// In dollars.
    Usd {
        /// The limit.
        most: f64,
        /// What is spent of it, requests without a settlement at the most that they can cost.
        spent: f64,
        /// The most that the next request can cost.
        next: f64,
    },
    /// In paid calls.
    Calls {
        /// The limit.
        most: u64,
    },
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = match self.scope {
            Scope::Run => "run",
            Scope::Step => "step",
            Scope::Question => "question",
        };
        let unit = match self.limit {
            Limit::Usd { .. } => "usd",
            Limit::Calls { .. } => "calls",
        };
        write!(f, "budget.{scope}_{unit} ")?;
        match self.limit {
            Limit::Usd { most, .. } => write!(f, "= {most} dollars")?,
            Limit::Calls { most } => write!(f, "= {most}")?,
        }
        match self.scope {
            Scope::Run => f.write_str(" is reached")?,
            Scope::Step | Scope::Question => write!(f, " is reached in {}", self.what)?,
        }
        match self.limit {
            Limit::Usd { spent, next, .. } => {
                write!(f, ": ${spent:.6} are spent, and the next call can cost up to ${next:.6}")
            }
            Limit::Calls { most } => write!(f, ": {most} calls are paid"),
        }
    }
}

/// What is spent and what is under way.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Sum {
    spent: Spent,
    open_usd: f64,
    open_calls: u64,
}

/// Whether a request may be sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Room {
    /// It is put aside.
    Taken,
    /// Perhaps, when requests under way are settled.
    Later,
    /// No, whatever becomes of the others.
    Never(Wall),
}

/// The sums of an account.
#[derive(Debug)]
pub struct Book {
    budget: Budget,
    run: Sum,
    parts: HashMap<String, Sum>,
    questions: HashMap<(String, String), Sum>,
    wall: Option<Wall>,
}

impl Book {
    /// An account that has spent nothing.
    pub fn new(budget: Budget) -> Self {
        Self {
            budget,
            run: Sum::default(),
            parts: HashMap::new(),
            questions: HashMap::new(),
            wall: None,
        }
    }

    /// Adds what an earlier process spent on a question.
    pub fn spent_before(&mut self, part: &str, task: &str, spent: Spent) {
        for sum in self.sums(part, task) {
            sum.spent.paid_usd += spent.paid_usd;
            sum.spent.unsettled_usd += spent.unsettled_usd;
            sum.spent.calls += spent.calls;
            sum.spent.unsettled_calls += spent.unsettled_calls;
        }
    }

    /// What is spent in all.
    pub fn spent(&self) -> Spent {
        self.run.spent
    }

    /// The limit that ends the run, once it is reached.
    pub fn wall(&self) -> Option<&Wall> {
        self.wall.as_ref()
    }

    /// Puts `usd` and a call aside where no limit is in the way.
    pub fn take(&mut self, part: &str, task: &str, usd: f64) -> Room {
        if let Some(wall) = &self.wall {
            return Room::Never(wall.clone());
        }
        let budget = self.budget;
        let limits = [
            (Scope::Run, budget.run_usd, budget.run_calls),
            (Scope::Step, budget.step_usd, budget.step_calls),
            (Scope::Question, budget.question_usd, budget.question_calls),
        ];
        let mut later = false;
        let mut reached = None;
        for (sum, (scope, most_usd, most_calls)) in self.sums(part, task).into_iter().zip(limits) {
            match sum.room(usd, most_usd, most_calls) {
                Ok(now) => later |= !now,
                Err(limit) => {
                    reached = Some((scope, limit));
                    break;
                }
            }
        }
        if let Some((scope, limit)) = reached {
            let what = match scope {
                Scope::Run => String::new(),
                Scope::Step => part.to_owned(),
                Scope::Question => format!("{part}, question {task}"),
            };
            let wall = Wall { scope, what, limit };
            // A question's limit ends nothing but its own calls.
            if scope != Scope::Question {
                self.wall = Some(wall.clone());
            }
            return Room::Never(wall);
        }
        if later {
            return Room::Later;
        }
        for sum in self.sums(part, task) {
            sum.open_usd += usd;
            sum.open_calls += 1;
        }
        Room::Taken
    }

    /// Takes a request off what is under way.
    pub fn settle(&mut self, part: &str, task: &str, reserved_usd: f64, settlement: Settlement) {
        for sum in self.sums(part, task) {
            sum.open_calls -= 1;
            // A sum of nothing is nothing, whatever rounding left.
            sum.open_usd = if sum.open_calls == 0 { 0.0 } else { sum.open_usd - reserved_usd };
            match settlement {
                Settlement::Paid { usd, .. } => {
                    sum.spent.paid_usd += usd;
                    sum.spent.calls += 1;
                }
                Settlement::Refused => {}
                Settlement::Unknown => {
                    sum.spent.unsettled_usd += reserved_usd;
                    sum.spent.unsettled_calls += 1;
                }
            }
        }
    }

    /// The sums that a request counts in, the whole first.
    fn sums(&mut self, part: &str, task: &str) -> [&mut Sum; 3] {
        // Without a look first, each call would make two texts only to find its sums.
        if !self.parts.contains_key(part) {
            self.parts.insert(part.to_owned(), Sum::default());
        }
        [
            &mut self.run,
            self.parts.get_mut(part).expect("it was just made"),
            self.questions.entry((part.to_owned(), task.to_owned())).or_default(),
        ]
    }
}

impl Sum {
    /// Whether there is room now (`true`) or perhaps later; the limit where there is none for good.
    fn room(
        &self,
        usd: f64,
        most_usd: Option<f64>,
        most_calls: Option<u64>,
    ) -> Result<bool, Limit> {
        let spent = self.spent.paid_usd + self.spent.unsettled_usd;
        let calls = self.spent.calls + self.spent.unsettled_calls;
        let mut now = true;
        if let Some(most) = most_usd {
            if spent + usd > most + ROUNDING_USD {
                return Err(Limit::Usd { most, spent, next: usd });
            }
            now &= spent + self.open_usd + usd <= most + ROUNDING_USD;
        }
        if let Some(most) = most_calls {
            if calls >= most {
                return Err(Limit::Calls { most });
            }
            now &= calls + self.open_calls < most;
        }
        Ok(now)
    }
}
