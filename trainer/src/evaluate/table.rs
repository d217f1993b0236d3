//! The report of an evaluation: a row a contestant, with intervals and paired differences from the best worker.

use std::collections::BTreeMap;

use conductor_configs::Config;
use conductor_rollout::card::{WorkerCard, label};
use conductor_types::Split;
use serde::Serialize;

use super::baselines::NamedRow;
use super::stats::{Interval, mcnemar_p, mean_interval};
use super::{Answered, Cause, stats};
use crate::environment::Environment;

/// What a row stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RowKind {
    /// One worker alone.
    Worker,
    /// The worker that was best on the validation split.
    BestWorker,
    /// Made of workers without a policy.
    Baseline,
    /// Knows the truth; a bound, not a contestant.
    Oracle,
    /// A policy.
    Policy,
}

/// One contestant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// What it stands for.
    pub kind: RowKind,
    /// Questions with a verdict.
    pub questions: usize,
    /// Questions without one; they count in no mean.
    pub unscorable: usize,
    /// These by cause.
    pub causes: BTreeMap<String, usize>,
    /// Mean score; `None` where no question has a verdict.
    pub accuracy: Option<Interval>,
    /// Mean reward under the configured cost weight; `None` where no question has a verdict.
    pub reward: Option<Interval>,
    /// Difference from the best worker; absent for that row itself, and where no question has a verdict for both.
    pub against_best_worker: Option<Difference>,
    /// Dollars a question.
    pub usd: f64,
    /// Worker tokens a question.
    pub tokens: f64,
    /// Worker calls a question.
    pub calls: f64,
    /// Steps a workflow, over completions that are one.
    pub steps: f64,
    /// Median milliseconds on the critical path.
    pub latency_ms_median: f64,
    /// Share of completions that are a workflow.
    pub valid: f64,
    /// Share of completions by format error.
    pub format_errors: BTreeMap<String, f64>,
    /// Share of calls by worker.
    pub worker_shares: BTreeMap<String, f64>,
    /// Questions with a constraint whose workflow ran to its end.
    pub constrained: usize,
    /// Share of these whose workflow obeyed; absent where there is none.
    pub obedience: Option<Interval>,
}

/// A paired comparison over the questions that both have a verdict for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Questions compared.
    pub questions: usize,
    /// Difference in mean score.
    pub accuracy: Interval,
    /// Difference in mean reward.
    pub reward: Interval,
    /// Exact McNemar p over right and wrong; absent where a score is neither 1 nor 0.
    pub mcnemar_p: Option<f64>,
}

/// Means over a row's questions of one domain.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct DomainMeans {
    /// Questions with a verdict.
    pub questions: usize,
    /// Mean score.
    pub accuracy: f64,
    /// Mean reward.
    pub reward: f64,
    /// Share of calls by worker.
    pub worker_shares: BTreeMap<String, f64>,
}

/// A whole evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The questions' split; `None` where they are all.
    pub split: Option<Split>,
    /// The pool's simulated workers: what rests on them is drawn and was not measured, and its rows say so by name.
    pub simulated_workers: Vec<String>,
    /// Questions asked.
    pub questions: usize,
    /// `reward.cost_weight` / `reward.cost_unit_usd`: reward lost per dollar.
    pub reward_per_usd: f64,
    /// `reward.steps_weight` / `reward.steps_unit`: reward lost per step.
    pub reward_per_step: f64,
    /// `reward.latency_weight` / `reward.latency_unit_secs`: reward lost per second on the critical path.
    pub reward_per_sec: f64,
    /// `reward.obedience_weight`: gained where a question's constraint is obeyed.
    pub reward_of_obedience: f64,
    /// Every contestant.
    pub rows: Vec<Row>,
    /// Paired difference of each later policy from the first one (the untrained), by name.
    pub against_first_policy: BTreeMap<String, Difference>,
    /// By each cause of the rows: a question without a verdict, and what happened.
    pub causes: BTreeMap<String, String>,
    /// Every answer, by row name.
    #[serde(skip)]
    pub answers: BTreeMap<String, Vec<Answered>>,
    /// Means by domain, by row name.
    pub by_domain: BTreeMap<String, BTreeMap<String, DomainMeans>>,
}

