//! Consumers of a run's events: bars on a terminal, plain lines without one, JSON for programs.

mod bars;
mod json;
mod lines;
mod summary;

use std::io::IsTerminal as _;
use std::time::Duration;

use conductor_types::Event;

use super::Style;

/// How a run is shown while it goes on.
pub enum Console {
    /// Bars, on standard error.
    Bars(bars::Bars),
    /// One line a step, on standard error.
    Lines(lines::Lines),
    /// One JSON object a line, on standard output.
    Json(json::Json),
}

impl Console {
    /// JSON where it is asked for; else bars where a person looks at a terminal; else lines.
    pub fn choose(json: bool) -> Self {
        let style = Style::stderr();
        if json {
            Self::Json(json::Json::default())
        } else if std::io::stderr().is_terminal() {
            Self::Bars(bars::Bars::new(style))
        } else {
            Self::Lines(lines::Lines::new(style))
        }
    }

    /// Shows an event.
    pub fn show(&mut self, event: &Event) {
        match self {
            Self::Bars(bars) => bars.show(event),
            Self::Lines(lines) => lines.show(event),
            Self::Json(json) => json.show(event),
        }
    }
}

/// "3m 05s".
pub(super) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// Estimates the time left from the pace of this process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Steps that were done when this process began to count, and when that was.
    first: (u64, Duration),
}

impl Pace {
    /// Counting begins with `done` steps behind it.
    pub(super) fn start(done: u64, at: Duration) -> Self {
        Self { first: (done, at) }
    }

    /// Time left with `done` of `total` steps; `None` before the first step is done.
    pub(super) fn left(self, done: u64, total: u64, at: Duration) -> Option<Duration> {
        let steps = done.checked_sub(self.first.0).filter(|steps| *steps > 0)?;
        let each = at.saturating_sub(self.first.1).as_secs_f64() / steps as f64;
        Some(Duration::from_secs_f64(each * total.saturating_sub(done) as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_at_a_glance() {
        for (seconds, text) in
            [(0, "0s"), (59, "59s"), (60, "1m 00s"), (3599, "59m 59s"), (90_000, "25h 00m")]
        {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn the_time_left_counts_only_the_steps_of_this_process() {
        // A resume at step 90 of 100: the first ninety cost this process nothing.
        let pace = Pace::start(90, Duration::from_secs(10));
        assert_eq!(pace.left(90, 100, Duration::from_secs(10)), None);
        let left = pace.left(92, 100, Duration::from_secs(14)).unwrap();
        assert_eq!(left, Duration::from_secs(16));
    }
}
