//! The checkpoints of a run: written aside and renamed, checked when read, thinned out by retention.

use std::error::Error as StdError;
use std::fs;
use std::path::{Path, PathBuf};

use conductor_configs::schema;

use crate::durable;
use crate::error::CheckpointError;
use crate::manifest;
use crate::state::{self, TrainPhase, TrainState};

const STATE_FILE: &str = "state.json";

/// Which checkpoints stay. The start of reinforcement, `step-000000`, always does: it is what the trained policy is
/// compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The newest so many; at least one stays whatever this says.
    pub keep_last: u32,
    /// The one that the newest state calls the best by validation reward.
    pub keep_best: bool,
}

impl From<&schema::Checkpoint> for Retention {
    fn from(section: &schema::Checkpoint) -> Self {
        Self { keep_last: section.keep_last, keep_best: section.keep_best }
    }
}

/// A complete checkpoint whose files are what was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Its folder's name, for example `step-000010`.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// Where the run stood.
    pub state: TrainState,
}

/// The folder `checkpoints/` of a run.
#[derive(Debug)]
pub struct Checkpoints {
    dir: PathBuf,
}

impl Checkpoints {
    /// Opens the folder for a run that holds its lock: creates it where missing and removes what a killed
    /// process left unfinished.
    pub fn open(dir: &Path) -> Result<Self, CheckpointError> {
        fs::create_dir_all(dir).map_err(|e| CheckpointError::io("create", dir, e))?;
        durable::clear_leftovers(dir)?;
        Ok(Self::view(dir))
    }

    /// Looks at the folder without changing anything: for evaluation and export, also beside a run that goes on.
    pub fn view(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Names of the complete checkpoints, oldest first. Their files are not checked.
    pub fn names(&self) -> Result<Vec<String>, CheckpointError> {
        Ok(self
            .ordered()?
            .into_iter()
            .map(|(phase, step)| state::checkpoint_name(phase, step))
            .collect())
    }

    /// The newest checkpoint, checked against its manifest; `None` where there is none.
    ///
    /// A damaged one is an error that names the newest whole one before it: going back silently would train
    /// some steps twice and pay for them twice.
    pub fn latest(&self) -> Result<Option<Checkpoint>, CheckpointError> {
        self.ordered()?.last().map(|&(phase, step)| self.read(phase, step)).transpose()
    }

    /// The best by validation reward, as the newest checkpoint says; `None` where nothing was evaluated yet or
    /// the best weights were not kept.
    pub fn best(&self) -> Result<Option<Checkpoint>, CheckpointError> {
        let Some(best) = self.latest()?.and_then(|newest| newest.state.best) else {
            return Ok(None);
        };
        let wanted = (TrainPhase::Train, best.step);
        if !self.ordered()?.contains(&wanted) {
            return Ok(None);
        }
        self.read(wanted.0, wanted.1).map(Some)
    }

    /// The checkpoint of that name, checked against its manifest.
    pub fn named(&self, name: &str) -> Result<Checkpoint, CheckpointError> {
        match state::parse_checkpoint_name(name) {
            Some((phase, step)) if self.dir.join(name).is_dir() => self.read(phase, step),
            _ => Err(CheckpointError::Missing {
                wanted: name.to_owned(),
                folder: self.dir.clone(),
                available: self.names()?,
            }),
        }
    }

    /// Writes a checkpoint: `write` fills a folder aside, which is then described, synced and renamed; only
    /// then does retention remove older ones. Whatever fails, the older ones are untouched.
    pub fn save<E>(
        &self,
        state: &TrainState,
        retention: Retention,
        write: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<Checkpoint, CheckpointError>
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let name = state.checkpoint_name();
        let path = self.dir.join(&name);
        let aside = durable::sibling(&path, "partial");
        durable::remove(&aside)?;
        fs::create_dir_all(&aside).map_err(|e| CheckpointError::io("create", &aside, e))?;
        let written = write(&aside)
            .map_err(|e| CheckpointError::contents(&name, &aside, e.into()))
            .and_then(|()| {
                let file = aside.join(STATE_FILE);
                durable::write_file(&file, &state.to_json(&file)?)
            })
            .and_then(|()| manifest::write(&aside))
            .and_then(|()| durable::replace_folder(&aside, &path));
        if let Err(error) = written {
            // The unfinished folder may be what fills the disk; the first error is the one that matters.
            let _ = durable::remove(&aside);
            return Err(error);
        }
        self.prune(state, retention)?;
        Ok(Checkpoint { name, path, state: state.clone() })
    }

    fn prune(&self, newest: &TrainState, retention: Retention) -> Result<(), CheckpointError> {
        let all = self.ordered()?;
        let keep_last = retention.keep_last.max(1) as usize;
        let best = newest.best.filter(|_| retention.keep_best).map(|b| (TrainPhase::Train, b.step));
        let kept = [Some((TrainPhase::Train, 0)), Some((newest.phase, newest.step)), best];
        let old = &all[..all.len().saturating_sub(keep_last)];
        for &(phase, step) in old {
            if !kept.contains(&Some((phase, step))) {
                durable::retire_folder(&self.dir.join(state::checkpoint_name(phase, step)))?;
            }
        }
        Ok(())
    }

    fn read(&self, phase: TrainPhase, step: u64) -> Result<Checkpoint, CheckpointError> {
        let name = state::checkpoint_name(phase, step);
        let path = self.dir.join(&name);
        match read_checked(&path) {
            Ok(state) => Ok(Checkpoint { name, path, state }),
            Err(problem) => {
                let earlier = self.ordered()?;
                let next_good = earlier
                    .iter()
                    .rev()
                    .filter(|&&other| other < (phase, step))
                    .map(|&(phase, step)| state::checkpoint_name(phase, step))
                    .find(|name| read_checked(&self.dir.join(name)).is_ok());
                Err(CheckpointError::Damaged { path, problem, next_good })
            }
        }
    }

    fn ordered(&self) -> Result<Vec<(TrainPhase, u64)>, CheckpointError> {
        if !self.dir.exists() {
            return Ok(Vec::new());
        }
        let mut found: Vec<_> = durable::entries(&self.dir)?
            .iter()
            .filter(|path| path.is_dir())
            .filter_map(|path| state::parse_checkpoint_name(path.file_name()?.to_str()?))
            .collect();
        found.sort_unstable();
        Ok(found)
    }
}

fn read_checked(path: &Path) -> Result<TrainState, String> {
    manifest::verify(path)?;
    let file = path.join(STATE_FILE);
    let bytes = fs::read(&file).map_err(|e| format!("{STATE_FILE} cannot be read ({e})"))?;
    TrainState::from_json(&file, &bytes)
}
