//! The workers of a run behind one trait.

mod openai;
mod recorded;
mod secret;
mod simulated;
mod vote;

use std::collections::HashMap;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use conductor_configs::schema;
use conductor_types::{
    Answer, AnswerExtractor, Task, WorkerCapability, WorkerError, WorkerRequest, Workflow,
    WorkflowError, WorkflowErrorKind,
};

pub use openai::{OpenAi, Probe, ProbeState, ServerLimit, probe};
pub use recorded::Recorded;
pub use secret::Secret;
pub use simulated::Simulated;
pub use vote::Vote;

use crate::card::WorkerCard;
use crate::ledger::{Account, Ledger};
use crate::recording::{self, Recording, RecordingError};
use crate::store::{AnswerStore, StoreError};

/// A future of a worker's call.
pub type CallFuture<'a> = Pin<Box<dyn Future<Output = Result<Answer, WorkerError>> + Send + 'a>>;

/// A future of the end of a worker's calls.
pub type DrainFuture<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Something that answers questions: a stored answer, a vote, a live endpoint, a script in a test.
pub trait Worker: Send + Sync {
    /// What may be told of it.
    fn card(&self) -> &WorkerCard;

    /// Answers one step. The future may be dropped at any time. What is paid by then goes on without it.
    fn call<'a>(&'a self, request: WorkerRequest<'a>) -> CallFuture<'a>;

    /// Its name in the pool.
    fn name(&self) -> &str {
        &self.card().name
    }

    /// What it can do.
    fn capability(&self) -> WorkerCapability {
        self.card().capability
    }

    /// Calls that it serves at once; more wait inside [`Worker::call`].
    fn concurrency(&self) -> usize {
        1
    }

    /// Whether it can answer this task at all, known before a call.
    fn covers(&self, task_id: &str) -> bool {
        let _ = task_id;
        true
    }

    /// Whether its answer to this task was given to another prompt than the task's, as far as that is known.
    fn answers_another_prompt(&self, task: &Task) -> bool {
        let _ = task;
        false
    }

    /// Whether this task's grading can judge its answers: a score that comes with an answer and a text that a rule reads
    /// are two things, and not every worker has both.
    fn can_be_graded(&self, task: &Task) -> bool {
        let _ = task;
        true
    }

    /// Begins no further call, and ends when none is under way: what is paid is kept.
    fn drain(&self) -> DrainFuture<'_> {
        Box::pin(std::future::ready(()))
    }

    /// What a person should know of its numbers (costs that the recording does not hold, estimated token counts).
    fn notices(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The workers of a run, in the order in which the policy sees them. A clone shares them.
#[derive(Clone)]
pub struct Pool {
    workers: Arc<[Arc<dyn Worker>]>,
    cards: Arc<[WorkerCard]>,
    unlisted: Arc<[Arc<dyn Worker>]>,
    ledger: Option<Arc<Ledger>>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("cards", &self.cards).finish_non_exhaustive()
    }
}

/// Why a pool cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// No workers.
    #[error("the pool has no workers; add at least one [[pool.workers]]")]
    Empty,
    /// Two workers with one name.
    #[error("two workers of the pool are named \"{name}\"; names must be unique")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// Only workers that need others' answers.
    #[error(
        "every worker of the pool combines the answers of others, so none can take a first step; \
         add a recorded, live or simulated worker"
    )]
    NobodySolves,
    /// A recording cannot be read.
    #[error("worker \"{worker}\": {source}")]
    Recording {
        /// The worker.
        worker: String,
        /// Why.
        #[source]
        source: RecordingError,
    },
    /// The recording holds no such worker.
    #[error(
        "worker \"{worker}\": the recording {} holds no worker \"{wanted}\"{}; it holds: {}",
        path.display(),
        nearest.as_ref().map(|name| format!(", did you mean \"{name}\"?")).unwrap_or_default(),
        available.join(", ")
    )]
    UnknownRecordedWorker {
        /// The pool's worker.
        worker: String,
        /// The name looked for inside the recording.
        wanted: String,
        /// The recording.
        path: PathBuf,
        /// The names inside it.
        available: Vec<String>,
        /// The one that is spelled most alike.
        nearest: Option<String>,
    },
    /// The key is not where the configuration says.
    #[error(
        "worker \"{worker}\": {from}; it should hold the key of {base_url}. Remove api_key_env and api_key_file \
         where no key is needed"
    )]
    MissingKey {
        /// The worker.
        worker: String,
        /// Where it was looked for, and what is wrong there.
        from: String,
        /// The endpoint.
        base_url: String,
    },
    /// The store of paid answers cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A setting cannot be used.
    #[error("worker \"{worker}\": {setting}: expected {expected}, given {given}")]
    BadSetting {
        /// The worker.
        worker: String,
        /// The setting's name.
        setting: &'static str,
        /// What is accepted.
        expected: &'static str,
        /// What was given; never a secret.
        given: String,
    },
}

