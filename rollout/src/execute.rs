//! Runs a workflow on the pool. A step starts the moment its inputs are there; steps that do not see each other run
//! at the same time; everything that can be refused is refused before the first call.

use conductor_types::{
    Answer, Call, Outcome, Step, Task, Usage, WorkerError, WorkerRequest, Workflow, seed,
};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::pool::Pool;
use crate::worker_message::{SeenStep, worker_message};

/// More steps than any workflow has (`workflow.max_steps` is at most 16).
const MOST_STEPS: u32 = 16;

/// How to run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunOptions<'a> {
    /// The part of the run that pays, for budgets: `train/12`.
    pub part: &'a str,
    /// Seed of the episode; each step's seed derives from it.
    pub seed: u64,
    /// Which of the group's samples the episode is: a step's answer is told apart by it from other samples' answers to the
    /// same message, where the worker samples.
    pub sample: u32,
    /// The last answer that is not empty counts (evaluation) instead of the last one (training).
    pub last_nonempty: bool,
    /// What the round before came to, where the workflow is a later one of its episode.
    pub before: Option<&'a RoundBefore>,
}

/// A round that is over, as far as the next one sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct RoundBefore {
    /// Each step's subtask and answer, with the recorded score where the truth is one.
    pub steps: Vec<(String, String, Option<f64>)>,
    /// The answer that counted.
    pub answer: String,
    /// Its recorded score, where the truth is one.
    pub recorded_score: Option<f64>,
}

impl RoundBefore {
    /// What an episode's workflow came to; `None` unless it ran.
    pub fn of(outcome: &Outcome) -> Option<Self> {
        let Outcome::Ran { workflow, calls, answer, recorded_score, .. } = outcome else {
            return None;
        };
        let steps = calls
            .iter()
            .filter_map(|call| {
                let subtask = workflow.steps.get(call.step)?.subtask.clone();
                Some((subtask, call.answer.clone(), call.recorded_score))
            })
            .collect();
        Some(Self { steps, answer: answer.clone(), recorded_score: *recorded_score })
    }
}

/// Runs one workflow. A worker's failure ends it as [`Outcome::Failed`]: calls that are under way are finished, since
/// they are paid, and no new ones begin.
pub async fn run(pool: &Pool, task: &Task, workflow: Workflow, options: RunOptions<'_>) -> Outcome {
    if let Err(refusal) = pool.check(&workflow) {
        return Outcome::Malformed(refusal);
    }
    if let (true, Some(before)) = (workflow.steps.is_empty(), options.before) {
        // The policy lets the answer of the round before stand.
        return Outcome::Ran {
            workflow,
            calls: Vec::new(),
            answer: before.answer.clone(),
            recorded_score: before.recorded_score,
            critical_path_ms: 0.0,
        };
    }
    let steps = &workflow.steps;
    let mut results: Vec<Option<Result<Answer, WorkerError>>> = vec![None; steps.len()];
    let mut started = vec![false; steps.len()];
    let mut failed = false;
    let mut calls = FuturesUnordered::new();
    loop {
        for (index, step) in steps.iter().enumerate() {
            let ready = !started[index]
                && !failed
                && step.access.iter().all(|&earlier| matches!(results[earlier], Some(Ok(_))));
            if ready {
                started[index] = true;
                calls.push(call(pool, task, steps, index, inputs(step, &results), options));
            }
        }
        let Some((index, result)) = calls.next().await else { break };
        failed |= result.is_err();
        results[index] = Some(result);
    }
    drop(calls);
    finish(pool, workflow, &results, options)
}

/// The answers that a step sees; they are there when it starts.
fn inputs(step: &Step, results: &[Option<Result<Answer, WorkerError>>]) -> Vec<Answer> {
    step.access
        .iter()
        .filter_map(|&earlier| results[earlier].as_ref()?.as_ref().ok().cloned())
        .collect()
}

