//! Plain lines: for logs, pipes and continuous integration.

use std::time::{Duration, Instant};

use conductor_types::{Event, Phase};

use super::summary::summary;
use super::{Paces, span};
use crate::ui::Style;
use crate::ui::spending;

/// One line a step.
pub struct Lines {
    style: Style,
    began: Instant,
    state: State,
}

/// What is remembered between lines.
#[derive(Default)]
pub(super) struct State {
    paces: Paces,
    /// What the last progress was about.
    said: Option<(Phase, String)>,
}

impl Lines {
    pub(super) fn new(style: Style) -> Self {
        Self { style, began: Instant::now(), state: State::default() }
    }

    pub(super) fn show(&mut self, event: &Event) {
        if let Some(line) = self.state.line(event, self.began.elapsed(), self.style) {
            eprintln!("{line}");
        }
    }
}

impl State {
    /// What an event says at `at` since the start of this process; `None` where it is not worth a line.
    pub(super) fn line(&mut self, event: &Event, at: Duration, style: Style) -> Option<String> {
        Some(match event {
            Event::RunStarted { folder, step, steps } => {
                let begins = if *step == 0 {
                    "starts".to_owned()
                } else {
                    format!("goes on at step {step}")
                };
                format!("{} {folder} {begins}, {steps} steps in all", style.strong("run"))
            }
            Event::Notice { message } => format!("{} {message}", style.warn("note")),
            Event::Progress { phase, total, unit, .. } => {
                // A long evaluation or load says so once; everything else is told by its step.
                let said = self.said.replace((*phase, unit.clone()));
                let is_new = said.is_none_or(|said| said != (*phase, unit.clone()));
                if !is_new || !matches!(phase, Phase::Load | Phase::Evaluate) || *total == 0 {
                    return None;
                }
                format!("{} {total} {unit}", style.strong(phase.label()))
            }
            Event::StepDone { phase, step, steps, metrics } => {
                let left = self.paces.left(*phase, (*step, *steps), metrics, at);
                let done = step + 1;
                let name = if *phase == Phase::WarmStart { "warm start" } else { "step" };
                format!("{} {done}/{steps}  {}{left}", style.strong(name), summary(metrics))
            }
            Event::Evaluated { step, split, metrics } => {
                format!(
                    "{} on {split} after {step} steps  {}",
                    style.strong("evaluated"),
                    summary(metrics)
                )
            }
            Event::CheckpointSaved { folder, .. } => {
                format!("{} {folder}", style.strong("checkpoint"))
            }
            Event::Interrupted { step } => {
                format!(
                    "{} after {step} steps; run the same command again to go on",
                    style.warn("stopped")
                )
            }
            Event::RunFinished { step, cost_usd, saved_usd, unsettled_usd, seconds } => format!(
                "{} {step} steps, {}, {}",
                style.good("done"),
                spending(*cost_usd, *saved_usd, *unsettled_usd),
                span(Duration::from_secs_f64(seconds.max(0.0)))
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: u64) -> Event {
        let metrics =
            [("critic/rewards/mean".to_owned(), 0.5), ("timing_s/step".to_owned(), 4.0)].into();
        Event::StepDone { phase: Phase::Update, step, steps: 10, metrics }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_run_reads_as_a_log() {
        let mut state = State::default();
        let mut line = |event: &Event, seconds| state.line(event, at(seconds), Style::PLAIN);
        let started = Event::RunStarted { folder: "runs/a".into(), step: 4, steps: 10 };
        assert_eq!(line(&started, 0).unwrap(), "run runs/a goes on at step 4, 10 steps in all");
        let progress = |done| Event::Progress {
            phase: Phase::Sample,
            done,
            total: 8,
            unit: "episodes".into(),
        };
        assert_eq!(line(&progress(0), 10), None);
        assert_eq!(line(&progress(8), 12), None);
        assert_eq!(line(&step(4), 14).unwrap(), "step 5/10  reward 0.500  took 4.0 s  left 20s");
        assert_eq!(line(&step(5), 18).unwrap(), "step 6/10  reward 0.500  took 4.0 s  left 16s");
        let stopped = line(&Event::Interrupted { step: 6 }, 19).unwrap();
        assert_eq!(stopped, "stopped after 6 steps; run the same command again to go on");
    }
}
