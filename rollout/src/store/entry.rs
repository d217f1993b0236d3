//! A request in the ledger: what it may cost, and what it did cost.

use super::AnswerKey;

/// A request that is about to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Whose money: a run's identity.
    pub account: String,
    /// The part of the run: `train/12`.
    pub part: String,
    /// The question.
    pub task: String,
    /// The worker's name in the pool.
    pub worker: String,
    /// What the answer will be found by.
    pub key: AnswerKey,
    /// The most that it can cost.
    pub reserved_usd: f64,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Settlement {
    /// It was answered and costs this.
    Paid {
        /// Dollars.
        usd: f64,
        /// Whether the tokens were counted here.
        estimated: bool,
    },
    /// It was refused or never arrived: it costs nothing.
    Refused,
    /// It was sent and broke off, so that only the provider knows whether it costs anything.
    Unknown,
}

impl Settlement {
    /// The word in the file. `open` and `lost` (open when its process ended) are the others.
    pub(super) fn state(self) -> &'static str {
        match self {
            Self::Paid { .. } => "paid",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }

    pub(super) fn paid_usd(self) -> Option<f64> {
        match self {
            Self::Paid { usd, .. } => Some(usd),
            Self::Refused => Some(0.0),
            Self::Unknown => None,
        }
    }

    pub(super) fn is_estimated(self) -> bool {
        matches!(self, Self::Paid { estimated: true, .. })
    }
}
