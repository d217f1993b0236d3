//! Why an attempt failed, and whether another may help.

use std::time::Duration;

use conductor_types::{Usage, WorkerErrorKind};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::headers;
use crate::store::Settlement;

/// One attempt's failure.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// What kind of failure a caller sees.
    pub kind: WorkerErrorKind,
    /// In words; may hold what the endpoint said, so it is cleared of the key before it leaves.
    pub message: String,
    /// What follows from it.
    pub remedy: Remedy,
    /// What it costs.
    pub settlement: Settlement,
    /// The tokens and dollars of it, where the endpoint counted them.
    pub used: Option<Box<Usage>>,
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The same request would fail again.
    None,
    /// The endpoint is there and wants fewer requests; after this pause where it names one.
    SlowDown(Option<Duration>),
    /// The endpoint or the way to it failed; after this pause where it names one.
    TryAgain(Option<Duration>),
    /// The endpoint answered something that a second try may better (an empty text).
    AskAgain,
}

impl Failure {
    /// An answer that cannot be used, and would not be another time. It may well have been charged for.
    pub fn bad_answer(message: String) -> Self {
        Self {
            kind: WorkerErrorKind::BadAnswer,
            message,
            remedy: Remedy::None,
            settlement: Settlement::Unknown,
            used: None,
        }
    }

    /// An answer without text; its tokens are charged all the same. `used` is what the endpoint counted.
    pub fn empty(message: String, used: Option<Usage>) -> Self {
        let settlement = used.map_or(Settlement::Unknown, |used| Settlement::Paid {
            usd: used.cost_usd,
            estimated: used.estimated,
        });
        let used = used.map(Box::new);
        Self { remedy: Remedy::AskAgain, settlement, used, ..Self::bad_answer(message) }
    }

    /// No answer in time.
    pub fn timeout(message: String) -> Self {
        Self {
            kind: WorkerErrorKind::Timeout,
            message,
            remedy: Remedy::TryAgain(None),
            settlement: Settlement::Unknown,
            used: None,
        }
    }

    /// A connection that broke, with the request on its way or answered in part.
    pub fn broken(message: String) -> Self {
        Self {
            kind: WorkerErrorKind::Unavailable,
            message,
            remedy: Remedy::TryAgain(None),
            settlement: Settlement::Unknown,
            used: None,
        }
    }

    /// A request that was not sent, and will not be.
    pub fn not_sent(kind: WorkerErrorKind, message: String) -> Self {
        let (remedy, settlement) = (Remedy::None, Settlement::Refused);
        Self { kind, message, remedy, settlement, used: None }
    }

    /// A status that is no success. `message` says who answered what.
    pub fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8], message: String) -> Self {
        let pause = headers::retry_after(headers);
        let remedy = match status.as_u16() {
            // Some providers answer 429 where money is short: no pause helps there.
            429 if out_of_money(body) => Remedy::None,
            429 => Remedy::SlowDown(pause),
            // Not what it can do, and a version of HTTP that it does not speak.
            501 | 505 => Remedy::None,
            408 | 409 | 425 | 500..=599 => Remedy::TryAgain(pause),
            _ => Remedy::None,
        };
        // An error in place of an answer is not charged for.
        let settlement = Settlement::Refused;
        let kind = WorkerErrorKind::Unavailable;
        Self { kind, message, remedy, settlement, used: None }
    }
}

/// What to do about a status that no retry mends.
pub fn advice(status: StatusCode) -> &'static str {
    match status.as_u16() {
        300..=399 => "; base_url must be the address that answers, without a redirect",
        401 | 403 => "; check the key that api_key_env or api_key_file names",
        402 => "; the account has no money left",
        404 => "; check base_url (it ends before /chat/completions) and model",
        _ => "",
    }
}

fn out_of_money(body: &[u8]) -> bool {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return false };
    let error = &body["error"];
    [&error["code"], &error["type"]].into_iter().any(|word| {
        matches!(word.as_str(), Some("insufficient_quota" | "billing_hard_limit_reached"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy(status: u16, body: &str) -> Remedy {
        let status = StatusCode::from_u16(status).unwrap();
        Failure::refused(status, &HeaderMap::new(), body.as_bytes(), String::new()).remedy
    }

    #[test]
    fn only_what_a_retry_can_mend_is_retried() {
        assert_eq!(remedy(429, "slow down"), Remedy::SlowDown(None));
        for status in [408, 500, 502, 503, 504, 520, 529] {
            assert_eq!(remedy(status, ""), Remedy::TryAgain(None), "{status}");
        }
        for status in [301, 400, 401, 402, 403, 404, 413, 422, 501] {
            assert_eq!(remedy(status, ""), Remedy::None, "{status}");
        }
        let poor =
            r#"{"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}"#;
        assert_eq!(remedy(429, poor), Remedy::None);
        assert_eq!(remedy(429, "[]"), Remedy::SlowDown(None));
    }
}
