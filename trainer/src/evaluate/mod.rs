//! Evaluation: the trained policy beside every baseline that the pool allows, question by question.
//!
//! The question is the unit of resampling; the best worker is chosen on the validation split only.

mod baselines;
mod stats;
mod table;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use conductor_configs::{Config, schema};
use conductor_policy::Policy;
use conductor_policy::generate::Monitor;
use conductor_reward::{Member, Taken, evaluation_losses, evaluation_reward};
use conductor_types::{Episode, Outcome, RewardParts, SampleRequest, Split, Task};

pub use stats::{Interval, mcnemar_p, mean_interval};
pub use table::{Difference, DomainMeans, Report, Row, RowKind};

use crate::TrainError;
use crate::environment::{Environment, refs};
use crate::obedience;
use crate::rollouts::{self, RolloutOptions, Rounds};

/// One question answered by one contestant.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
pub struct Answered {
    /// The question.
    pub task_id: String,
    /// Correctness in 0..=1; `None` where there is no verdict, and then the question counts for nobody in a comparison.
    pub score: Option<f64>,
    /// The reward under the configured weights.
    pub reward: f64,
    /// Dollars.
    pub cost_usd: f64,
    /// Tokens read and written by workers.
    pub tokens: f64,
    /// Worker calls.
    pub calls: f64,
    /// Steps of the workflow.
    pub steps: f64,
    /// Milliseconds on the critical path.
    pub latency_ms: f64,
    /// Why the completion is no workflow; empty where it is one.
    pub format_error: Option<String>,
    /// Names of the workers called.
    pub workers: Vec<String>,
    /// 1 where the workflow obeyed the question's constraint and 0 where not; `None` where the question has none, or no workflow
    /// ran to its end.
    pub obedience: Option<f64>,
}

/// A policy that takes part. It is loaded when its turn comes and dropped after it, so that one is in memory at a time.
pub struct Contestant<'a> {
    /// Its row's name ("trained policy").
    pub name: String,
    /// Finished steps of its weights, for the log.
    pub step: u64,
    /// Loads it.
    pub load: Box<dyn FnOnce() -> Result<Policy, TrainError> + 'a>,
}

/// Evaluates every baseline and every contestant on `split`. Policies decode greedily.
pub fn evaluate(
    environment: &Environment,
    config: &Config,
    contestants: Vec<Contestant<'_>>,
    split: Split,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&str, usize, usize),
) -> Result<Report, TrainError> {
    let tasks = chosen(environment, config, split)?;
    let mut rows = without_policy(environment, config, &refs(&tasks), stop, progress)?;
    for Contestant { name, step, load } in contestants {
        let policy = load()?;
        let mut tell = |done, total| progress(&name, done, total);
        let groups = episodes(environment, config, &policy, (split, step), None, stop, &mut tell)?;
        let answered = answered_questions(environment, &groups, &config.reward);
        rows.push((name, RowKind::Policy, answered));
    }
    Ok(table::report(rows, environment, config, Some(split)))
}

/// Evaluates what the pool does without a policy, on `split` or on all tasks: what there is to win. On all tasks, the
/// choices on the validation split are tested on it too.
pub fn evaluate_pool(
    environment: &Environment,
    config: &Config,
    split: Option<Split>,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&str, usize, usize),
) -> Result<Report, TrainError> {
    let tasks = if let Some(split) = split {
        chosen(environment, config, split)?
    } else {
        let tasks = &environment.tasks;
        tasks.iter().map(|entry| tasks.question(entry)).collect::<Result<_, _>>()?
    };
    let rows = without_policy(environment, config, &refs(&tasks), stop, progress)?;
    Ok(table::report(rows, environment, config, split))
}

fn without_policy(
    environment: &Environment,
    config: &Config,
    tasks: &[&Task],
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&str, usize, usize),
) -> Result<Vec<baselines::NamedRow>, TrainError> {
    let valid = chosen(environment, config, Split::Valid)?;
    baselines::rows(environment, config, &refs(&valid), tasks, stop, &mut |done, total| {
        progress("workers", done, total);
    })
}

