//! From completions to episodes: parse, run on the pool, grade, shape, and give each its advantage.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use conductor_configs::schema;
use conductor_reward::{Member, shape_group};
use conductor_rollout::execute::{self, RunOptions};
use conductor_types::{
    ChatMessage, Completion, Episode, EpisodeId, FinishReason, Outcome, Role, SampleRequest,
    Sampler, SamplerError, Task, Unscorable, Verdict, WorkerErrorKind, Workflow, WorkflowError,
    seed,
};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::TrainError;
use crate::advantage;
use crate::environment::Environment;
use crate::listings::Draw;

/// Episodes under way at once; workers have limits of their own.
const IN_FLIGHT: usize = 256;

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
    /// Ends the rollouts when set.
    pub stop: &'a AtomicBool,
}

impl RolloutOptions<'_> {
    /// What the lists of these episodes' questions were drawn for.
    fn draw(&self) -> Draw {
        if self.evaluation { Draw::Evaluation } else { Draw::Training(self.step) }
    }
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
            workflow: environment.workflow_of(
                &format!("{}{}", requests[group].assistant_prefix, completion.text),
                tasks[group],
                options.draw(),
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
    let part = format!("{}/{}", options.purpose, options.step);
    let part = part.as_str();
    let ended = environment.runtime.block_on(async {
        let mut running = FuturesUnordered::new();
        let mut done = 0;
        loop {
            while running.len() < IN_FLIGHT {
                // Behind a wall no call is made; what is under way comes to its end.
                if environment.wall().is_some() {
                    break;
                }
                let Some((index, job)) = waiting.next() else { break };
                running
                    .push(async move { (index, run_job(environment, job, part, options).await) });
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
    });
    if ended.is_err() {
        // Calls that are paid come to their end, so that their answers are kept.
        environment.runtime.block_on(environment.pool.drain());
    }
    ended?;
    if let Some(wall) = environment.wall() {
        return Err(TrainError::BudgetReached { step: options.step, wall });
    }
    Ok(episodes.into_iter().flatten().collect())
}

async fn run_job(
    environment: &Environment,
    job: Job<'_>,
    part: &str,
    options: RolloutOptions<'_>,
) -> Episode {
    let Job { task, sample, prompt, completion, workflow } = job;
    let parts = [options.step.to_string(), sample.to_string()];
    let run_options = RunOptions {
        part,
        seed: seed::derive(options.run_seed, "workers", &[&parts[0], &task.id, &parts[1]]),
        sample,
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
                WorkerErrorKind::BudgetReached => Unscorable::BudgetReached,
                _ => Unscorable::WorkerFailed,
            };
            Some(Verdict::Unscorable { cause, detail: error.to_string() })
        }
        Outcome::Ran { answer, recorded_score, .. } => {
            Some(environment.grade(task, answer, *recorded_score).await)
        }
    };
    Episode {
        id: EpisodeId { step: options.step, task_id: task.id.clone(), sample, round: 0 },
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

/// So many workflows must have failed in a step, and none succeeded, for the run to stop.
const FAILED_AT_LEAST: usize = 3;

/// Whether every workflow that ran failed, and so many that it is hardly chance: what is left are completions that are
/// no workflow, and from those alone there is nothing to learn.
pub(crate) fn pool_is_down(episodes: &[Episode]) -> bool {
    let ran = || episodes.iter().filter(|episode| episode.verdict.is_some());
    ran().count() >= FAILED_AT_LEAST && ran().all(|episode| episode.score().is_none())
}

/// The error of a step that the pool left nothing to learn from; `path` holds its episodes.
pub(crate) fn nothing_scorable(step: u64, episodes: &[Episode], path: &Path) -> TrainError {
    let mut counts = BTreeMap::<&str, (usize, &str)>::new();
    for episode in episodes {
        if let Some(verdict @ Verdict::Unscorable { detail, .. }) = &episode.verdict {
            counts.entry(verdict.cause()).or_insert((0, detail)).0 += 1;
        }
    }
    let workflows = counts.values().map(|(count, _)| count).sum();
    let (cause, (_, example)) = counts
        .into_iter()
        .max_by_key(|(_, (count, _))| *count)
        .unwrap_or(("unknown", (0, "there is none")));
    TrainError::NothingScorable {
        step,
        workflows,
        cause: cause.to_owned(),
        example: example.to_owned(),
        episodes: path.display().to_string(),
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use conductor_configs::Config;
    use conductor_rollout::recording::{self, RecordedAnswer, Recording};

    use super::*;

    /// Says what it is told to, sample by sample.
    struct Script(Vec<&'static str>);

    impl Sampler for Script {
        fn sample(
            &mut self,
            requests: &[SampleRequest],
        ) -> Result<Vec<Vec<Completion>>, SamplerError> {
            let completion = |text: &str| Completion {
                prompt_tokens: Arc::from([1]),
                tokens: vec![2, 3],
                logprobs: vec![-0.5, -0.25],
                text: text.to_owned(),
                finish: FinishReason::Stop,
            };
            Ok(requests
                .iter()
                .map(|request| {
                    self.0.iter().take(request.seeds.len()).map(|text| completion(text)).collect()
                })
                .collect())
        }
    }

    fn config(folder: &Path) -> Config {
        let tasks = folder.join("tasks.jsonl");
        let lines: String = ["a", "b"]
            .map(|id| {
                format!("{{\"id\": \"{id}\", \"prompt\": \"Say {id}.\", \"grading\": {{\"kind\": \"exact\", \"gold\": \"{id}\"}}}}\n")
            })
            .concat();
        std::fs::write(&tasks, lines).expect("tasks");
        let answer = |task: &str, worker: &str, text: &str, cost_usd: f64| RecordedAnswer {
            task_id: task.into(),
            worker: worker.into(),
            answer: Some(text.into()),
            score: None,
            prompt_tokens: 3,
            completion_tokens: 1,
            cost_usd: Some(cost_usd),
            latency_ms: Some(5.0),
            prompt_sha256: None,
        };
        let rows = ["a", "b"]
            .map(|id| [answer(id, "good", id, 0.002), answer(id, "bad", "no idea", 0.001)]);
        let recording = folder.join("r.parquet");
        recording::write(&Recording::new(rows.concat()).expect("rows"), &recording)
            .expect("written");
        let worker = |name: &str| {
            format!(
                "[[pool.workers]]\nname = \"{name}\"\nkind = \"recorded\"\nrecording = {recording:?}\n"
            )
        };
        let text = format!(
            "tasks.sources = [{{ kind = \"jsonl\", path = {tasks:?} }}]\npolicy.model = \"none\"\n{}{}[reward]\ncost_weight = 0.1\ncost_unit_usd = 0.01\n",
            worker("good"),
            worker("bad")
        );
        conductor_configs::load_str("test.toml", &text).expect("a configuration").config
    }

    #[test]
    fn completions_become_episodes_with_verdicts_rewards_and_advantages() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(folder.path());
        let environment = Environment::open(&config, None).expect("an environment");
        let tasks: Vec<&Task> = environment.tasks.iter().collect();
        let requests =
            requests(&environment, &config.workflow, &tasks, Draw::Training(4), |_, n| n.into(), 3);
        let right = "model_id: [0]\nsubtasks: [\"go\"]\naccess_list: [[]]";
        let wrong = "model_id: [1]\nsubtasks: [\"go\"]\naccess_list: [[]]";
        let completions =
            sample(&mut Script(vec![right, wrong, "no workflow"]), &requests).expect("samples");
        let stop = AtomicBool::new(false);
        let options = RolloutOptions {
            run_seed: 0,
            step: 4,
            purpose: "train",
            evaluation: false,
            stop: &stop,
        };
        let mut groups =
            collect(&environment, &tasks, &requests, completions, options, &mut |_, _| {})
                .expect("episodes");
        assert_eq!(groups.len(), 2);
        for (group, task) in groups.iter_mut().zip(&tasks) {
            shape(group, &config.reward, &config.train.advantage);
            assert!(
                group.iter().all(|episode| episode.id.task_id == task.id && episode.id.step == 4)
            );
            assert_eq!(
                group.iter().map(Episode::score).collect::<Vec<_>>(),
                [Some(1.0), Some(0.0), Some(0.0)]
            );
            assert!(matches!(group[2].outcome, Outcome::Malformed(_)));
            // Format and correctness are halves; the cost counts a third, the group's pass rate.
            let rewards: Vec<f64> =
                group.iter().filter_map(|e| e.reward).map(|r| r.total()).collect();
            for (ours, expected) in rewards.iter().zip([1.0 - 0.02 / 3.0, 0.5 - 0.01 / 3.0, 0.0]) {
                assert!((ours - expected).abs() < 1e-12, "{rewards:?}");
            }
            let sum: f64 = group.iter().filter_map(|e| e.advantage).sum();
            assert!(sum.abs() < 1e-9 && group[0].advantage > group[1].advantage);
        }
    }

    #[test]
    fn a_stop_ends_the_rollouts() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(folder.path());
        let environment = Environment::open(&config, None).expect("an environment");
        let tasks: Vec<&Task> = environment.tasks.iter().collect();
        let requests =
            requests(&environment, &config.workflow, &tasks, Draw::Training(0), |_, _| 0, 1);
        let completions = sample(&mut Script(vec!["x"]), &requests).expect("samples");
        let stop = AtomicBool::new(true);
        let options = RolloutOptions {
            run_seed: 0,
            step: 0,
            purpose: "train",
            evaluation: false,
            stop: &stop,
        };
        let result = collect(&environment, &tasks, &requests, completions, options, &mut |_, _| {});
        assert!(matches!(result, Err(TrainError::Interrupted)));
    }
}
