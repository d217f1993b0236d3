//! `runs/<name>/`: one run, one folder, one process at a time.

use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use conductor_configs::schema::{ConfigChange, config_changes};

use crate::durable;
use crate::error::CheckpointError;
use crate::event_log::EventLog;
use crate::store::Checkpoints;

const CONFIG_FILE: &str = "config.toml";
const LOCK_FILE: &str = "lock";
/// The identity under which the run spends money; it goes where the folder goes.
const ID_FILE: &str = "id";

/// The folder of a run, locked for this process until it is dropped.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    id: String,
    resumed: bool,
    changes: Vec<ConfigChange>,
    _lock: File,
}

impl RunFolder {
    /// Makes `dir/name`, or goes on in it, and locks it.
    ///
    /// The resolved configuration is stored once. When the folder holds one already and the run has got as far as a
    /// finished step, every difference that changes the result is an error that lists them all; the others are kept in
    /// [`RunFolder::changes`].
    pub fn create_or_resume(
        dir: &Path,
        name: &str,
        resolved_toml: &str,
    ) -> Result<Self, CheckpointError> {
        let path = folder_of(dir, name)?;
        fs::create_dir_all(&path).map_err(|e| CheckpointError::io("create", &path, e))?;
        let lock = lock(&path)?;
        let config = path.join(CONFIG_FILE);
        let resumed = config.exists();
        // An attempt that failed before any work (a wrong path, a misspelt worker) binds nobody to its configuration.
        let changes = if resumed && has_begun(&path)? {
            compare(&path, &config, resolved_toml)?
        } else {
            if !resumed {
                refuse_foreign(&path)?;
            }
            durable::write_file(&config, resolved_toml.as_bytes())?;
            Vec::new()
        };
        let id = identity(&path.join(ID_FILE))?;
        let episodes = path.join("episodes");
        fs::create_dir_all(&episodes).map_err(|e| CheckpointError::io("create", &episodes, e))?;
        Ok(Self { path, id, resumed, changes, _lock: lock })
    }

    /// Moves an earlier run `dir/name` aside to `name.old-1`, `name.old-2` …, so that the name is free for a new
    /// run and nothing is lost. Returns where it went; `None` where there was none.
    pub fn set_aside(dir: &Path, name: &str) -> Result<Option<PathBuf>, CheckpointError> {
        let path = folder_of(dir, name)?;
        if !path.exists() {
            return Ok(None);
        }
        let _lock = lock(&path)?;
        let mut number = 1u32;
        let target = loop {
            let target = dir.join(format!("{name}.old-{number}"));
            if !target.exists() {
                break target;
            }
            number += 1;
        };
        fs::rename(&path, &target).map_err(|e| CheckpointError::io("move aside", &path, e))?;
        durable::sync_parent(&target)?;
        Ok(Some(target))
    }

    /// The identity under which the run spends money, the same over all of its resumes.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The identity of the run in `folder`, without locking it.
    pub fn id_of(folder: &Path) -> Result<String, CheckpointError> {
        read_identity(&folder.join(ID_FILE))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether an earlier process began this run.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Configuration values that differ from the stored ones without changing the result, for a notice.
    pub fn changes(&self) -> &[ConfigChange] {
        &self.changes
    }

    /// The resolved configuration as it was stored when the run began.
    pub fn config_path(&self) -> PathBuf {
        self.path.join(CONFIG_FILE)
    }

    /// Where episodes go, one Parquet file a step. The folder exists.
    pub fn episodes_dir(&self) -> PathBuf {
        self.path.join("episodes")
    }

    /// Where metrics go.
    pub fn metrics_path(&self) -> PathBuf {
        self.path.join("metrics.parquet")
    }

    /// Where events go.
    pub fn events_path(&self) -> PathBuf {
        self.path.join("events.jsonl")
    }

    /// Opens `events.jsonl` for appending.
    pub fn events(&self) -> Result<EventLog, CheckpointError> {
        EventLog::open(&self.events_path())
    }

    /// Opens `checkpoints/` and removes what a killed process left unfinished there.
    pub fn checkpoints(&self) -> Result<Checkpoints, CheckpointError> {
        Checkpoints::open(&self.path.join("checkpoints"))
    }
}

/// Whether the folder holds more than what a process leaves that failed before any work.
fn has_begun(folder: &Path) -> Result<bool, CheckpointError> {
    let only_made = folder.join("episodes").is_dir()
        && durable::entries(folder)?.iter().all(|path| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| {
                [LOCK_FILE, CONFIG_FILE, ID_FILE, "episodes", "checkpoints", "events.jsonl"]
                    .contains(&name)
            })
        });
    Ok(!only_made || !Checkpoints::view(&folder.join("checkpoints")).names()?.is_empty())
}

/// The identity in a file, which is made where it is missing.
fn identity(path: &Path) -> Result<String, CheckpointError> {
    if !path.exists() {
        durable::write_file(path, format!("{}\n", conductor_types::account::fresh()).as_bytes())?;
    }
    read_identity(path)
}

fn read_identity(path: &Path) -> Result<String, CheckpointError> {
    let text = fs::read_to_string(path).map_err(|e| CheckpointError::io("read", path, e))?;
    Ok(text.trim().to_owned())
}

fn folder_of(dir: &Path, name: &str) -> Result<PathBuf, CheckpointError> {
    let usable = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(usable) {
        return Err(CheckpointError::BadName { name: name.to_owned() });
    }
    Ok(dir.join(name))
}

fn lock(folder: &Path) -> Result<File, CheckpointError> {
    let path = folder.join(LOCK_FILE);
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|e| CheckpointError::io("open", &path, e))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let _ = file.read_to_string(&mut pid);
            let holder = match pid.trim() {
                "" => "another process".to_owned(),
                pid => format!("process {pid}"),
            };
            return Err(CheckpointError::Locked { folder: folder.to_owned(), holder });
        }
        Err(TryLockError::Error(error)) => return Err(CheckpointError::io("lock", &path, error)),
    }
    // The number is for people: the lock itself is the system's, and goes with the process.
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(|e| CheckpointError::io("write", &path, e))?;
    Ok(file)
}

/// The stored configuration with the keys that the program has learned since: a run keeps its meaning under their defaults.
fn with_defaults(stored: &str) -> String {
    conductor_configs::Config::with_defaults(stored).unwrap_or_else(|| stored.to_owned())
}

fn refuse_foreign(folder: &Path) -> Result<(), CheckpointError> {
    let foreign = durable::entries(folder)?.into_iter().any(|path| {
        path.file_name().and_then(|name| name.to_str()).is_none_or(|name| {
            // A process that was killed in its first moment leaves these.
            name != LOCK_FILE && name != ".config.toml.partial"
        })
    });
    if foreign { Err(CheckpointError::NotARun { folder: folder.to_owned() }) } else { Ok(()) }
}

fn compare(
    folder: &Path,
    config: &Path,
    resolved_toml: &str,
) -> Result<Vec<ConfigChange>, CheckpointError> {
    let stored = fs::read_to_string(config).map_err(|e| CheckpointError::io("read", config, e))?;
    let changes = config_changes(&with_defaults(&stored), resolved_toml)
        .map_err(|message| CheckpointError::BadConfig { path: config.to_owned(), message })?;
    let differences: Vec<String> =
        changes.iter().filter(|change| change.alters_result).map(ToString::to_string).collect();
    if differences.is_empty() {
        return Ok(changes);
    }
    Err(CheckpointError::ConfigDiffers { folder: folder.to_owned(), differences })
}
