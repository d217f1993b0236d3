//! From completions to episodes: parse, run on the pool, grade, shape, and give each its advantage.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use conductor_configs::schema;
use conductor_reward::{Member, shape_group};
use conductor_rollout::execute::{self, RunOptions};
use conductor_rollout::{parse, prompt};
use conductor_types::{
    ChatMessage, Completion, Episode, EpisodeId, FinishReason, Outcome, Role, SampleRequest, Task,
    Unscorable, Verdict, WorkerErrorKind, Workflow, WorkflowError, seed,
};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::TrainError;
use crate::advantage;
use crate::environment::Environment;

/// Episodes under way at once; workers have limits of their own.
const IN_FLIGHT: usize = 256;

/// The prompts of a step: one request a task, `samples` seeds each.
pub(crate) fn requests(
    environment: &Environment,
    workflow: &schema::Workflow,
    tasks: &[&Task],
    seeds: impl Fn(&Task, u32) -> u64,
    samples: u32,
) -> Vec<SampleRequest> {
    tasks
        .iter()
        .map(|task| SampleRequest {
            messages: prompt::messages(workflow, environment.pool.cards(), task),
            assistant_prefix: workflow.assistant_prefix.clone(),
            seeds: (0..samples).map(|sample| seeds(task, sample)).collect(),
        })
        .collect()
}

/// How completions become episodes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RolloutOptions<'a> {
    pub run_seed: u64,
    /// Step of the weights.
    pub step: u64,
    /// In evaluation the last answer that is not empty counts.
    pub evaluation: bool,
    /// Ends the rollouts when set.
    pub stop: &'a AtomicBool,
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
        completions.into_iter().enumerate().map(move |(sample, completion)| Job {
            task: tasks[group],
            sample: sample as u32,
            prompt: readable(&requests[group]),
            // The policy's turn as a whole: what was begun for it belongs to the workflow.
            workflow: parse::parse(
                &format!("{}{}", requests[group].assistant_prefix, completion.text),
                &environment.rules,
            ),
            completion,
        })
    });
    let mut episodes = run_jobs(environment, jobs.collect(), options, progress)?.into_iter();
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
        prompt: String::new(),
        workflow: Ok(workflow.clone()),
        completion: Completion {
            prompt_tokens: std::sync::Arc::from([]),
            tokens: Vec::new(),
            logprobs: Vec::new(),
            text: String::new(),
            finish: FinishReason::Stop,
        },
    });
    run_jobs(environment, jobs.collect(), options, &mut |_, _| {})
}

/// One episode to be run.
struct Job<'t> {
    task: &'t Task,
    sample: u32,
    prompt: String,
    completion: Completion,
    workflow: Result<Workflow, WorkflowError>,
}

/// Runs every job, up to [`IN_FLIGHT`] at once; the result is in their order.
fn run_jobs(
    environment: &Environment,
    jobs: Vec<Job<'_>>,
    options: RolloutOptions<'_>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Episode>, TrainError> {
    let total = jobs.len();
    let mut episodes: Vec<Option<Episode>> = vec![None; total];
    let mut waiting = jobs.into_iter().enumerate();
    environment.runtime.block_on(async {
        let mut running = FuturesUnordered::new();
        let mut done = 0;
        loop {
            while running.len() < IN_FLIGHT {
                let Some((index, job)) = waiting.next() else { break };
                running.push(async move { (index, run_job(environment, job, options).await) });
            }
            tokio::select! {
                biased;
                finished = running.next() => match finished {
                    None => return Ok(()),
                    Some((index, episode)) => {
                        episodes[index] = Some(episode);
                        done += 1;
                        progress(done, total);
                    }
                },
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
            }
            if options.stop.load(Ordering::Relaxed) {
                return Err(TrainError::Interrupted);
            }
        }
    })?;
    Ok(episodes.into_iter().flatten().collect())
}

async fn run_job(environment: &Environment, job: Job<'_>, options: RolloutOptions<'_>) -> Episode {
    let Job { task, sample, prompt, completion, workflow } = job;
    let parts = [options.step.to_string(), sample.to_string()];
    let run_options = RunOptions {
        seed: seed::derive(options.run_seed, "workers", &[&parts[0], &task.id, &parts[1]]),
        last_nonempty: options.evaluation,
    };
    let outcome = match workflow {
        Err(error) => Outcome::Malformed(error),
        Ok(workflow) => execute::run(&environment.pool, task, workflow, run_options).await,
    };
    let verdict = match &outcome {
        Outcome::Malformed(_) => None,
        Outcome::Failed { error, .. } => {
            let cause = match error.kind {
                WorkerErrorKind::NotRecorded => Unscorable::NotRecorded,
                _ => Unscorable::WorkerFailed,
            };
            Some(Verdict::Unscorable { cause, detail: error.to_string() })
        }
        Outcome::Ran { answer, recorded_score, .. } => {
            Some(environment.grade(task, answer, *recorded_score).await)
        }
    };
    Episode {
        id: EpisodeId { step: options.step, task_id: task.id.clone(), sample },
        domain: task.domain.clone(),
        prompt,
        completion,
        outcome,
        verdict,
        reward: None,
        advantage: None,
    }
}

/// Shapes one group's rewards and sets its advantages.
pub(crate) fn shape(group: &mut [Episode], reward: &schema::Reward, options: &schema::Advantage) {
    let members: Vec<Member> = group
        .iter()
        .map(|episode| Member {
            score: episode.score(),
            format_ok: !matches!(episode.outcome, Outcome::Malformed(_)),
            cost_usd: episode.outcome.usage().cost_usd,
        })
        .collect();
    let rewards = shape_group(&members, reward);
    let advantages = advantage::of_group(&rewards, options, reward);
    for ((episode, reward), advantage) in group.iter_mut().zip(rewards).zip(advantages) {
        episode.reward = reward;
        episode.advantage = advantage;
    }
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