/// One greedy episode a question, ungraded rewards shaped as [`evaluation_reward`] does (no group).
pub(crate) fn episodes(
    environment: &Environment,
    config: &Config,
    policy: &Policy,
    (split, weights_of): (Split, u64),
    journal: Option<&Path>,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Vec<Episode>>, TrainError> {
    let tasks = chosen(environment, config, split)?;
    let tasks = refs(&tasks);
    let decoding = policy.decoding(&config.sampling, 0.0);
    let rounds = Rounds {
        workflow: &config.workflow,
        tasks: &tasks,
        samples: 1,
        // Greedy completions have no use for a seed.
        seeds: &|_, _, _| 0,
        fits: &|request| fits(policy, request, decoding.max_prompt_tokens),
    };
    let options = RolloutOptions {
        run_seed: config.run.seed,
        step: weights_of,
        purpose: split.as_str(),
        evaluation: true,
        journal,
        stop,
    };
    let mut sample = |requests: &[SampleRequest]| {
        let total = requests.len();
        let mut sampled = |done| progress(done, total);
        let monitor = Monitor { stop, progress: &mut sampled };
        rollouts::sample(&mut policy.sampler(decoding.clone(), monitor), requests)
    };
    let mut groups =
        rollouts::all_rounds(environment, &rounds, options, &mut sample, &mut |_, _| {})?;
    for episode in groups.iter_mut().flatten() {
        episode.reward =
            episode.score().map(|score| reward_of(environment, episode, score, &config.reward));
    }
    Ok(groups)
}

/// Whether a prompt is within the policy's limit.
pub(crate) fn fits(
    policy: &Policy,
    request: &SampleRequest,
    limit: usize,
) -> Result<bool, TrainError> {
    let tokens = policy.encode_prompt(&request.messages, &request.assistant_prefix)?;
    Ok(tokens.len() <= limit)
}

/// The group-free reward of an episode with this score.
fn reward_of(
    environment: &Environment,
    episode: &Episode,
    score: f64,
    reward: &schema::Reward,
) -> RewardParts {
    let member = rollouts::member(environment, episode);
    evaluation_reward(&Member { score: Some(score), ..member }, reward)
}

/// Mean reward of the questions whose last round has one; `None` where none has.
pub(crate) fn mean_reward(groups: &[Vec<Episode>]) -> Option<f64> {
    let rewards: Vec<f64> = by_question(groups)
        .into_values()
        .filter_map(|rounds| rounds.last()?.reward)
        .map(|reward| reward.total())
        .collect();
    (!rewards.is_empty()).then(|| rewards.iter().sum::<f64>() / rewards.len() as f64)
}

/// One line a question, in the order of the first round: the last round's answer, at the cost of all rounds.
fn answered_questions(
    environment: &Environment,
    groups: &[Vec<Episode>],
    reward: &schema::Reward,
) -> Vec<Answered> {
    let questions = by_question(groups);
    let first = groups.iter().flatten().filter(|episode| episode.id.round == 0);
    first
        .map(|episode| {
            let rounds = &questions[episode.id.task_id.as_str()];
            let mut lines = rounds.iter().map(|round| answered(environment, round, reward)).rev();
            let last = lines.next().expect("a question has a first round");
            lines.fold(last, |line, earlier| line.after(&earlier, reward))
        })
        .collect()
}

/// The rounds of each question in their order, where each has one sample.
fn by_question(groups: &[Vec<Episode>]) -> BTreeMap<&str, Vec<&Episode>> {
    let mut questions: BTreeMap<&str, Vec<&Episode>> = BTreeMap::new();
    for episode in groups.iter().flatten() {
        questions.entry(&episode.id.task_id).or_default().push(episode);
    }
    questions
}

impl Answered {
    /// This round with what the one before it took.
    fn after(mut self, earlier: &Self, reward: &schema::Reward) -> Self {
        // The last round's reward knows only what it took itself.
        let taken = Taken {
            cost_usd: earlier.cost_usd,
            steps: earlier.steps,
            latency_ms: earlier.latency_ms,
        };
        self.reward -= evaluation_losses(&taken, reward);
        self.cost_usd += earlier.cost_usd;
        self.tokens += earlier.tokens;
        self.calls += earlier.calls;
        self.steps += earlier.steps;
        self.latency_ms += earlier.latency_ms;
        self.workers = [earlier.workers.clone(), self.workers].concat();
        self
    }
}

/// An episode as a line of the comparison.
pub(crate) fn answered(
    environment: &Environment,
    episode: &Episode,
    reward: &schema::Reward,
) -> Answered {
    let usage = episode.outcome.usage();
    let format_error = match &episode.outcome {
        Outcome::Malformed(error) => Some(error.kind.to_string()),
        _ => None,
    };
    let score = episode.score();
    Answered {
        task_id: episode.id.task_id.clone(),
        score,
        reward: reward_of(environment, episode, score.unwrap_or(0.0), reward).total(),
        cost_usd: usage.cost_usd,
        tokens: (usage.prompt_tokens + usage.completion_tokens) as f64,
        calls: episode.outcome.calls().len() as f64,
        steps: episode.outcome.workflow().map_or(0.0, |workflow| workflow.steps.len() as f64),
        latency_ms: match &episode.outcome {
            Outcome::Ran { critical_path_ms, .. } => *critical_path_ms,
            _ => usage.latency_ms,
        },
        format_error,
        workers: episode.outcome.calls().iter().map(|call| call.worker.clone()).collect(),
        obedience: obedience::of(environment, episode).map(|obeys| f64::from(u8::from(obeys))),
    }
}

fn chosen(
    environment: &Environment,
    config: &Config,
    split: Split,
) -> Result<Vec<Arc<Task>>, TrainError> {
    let limit = config.eval.max_tasks.map_or(usize::MAX, |n| n as usize);
    environment.questions(split, limit, config.tasks.split.seed)
}

/// Mean dollars of one call over workers and tasks, where every solver's price is known without calling a live one.
pub(crate) fn known_usd_per_call(
    environment: &Environment,
    config: &Config,
    tasks: &[&Task],
) -> Result<Option<f64>, TrainError> {
    let live = |worker: &schema::Worker| matches!(worker.kind, schema::WorkerKind::Openai(_));
    if config.pool.workers.iter().any(live) {
        return Ok(None);
    }
    let never = AtomicBool::new(false);
    let rows = baselines::rows(environment, config, &[], tasks, &never, &mut |_, _| {})?;
    let workers: Vec<f64> = rows
        .iter()
        .filter(|(_, kind, _)| *kind == RowKind::Worker)
        .flat_map(|(_, _, row)| row.iter().map(|answered| answered.cost_usd))
        .collect();
    Ok(Some(workers.iter().sum::<f64>() / workers.len().max(1) as f64))
}