pub(crate) fn report(
    named: Vec<NamedRow>,
    environment: &Environment,
    config: &Config,
    split: Option<Split>,
) -> Report {
    let named: Vec<NamedRow> =
        named.into_iter().map(|row| labelled(row, environment.pool.cards())).collect();
    let resamples = config.eval.bootstrap_samples;
    let best =
        named.iter().find(|(_, kind, _)| *kind == RowKind::BestWorker).map(|(_, _, row)| row);
    let first_policy = named.iter().position(|(_, kind, _)| *kind == RowKind::Policy);
    let rows = named
        .iter()
        .map(|(name, kind, answers)| {
            let against = best.filter(|_| *kind != RowKind::BestWorker);
            row(
                name,
                *kind,
                answers,
                against.and_then(|best| difference(answers, best, resamples)),
                resamples,
            )
        })
        .collect();
    let against_first_policy = first_policy
        .map(|first| {
            let later =
                named.iter().skip(first + 1).filter(|(_, kind, _)| *kind == RowKind::Policy);
            later
                .filter_map(|(name, _, row)| {
                    Some((name.clone(), difference(row, &named[first].2, resamples)?))
                })
                .collect()
        })
        .unwrap_or_default();
    let by_domain =
        named.iter().map(|(name, _, row)| (name.clone(), domains(row, environment))).collect();
    let simulated = environment.pool.cards().iter().filter(|card| card.simulated);
    Report {
        split,
        simulated_workers: simulated.map(|card| card.name.clone()).collect(),
        questions: named.first().map_or(0, |(_, _, row)| row.len()),
        reward_per_usd: config.reward.cost_weight / config.reward.cost_unit_usd,
        reward_per_step: config.reward.steps_weight / config.reward.steps_unit,
        reward_per_sec: config.reward.latency_weight / config.reward.latency_unit_secs,
        reward_of_obedience: config.reward.obedience_weight,
        rows,
        against_first_policy,
        causes: examples(&named),
        by_domain,
        answers: named.into_iter().map(|(name, _, row)| (name, row)).collect(),
    }
}

/// The first answer without a verdict of each cause.
fn examples(named: &[NamedRow]) -> BTreeMap<String, String> {
    let mut examples = BTreeMap::new();
    for answered in named.iter().flat_map(|(_, _, row)| row) {
        if let Some(Cause { cause, detail }) = &answered.unscorable {
            let example = || format!("{}: {detail}", answered.task_id);
            examples.entry(cause.clone()).or_insert_with(example);
        }
    }
    examples
}

/// Marks what rests on simulated workers: the row of one, every row that is made of the whole pool, and the names of
/// the workers called.
fn labelled((name, kind, mut answers): NamedRow, cards: &[WorkerCard]) -> NamedRow {
    let card_of = |name: &str| cards.iter().find(|card| card.name == name);
    let simulated = match kind {
        RowKind::Worker | RowKind::BestWorker => answers
            .iter()
            .flat_map(|answered| &answered.workers)
            .any(|name| card_of(name).is_some_and(|card| card.simulated)),
        RowKind::Baseline | RowKind::Oracle | RowKind::Policy => {
            cards.iter().any(|card| card.simulated)
        }
    };
    for worker in answers.iter_mut().flat_map(|answered| &mut answered.workers) {
        if let Some(card) = card_of(worker) {
            *worker = card.label();
        }
    }
    (label(&name, simulated), kind, answers)
}

