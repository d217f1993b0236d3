//! One JSON object a line, the same as in `events.jsonl`.

use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use conductor_types::{Event, RunEvent};

/// Writes events to standard output.
#[derive(Default)]
pub struct Json {
    /// Nobody reads any more; the run goes on all the same.
    closed: bool,
}

impl Json {
    pub(super) fn show(&mut self, event: &Event) {
        if self.closed {
            return;
        }
        let time_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis() as u64);
        let event = RunEvent { time_ms, event: event.clone() };
        let Ok(line) = serde_json::to_string(&event) else { return };
        let mut out = std::io::stdout().lock();
        self.closed = writeln!(out, "{line}").and_then(|()| out.flush()).is_err();
    }
}