async fn call(
    pool: &Pool,
    task: &Task,
    steps: &[Step],
    index: usize,
    inputs: Vec<Answer>,
    options: RunOptions<'_>,
) -> (usize, Result<Answer, WorkerError>) {
    let step = &steps[index];
    let worker = &pool.workers()[step.worker];
    let earlier: &[(String, String, Option<f64>)] =
        options.before.filter(|_| step.earlier_round).map_or(&[], |before| &before.steps);
    let seen_before = earlier.iter().map(|(_, answer, score)| (answer.clone(), *score));
    let now = inputs.into_iter().map(|answer| (answer.text, answer.recorded_score));
    let (seen, seen_scores): (Vec<String>, Vec<Option<f64>>) = seen_before.chain(now).unzip();
    let shown: Vec<SeenStep<'_>> = step
        .access
        .iter()
        .zip(&seen[earlier.len()..])
        .map(|(&index, answer)| SeenStep { index, subtask: &steps[index].subtask, answer })
        .collect();
    let before: Vec<SeenStep<'_>> = earlier
        .iter()
        .enumerate()
        .map(|(index, (subtask, answer, _))| SeenStep { index, subtask, answer })
        .collect();
    let message = worker_message(worker.capability(), task, &step.subtask, (&before, &shown));
    let request = WorkerRequest {
        task_id: &task.id,
        part: options.part,
        domain: &task.domain,
        message: &message.text,
        parts: &message.parts,
        seen: &seen,
        seen_scores: &seen_scores,
        seed: seed::derive(options.seed, "step", &[&index.to_string()]),
        // Two steps of one workflow that ask the same want two answers.
        sample: options.sample * MOST_STEPS + index as u32,
        chain: chain(steps, index),
    };
    (index, worker.call(request).await)
}

/// Steps of the longest chain that begins with a step, each of which sees the one before.
fn chain(steps: &[Step], from: usize) -> usize {
    let mut longest = vec![0; steps.len()];
    longest[from] = 1;
    for (index, step) in steps.iter().enumerate().skip(from + 1) {
        let before = step.access.iter().map(|&earlier| longest[earlier]).max().unwrap_or(0);
        longest[index] = if before > 0 { before + 1 } else { 0 };
    }
    longest.into_iter().max().unwrap_or(1)
}

fn finish(
    pool: &Pool,
    workflow: Workflow,
    results: &[Option<Result<Answer, WorkerError>>],
    options: RunOptions<'_>,
) -> Outcome {
    let calls: Vec<Call> = workflow
        .steps
        .iter()
        .enumerate()
        .filter_map(|(index, step)| {
            let result = results[index].as_ref()?;
            let answer = result.as_ref().ok();
            Some(Call {
                step: index,
                worker: pool.cards()[step.worker].name.clone(),
                answer: answer.map(|answer| answer.text.clone()).unwrap_or_default(),
                recorded_score: answer.and_then(|answer| answer.recorded_score),
                usage: answer.map(|answer| answer.usage).unwrap_or_default(),
                error: result.as_ref().err().map(|error| error.message.clone()),
            })
        })
        .collect();
    // Of several failures the earliest step's is reported, whichever came first.
    let failure = results.iter().flatten().find_map(|result| result.as_ref().err());
    if let Some(error) = failure {
        return Outcome::Failed { workflow, calls, error: error.clone() };
    }
    let says_something =
        |call: &&Call| !call.answer.trim().is_empty() || call.recorded_score.is_some();
    let counts = if options.last_nonempty {
        calls.iter().rev().find(says_something).or(calls.last())
    } else {
        calls.last()
    };
    let (answer, recorded_score) =
        counts.map(|call| (call.answer.clone(), call.recorded_score)).unwrap_or_default();
    let critical_path_ms = critical_path_ms(&workflow, calls.iter().map(|call| call.usage));
    Outcome::Ran { workflow, calls, answer, recorded_score, critical_path_ms }
}

/// Milliseconds of the slowest chain of steps that wait for one another; `usages` has one entry a step.
fn critical_path_ms(workflow: &Workflow, usages: impl Iterator<Item = Usage>) -> f64 {
    let mut ends: Vec<f64> = Vec::with_capacity(workflow.steps.len());
    for (step, usage) in workflow.steps.iter().zip(usages) {
        let start = step.access.iter().map(|&earlier| ends[earlier]).fold(0.0, f64::max);
        ends.push(start + usage.latency_ms);
    }
    ends.into_iter().fold(0.0, f64::max)
}
