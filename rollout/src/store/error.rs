use std::path::PathBuf;

/// Why the store of answers cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder that it lies in cannot be made.
    #[error("cannot create the folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// SQLite cannot do something with the file.
    #[error(
        "cannot {action} the store of answers {}: {source}; if it is damaged, move it aside and its answers are paid anew",
        path.display()
    )]
    Sql {
        /// "open", "read" …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// A transaction failed.
    #[error("cannot write to the store of answers {}: {message}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// SQLite's reason.
        message: String,
    },
    /// A newer program made it.
    #[error(
        "the store of answers {} has version {found}, and this program knows {known}; use a newer program or another store",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// The system gives no thread.
    #[error("cannot start the thread of the store of answers {}: {source}", path.display())]
    Thread {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// What was exported cannot be written.
    #[error("cannot write exported answers: {0}")]
    Export(#[source] std::io::Error),
}
