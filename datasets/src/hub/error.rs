//! What can go wrong between the hub and a folder of Parquet files. No message holds a token.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{DataError, help_for};

/// Why a benchmark could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// There is no benchmark of that name.
    #[error("there is no benchmark \"{name}\"; expected one of {}", known.join(", "))]
    Unknown {
        /// As given.
        name: String,
        /// All of them.
        known: Vec<&'static str>,
    },
    /// The benchmark has no such release.
    #[error("{name} has no release \"{given}\"; expected one of {}", known.join(", "))]
    Release {
        /// The benchmark.
        name: &'static str,
        /// As given.
        given: String,
        /// All of them.
        known: Vec<&'static str>,
    },
    /// A revision that cannot be one.
    #[error(
        "\"{given}\" is no revision: expected a branch, a tag or a commit, of letters, digits, '.', '_', '-' \
         and single '/'"
    )]
    Revision {
        /// As given.
        given: String,
    },
    /// A setting of the environment cannot be used. The value is not repeated, since it may be a secret.
    #[error("{variable}: expected {expected}, found {given}")]
    Setting {
        /// The environment variable.
        variable: &'static str,
        /// What it should hold.
        expected: &'static str,
        /// What is wrong with it, without the value.
        given: String,
    },
    /// Offline, and the cache does not hold what is needed.
    #[error(
        "HF_HUB_OFFLINE is set and {cache} does not hold {what} of {repository} at {revision}; with a network, \
         `HF_HUB_OFFLINE=0 conductor data fetch {command}` brings it"
    )]
    Offline {
        /// The file, or the pattern that no file matches.
        what: String,
        /// The repository.
        repository: String,
        /// As asked for.
        revision: String,
        /// The folder of the cache.
        cache: PathBuf,
        /// The arguments of the verb.
        command: String,
    },
    /// The hub does not hand the set to this person.
    #[error("{repository} answered {status}: {reason}")]
    Access {
        /// The repository.
        repository: String,
        /// 401 or 403.
        status: u16,
        /// What that means and what to do.
        reason: String,
    },
    /// The repository, the revision or a file is not on the hub.
    #[error("{endpoint} has no {what}: {help}")]
    Missing {
        /// The hub.
        endpoint: String,
        /// What is not there.
        what: String,
        /// What is there, or what to check.
        help: String,
    },
    /// The hub could not be reached, or broke off too often.
    #[error(
        "cannot fetch {what} from {endpoint}: {cause} (tried {attempts} times); the same command goes on from \
         {kept} bytes that are kept{}",
        if *kept == 0 { "; check HF_ENDPOINT and the network, or set HF_HUB_OFFLINE=1 to use the cache alone" } else { "" }
    )]
    Unreachable {
        /// The file or the listing.
        what: String,
        /// The hub.
        endpoint: String,
        /// What happened last.
        cause: String,
        /// How often it was tried.
        attempts: u32,
        /// Bytes of the file that are on disk.
        kept: u64,
    },
    /// The hub asks for more patience than a command should have.
    #[error(
        "{endpoint} answers no request for {} s (too many came from here); give the same command again then{}",
        wait.as_secs(),
        if *has_token { "" } else { ", or set HF_TOKEN, which allows more requests" }
    )]
    Busy {
        /// The hub.
        endpoint: String,
        /// How long.
        wait: Duration,
        /// Whether the requests carried a token.
        has_token: bool,
    },
    /// An answer that is none.
    #[error("{what}: expected {expected}, found {given}")]
    Answer {
        /// What was asked for.
        what: String,
        /// What a hub answers.
        expected: String,
        /// What came.
        given: String,
    },
    /// What came is not what the hub has.
    #[error(
        "{file} of {repository} came damaged twice: expected {expected}, found {given}; nothing was kept. Something \
         between here and the hub changes files (a proxy?), or the hub's own copy is damaged"
    )]
    Checksum {
        /// The file.
        file: String,
        /// The repository.
        repository: String,
        /// The sum or the length that the hub gives.
        expected: String,
        /// Those of what came.
        given: String,
    },
    /// There is too little room.
    #[error(
        "{folder} has {} MB free, and {} MB are needed for {what}: free some, or choose another disk ({choice})",
        free / 1_000_000,
        needed.div_ceil(1_000_000)
    )]
    Disk {
        /// The folder.
        folder: PathBuf,
        /// Bytes.
        free: u64,
        /// Bytes.
        needed: u64,
        /// What for.
        what: &'static str,
        /// What moves it elsewhere.
        choice: &'static str,
    },
    /// The folder to write holds something else.
    #[error("{out} {reason}")]
    Occupied {
        /// The folder.
        out: PathBuf,
        /// What is there, and what to do.
        reason: String,
    },
    /// Another process writes the same folder.
    #[error("another fetch writes {out} now; wait for it, or give another --out")]
    Locked {
        /// The folder.
        out: PathBuf,
    },
    /// A file of the hub does not have the columns that belong to the benchmark.
    #[error(
        "{file} lacks the column{} {}; it has {}: the hub's file has changed; give an older --revision, or tell \
         the maintainers",
        if missing.len() == 1 { "" } else { "s" },
        missing.join(", "),
        found.join(", ")
    )]
    Columns {
        /// The file.
        file: String,
        /// Expected and absent.
        missing: Vec<String>,
        /// What it has.
        found: Vec<String>,
    },
    /// A manifest that cannot be read.
    #[error("{path}: {reason}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// Somebody asked to stop.
    #[error("stopped; what was fetched is kept, and the same command goes on from there")]
    Stopped,
    /// A file could not be read or converted.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The operating system refused something.
    #[error("cannot {operation} {path}: {source}{}", advice(source))]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

fn advice(error: &std::io::Error) -> String {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    let help = match error.kind() {
        StorageFull | QuotaExceeded => {
            "free space on that disk; the same command goes on from there".to_owned()
        }
        _ => help_for(error),
    };
    if help.is_empty() { help } else { format!(" ({help})") }
}

/// Names the operation and the path of an error of the system.
pub(super) fn io(operation: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> HubError {
    let path = path.to_path_buf();
    move |source| HubError::Io { operation, path, source }
}
