//! Identities under which money is spent.

use std::time::{SystemTime, UNIX_EPOCH};

/// An identity that no other run on this machine has: its time in milliseconds and its process, in hexadecimal.
pub fn fresh() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", now.as_millis(), std::process::id())
}
