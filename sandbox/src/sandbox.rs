//! The handle.

use std::ops::ControlFlow;

use conductor_configs::schema;

use crate::error::StartError;
use crate::job::{Ending, Job, Output, Ran};
use crate::level::{Level, Report};

/// Serves cells and ends the process where this process was started for that; returns otherwise. First thing in `main`.
pub fn serve_if_asked() {}

/// Runs programs under test. Cheap to clone; clones share the limit on programs at once.
#[derive(Debug, Clone)]
pub struct Sandbox {
    report: Report,
}

impl Sandbox {
    /// Finds the strongest level that this machine offers, tests it on hostile programs, and starts what runs programs.
    #[expect(clippy::unused_async, reason = "not finished")]
    pub async fn start(options: &schema::Sandbox) -> Result<Self, StartError> {
        Err(StartError::Interpreter {
            interpreter: options.interpreter.clone(),
            reason: "not finished".into(),
        })
    }

    /// The level that programs run at.
    pub fn level(&self) -> Level {
        self.report.level
    }

    /// What holds here, and by what.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Runs a program on its inputs, and gives what it made of each to `judge`, in order, until that has seen enough.
    #[expect(clippy::unused_async, reason = "not finished")]
    pub async fn run(
        &self,
        _job: &Job,
        _judge: &mut (dyn FnMut(usize, Output) -> ControlFlow<()> + Send),
    ) -> Ran {
        Ran {
            ending: Ending::Broken { detail: "not finished".into() },
            wall: std::time::Duration::ZERO,
            cpu: std::time::Duration::ZERO,
            peak_bytes: None,
        }
    }
}
