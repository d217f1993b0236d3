//! Finished episodes of steps that no checkpoint has yet. A run that goes on after a crash takes them from here instead of
//! running and grading them again.
//!
//! One file a step and purpose beside the episode log, one JSON line an episode, written as it finishes.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use conductor_types::{Episode, EpisodeId, Graded, Outcome, Verdict, seed};
use serde::{Deserialize, Serialize};

use super::{Job, episode};
use crate::TrainError;

const PREFIX: &str = ".journal-";

/// The journal of a step.
pub(super) struct Journal {
    file: Option<(PathBuf, File)>,
    known: HashMap<(EpisodeId, u64), (Outcome, Graded)>,
    step: Option<u64>,
}

/// A line.
#[derive(Serialize, Deserialize)]
struct Line {
    id: EpisodeId,
    /// Of what the policy wrote and read.
    hash: u64,
    outcome: Outcome,
    verdict: Verdict,
    /// Lines of earlier programs do not say.
    #[serde(default)]
    extracted: Option<String>,
}

impl Journal {
    /// A journal that keeps nothing.
    pub(super) fn none() -> Self {
        Self { file: None, known: HashMap::new(), step: None }
    }

    /// Opens or makes the journal of a step. A line that a crash cut short is taken off.
    pub(super) fn open(folder: &Path, step: u64, purpose: &str) -> Result<Self, TrainError> {
        let path = folder.join(format!("{PREFIX}{step:06}-{purpose}.jsonl"));
        let failed = |source| TrainError::Journal { path: path.clone(), source };
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(failed)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        if whole < bytes.len() {
            file.set_len(whole as u64).map_err(failed)?;
        }
        // A line of another version of the program is no loss: its episode is run again.
        let known = bytes[..whole]
            .split(|&byte| byte == b'\n')
            .filter_map(|line| serde_json::from_slice::<Line>(line).ok())
            .map(|line| {
                let graded = Graded { extracted: line.extracted, verdict: line.verdict };
                ((line.id, line.hash), (line.outcome, graded))
            })
            .collect();
        Ok(Self { file: Some((path, file)), known, step: Some(step) })
    }

    /// The finished episode of a job, where there is one.
    pub(super) fn find(&self, job: &Job<'_>) -> Option<Episode> {
        let step = self.step?;
        let id =
            EpisodeId { step, task_id: job.task.id.clone(), sample: job.sample, round: job.round };
        let (outcome, graded) = self.known.get(&(id, hash(job)))?;
        Some(episode(job, step, outcome.clone(), Some(graded.clone())))
    }

    /// Keeps a finished episode that has a verdict; the others are cheap, or may do better another time.
    pub(super) fn keep(&mut self, job: &Job<'_>, episode: &Episode) -> Result<(), TrainError> {
        let Some((path, file)) = &mut self.file else { return Ok(()) };
        let Some(verdict) = episode.verdict.clone().filter(|verdict| verdict.score().is_some())
        else {
            return Ok(());
        };
        let line = Line {
            id: episode.id.clone(),
            hash: hash(job),
            outcome: episode.outcome.clone(),
            verdict,
            extracted: episode.extracted.clone(),
        };
        let mut bytes = serde_json::to_vec(&line).expect("an episode is numbers and texts");
        bytes.push(b'\n');
        // One write: a kill leaves whole lines, or one that is cut short at the end.
        file.write_all(&bytes).map_err(|source| TrainError::Journal { path: path.clone(), source })
    }
}

/// Removes the journals of steps before `step`: a checkpoint has them.
pub(crate) fn forget_before(folder: &Path, step: u64) -> Result<(), TrainError> {
    let failed = |source| TrainError::Journal { path: folder.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let of = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.strip_prefix(PREFIX)?.split_once('-')?.0.parse::<u64>().ok());
        if of.is_some_and(|of| of < step) {
            std::fs::remove_file(&path).map_err(failed)?;
        }
    }
    Ok(())
}

/// Of everything that an outcome follows from beside the pool: the prompt, and what the policy wrote.
fn hash(job: &Job<'_>) -> u64 {
    let before = job.before.as_ref().map(|before| before.answer.as_str()).unwrap_or_default();
    let mut texts = vec![&*job.prompt, &*job.completion.text, &*job.task.prompt, before];
    let parts = serde_json::to_string(&job.task.parts).expect("parts are JSON");
    if !job.task.parts.is_empty() {
        texts.push(&parts);
    }
    seed::derive(0, "journal", &texts)
}
