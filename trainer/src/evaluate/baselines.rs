//! What the pool does without a policy: each worker alone, chance, majority, and the oracles.

use std::collections::BTreeMap;
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
    for &worker in &solvers {
        let workflow = self::alone(worker);
        let on_valid = run(environment, config, valid, &workflow, stop)?;
        done += valid.len();
        progress(done, total);
        let on_split = run(environment, config, tasks, &workflow, stop)?;
        done += tasks.len();
        progress(done, total);
        alone.push(Alone { name: &cards[worker].name, on_valid, on_split });
    }
    let mut rows: Vec<NamedRow> = alone
        .iter()
        .map(|worker| (worker.name.to_owned(), RowKind::Worker, worker.on_split.clone()))
        .collect();
    if let Some(best) = best_on(&alone, |_| true) {
        let name = format!("best worker on valid ({})", alone[best].name);
        rows.push((name, RowKind::BestWorker, alone[best].on_split.clone()));
        let row = best_by_domain(&alone, best, valid, tasks);
        rows.push(("best worker by domain on valid".into(), RowKind::Baseline, row));
    }
    let answers: Vec<&Vec<Answered>> = alone.iter().map(|worker| &worker.on_split).collect();
    rows.push(("random worker".into(), RowKind::Baseline, by_question(&answers, average)));
    if let Some(workflow) = majority(environment, &solvers) {
        let row = run(environment, config, tasks, &workflow, stop)?;
        rows.push(("majority vote of all".into(), RowKind::Baseline, row));
    }
    rows.push(("any-correct oracle".into(), RowKind::Oracle, by_question(&answers, any_correct)));
    rows.push((
        "best-reward oracle".into(),
        RowKind::Oracle,
        by_question(&answers, |q| pick(q, most_reward)),
    ));
    Ok(rows)
}

/// A worker's answers without others.
struct Alone<'a> {
    name: &'a str,
    on_valid: Vec<Answered>,
    on_split: Vec<Answered>,
}

