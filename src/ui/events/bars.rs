//! Bars: one for the run, one for what is going on within the step.

use std::time::Instant;

use conductor_types::{Event, Phase};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::lines::State;
use super::summary::summary;
use super::{Pace, span};
use crate::ui::Style;

/// Two bars at the bottom of the terminal; what stays (evaluations, checkpoints, notices) scrolls above them.
pub struct Bars {
    style: Style,
    began: Instant,
    all: MultiProgress,
    run: ProgressBar,
    phase: ProgressBar,
    pace: Option<(Phase, Pace)>,
    first_step: u64,
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
            pace: None,
            first_step: 0,
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
                self.step(*phase, step + 1, *steps, &summary(metrics));
            }
            Event::RunFinished { .. } | Event::Interrupted { .. } => {
                self.phase.finish_and_clear();
                self.run.finish_and_clear();
                self.keep(event);
            }
            Event::RunStarted { step, .. } => {
                self.first_step = *step;
                self.keep(event);
            }
            _ => self.keep(event),
        }
    }

    fn step(&mut self, phase: Phase, done: u64, steps: u64, metrics: &str) {
        let at = self.began.elapsed();
        let pace = match self.pace {
            Some((of, pace)) if of == phase => pace,
            _ => {
                let first = if phase == Phase::WarmStart { 0 } else { self.first_step };
                Pace::start(first.max(done), at)
            }
        };
        self.pace = Some((phase, pace));
        let left = pace
            .left(done, steps, at)
            .map_or(String::new(), |left| format!("  left {}", span(left)));
        self.run.set_prefix(if phase == Phase::WarmStart { "warm start" } else { "steps" });
        self.run.set_length(steps);
        self.run.set_position(done);
        self.run.set_message(format!("{metrics}{left}"));
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