impl Pool {
    /// Opens every worker; recordings are read into memory, each file once. Where a live worker needs it, the store of
    /// answers is opened, and the ledger of the account in it; without an account the pool is only looked at. Nothing is called.
    pub fn open(
        config: &schema::Pool,
        extractor: Arc<dyn AnswerExtractor>,
        account: Option<Account<'_>>,
    ) -> Result<Self, PoolError> {
        let live = |worker: &schema::Worker| matches!(worker.kind, schema::WorkerKind::Openai(_));
        let ledger = match (&config.store, account) {
            (Some(path), Some(account)) if config.all().any(|(_, worker)| live(worker)) => {
                Some(Arc::new(Ledger::open(Arc::new(AnswerStore::open(path)?), account)?))
            }
            _ => None,
        };
        let mut opener = Opener { recordings: HashMap::new(), extractor, ledger };
        let workers = opener.all(&config.workers)?;
        let unlisted = opener.all(&config.unlisted)?.into();
        let pool = Self { unlisted, ledger: opener.ledger, ..Self::from_workers(workers)? };
        if let Some(worker) =
            pool.unlisted.iter().find(|worker| pool.position(worker.name()).is_some())
        {
            return Err(PoolError::DuplicateName { name: worker.name().to_owned() });
        }
        Ok(pool)
    }

    /// A pool of workers made elsewhere.
    pub fn from_workers(workers: Vec<Arc<dyn Worker>>) -> Result<Self, PoolError> {
        if workers.is_empty() {
            return Err(PoolError::Empty);
        }
        let mut names = std::collections::HashSet::new();
        for worker in &workers {
            if !names.insert(worker.name()) {
                return Err(PoolError::DuplicateName { name: worker.name().to_owned() });
            }
        }
        if workers.iter().all(|worker| worker.capability() == WorkerCapability::Combines) {
            return Err(PoolError::NobodySolves);
        }
        let cards = workers.iter().map(|worker| worker.card().clone()).collect();
        Ok(Self { workers: workers.into(), cards, unlisted: Arc::new([]), ledger: None })
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.workers.iter().position(|worker| worker.name() == name)
    }

    /// The worker of that name, listed to the policy or not.
    pub fn named(&self, name: &str) -> Option<&Arc<dyn Worker>> {
        self.workers.iter().chain(self.unlisted.iter()).find(|worker| worker.name() == name)
    }

    /// The workers, in the order in which the policy sees them.
    pub fn workers(&self) -> &[Arc<dyn Worker>] {
        &self.workers
    }

    /// What may be told of each worker, in the same order.
    pub fn cards(&self) -> &[WorkerCard] {
        &self.cards
    }