fn row(
    name: &str,
    kind: RowKind,
    answers: &[Answered],
    against: Option<Difference>,
    resamples: u32,
) -> Row {
    let scored: Vec<&Answered> = answers.iter().filter(|a| a.score.is_some()).collect();
    let column = |f: &dyn Fn(&Answered) -> f64| scored.iter().map(|a| f(a)).collect::<Vec<f64>>();
    // An empty sum of floats is −0.
    let mean = |values: &[f64]| (values.iter().sum::<f64>() + 0.0) / values.len().max(1) as f64;
    let valid: Vec<&&Answered> = scored.iter().filter(|a| a.format_error.is_none()).collect();
    let mut latencies: Vec<f64> = valid.iter().map(|a| a.latency_ms).collect();
    latencies.sort_by(f64::total_cmp);
    let calls: Vec<&str> =
        scored.iter().flat_map(|a| a.workers.iter().map(String::as_str)).collect();
    let obeyed: Vec<f64> = scored.iter().filter_map(|a| a.obedience).collect();
    let known = |values: Vec<f64>| (!values.is_empty()).then(|| mean_interval(&values, resamples));
    let mut causes = BTreeMap::<String, usize>::new();
    for unscorable in answers.iter().filter_map(|a| a.unscorable.as_ref()) {
        *causes.entry(unscorable.cause.clone()).or_default() += 1;
    }
    Row {
        name: name.to_owned(),
        kind,
        questions: scored.len(),
        unscorable: answers.len() - scored.len(),
        causes,
        accuracy: known(column(&|a| a.score.unwrap_or(0.0))),
        reward: known(column(&|a| a.reward)),
        against_best_worker: against,
        usd: mean(&column(&|a| a.cost_usd)),
        tokens: mean(&column(&|a| a.tokens)),
        calls: mean(&column(&|a| a.calls)),
        steps: mean(&valid.iter().map(|a| a.steps).collect::<Vec<_>>()),
        latency_ms_median: latencies.get(latencies.len() / 2).copied().unwrap_or(0.0),
        valid: valid.len() as f64 / scored.len().max(1) as f64,
        format_errors: shares(
            scored.iter().filter_map(|a| a.format_error.as_deref()),
            scored.len(),
        ),
        worker_shares: shares(calls.iter().copied(), calls.len()),
        constrained: obeyed.len(),
        obedience: known(obeyed),
    }
}

fn shares<'a>(names: impl Iterator<Item = &'a str>, total: usize) -> BTreeMap<String, f64> {
    let mut counts = BTreeMap::<String, usize>::new();
    for name in names {
        *counts.entry(name.to_owned()).or_default() += 1;
    }
    counts.into_iter().map(|(name, count)| (name, count as f64 / total as f64)).collect()
}

/// a − b over the questions where both have a verdict; both follow the same questions. `None` where there is no such question.
fn difference(a: &[Answered], b: &[Answered], resamples: u32) -> Option<Difference> {
    let pairs: Vec<(&Answered, &Answered, f64, f64)> =
        a.iter().zip(b).filter_map(|(a, b)| Some((a, b, a.score?, b.score?))).collect();
    let right = |score: f64| score >= 1.0 - 1e-9;
    let whole = |score: f64| right(score) || score <= 1e-9;
    let binary = pairs.iter().all(|(_, _, x, y)| whole(*x) && whole(*y));
    let only = |f: &dyn Fn(f64, f64) -> bool| pairs.iter().filter(|(_, _, x, y)| f(*x, *y)).count();
    let interval = |values: Vec<f64>| stats::mean_interval(&values, resamples);
    (!pairs.is_empty()).then(|| Difference {
        questions: pairs.len(),
        accuracy: interval(pairs.iter().map(|(_, _, x, y)| x - y).collect()),
        reward: interval(pairs.iter().map(|(a, b, _, _)| a.reward - b.reward).collect()),
        mcnemar_p: binary.then(|| {
            mcnemar_p(only(&|x, y| right(x) && !right(y)), only(&|x, y| right(y) && !right(x)))
        }),
    })
}

fn domains(row: &[Answered], environment: &Environment) -> BTreeMap<String, DomainMeans> {
    let mut by_domain = BTreeMap::<&str, Vec<(&Answered, f64)>>::new();
    for (answered, score) in row.iter().filter_map(|a| Some((a, a.score?))) {
        let Some(task) = environment.tasks.find(&answered.task_id) else { continue };
        by_domain.entry(&task.domain).or_default().push((answered, score));
    }
    let means = |answers: Vec<(&Answered, f64)>| {
        let n = answers.len() as f64;
        let calls: Vec<&str> =
            answers.iter().flat_map(|(a, _)| a.workers.iter().map(String::as_str)).collect();
        DomainMeans {
            questions: answers.len(),
            accuracy: answers.iter().map(|(_, score)| score).sum::<f64>() / n,
            reward: answers.iter().map(|(a, _)| a.reward).sum::<f64>() / n,
            worker_shares: shares(calls.iter().copied(), calls.len()),
        }
    };
    by_domain.into_iter().map(|(domain, answers)| (domain.to_owned(), means(answers))).collect()
}
