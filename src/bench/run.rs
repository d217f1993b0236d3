//! Our own scheduler under load: episodes through dispatcher, pool and, where wanted, the store of answers.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use conductor_configs::schema::{self, Budget, Stragglers};
use conductor_reward::Extractors;
use conductor_rollout::dispatch::{DispatchOptions, Left, dispatch};
use conductor_rollout::execute::{self, RunOptions};
use conductor_rollout::ledger::Account;
use conductor_rollout::pool::{CallFuture, Worker};
use conductor_rollout::{Pool, WorkerCard};
use conductor_types::{Outcome, WorkerRequest};
use serde_json::json;

use super::process::cpu_seconds;
use super::{Drawn, Progress, Span};

/// Worker threads of the runtime; as many as the trainer gives its calls.
const THREADS: usize = 2;

static NEVER: AtomicBool = AtomicBool::new(false);

/// What is to be run.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// The episodes; all of them are under way at once.
    pub episodes: &'a [Drawn],
    /// Calls that the worker takes at once.
    pub concurrency: usize,
    /// Where the worker is.
    pub base_url: &'a str,
    /// The store of answers; `None` keeps none.
    pub store: Option<&'a Path>,
}

/// What it took.
#[derive(Debug)]
pub struct Ran {
    /// From the first episode's begin to the last one's end.
    pub seconds: f64,
    /// Processor time of this process meanwhile.
    pub cpu_seconds: f64,
    /// Episodes that did not come to an answer.
    pub failed: usize,
    /// Why the first of them did not.
    pub failure: Option<String>,
    /// Each call from the moment its inputs are there until its answer is.
    pub open: Vec<Span>,
}

/// Runs every episode to its end.
pub fn run(plan: Plan<'_>, progress: &mut Progress) -> anyhow::Result<Ran> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    let budget = Budget::default();
    let account = Account { id: "bench", budget: &budget };
    let live = Pool::open(&config(plan)?, Arc::new(Extractors::new([].iter())), Some(account))?;
    let watched: Vec<Arc<Watched>> = live.workers().iter().map(Watched::new).collect();
    let workers = watched.iter().map(|worker| Arc::clone(worker) as Arc<dyn Worker>).collect();
    let pool = Pool::from_workers(workers)?;

    let options = DispatchOptions {
        in_flight: plan.episodes.len(),
        stragglers: Stragglers::Wait,
        stop: &NEVER,
    };
    let one = async |episode: &Drawn| {
        let options = RunOptions {
            part: "bench",
            seed: episode.seed,
            sample: 0,
            last_nonempty: false,
            before: None,
        };
        execute::run(&pool, &episode.task, episode.workflow.clone(), options).await
    };
    let (start, cpu_before, mut finished) = (Instant::now(), cpu_seconds(), 0);
    let left = runtime.block_on(dispatch(plan.episodes.iter().collect(), options, one, |_, _| {
        finished += 1;
        progress.tick(|| format!("{finished} of {} episodes", plan.episodes.len()));
        ControlFlow::Continue(())
    }));
    let (seconds, cpu_seconds) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu_before);

    let mut failures = left.iter().filter_map(|left| match left {
        Left::Done(Outcome::Ran { .. }) => None,
        Left::Done(Outcome::Failed { error, .. }) => Some(error.to_string()),
        other => Some(format!("{other:?}")),
    });
    let failure = failures.next();
    let failed = usize::from(failure.is_some()) + failures.count();
    let open = watched.iter().flat_map(|worker| worker.take()).collect();
    Ok(Ran { seconds, cpu_seconds, failed, failure, open })
}

/// One live worker that samples, so that no two calls are the same.
fn config(plan: Plan<'_>) -> anyhow::Result<schema::Pool> {
    Ok(serde_json::from_value(json!({
        "workers": [{
            "name": "fake", "kind": "openai", "base_url": plan.base_url, "model": "fake", "temperature": 1.0,
            "concurrency": plan.concurrency, "input_usd_per_million": 0.1, "output_usd_per_million": 0.4,
        }],
        "store": plan.store.unwrap_or(Path::new("")),
    }))?)
}

/// A worker of which is written down when it is called and when it has answered.
struct Watched {
    worker: Arc<dyn Worker>,
    spans: Mutex<Vec<Span>>,
}

impl Watched {
    fn new(worker: &Arc<dyn Worker>) -> Arc<Self> {
        Arc::new(Self { worker: Arc::clone(worker), spans: Mutex::default() })
    }

    fn take(&self) -> Vec<Span> {
        std::mem::take(&mut self.spans.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Worker for Watched {
    fn card(&self) -> &WorkerCard {
        self.worker.card()
    }

    fn call<'a>(&'a self, request: WorkerRequest<'a>) -> CallFuture<'a> {
        Box::pin(async move {
            let from = now();
            let answer = self.worker.call(request).await;
            self.spans.lock().unwrap_or_else(PoisonError::into_inner).push((from, now()));
            answer
        })
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
