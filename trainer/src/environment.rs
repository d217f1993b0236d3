//! What a run works with beside the policy: tasks, pool, grader, and the runtime that worker calls wait on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use conductor_configs::{Config, schema};
use conductor_datasets::TaskSet;
use conductor_reward::{Extractors, Grader};
use conductor_rollout::ledger::{Account, Ledger, Spent, Wall};
use conductor_rollout::{ParseRules, Pool};
use conductor_types::{Graded, Grading, Task, Verdict};

use crate::TrainError;
use crate::judge;
use crate::listings::Listings;
use crate::obedience;

/// Everything outside the policy, opened and checked.
pub struct Environment {
    /// The questions by split.
    pub tasks: TaskSet,
    /// The workers.
    pub pool: Pool,
    /// The judge.
    pub grader: Grader,
    /// What a completion must be to be a workflow.
    pub rules: ParseRules,
    /// Tasks left out because a recording lacks them.
    pub left_out: usize,
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
        let extractors = Arc::new(Extractors::new(tasks.iter()));
        let account = account.map(|id| Account { id, budget: &config.budget });
        let pool = Pool::open(&config.pool, extractors, account)?;
        let total = tasks.len();
        let missing: Vec<String> = tasks
            .iter()
            .filter(|task| !pool.covered(&task.id))
            .map(|task| task.id.clone())
            .collect();
        let left_out = match missing.first() {
            Some(example) if !config.tasks.only_recorded => {
                return Err(TrainError::NotRecorded {
                    missing: missing.len(),
                    total,
                    example: example.clone(),
                });
            }
            _ => tasks.retain(|id| pool.covered(id)),
        };
        check_gradings(&tasks, &pool)?;
        check_prompts(&tasks, &pool)?;
        obedience::check(config.reward.obedience_weight, &tasks)?;
        let grading = Grader::for_tasks(&config.reward, &config.sandbox, tasks.iter());
        let mut grader = runtime.block_on(grading)?;
        if let Some(judge) = judge::of(config, &tasks, &pool)? {
            grader = grader.judged_by(judge);
        }
        let listings = Listings::new(config, pool.cards());
        let rules = ParseRules {
            access: config.workflow.access,
            max_steps: config.workflow.max_steps as usize,
            workers: listings.listed(),
        };
        let verdicts = Mutex::default();
        let rollout = config.rollout.clone();
        Ok(Self { tasks, pool, grader, rules, left_out, listings, rollout, runtime, verdicts })
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
        notices.extend(self.listings.notices());
        notices.extend(obedience::notices(&self.tasks, self.pool.cards()));
        if self.left_out > 0 {
            notices.push(format!(
                "{} tasks are left out because the pool's recordings lack them; {} remain",
                self.left_out,
                self.tasks.len()
            ));
        }
        notices.extend(self.grader.notices(self.tasks.iter()));
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

/// An answer that nothing can judge would be paid for and never count.
fn check_gradings(tasks: &TaskSet, pool: &Pool) -> Result<(), TrainError> {
    for (worker, card) in pool.workers().iter().zip(pool.cards()) {
        let mut ungradable = tasks.iter().filter(|task| !worker.can_be_graded(task));
        let Some(example) = ungradable.next() else { continue };
        let why = if card.simulated {
            "a simulated worker draws whether it is right and has no text that a rule could judge. Give the tasks the grading { \"kind\": \"recorded\" }, or take another kind of worker"
        } else {
            "their grading is \"recorded\", and its answers come without a score. Give the tasks a grading that reads the answer, or take recorded or simulated workers"
        };
        return Err(TrainError::Usage(format!(
            "worker \"{}\": its answers to {} of {} tasks cannot be judged, for example to {}: {why}",
            card.name,
            1 + ungradable.count(),
            tasks.len(),
            example.id
        )));
    }
    Ok(())
}

/// Answers to other questions would be graded as answers to these.
fn check_prompts(tasks: &TaskSet, pool: &Pool) -> Result<(), TrainError> {
    for worker in pool.workers() {
        let stale: Vec<&str> = tasks
            .iter()
            .filter(|task| worker.answers_another_prompt(task))
            .map(|task| &*task.id)
            .collect();
        if let Some(example) = stale.first() {
            return Err(TrainError::Usage(format!(
                "worker \"{}\": {} of its {} recorded answers were given to another prompt than the task's now, for example {example}; take the tasks as they were when it was recorded, or record these tasks again",
                worker.name(),
                stale.len(),
                tasks.len()
            )));
        }
    }
    Ok(())
}
