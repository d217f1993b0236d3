//! Bars: one for the run, one for what is going on within the step.

use std::time::Instant;

use conductor_types::{Event, Phase};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::Paces;
use super::lines::State;
use super::summary::summary;
use crate::ui::Style;

/// Two bars at the bottom of the terminal; what stays (evaluations, checkpoints, notices) scrolls above them.
pub struct Bars {
    style: Style,
    began: Instant,
    all: MultiProgress,
    run: ProgressBar,
    phase: ProgressBar,
    paces: Paces,
    lines: State,
}

impl Bars {
    pub(super) fn new(style: Style) -> Self {
        let all = MultiProgress::new();
        let run = all.add(ProgressBar::new(0));
        run.set_style(template("{prefix:>10} {bar:28} {pos}/{len}  {wide_msg}"));
        let phase = all.add(ProgressBar::new(0));
        phase.set_style(template("{prefix:>10} {bar:28} {pos}/{len} {msg}"));
        Self {
            style,
            began: Instant::now(),
            all,
            run,
            phase,
            paces: Paces::default(),
            lines: State::default(),
        }
    }

    pub(super) fn show(&mut self, event: &Event) {
        match event {
            Event::Progress { phase, done, total, unit } => {
                self.phase.set_prefix(phase.label());
                self.phase.set_length(*total);
                self.phase.set_position(*done);
                self.phase.set_message(unit.clone());
            }
            Event::StepDone { phase, step, steps, metrics } => {
                let left = self.paces.left(*phase, (*step, *steps), metrics, self.began.elapsed());
                self.run.set_prefix(if *phase == Phase::WarmStart {
                    "warm start"
                } else {
                    "steps"
                });
                self.run.set_length(*steps);
                self.run.set_position(step + 1);
                self.run.set_message(format!("{}{left}", summary(metrics)));
            }
            Event::RunFinished { .. } | Event::Interrupted { .. } => {
                self.phase.finish_and_clear();
                self.run.finish_and_clear();
                self.keep(event);
            }
            _ => self.keep(event),
        }
    }

    /// Writes a line that stays.
    fn keep(&mut self, event: &Event) {
        if let Some(line) = self.lines.line(event, self.began.elapsed(), self.style) {
            // Where the terminal is gone there is nobody left to tell.
            let _ = self.all.println(line);
        }
    }
}

impl Drop for Bars {
    /// What is printed next stands alone.
    fn drop(&mut self) {
        self.phase.finish_and_clear();
        self.run.finish_and_clear();
    }
}

fn template(text: &str) -> ProgressStyle {
    ProgressStyle::with_template(text)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸ ")
}
