//! Why a run folder or a checkpoint cannot be used.

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};

/// Why a run folder or a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The run's name cannot be a folder's name.
    #[error(
        "run.name is {name:?}, which cannot be the name of a folder: use letters, digits, '-', '_' and '.', \
         not starting with '.'"
    )]
    BadName {
        /// The name as given.
        name: String,
    },
    /// Another process works in the folder.
    #[error(
        "{} is in use by {holder}: wait for that run to end, stop it, or give this one another run.name",
        folder.display()
    )]
    Locked {
        /// The run's folder.
        folder: PathBuf,
        /// Who holds it, in words ("process 4711").
        holder: String,
    },
    /// The folder holds something that is no run.
    #[error(
        "{} is not empty and holds no config.toml, so it is no run of Conductor: choose another run.name or run.dir",
        folder.display()
    )]
    NotARun {
        /// The folder.
        folder: PathBuf,
    },
    /// The run was started with a configuration that gives another result.
    #[error(
        "{} was started with another configuration; going on would mix two runs. Different: {}. Restore the old \
         values, or choose another run.name, or start anew with --fresh (the old folder is kept aside)",
        folder.display(),
        differences.join("; ")
    )]
    ConfigDiffers {
        /// The run's folder.
        folder: PathBuf,
        /// One sentence a key: "`train.group_size` was 8, is 16".
        differences: Vec<String>,
    },
    /// A stored configuration cannot be read.
    #[error("cannot read the configuration in {}: {message}", path.display())]
    BadConfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The disk, the quota or the file-size limit is used up.
    #[error(
        "no space left to {operation} {}: {source}. Nothing that was complete is lost; free some space (or lower \
         checkpoint.keep_last) and run the same command again: it goes on from the newest complete checkpoint",
        path.display()
    )]
    DiskFull {
        /// What was being done.
        operation: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// Any other failure of the file system.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The caller could not write its part of a checkpoint.
    #[error(
        "cannot write the contents of checkpoint {checkpoint}: {source}. Earlier checkpoints are untouched"
    )]
    Contents {
        /// The checkpoint's name.
        checkpoint: String,
        /// The caller's error.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A checkpoint is not what was written.
    #[error(
        "checkpoint {} is damaged: {problem}. {}",
        path.display(),
        damaged_advice(path, next_good.as_deref())
    )]
    Damaged {
        /// The checkpoint's folder.
        path: PathBuf,
        /// Which file, what was expected and what was found.
        problem: String,
        /// The newest checkpoint before it that is whole.
        next_good: Option<String>,
    },
    /// A checkpoint that was asked for by name is not there.
    #[error("there is no checkpoint {wanted:?} in {}; there is: {}", folder.display(), listed(available))]
    Missing {
        /// The name that was asked for.
        wanted: String,
        /// The folder that was searched.
        folder: PathBuf,
        /// The names that exist.
        available: Vec<String>,
    },
    /// A state that cannot be stored or understood.
    #[error("{}: {message}", path.display())]
    BadState {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        message: String,
    },
}

impl CheckpointError {
    /// Wraps a failure of the file system, telling a full disk from the rest.
    pub(crate) fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if is_out_of_space(&source) {
            Self::DiskFull { operation, path, source }
        } else {
            Self::Io { operation, path, source }
        }
    }

    /// Wraps the error of a caller that wrote a part of `checkpoint` into `path`.
    pub(crate) fn contents(
        checkpoint: &str,
        path: &Path,
        source: Box<dyn StdError + Send + Sync>,
    ) -> Self {
        let mut cause: Option<&(dyn StdError + 'static)> = Some(source.as_ref());
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<io::Error>().filter(|e| is_out_of_space(e)) {
                // The system's error cannot be cloned; its kind and words are all that a reader needs.
                let source = io::Error::new(error.kind(), error.to_string());
                return Self::DiskFull {
                    operation: "write the weights to",
                    path: path.to_owned(),
                    source,
                };
            }
            cause = error.source();
        }
        Self::Contents { checkpoint: checkpoint.to_owned(), source }
    }
}

/// Whether a write failed because there is no room, whatever sets the limit.
pub(crate) fn is_out_of_space(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

fn damaged_advice(path: &Path, next_good: Option<&str>) -> String {
    match next_good {
        Some(name) => format!(
            "The newest whole one before it is {name}: to go on from there, move {} out of the way and run the \
             same command again",
            path.display()
        ),
        None => {
            "No earlier checkpoint is whole: start anew with --fresh (the old folder is kept aside)"
                .into()
        }
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".into() } else { names.join(", ") }
}
