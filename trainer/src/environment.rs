//! What a run works with beside the policy: tasks, pool, grader, and the runtime that worker calls wait on.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use conductor_configs::{Config, schema};
use conductor_datasets::{TaskSet, sources};
use conductor_reward::{Extractors, Grader};
use conductor_rollout::ledger::{Account, Ledger, Spent, Wall};
use conductor_rollout::{ParseRules, Pool};
use conductor_types::{Graded, Grading, Split, Task, Unscorable, Verdict};

use crate::TrainError;
use crate::judge;
use crate::listings::Listings;
use crate::obedience;

/// Everything outside the policy, opened and checked.
pub struct Environment {
    /// The questions by split.
    pub tasks: TaskSet,
    /// A task of each way to be judged.
    kinds: Vec<Task>,
    /// The workers.
    pub pool: Pool,
    /// The judge.
    pub grader: Grader,
    /// What a completion must be to be a workflow.
    pub rules: ParseRules,
    /// Tasks left out because a recording lacks them.
    pub left_out: usize,
    /// What the configuration already says that a person should know, a sentence each.
    known: Vec<String>,
    pub(crate) listings: Listings,
    pub(crate) rollout: schema::Rollout,
    pub(crate) runtime: tokio::runtime::Runtime,
    verdicts: Mutex<HashMap<(String, String), Graded>>,
}

impl Environment {
    /// Opens tasks, pool and grader and checks that they fit one another. Calls of live workers are paid under the identity
    /// `account`; without one everything is only looked at, and no answer is kept.
    pub fn open(config: &Config, account: Option<&str>) -> Result<Self, TrainError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(TrainError::Runtime)?;
        let mut tasks = conductor_datasets::load(&config.tasks)?;
        let extractors = Arc::new(extractors(&tasks)?);
        let account = account.map(|id| Account { id, budget: &config.budget });
        let pool = Pool::open(&config.pool, extractors, account)?;
        let total = tasks.len();
        if !config.tasks.only_recorded {
            let mut missing = tasks.iter().filter(|task| !pool.covered(&task.id));
            if let Some(example) = missing.next().map(|task| task.id.to_string()) {
                let missing = 1 + missing.count();
                return Err(TrainError::NotRecorded { missing, total, example });
            }
        }
        let left_out = tasks.retain(|id| pool.covered(id));
        let kinds = check_tasks(&tasks, &pool)?;
        obedience::check(config.reward.obedience_weight, &tasks)?;
        let grading = Grader::for_tasks(&config.reward, &config.sandbox, kinds.iter());
        let mut grader = runtime.block_on(grading)?;
        if let Some(judge) = judge::of(config, &kinds, &pool)? {
            grader = grader.judged_by(judge);
        }
        let listings = Listings::new(config, pool.cards());
        let rules = ParseRules {
            access: config.workflow.access,
            max_steps: config.workflow.max_steps as usize,
            workers: listings.listed(),
        };
        let known = known(config, &kinds);
        let verdicts = Mutex::default();
        let rollout = config.rollout.clone();
        Ok(Self {
            tasks,
            kinds,
            pool,
            grader,
            rules,
            left_out,
            known,
            listings,
            rollout,
            runtime,
            verdicts,
        })
    }

    /// At most `limit` questions of a split that must not be empty, in the order of a hash of their ids and `seed`.
    pub(crate) fn questions(
        &self,
        split: Split,
        limit: usize,
        seed: u64,
    ) -> Result<Vec<Arc<Task>>, TrainError> {
        self.tasks.require(split)?;
        let chosen = self.tasks.sample(split, limit, seed);
        Ok(chosen.into_iter().map(|entry| self.tasks.question(entry)).collect::<Result<_, _>>()?)
    }

    /// The budget's limit that ends the run, once it is reached.
    pub(crate) fn wall(&self) -> Option<Wall> {
        self.pool.ledger()?.wall()
    }

    /// What the account has spent; nothing where there is no ledger.
    pub(crate) fn spent(&self) -> Spent {
        self.pool.ledger().map(Ledger::spent).unwrap_or_default()
    }

    /// What a person should know before the run: limits that are not enforced, numbers that are estimates.
    pub fn notices(&self) -> Vec<String> {
        let mut notices = self.pool.notices();
        notices.extend(self.known.iter().cloned());
        notices.extend(self.listings.notices());
        notices.extend(obedience::notices(&self.tasks, self.pool.cards()));
        if self.left_out > 0 {
            notices.push(format!(
                "{} tasks are left out because the pool's recordings lack them; {} remain",
                self.left_out,
                self.tasks.len()
            ));
        }
        notices.extend(self.grader.notices(self.kinds.iter()));
        notices
    }

    /// Judges an answer; the same answer to the same task is judged once. Where a model judges, `part` of the run pays.
    pub(crate) async fn grade(
        &self,
        part: &str,
        task: &Task,
        answer: &str,
        recorded_score: Option<f64>,
    ) -> Graded {
        let key = (task.id.clone(), answer.to_owned());
        let reusable = !matches!(task.grading, Grading::Recorded);
        if reusable {
            let known =
                self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
            if let Some(graded) = known {
                return graded;
            }
        }
        let whole = match self.tasks.whole(task) {
            Ok(whole) => whole,
            Err(error) => {
                let (cause, detail) = (Unscorable::BadTestData, error.to_string());
                let verdict = Verdict::Unscorable { cause, detail };
                return Graded { extracted: None, verdict };
            }
        };
        let task = whole.as_deref().unwrap_or(task);
        let graded = self.grader.grade_in(part, task, answer, recorded_score).await;
        if reusable && !matches!(graded.verdict, Verdict::Unscorable { .. }) {
            self.verdicts
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(key, graded.clone());
        }
        graded
    }
}

