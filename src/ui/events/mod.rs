//! Consumers of a run's events: bars on a terminal, plain lines without one, JSON for programs.

mod bars;
mod json;
mod lines;
mod summary;

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use conductor_types::{Event, Phase};

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

/// Estimates the time left of the warm start and of the run's steps from the pace of this process.
#[derive(Debug, Default)]
pub(super) struct Paces {
    warm_start: Option<Pace>,
    steps: Option<Pace>,
}

/// Steps that were done when this process began its first one, and when that was.
type Pace = (u64, Duration);

impl Paces {
    /// The time left after step number `step` of `steps` ended at `at`, in words; nothing where the pace is not known.
    pub(super) fn left(
        &mut self,
        phase: Phase,
        (step, steps): (u64, u64),
        metrics: &BTreeMap<String, f64>,
        at: Duration,
    ) -> String {
        let slot = match phase {
            Phase::WarmStart => &mut self.warm_start,
            _ => &mut self.steps,
        };
        let took = metrics.get("timing_s/step").copied().unwrap_or(0.0).max(0.0);
        let (before, began) =
            *slot.get_or_insert_with(|| (step, at.saturating_sub(Duration::from_secs_f64(took))));
        let elapsed = at.saturating_sub(began);
        let done = step + 1;
        if elapsed.is_zero() || done <= before {
            return String::new();
        }
        let each = elapsed.as_secs_f64() / (done - before) as f64;
        let left = Duration::from_secs_f64(each * steps.saturating_sub(done) as f64);
        format!("  left {}", span(left))
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
        let at = Duration::from_secs;
        let took = |seconds| [("timing_s/step".to_owned(), seconds)].into();
        let mut paces = Paces::default();
        // The warm start has a pace of its own; nothing is known of a step without a time.
        assert_eq!(paces.left(Phase::WarmStart, (0, 3), &took(5.0), at(9)), "  left 10s");
        assert_eq!(Paces::default().left(Phase::Update, (0, 3), &BTreeMap::new(), at(9)), "");
        // A resume at step 90 of 100: the first ninety cost this process nothing; a validation between steps counts.
        assert_eq!(paces.left(Phase::Update, (90, 100), &took(2.0), at(22)), "  left 18s");
        assert_eq!(paces.left(Phase::Update, (91, 100), &took(2.0), at(26)), "  left 24s");
    }
}