    /// What the live workers are paid from, where there are any and paid answers are kept.
    pub fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_deref()
    }

    /// Refuses what a worker cannot do, before anyone is paid: kind `WorkerRefuses`, or `WorkerOutOfRange`.
    pub fn check(&self, workflow: &Workflow) -> Result<(), WorkflowError> {
        check_capabilities(workflow, &self.cards)
    }

    /// Whether every worker has an answer to this task, as far as that is known before a call.
    pub fn covered(&self, task_id: &str) -> bool {
        self.workers.iter().all(|worker| worker.covers(task_id))
    }

    /// For each worker that lacks answers to some of these tasks: its name and those tasks, in the order given.
    pub fn missing(&self, task_ids: &[&str]) -> Vec<(String, Vec<String>)> {
        self.workers
            .iter()
            .filter_map(|worker| {
                let lacking: Vec<String> = task_ids
                    .iter()
                    .filter(|id| !worker.covers(id))
                    .map(|&id| id.to_owned())
                    .collect();
                (!lacking.is_empty()).then(|| (worker.name().to_owned(), lacking))
            })
            .collect()
    }

    /// Begins no further call, and ends when none is under way: what is paid is kept.
    pub async fn drain(&self) {
        let everyone = self.workers.iter().chain(self.unlisted.iter());
        futures_util::future::join_all(everyone.map(|worker| worker.drain())).await;
    }

    /// What a person should know of the workers' numbers.
    pub fn notices(&self) -> Vec<String> {
        self.workers.iter().flat_map(|worker| worker.notices()).collect()
    }
}

/// What the workers of a pool are opened with.
struct Opener {
    /// Read once each.
    recordings: HashMap<PathBuf, Arc<Recording>>,
    extractor: Arc<dyn AnswerExtractor>,
    ledger: Option<Arc<Ledger>>,
}

impl Opener {
    fn all(&mut self, workers: &[schema::Worker]) -> Result<Vec<Arc<dyn Worker>>, PoolError> {
        workers.iter().map(|worker| self.one(worker)).collect()
    }

    fn one(&mut self, worker: &schema::Worker) -> Result<Arc<dyn Worker>, PoolError> {
        let card = WorkerCard::of(worker);
        Ok(match &worker.kind {
            schema::WorkerKind::Recorded(settings) => {
                let path = &settings.recording;
                if !self.recordings.contains_key(path) {
                    let recording = recording::read(path).map_err(|source| {
                        PoolError::Recording { worker: worker.name.clone(), source }
                    })?;
                    self.recordings.insert(path.clone(), Arc::new(recording));
                }
                let recording = Arc::clone(&self.recordings[path]);
                Arc::new(Recorded::new(card, settings, recording)?)
            }
            schema::WorkerKind::Vote(_) => Arc::new(Vote::new(card, Arc::clone(&self.extractor))),
            schema::WorkerKind::Simulated(settings) => Arc::new(Simulated::new(card, settings)?),
            schema::WorkerKind::Openai(settings) => {
                let worker = OpenAi::new(card, settings)?;
                match &self.ledger {
                    Some(ledger) => Arc::new(worker.keeping(Arc::clone(ledger))),
                    None => Arc::new(worker),
                }
            }
        })
    }
}

/// Holds each step against what its worker can do.
pub fn check_capabilities(workflow: &Workflow, cards: &[WorkerCard]) -> Result<(), WorkflowError> {
    for (index, step) in workflow.steps.iter().enumerate() {
        let Some(card) = cards.get(step.worker) else {
            return Err(WorkflowError {
                kind: WorkflowErrorKind::WorkerOutOfRange,
                message: format!(
                    "step {index}: there is no worker {}; the pool has {}, numbered from 0",
                    step.worker,
                    cards.len()
                ),
            });
        };
        let refusal = match card.capability {
            WorkerCapability::FromScratch if !step.access.is_empty() || step.earlier_round => {
                "only answers the question from scratch, so its step must see no earlier steps"
            }
            WorkerCapability::Combines if step.access.is_empty() && !step.earlier_round => {
                "chooses among earlier answers, so its step must see at least one earlier step"
            }
            _ => continue,
        };
        return Err(WorkflowError {
            kind: WorkflowErrorKind::WorkerRefuses,
            message: format!("step {index}: worker {} {refusal}", step.worker),
        });
    }
    Ok(())
}
