//! A model that says whether an answer is right.

use std::pin::Pin;

use crate::task::Task;
use crate::worker::WorkerError;

/// What a judge is asked.
#[derive(Debug, Clone, Copy)]
pub struct JudgeRequest<'a> {
    /// The task that was answered.
    pub task: &'a Task,
    /// The part of the run that pays, for budgets: `train/12`, `valid/10`.
    pub part: &'a str,
    /// The whole message: question, right answer, answer to be judged, and the form of the verdict.
    pub message: &'a str,
}

/// A future of a judge's reply, in its own words.
pub type JudgeFuture<'a> = Pin<Box<dyn Future<Output = Result<String, WorkerError>> + Send + 'a>>;

/// Asks a model; the trainer hands a worker of the pool to the reward room's grader in this form.
pub trait Judge: std::fmt::Debug + Send + Sync {
    /// The model's reply. The same message gets the same reply, and is paid once where answers are kept. The future may be
    /// dropped at any time.
    fn ask<'a>(&'a self, request: JudgeRequest<'a>) -> JudgeFuture<'a>;
}
