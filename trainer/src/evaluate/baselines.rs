//! What the pool does without a policy: each worker alone, chance, majority, and the oracles.

use std::sync::atomic::AtomicBool;

use conductor_configs::Config;
use conductor_types::{Step, Task, WorkerCapability, Workflow};

use super::{Answered, RowKind, answered};
use crate::TrainError;
use crate::environment::Environment;
use crate::rollouts::{self, RolloutOptions};

pub(crate) type NamedRow = (String, RowKind, Vec<Answered>);

/// One row for each worker that can answer alone, then those made of them.
pub(crate) fn rows(
    environment: &Environment,
    config: &Config,
    valid: &[&Task],
    tasks: &[&Task],
    stop: &AtomicBool,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<NamedRow>, TrainError> {
    let cards = environment.pool.cards();
    let solvers: Vec<usize> = (0..cards.len())
        .filter(|&worker| cards[worker].capability != WorkerCapability::Combines)
        .collect();
    let total = solvers.len() * (tasks.len() + valid.len());
    let mut done = 0;
    let mut alone = Vec::new();
    let mut best: Option<(f64, usize)> = None;
    for (index, &worker) in solvers.iter().enumerate() {
        let workflow = single(worker);
        let on_valid = run(environment, config, valid, &workflow, stop)?;
        done += valid.len();
        progress(done, total);
        let on_split = run(environment, config, tasks, &workflow, stop)?;
        done += tasks.len();
        progress(done, total);
        let rewards: Vec<f64> =
            on_valid.iter().filter(|a| a.score.is_some()).map(|a| a.reward).collect();
        let mean = rewards.iter().sum::<f64>() / rewards.len().max(1) as f64;
        if !rewards.is_empty() && best.is_none_or(|(score, _)| mean > score) {
            best = Some((mean, index));
        }
        alone.push((cards[worker].name.clone(), on_split));
    }
    let mut rows: Vec<NamedRow> =
        alone.iter().map(|(name, row)| (name.clone(), RowKind::Worker, row.clone())).collect();
    if let Some((_, index)) = best {
        let (name, row) = &alone[index];
        rows.push((format!("best worker on valid ({name})"), RowKind::BestWorker, row.clone()));
    }
    let answers: Vec<&Vec<Answered>> = alone.iter().map(|(_, row)| row).collect();
    rows.push(("random worker".into(), RowKind::Baseline, by_question(&answers, average)));
    if let Some(workflow) = majority(environment, &solvers) {
        let row = run(environment, config, tasks, &workflow, stop)?;
        rows.push(("majority vote of all".into(), RowKind::Baseline, row));
    }
    rows.push((
        "any-correct oracle".into(),
        RowKind::Oracle,
        by_question(&answers, |q| pick(q, most_correct)),
    ));
    rows.push((
        "best-reward oracle".into(),
        RowKind::Oracle,
        by_question(&answers, |q| pick(q, most_reward)),
    ));
    Ok(rows)
}

fn single(worker: usize) -> Workflow {
    Workflow { steps: vec![Step { worker, subtask: "Solve the task.".into(), access: Vec::new() }] }
}

/// Every solver once, then the pool's voter over all of them; `None` where there is no voter or nothing to vote on.
fn majority(environment: &Environment, solvers: &[usize]) -> Option<Workflow> {
    let cards = environment.pool.cards();
    let voter =
        (0..cards.len()).find(|&worker| cards[worker].capability == WorkerCapability::Combines)?;
    if solvers.len() < 2 {
        return None;
    }
    let mut steps: Vec<Step> = solvers
        .iter()
        .map(|&worker| Step { worker, subtask: "Solve the task.".into(), access: Vec::new() })
        .collect();
    steps.push(Step {
        worker: voter,
        subtask: "Decide by majority.".into(),
        access: (0..solvers.len()).collect(),
    });
    Some(Workflow { steps })
}

/// Runs one fixed workflow on every task.
fn run(
    environment: &Environment,
    config: &Config,
    tasks: &[&Task],
    workflow: &Workflow,
    stop: &AtomicBool,
) -> Result<Vec<Answered>, TrainError> {
    let options = RolloutOptions { run_seed: config.run.seed, step: 0, evaluation: true, stop };
    let episodes = rollouts::collect_fixed(environment, tasks, workflow, options)?;
    Ok(episodes.iter().map(|episode| answered(episode, &config.reward)).collect())
}

fn by_question(rows: &[&Vec<Answered>], f: impl Fn(&[&Answered]) -> Answered) -> Vec<Answered> {
    let questions = rows.first().map_or(0, |row| row.len());
    (0..questions).map(|q| f(&rows.iter().map(|row| &row[q]).collect::<Vec<_>>())).collect()
}

/// The expectation of a worker drawn at random; no verdict where any worker has none.
fn average(question: &[&Answered]) -> Answered {
    let n = question.len() as f64;
    let mean = |f: &dyn Fn(&Answered) -> f64| question.iter().map(|a| f(a)).sum::<f64>() / n;
    let scores: Option<Vec<f64>> = question.iter().map(|a| a.score).collect();
    Answered {
        task_id: question[0].task_id.clone(),
        score: scores.map(|scores| scores.iter().sum::<f64>() / n),
        reward: mean(&|a| a.reward),
        cost_usd: mean(&|a| a.cost_usd),
        tokens: mean(&|a| a.tokens),
        calls: 1.0,
        steps: 1.0,
        latency_ms: mean(&|a| a.latency_ms),
        ..Answered::default()
    }
}

fn pick(question: &[&Answered], better: impl Fn(&Answered, &Answered) -> bool) -> Answered {
    let mut best = question[0];
    for candidate in &question[1..] {
        if better(candidate, best) {
            best = candidate;
        }
    }
    best.clone()
}

/// Right before wrong, then cheap before dear.
fn most_correct(a: &Answered, b: &Answered) -> bool {
    let (x, y) = (a.score.unwrap_or(-1.0), b.score.unwrap_or(-1.0));
    x > y || (x >= y && a.cost_usd < b.cost_usd)
}

fn most_reward(a: &Answered, b: &Answered) -> bool {
    a.score.is_some() && (b.score.is_none() || a.reward > b.reward)
}
