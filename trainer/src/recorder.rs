//! Where events and metrics go: the screen (whoever called), events.jsonl and metrics.parquet.

use std::time::{SystemTime, UNIX_EPOCH};

use conductor_checkpoints::{EventLog, RunFolder};
use conductor_datasets::{MetricsAt, MetricsLog};
use conductor_types::{Event, Phase, Split};

use crate::TrainError;
use crate::metrics::Metrics;

pub(crate) struct Recorder<'a> {
    emit: &'a mut dyn FnMut(Event),
    events: EventLog,
    pub metrics: MetricsLog,
}

impl<'a> Recorder<'a> {
    pub fn open(folder: &RunFolder, emit: &'a mut dyn FnMut(Event)) -> Result<Self, TrainError> {
        Ok(Self {
            emit,
            events: folder.events()?,
            metrics: MetricsLog::open(folder.metrics_path())?,
        })
    }

    /// Tells the screen and writes the event down. Progress is for the screen only.
    pub fn say(&mut self, event: Event) -> Result<(), TrainError> {
        if !matches!(event, Event::Progress { .. }) {
            self.events.append(&event)?;
        }
        (self.emit)(event);
        Ok(())
    }

    pub fn notice(&mut self, message: impl Into<String>) -> Result<(), TrainError> {
        self.say(Event::Notice { message: message.into() })
    }

    /// Progress within a phase: to the screen only.
    pub fn progress(&mut self, phase: Phase, unit: &str, done: usize, total: usize) {
        (self.emit)(Event::Progress {
            phase,
            done: done as u64,
            total: total as u64,
            unit: unit.to_owned(),
        });
    }

    /// Records the metrics of a finished step and tells of it.
    pub fn step(
        &mut self,
        phase: Phase,
        step: u64,
        steps: u64,
        metrics: Metrics,
    ) -> Result<(), TrainError> {
        self.metrics.append(MetricsAt { time_ms: now_ms(), phase, split: None, step }, &metrics);
        self.metrics.save()?;
        self.say(Event::StepDone { phase, step, steps, metrics })
    }

    /// Records the metrics of an evaluation and tells of it.
    pub fn evaluated(
        &mut self,
        step: u64,
        split: Split,
        metrics: Metrics,
    ) -> Result<(), TrainError> {
        let at = MetricsAt { time_ms: now_ms(), phase: Phase::Evaluate, split: Some(split), step };
        self.metrics.append(at, &metrics);
        self.metrics.save()?;
        self.say(Event::Evaluated { step, split, metrics })
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis() as u64)
}
