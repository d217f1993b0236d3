//! From completions to episodes: parse, run on the pool, grade, shape, and give each its advantage.

mod failures;
mod journal;
mod rounds;
mod shape;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use conductor_configs::schema;
use conductor_rollout::dispatch::{DispatchOptions, Left, dispatch};
use conductor_rollout::execute::{self, RoundBefore, RunOptions};
use conductor_types::{
    ChatMessage, Completion, Episode, EpisodeId, FinishReason, Graded, Outcome, Role,
    SampleRequest, Sampler, SamplerError, Task, Unscorable, Verdict, WorkerError, WorkerErrorKind,
    Workflow, WorkflowError, seed,
};

use crate::TrainError;
use crate::environment::Environment;
use crate::listings::Draw;

pub use failures::Failing;
pub(crate) use failures::{nothing_scorable, pool_is_down};
pub(crate) use journal::forget_before;
pub(crate) use rounds::{Rounds, all_rounds};
pub(crate) use shape::{member, shape};

use failures::Health;
use journal::Journal;

/// The prompts of a step: one request a task, `samples` seeds each.
pub(crate) fn requests(
    environment: &Environment,
    workflow: &schema::Workflow,
    tasks: &[&Task],
    draw: Draw,
    seeds: impl Fn(&Task, u32) -> u64,
    samples: u32,
) -> Vec<SampleRequest> {
    tasks
        .iter()
        .map(|task| SampleRequest {
            messages: environment.messages(workflow, task, draw),
            assistant_prefix: workflow.assistant_prefix.clone(),
            seeds: (0..samples).map(|sample| seeds(task, sample)).collect(),
        })
        .collect()
}

/// Continues every prompt, as the policy or whatever stands in for it does.
pub(crate) fn sample(
    sampler: &mut dyn Sampler,
    requests: &[SampleRequest],
) -> Result<Vec<Vec<Completion>>, TrainError> {
    sampler.sample(requests).map_err(|error| match error {
        SamplerError::Interrupted => TrainError::Interrupted,
        other => TrainError::Sampler(other),
    })
}

/// How completions become episodes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RolloutOptions<'a> {
    pub run_seed: u64,
    /// Step of the weights.
    pub step: u64,
    /// What the episodes are for: the first half of the part that budgets know.
    pub purpose: &'a str,
    /// In evaluation the last answer that is not empty counts.
    pub evaluation: bool,
    /// Where finished episodes are kept until a checkpoint has them, so that none is run twice.
    pub journal: Option<&'a Path>,
    /// Ends the rollouts when set.
    pub stop: &'a AtomicBool,
}

impl RolloutOptions<'_> {
    /// What the lists of these episodes' questions were drawn for.
    fn draw(&self) -> Draw {
        if self.evaluation { Draw::Evaluation } else { Draw::Training(self.step) }
    }
}

/// A completion that is to become an episode.
pub(crate) struct Job<'t> {
    task: &'t Task,
    sample: u32,
    round: u32,
    prompt: String,
    completion: Completion,
    workflow: Result<Workflow, WorkflowError>,
    before: Option<Arc<RoundBefore>>,
}

/// Runs and grades every completion; the result follows tasks and samples. Rewards and advantages are not set yet.
pub(crate) fn collect(
    environment: &Environment,
    tasks: &[&Task],
    requests: &[SampleRequest],
    completions: Vec<Vec<Completion>>,
    options: RolloutOptions<'_>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Vec<Episode>>, TrainError> {
    let sizes: Vec<usize> = completions.iter().map(Vec::len).collect();
    let jobs = completions.into_iter().enumerate().flat_map(|(group, completions)| {
        completions.into_iter().enumerate().map(move |(sample, completion)| {
            let (task, request) = (tasks[group], &requests[group]);
            // The policy's turn as a whole: what was begun for it belongs to the workflow.
            let text = format!("{}{}", request.assistant_prefix, completion.text);
            Job {
                task,
                sample: sample as u32,
                round: 0,
                prompt: readable(request),
                workflow: environment.workflow_of(&text, task, options.draw(), 0),
                completion,
                before: None,
            }
        })
    });
    let mut episodes = run_jobs(environment, &jobs.collect::<Vec<_>>(), options, progress)?;
    let mut episodes = episodes.drain(..);
    Ok(sizes.into_iter().map(|size| episodes.by_ref().take(size).collect()).collect())
}

/// Runs one given workflow on every task: how a baseline answers. There is no prompt and no completion.
pub(crate) fn collect_fixed(
    environment: &Environment,
    tasks: &[&Task],
    workflow: &Workflow,
    options: RolloutOptions<'_>,
) -> Result<Vec<Episode>, TrainError> {
    let jobs = tasks.iter().map(|task| Job {
        task,
        sample: 0,
        round: 0,
        prompt: String::new(),
        workflow: Ok(workflow.clone()),
        completion: Completion {
            prompt_tokens: Arc::from([]),
            tokens: Vec::new(),
            logprobs: Vec::new(),
            text: String::new(),
            finish: FinishReason::Stop,
        },
        before: None,
    });
    run_jobs(environment, &jobs.collect::<Vec<_>>(), options, &mut |_, _| {})
}

