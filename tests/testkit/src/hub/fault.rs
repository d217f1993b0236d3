//! What can go wrong with an answer.

use std::time::Duration;

/// A way to answer wrongly, or late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A status with header lines and a body.
    Status(u16, Vec<String>, String),
    /// The right head and so many bytes of the body; then the connection is closed.
    Truncated(usize),
    /// The same, but the connection is reset.
    Reset(usize),
    /// The same, but nothing comes after it, nor does it end.
    Stalled(usize),
    /// All of it, so many bytes at a time with a pause between them.
    Drip(usize, Duration),
    /// All of it, with one byte in the middle changed.
    Corrupt,
    /// All of it and these bytes behind it, announced as one.
    Longer(Vec<u8>),
    /// The whole file, whatever range was asked for.
    Whole,
    /// The bytes of the range, called those from the start.
    WrongRange,
    /// A redirect to the same address.
    Loop,
    /// A page for a person, with status 200.
    Page,
}

impl Fault {
    /// A status without a body.
    pub fn status(status: u16) -> Self {
        Self::Status(status, Vec::new(), String::new())
    }

    /// A status that says when to come back.
    pub fn busy(status: u16, retry_after: &str) -> Self {
        Self::Status(status, vec![format!("Retry-After: {retry_after}")], String::new())
    }
}