/// Tasks as most functions take them.
pub(crate) fn refs(tasks: &[Arc<Task>]) -> Vec<&Task> {
    tasks.iter().map(Arc::as_ref).collect()
}

/// The rules by which answers are found.
fn extractors(tasks: &TaskSet) -> Result<Extractors, TrainError> {
    let mut extractors = Extractors::default();
    tasks.for_each(|_, task| {
        extractors.add(task);
        Ok::<(), TrainError>(())
    })?;
    Ok(extractors)
}

/// What is wrong between one worker and the tasks: how many, and the first.
#[derive(Default, Clone)]
struct Found {
    count: usize,
    example: String,
}

impl Found {
    fn note(&mut self, task: &Task) {
        if self.count == 0 {
            self.example.clone_from(&task.id);
        }
        self.count += 1;
    }
}

/// What the owners of benchmarks ask, and who is paid or not without being called by the policy.
fn known(config: &Config, kinds: &[Task]) -> Vec<String> {
    let sources = config.tasks.sources.iter();
    let mut known: Vec<String> =
        sources.filter_map(|source| sources::notice(&source.reads)).map(str::to_owned).collect();
    known.extend(judge::notice(config, kinds));
    let free = |worker: &&schema::Worker| match &worker.kind {
        schema::WorkerKind::Openai(live) => {
            live.input_usd_per_million == 0.0 && live.output_usd_per_million == 0.0
        }
        _ => false,
    };
    let of_worker = |worker: &schema::Worker| {
        format!(
            "worker \"{}\" has no price (`input_usd_per_million`, `output_usd_per_million`), so its calls count as free, and \
             reward.cost_weight makes the policy prefer it",
            worker.name
        )
    };
    if config.reward.cost_weight > 0.0 {
        known.extend(config.pool.workers.iter().filter(free).map(of_worker));
    }
    known
}

/// Refuses answers that nothing could judge, which would be paid for and never count, and answers to other questions, which would be
/// graded as answers to these. Reads each task once, and gives the first of each kind of grading and each reasoning-gym generator, with its
/// entry and without: what a grader must be able to judge.
fn check_tasks(tasks: &TaskSet, pool: &Pool) -> Result<Vec<Task>, TrainError> {
    let mut kinds = BTreeMap::new();
    let mut ungradable = vec![Found::default(); pool.workers().len()];
    let mut stale = ungradable.clone();
    tasks.for_each(|_, task| {
        let generator = match &task.grading {
            Grading::ReasoningGym { dataset, entry, .. } => (dataset.clone(), entry.is_some()),
            _ => (String::new(), false),
        };
        kinds.entry((task.grading.kind(), generator)).or_insert_with(|| task.clone());
        for (number, worker) in pool.workers().iter().enumerate() {
            if !worker.can_be_graded(task) {
                ungradable[number].note(task);
            }
            if worker.answers_another_prompt(task) {
                stale[number].note(task);
            }
        }
        Ok::<(), TrainError>(())
    })?;
    let ungradable = ungradable.iter().zip(pool.cards()).find(|(found, _)| found.count > 0);
    if let Some((found, card)) = ungradable {
        let why = if card.simulated {
            "a simulated worker draws whether it is right and has no text that a rule could judge. Give the tasks the grading { \"kind\": \"recorded\" }, or take another kind of worker"
        } else {
            "their grading is \"recorded\", and its answers come without a score. Give the tasks a grading that reads the answer, or take recorded or simulated workers"
        };
        return Err(TrainError::Usage(format!(
            "worker \"{}\": its answers to {} of {} tasks cannot be judged, for example to {}: {why}",
            card.name,
            found.count,
            tasks.len(),
            found.example
        )));
    }
    let stale = stale.iter().zip(pool.workers()).find(|(found, _)| found.count > 0);
    if let Some((found, worker)) = stale {
        return Err(TrainError::Usage(format!(
            "worker \"{}\": {} of its {} recorded answers were given to another prompt than the task's now, for example {}; take the tasks as they were when it was recorded, or record these tasks again",
            worker.name(),
            found.count,
            tasks.len(),
            found.example
        )));
    }
    Ok(kinds.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_owners_of_a_benchmark_ask_is_told_before_the_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("gpqa.csv");
        let rows = "Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3\nWhich?,a,b,c,d\n";
        std::fs::write(&path, rows).expect("written");
        let text = format!(
            "tasks.sources = [{{ kind = \"gpqa\", path = {path:?} }}]\npolicy.model = \"none\"\n\
             [[pool.workers]]\nname = \"s\"\nkind = \"openai\"\nbase_url = \"http://127.0.0.1:1/v1\"\nmodel = \"m\"\n"
        );
        let config = conductor_configs::load_str("test.toml", &text).expect("a configuration");
        let environment = Environment::open(&config.config, None).expect("opened");
        let notices = environment.notices();
        assert!(notices.iter().any(|notice| notice.contains("GPQA")), "{notices:?}");
    }
}
