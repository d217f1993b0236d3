//! reasoning-gym's own scorers, run by the package itself in worker processes, for generators whose scorer is not ported.
//!
//! A worker lives long, and imports the package once. Each answer is scored in a process that the worker forks for it, under
//! limits on time, memory, files and processes, with an empty environment. That process is no sandbox: some scorers evaluate
//! the answer. What is known to make such a scorer run something is not handed over ([`refused`]); what gets past that can
//! read what the user can read and can state its own score, though not that of a later answer.

mod guard;
mod start;
mod worker;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use conductor_configs::schema::ReasoningGym;
use serde_json::Value;
use tokio::sync::Semaphore;

pub(crate) use start::{for_generators, generator_of};
use worker::{Reply, Worker};

/// What in an answer to this generator's question its scorer would run, and is not handed; `None` where nothing is.
pub(crate) fn refused(generator: &str, answer: &str) -> Option<String> {
    guard::refused(generator, answer)
}

/// The package behind an interpreter, and the workers that wait for an answer. More are started as they are needed.
#[derive(Debug)]
pub(crate) struct Package {
    launch: Launch,
    generators: BTreeSet<String>,
    permits: Semaphore,
    idle: Mutex<Vec<Worker>>,
}

/// How a worker is started.
#[derive(Debug, Clone)]
struct Launch {
    executable: PathBuf,
    time: Duration,
    memory_bytes: u64,
}

/// Why there is no score.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// The scorer raised an error: through the answer, or through the entry.
    #[error("the scorer raised {0}")]
    Raised(String),
    /// The scorer ran longer than allowed, and was killed.
    #[error("the scorer ran longer than {} s", .0.as_secs_f64())]
    Late(Duration),
    /// A process ended before it answered.
    #[error("the scorer's process ended: {0}")]
    Died(String),
    /// What it gave is no score.
    #[error("the scorer gave {0}, which is not between 0 and 1")]
    OutOfRange(String),
}

impl Package {
    /// Finds the interpreter, imports the package in a first worker, and keeps that worker.
    pub(crate) async fn start(settings: &ReasoningGym) -> Result<Self, String> {
        let launch = Launch {
            executable: crate::interpreter::find(&settings.interpreter).await?,
            time: Duration::from_secs_f64(settings.time_secs),
            memory_bytes: settings.memory_mib.saturating_mul(1 << 20),
        };
        let (worker, generators) = Worker::start(&launch).await?;
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let parallel = settings.parallel.map_or_else(cores, |count| count as usize);
        Ok(Self {
            launch,
            generators,
            permits: Semaphore::new(parallel.clamp(1, Semaphore::MAX_PERMITS)),
            idle: Mutex::new(vec![worker]),
        })
    }

    /// Whether the installed package has this generator.
    pub(crate) fn knows(&self, generator: &str) -> bool {
        self.generators.contains(generator)
    }

    /// The score in 0..=1 that the generator's own scorer gives. May be dropped at any time.
    pub(crate) async fn score(
        &self,
        generator: &str,
        entry: &Value,
        answer: &str,
    ) -> Result<f64, Fault> {
        let died = |why: String| Fault::Died(why);
        let _permit =
            self.permits.acquire().await.map_err(|_| died("the grader is closed".into()))?;
        let waiting = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut worker = match waiting {
            Some(worker) if worker.is_alive() => worker,
            _ => Worker::start(&self.launch).await.map_err(died)?.0,
        };
        // A worker whose answer does not come is dropped here, which kills it.
        let reply = worker.ask(generator, entry, answer, self.launch.time).await?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        match reply {
            Reply::Score(score) if (0.0..=1.0).contains(&score) => Ok(score),
            Reply::Score(score) => Err(Fault::OutOfRange(score.to_string())),
            Reply::Odd(score) => Err(Fault::OutOfRange(score)),
            Reply::Error(told) => Err(Fault::Raised(told)),
            Reply::Late => Err(Fault::Late(self.launch.time)),
            Reply::Died(why) => Err(Fault::Died(why)),
        }
    }
}
