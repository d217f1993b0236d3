use conductor_checkpoints::CheckpointError;
use conductor_datasets::DataError;
use conductor_policy::PolicyError;
use conductor_reward::GraderError;
use conductor_rollout::PoolError;
use conductor_types::SamplerError;

/// What can stop a run. The message says what to do; the kind decides the exit code.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// Tasks or logs.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The pool.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The grader.
    #[error(transparent)]
    Grader(#[from] GraderError),
    /// The model.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Sampling.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
    /// The run's folder.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// An export cannot be written.
    #[error(transparent)]
    Export(#[from] conductor_checkpoints::export::ExportError),
    /// Stored weights cannot be read or written.
    #[error(transparent)]
    Weights(#[from] conductor_checkpoints::weights::WeightsError),
    /// Stored weights belong to another model or adapter.
    #[error(
        "{path}: {reason}; the checkpoint belongs to another model or adapter than the configuration names"
    )]
    Snapshot {
        /// The file.
        path: std::path::PathBuf,
        /// What differs.
        reason: String,
    },
    /// A loss or gradient is not finite.
    #[error(
        "step {step} diverged: {what} is {value}; the step's episodes are in {episodes}, the weights before it in the newest checkpoint. Lower train.optimizer.lr or raise train.advantage.epsilon"
    )]
    Diverged {
        /// The step.
        step: u64,
        /// What is not finite.
        what: &'static str,
        /// Its value.
        value: f64,
        /// The file with the batch.
        episodes: String,
    },
    /// Tasks that the pool cannot answer.
    #[error(
        "{missing} of {total} tasks are not in the pool's recordings, for example {example}; set tasks.only_recorded = true to leave them out, or record them with `conductor pool record`"
    )]
    NotRecorded {
        /// How many.
        missing: usize,
        /// Of how many.
        total: usize,
        /// One of them.
        example: String,
    },
    /// Every workflow of a step failed for reasons that are not the policy's.
    #[error(
        "step {step}: none of the {workflows} workflows that ran could be scored; the most frequent cause is {cause}, for example: {example}. The step's episodes are in {episodes}; when the cause is gone, the same command goes on"
    )]
    NothingScorable {
        /// The step.
        step: u64,
        /// How many workflows ran.
        workflows: usize,
        /// The most frequent cause.
        cause: String,
        /// What one of them says.
        example: String,
        /// The file with the episodes.
        episodes: String,
    },
    /// A limit of `[budget]` is reached.
    #[error(
        "step {step}: {wall}. Answers that were paid are kept, and the unfinished step is done again without paying them: raise the limit, and the same command goes on"
    )]
    BudgetReached {
        /// The step.
        step: u64,
        /// Which limit.
        wall: conductor_rollout::ledger::Wall,
    },
    /// A worker fails too often for a step to teach anything.
    #[error(
        "step {step}: {failing}. That is more than rollout.max_failed_share allows, so nothing was learned from the step. Answers that were paid are kept: look at the worker (`conductor pool check`), and the same command goes on"
    )]
    WorkerFailing {
        /// The step.
        step: u64,
        /// Who, and how often.
        failing: crate::Failing,
    },
    /// The journal of finished episodes cannot be read or written.
    #[error("cannot use the journal of finished episodes {}: {source}", path.display())]
    Journal {
        /// The file.
        path: std::path::PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The async runtime cannot start.
    #[error("cannot start the runtime for worker calls: {0}")]
    Runtime(std::io::Error),
    /// A request that the run cannot meet.
    #[error("{0}")]
    Usage(String),
    /// Someone asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// libtorch refused an operation.
    #[error("libtorch: {0}")]
    Torch(String),
}

impl From<tch::TchError> for TrainError {
    fn from(error: tch::TchError) -> Self {
        Self::Torch(conductor_policy::without_frames(&error.to_string()).to_owned())
    }
}