/// Runs every job; the result is in their order.
fn run_jobs(
    environment: &Environment,
    jobs: &[Job<'_>],
    options: RolloutOptions<'_>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Episode>, TrainError> {
    let part = format!("{}/{}", options.purpose, options.step);
    let mut journal = match options.journal {
        Some(folder) => Journal::open(folder, options.step, options.purpose)?,
        None => Journal::none(),
    };
    let mut known: Vec<Option<Episode>> = jobs.iter().map(|job| journal.find(job)).collect();
    let open: Vec<usize> = (0..jobs.len()).filter(|&number| known[number].is_none()).collect();
    let mut health = Health::new(environment.rollout.max_failed_share);
    let (mut done, mut lost) = (jobs.len() - open.len(), None);
    let dispatch_options = DispatchOptions {
        in_flight: environment.rollout.in_flight as usize,
        stragglers: environment.rollout.stragglers,
        stop: options.stop,
    };
    let run = |number: usize| run_job(environment, &jobs[number], &part, options);
    let left = environment.runtime.block_on(dispatch(
        open.clone(),
        dispatch_options,
        run,
        |place, episode: &Episode| {
            done += 1;
            progress(done, jobs.len());
            health.see(episode);
            if let Err(error) = journal.keep(&jobs[open[place]], episode) {
                lost = Some(error);
            }
            // Behind a wall no call is made, and from a worker that only fails there is nothing to learn.
            if environment.wall().is_some() || health.failing().is_some() || lost.is_some() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        },
    ));
    if options.stop.load(Ordering::Relaxed) {
        // Calls that are paid come to their end, so that their answers are kept.
        environment.runtime.block_on(environment.pool.drain());
        return Err(TrainError::Interrupted);
    }
    if let Some(error) = lost {
        return Err(error);
    }
    if let Some(wall) = environment.wall() {
        return Err(TrainError::BudgetReached { step: options.step, wall });
    }
    if let Some(failing) = health.failing() {
        return Err(TrainError::WorkerFailing { step: options.step, failing });
    }
    for (&number, left) in open.iter().zip(left) {
        known[number] = Some(match left {
            Left::Done(episode) => episode,
            Left::Straggler | Left::Stopped | Left::NotBegun => {
                straggler(&jobs[number], options.step)
            }
        });
    }
    Ok(known.into_iter().flatten().collect())
}

async fn run_job(
    environment: &Environment,
    job: &Job<'_>,
    part: &str,
    options: RolloutOptions<'_>,
) -> Episode {
    let (step, sample) = (options.step.to_string(), job.sample.to_string());
    let task = job.task;
    let seed = match job.round {
        0 => seed::derive(options.run_seed, "workers", &[&step, &task.id, &sample]),
        round => {
            let round = round.to_string();
            seed::derive(options.run_seed, "workers", &[&step, &task.id, &sample, &round])
        }
    };
    let run_options = RunOptions {
        part,
        seed,
        // Rounds are told apart by what their workers are shown, and by a number of their own.
        sample: job.sample + job.round * SAMPLES_A_ROUND,
        last_nonempty: options.evaluation,
        before: job.before.as_deref(),
    };
    let outcome = match &job.workflow {
        Err(error) => Outcome::Malformed(error.clone()),
        Ok(workflow) => execute::run(&environment.pool, task, workflow.clone(), run_options).await,
    };
    let graded = match &outcome {
        Outcome::Malformed(_) => None,
        Outcome::Failed { error, .. } => {
            let cause = match error.kind {
                WorkerErrorKind::NotRecorded => Unscorable::NotRecorded,
                WorkerErrorKind::BudgetReached => Unscorable::BudgetReached,
                _ => Unscorable::WorkerFailed,
            };
            let verdict = Verdict::Unscorable { cause, detail: error.to_string() };
            Some(Graded { extracted: None, verdict })
        }
        Outcome::Ran { answer, recorded_score, .. } => {
            Some(environment.grade(part, task, answer, *recorded_score).await)
        }
    };
    episode(job, options.step, outcome, graded)
}

/// More samples than any group has; answers of later rounds are numbered behind those of earlier ones.
const SAMPLES_A_ROUND: u32 = 1 << 16;

fn episode(job: &Job<'_>, step: u64, outcome: Outcome, graded: Option<Graded>) -> Episode {
    let (extracted, verdict) =
        graded.map_or((None, None), |graded| (graded.extracted, Some(graded.verdict)));
    Episode {
        id: EpisodeId { step, task_id: job.task.id.clone(), sample: job.sample, round: job.round },
        domain: job.task.domain.clone(),
        prompt: job.prompt.clone(),
        completion: job.completion.clone(),
        outcome,
        verdict,
        extracted,
        reward: None,
        advantage: None,
    }
}

/// An episode that the step went on without.
fn straggler(job: &Job<'_>, step: u64) -> Episode {
    let detail = "the step went on without it (rollout.stragglers)".to_owned();
    let outcome = match &job.workflow {
        Err(error) => Outcome::Malformed(error.clone()),
        Ok(workflow) => Outcome::Failed {
            workflow: workflow.clone(),
            calls: Vec::new(),
            error: WorkerError {
                worker: "any".into(),
                kind: WorkerErrorKind::Timeout,
                message: detail.clone(),
            },
        },
    };
    let verdict = Verdict::Unscorable { cause: Unscorable::Cancelled, detail };
    let graded = job.workflow.is_ok().then_some(Graded { extracted: None, verdict });
    episode(job, step, outcome, graded)
}

fn readable(request: &SampleRequest) -> String {
    let turn = |message: &ChatMessage| {
        let role = match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        format!("[{role}]\n{}\n", message.content)
    };
    let mut text: String = request.messages.iter().map(turn).collect();
    text.push_str("[assistant]\n");
    text.push_str(&request.assistant_prefix);
    text
}