/// The worker with the highest mean reward on those validation questions (by index) that `chosen` takes; the first of
/// equals, `None` where no answer has a verdict.
fn best_on(alone: &[Alone<'_>], chosen: impl Fn(usize) -> bool) -> Option<usize> {
    let mut best: Option<(f64, usize)> = None;
    for (index, worker) in alone.iter().enumerate() {
        let scored =
            worker.on_valid.iter().enumerate().filter(|(q, a)| chosen(*q) && a.score.is_some());
        let rewards: Vec<f64> = scored.map(|(_, answered)| answered.reward).collect();
        let mean = rewards.iter().sum::<f64>() / rewards.len().max(1) as f64;
        if !rewards.is_empty() && best.is_none_or(|(highest, _)| mean > highest) {
            best = Some((mean, index));
        }
    }
    best.map(|(_, index)| index)
}

/// A router that knows each question's domain: the domain's best worker on the validation split, or `overall` where that
/// split has no question of the domain.
fn best_by_domain(
    alone: &[Alone<'_>],
    overall: usize,
    valid: &[&Task],
    tasks: &[&Task],
) -> Vec<Answered> {
    let mut choice = BTreeMap::<&str, usize>::new();
    for task in tasks {
        choice.entry(&task.domain).or_insert_with(|| {
            best_on(alone, |q| valid[q].domain == task.domain).unwrap_or(overall)
        });
    }
    let of = |(index, task): (usize, &&Task)| alone[choice[&*task.domain]].on_split[index].clone();
    tasks.iter().enumerate().map(of).collect()
}

/// One worker by itself.
pub(crate) fn alone(worker: usize) -> Workflow {
    Workflow { steps: vec![Step::new(worker, "Solve the task.", Vec::new())] }
}

/// Every solver once, then the pool's voter over all of them; `None` where there is no voter or nothing to vote on.
fn majority(environment: &Environment, solvers: &[usize]) -> Option<Workflow> {
    let cards = environment.pool.cards();
    let voter =
        (0..cards.len()).find(|&worker| cards[worker].capability == WorkerCapability::Combines)?;
    if solvers.len() < 2 {
        return None;
    }
    let mut steps: Vec<Step> =
        solvers.iter().map(|&worker| Step::new(worker, "Solve the task.", Vec::new())).collect();
    steps.push(Step::new(voter, "Decide by majority.", (0..solvers.len()).collect()));
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
    let options = RolloutOptions {
        run_seed: config.run.seed,
        step: 0,
        purpose: "baselines",
        evaluation: true,
        journal: None,
        stop,
    };
    let episodes = rollouts::collect_fixed(environment, tasks, workflow, options)?;
    Ok(episodes.iter().map(|one| answered(environment, &[one], &config.reward)).collect())
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
    let obedience: Option<Vec<f64>> = question.iter().map(|a| a.obedience).collect();
    Answered {
        task_id: question[0].task_id.clone(),
        score: scores.map(|scores| scores.iter().sum::<f64>() / n),
        reward: mean(&|a| a.reward),
        cost_usd: mean(&|a| a.cost_usd),
        tokens: mean(&|a| a.tokens),
        calls: 1.0,
        steps: 1.0,
        latency_ms: mean(&|a| a.latency_ms),
        obedience: obedience.map(|obeyed| obeyed.iter().sum::<f64>() / n),
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

/// The question's best answer where it is right; no verdict where it is not and an answer without one may be.
fn any_correct(question: &[&Answered]) -> Answered {
    let best = pick(question, most_correct);
    let known = best.score.is_some_and(|score| score >= 1.0);
    let unknown = question.iter().find(|answered| answered.score.is_none());
    match unknown {
        Some(unknown) if !known => (*unknown).clone(),
        _ => best,
    }
}

/// Right before wrong, then cheap before dear.
fn most_correct(a: &Answered, b: &Answered) -> bool {
    let (x, y) = (a.score.unwrap_or(-1.0), b.score.unwrap_or(-1.0));
    x > y || (x >= y && a.cost_usd < b.cost_usd)
}

fn most_reward(a: &Answered, b: &Answered) -> bool {
    a.score.is_some() && (b.score.is_none() || a.reward > b.reward)
}

#[cfg(test)]
mod tests {
    use conductor_types::Grading;

    use super::*;

    fn task(domain: &str) -> Task {
        let grading = Grading::Exact { gold: "1".into() };
        Task {
            id: domain.into(),
            domain: domain.into(),
            prompt: "?".into(),
            grading,
            parts: Vec::new(),
            date: None,
            constraint: None,
        }
    }

    fn answers(rewards: &[f64]) -> Vec<Answered> {
        let answered =
            |&reward: &f64| Answered { score: Some(reward), reward, ..Answered::default() };
        rewards.iter().map(answered).collect()
    }

    #[test]
    fn the_oracle_knows_no_more_than_the_verdicts() {
        let [right, wrong] = [1.0, 0.0].map(|score| answers(&[score]).remove(0));
        let unknown = Answered::default();
        let score = |question: &[&Answered]| any_correct(question).score;
        assert_eq!(score(&[&wrong, &unknown, &right]), Some(1.0));
        assert_eq!(score(&[&wrong, &wrong]), Some(0.0));
        assert_eq!(score(&[&wrong, &unknown]), None);
    }

    #[test]
    fn the_best_worker_is_chosen_on_the_validation_split_as_a_whole_and_by_domain() {
        let (sums, words, news) = (task("sums"), task("words"), task("news"));
        let valid = [&sums, &words];
        let alone = [
            Alone {
                name: "a",
                on_valid: answers(&[0.9, 0.0]),
                on_split: answers(&[0.1, 0.2, 0.3]),
            },
            Alone {
                name: "b",
                on_valid: answers(&[0.0, 0.5]),
                on_split: answers(&[1.1, 1.2, 1.3]),
            },
        ];
        assert_eq!(best_on(&alone, |_| true), Some(0));
        assert_eq!(best_on(&alone, |q| q == 1), Some(1));
        assert_eq!(best_on(&alone, |_| false), None);
        // No validation question tells about the third domain: the best overall answers it.
        let row = best_by_domain(&alone, 0, &valid, &[&words, &sums, &news]);
        let rewards: Vec<f64> = row.iter().map(|answered| answered.reward).collect();
        assert_eq!(rewards, [1.1, 0.2, 0.3]);
    }
}
