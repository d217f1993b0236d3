//! How a command ends: documented, the same for every verb, and decided in one place.

use std::process::ExitCode;

use conductor_checkpoints::CheckpointError;
use conductor_configs::ConfigErrors;
use conductor_datasets::DataError;
use conductor_datasets::hub::HubError;
use conductor_policy::PolicyError;
use conductor_reward::GraderError;
use conductor_rollout::PoolError;
use conductor_sandbox::StartError;
use conductor_trainer::TrainError;
use conductor_types::SamplerError;

use crate::problem::Problem;

/// How a command ended. Scripts may rely on these numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Something failed; what is on disk is whole.
    Failure,
    /// The command line or the configuration is wrong; nothing was started.
    Usage,
    /// The pool cannot be reached, or the budget is reached.
    Pool,
    /// Untrusted code cannot be run safely on this machine.
    Sandbox,
    /// Training diverged.
    Diverged,
    /// Interrupted; the same command goes on from where it stopped.
    Interrupted,
}

impl Exit {
    /// Every way to end, in the order of the numbers.
    pub const ALL: [Self; 7] = [
        Self::Done,
        Self::Failure,
        Self::Usage,
        Self::Pool,
        Self::Sandbox,
        Self::Diverged,
        Self::Interrupted,
    ];

    /// The number that the system sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Pool => 3,
            Self::Sandbox => 4,
            Self::Diverged => 5,
            // What a shell reports for a process that Ctrl-C ended: 128 + SIGINT.
            Self::Interrupted => 130,
        }
    }

    /// One line for `--help`.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failure => "failure; what is on disk is whole",
            Self::Usage => "bad command line, configuration or tasks; nothing was started",
            Self::Pool => "the pool cannot be reached, or the budget is reached",
            Self::Sandbox => "untrusted code cannot be run safely here",
            Self::Diverged => "training diverged",
            Self::Interrupted => "interrupted; the same command goes on from there",
        }
    }

    /// The list for `--help`.
    pub fn help() -> String {
        let lines: Vec<String> = Self::ALL
            .iter()
            .map(|exit| format!("{:>5}  {}", exit.code(), exit.meaning()))
            .collect();
        format!("Exit codes:\n{}", lines.join("\n"))
    }

    /// How a command ends that failed with `error`.
    pub fn of(error: &anyhow::Error) -> Self {
        for cause in error.chain() {
            if let Some(problem) = cause.downcast_ref::<Problem>() {
                return problem.exit;
            }
            if cause.is::<ConfigErrors>() {
                return Self::Usage;
            }
            if let Some(error) = cause.downcast_ref::<TrainError>() {
                return of_train(error);
            }
            if let Some(error) = cause.downcast_ref::<CheckpointError>() {
                return of_checkpoint(error);
            }
            if let Some(error) = cause.downcast_ref::<PolicyError>() {
                return of_policy(error);
            }
            if let Some(error) = cause.downcast_ref::<GraderError>() {
                return of_grader(error);
            }
            if let Some(error) = cause.downcast_ref::<DataError>() {
                return of_data(error);
            }
            if let Some(error) = cause.downcast_ref::<HubError>() {
                return of_hub(error);
            }
            if let Some(error) = cause.downcast_ref::<PoolError>() {
                return of_pool(error);
            }
        }
        Self::Failure
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

fn of_train(error: &TrainError) -> Exit {
    match error {
        TrainError::Data(error) => of_data(error),
        TrainError::Pool(error) => of_pool(error),
        TrainError::Grader(error) => of_grader(error),
        TrainError::Policy(error) => of_policy(error),
        TrainError::Checkpoint(error) => of_checkpoint(error),
        TrainError::Sampler(SamplerError::PromptTooLong { .. })
        | TrainError::NotRecorded { .. }
        | TrainError::Usage(_) => Exit::Usage,
        TrainError::Sampler(SamplerError::Interrupted) | TrainError::Interrupted => {
            Exit::Interrupted
        }
        TrainError::NothingScorable { .. }
        | TrainError::BudgetReached { .. }
        | TrainError::WorkerFailing { .. } => Exit::Pool,
        TrainError::Diverged { .. } => Exit::Diverged,
        TrainError::Sampler(SamplerError::Failed(_))
        | TrainError::Export(_)
        | TrainError::Weights(_)
        | TrainError::Snapshot { .. }
        | TrainError::Runtime(_)
        | TrainError::Journal { .. }
        | TrainError::Torch(_) => Exit::Failure,
    }
}

fn of_checkpoint(error: &CheckpointError) -> Exit {
    match error {
        CheckpointError::BadName { .. }
        | CheckpointError::NotARun { .. }
        | CheckpointError::ConfigDiffers { .. }
        | CheckpointError::Missing { .. } => Exit::Usage,
        _ => Exit::Failure,
    }
}

fn of_policy(error: &PolicyError) -> Exit {
    match error {
        PolicyError::Device(_) | PolicyError::Unsupported { .. } | PolicyError::Tokens { .. } => {
            Exit::Usage
        }
        _ => Exit::Failure,
    }
}

fn of_grader(error: &GraderError) -> Exit {
    match error {
        GraderError::Limit { .. }
        | GraderError::ReasoningGym { .. }
        | GraderError::Task { .. }
        | GraderError::Sandbox(StartError::Value { .. }) => Exit::Usage,
        GraderError::Sandbox(_) => Exit::Sandbox,
    }
}

fn of_data(error: &DataError) -> Exit {
    match error {
        // The configuration names tasks that cannot make a run.
        DataError::EmptySplit { .. }
        | DataError::NoTasks { .. }
        | DataError::Duplicate { .. }
        | DataError::NoDates { .. }
        | DataError::Weight { .. }
        | DataError::MixSize { .. }
        | DataError::MixTotal { .. } => Exit::Usage,
        _ => Exit::Failure,
    }
}

fn of_hub(error: &HubError) -> Exit {
    match error {
        HubError::Unknown { .. }
        | HubError::Release { .. }
        | HubError::Revision { .. }
        | HubError::Setting { .. }
        | HubError::Occupied { .. } => Exit::Usage,
        HubError::Stopped => Exit::Interrupted,
        HubError::Data(error) => of_data(error),
        _ => Exit::Failure,
    }
}

fn of_pool(error: &PoolError) -> Exit {
    match error {
        PoolError::Recording { .. } | PoolError::Store(_) => Exit::Failure,
        PoolError::Empty
        | PoolError::DuplicateName { .. }
        | PoolError::NobodySolves
        | PoolError::UnknownRecordedWorker { .. }
        | PoolError::MissingKey { .. }
        | PoolError::BadSetting { .. } => Exit::Usage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_that_the_documentation_promises() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 2, 3, 4, 5, 130]);
    }

    #[test]
    fn the_cause_decides_however_deep_it_lies() {
        let error =
            anyhow::Error::new(PoolError::Empty).context("cannot open the pool").context("eval");
        assert_eq!(Exit::of(&error), Exit::Usage);
        assert_eq!(Exit::of(&anyhow::anyhow!("anything")), Exit::Failure);
        let problem = Problem::new(Exit::Diverged, "loss is NaN");
        assert_eq!(Exit::of(&anyhow::Error::new(problem).context("train")), Exit::Diverged);
    }
}
