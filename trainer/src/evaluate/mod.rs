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
use conductor_reward::{Member, Taken, evaluation_reward};
use conductor_types::{Episode, Outcome, SampleRequest, Split, Task, Usage, Verdict};

pub(crate) use baselines::alone;
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
    /// Why there is no verdict.
    pub unscorable: Option<Cause>,
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

/// Why an answer has no verdict.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Cause {
    /// Its name, one of [`conductor_types::Unscorable`]'s or `not_shaped`.
    pub cause: String,
    /// What happened.
    pub detail: String,
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
    let mut obeyed = obedience::of_all(environment, &groups).into_iter();
    for episode in groups.iter_mut().flatten() {
        let member = Member { obeys: obeyed.next().flatten(), ..rollouts::member(episode) };
        episode.reward = episode.score().and_then(|_| evaluation_reward(&member, &config.reward));
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

/// Mean reward of the questions with a verdict, as the report has it; `None` where none has one.
pub(crate) fn mean_reward(
    environment: &Environment,
    groups: &[Vec<Episode>],
    reward: &schema::Reward,
) -> Option<f64> {
    let answers = answered_questions(environment, groups, reward);
    let rewards: Vec<f64> =
        answers.iter().filter(|a| a.score.is_some()).map(|a| a.reward).collect();
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
    let rounds = first.map(|episode| &questions[episode.id.task_id.as_str()]);
    rounds.map(|rounds| answered(environment, rounds, reward)).collect()
}

/// The rounds of each question in their order, where each has one sample.
fn by_question(groups: &[Vec<Episode>]) -> BTreeMap<&str, Vec<&Episode>> {
    let mut questions: BTreeMap<&str, Vec<&Episode>> = BTreeMap::new();
    for episode in groups.iter().flatten() {
        questions.entry(&episode.id.task_id).or_default().push(episode);
    }
    questions
}

/// The rounds of one question as a line of the comparison. Panics where there are none.
pub(crate) fn answered(
    environment: &Environment,
    rounds: &[&Episode],
    reward: &schema::Reward,
) -> Answered {
    let last = rounds.last().expect("a question has a first round");
    let (mut taken, mut usage) = (Taken::default(), Usage::default());
    for round in rounds {
        taken += rollouts::member(round).taken;
        usage += round.outcome.usage();
    }
    let obeys = obedience::of(environment, rounds);
    let member = Member { taken, obeys, ..rollouts::member(last) };
    let worth = evaluation_reward(&member, reward).map(|parts| parts.total());
    let score = member.score.filter(|_| worth.is_some());
    let calls = || rounds.iter().flat_map(|round| round.outcome.calls());
    Answered {
        task_id: last.id.task_id.clone(),
        score,
        unscorable: if score.is_none() { Some(cause(last)) } else { None },
        reward: worth.unwrap_or(0.0),
        cost_usd: usage.cost_usd,
        tokens: (usage.prompt_tokens + usage.completion_tokens) as f64,
        calls: calls().count() as f64,
        steps: taken.steps,
        latency_ms: taken.latency_ms,
        format_error: match &last.outcome {
            Outcome::Malformed(error) => Some(error.kind.to_string()),
            Outcome::Ran { .. } | Outcome::Failed { .. } => None,
        },
        workers: calls().map(|call| call.worker.clone()).collect(),
        obedience: obeys.map(|obeys| f64::from(u8::from(obeys))),
    }
}

fn cause(episode: &Episode) -> Cause {
    match &episode.verdict {
        Some(verdict @ Verdict::Unscorable { detail, .. }) => {
            Cause { cause: verdict.cause().to_owned(), detail: detail.clone() }
        }
        _ => Cause {
            cause: "not_shaped".into(),
            detail:
                "its reward is no finite number (weights, units and prices in [reward] and [pool])"
                    .into(),
        },
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
