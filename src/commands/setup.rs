//! What several verbs need: a configuration's tasks and pool, and a run's checkpoint.

use std::path::Path;
use std::sync::Arc;

use conductor_checkpoints::Checkpoint;
use conductor_configs::Config;
use conductor_configs::schema::WorkerKind;
use conductor_datasets::TaskSet;
use conductor_reward::Extractors;
use conductor_rollout::Pool;
use conductor_trainer::{best_or_newest, checkpoint_of};

use crate::ui::Style;

/// The tasks of a run, and how many were left out because a recorded worker has no answer to them.
pub fn tasks(config: &Config) -> anyhow::Result<(TaskSet, usize)> {
    let mut tasks = conductor_datasets::load(&config.tasks)?;
    let mut left_out = 0;
    if config.tasks.only_recorded {
        let recorded = recorded_workers(config);
        if !recorded.workers.is_empty() {
            let pool = Pool::open(&recorded, Arc::new(Extractors::new(tasks.iter())), None)?;
            left_out = tasks.retain(|id| pool.covered(id));
        }
    }
    Ok((tasks, left_out))
}

/// The whole pool, to be looked at: nothing is called, and no store is made.
pub fn pool(config: &Config, tasks: &TaskSet) -> anyhow::Result<Pool> {
    Ok(Pool::open(&config.pool, Arc::new(Extractors::new(tasks.iter())), None)?)
}

/// The part of the pool that decides which tasks can be used; it opens without keys and servers.
fn recorded_workers(config: &Config) -> conductor_configs::schema::Pool {
    let is_recorded = |kind: &WorkerKind| matches!(kind, WorkerKind::Recorded(_));
    let workers =
        config.pool.workers.iter().filter(|worker| is_recorded(&worker.kind)).cloned().collect();
    conductor_configs::schema::Pool { workers, unlisted: Vec::new(), ..config.pool.clone() }
}

/// The checkpoint of a run that was asked for, or else the one that stands for it; says so where that is not the best.
pub fn checkpoint(run: &Path, wanted: Option<&str>) -> anyhow::Result<Checkpoint> {
    if let Some(wanted) = wanted {
        return Ok(checkpoint_of(run, wanted)?);
    }
    let (checkpoint, is_fallback) = best_or_newest(run)?;
    if is_fallback {
        eprintln!(
            "{} nothing tells which checkpoint is the best by validation, so the newest is taken: {}",
            Style::stderr().warn("note:"),
            checkpoint.name
        );
    }
    Ok(checkpoint)
}

/// Sets the number of processor threads for tensor work, where the configuration names one.
pub fn threads(config: &Config) {
    if let Some(threads) = config.run.threads {
        conductor_policy::device::set_threads(threads);
    }
}
