//! Rounds: the policy sees what its workflow came to and writes another one, or lets the answer stand.

use std::sync::Arc;

use conductor_configs::schema;
use conductor_rollout::execute::RoundBefore;
use conductor_rollout::prompt;
use conductor_types::{ChatMessage, Completion, Episode, SampleRequest, Task};

use super::{Job, RolloutOptions, collect, readable, requests, run_jobs};
use crate::TrainError;
use crate::environment::Environment;

/// What all rounds of a step need.
pub(crate) struct Rounds<'a> {
    pub workflow: &'a schema::Workflow,
    pub tasks: &'a [&'a Task],
    /// Samples a task.
    pub samples: u32,
    /// The seed of a completion: its task, sample and round.
    pub seeds: &'a dyn Fn(&Task, u32, u32) -> u64,
    /// Whether a prompt is short enough to be sampled from.
    pub fits: &'a dyn Fn(&SampleRequest) -> Result<bool, TrainError>,
}

/// A function that continues prompts.
pub(crate) type Continue<'a> =
    dyn FnMut(&[SampleRequest]) -> Result<Vec<Vec<Completion>>, TrainError> + 'a;

/// Samples and runs every round. The result has one group a task for the first round, then one a task for the second and so
/// on, without groups that nobody is in. A sample goes on to the next round where its workflow ran and its conversation is
/// not too long.
pub(crate) fn all_rounds(
    environment: &Environment,
    rounds: &Rounds<'_>,
    options: RolloutOptions<'_>,
    sample: &mut Continue<'_>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Vec<Episode>>, TrainError> {
    let first = requests(
        environment,
        rounds.workflow,
        rounds.tasks,
        options.draw(),
        |task, sample| (rounds.seeds)(task, sample, 0),
        rounds.samples,
    );
    let completions = sample(&first)?;
    let mut groups = collect(environment, rounds.tasks, &first, completions, options, progress)?;
    let mut live: Vec<Talk<'_>> = Vec::new();
    for ((task, request), group) in rounds.tasks.iter().zip(&first).zip(&groups) {
        live.extend(group.iter().filter_map(|episode| {
            Talk { task, sample: episode.id.sample, messages: request.messages.clone() }
                .after(episode, rounds.workflow)
        }));
    }
    for round in 1..rounds.workflow.rounds {
        let mut asked = Vec::new();
        for talk in std::mem::take(&mut live) {
            let request = SampleRequest {
                messages: talk.messages.clone(),
                assistant_prefix: rounds.workflow.assistant_prefix.clone(),
                seeds: vec![(rounds.seeds)(talk.task, talk.sample, round)],
            };
            if (rounds.fits)(&request)? {
                asked.push((talk, request));
            }
        }
        if asked.is_empty() {
            break;
        }
        let requests: Vec<SampleRequest> =
            asked.iter().map(|(_, request)| request.clone()).collect();
        let completions = sample(&requests)?;
        let before = |talk: &Talk<'_>| round_before(&groups, talk, round - 1).map(Arc::new);
        let jobs: Vec<Job<'_>> = asked
            .iter()
            .zip(completions.into_iter().flatten())
            .map(|((talk, request), completion)| {
                let text = format!("{}{}", request.assistant_prefix, completion.text);
                Job {
                    task: talk.task,
                    sample: talk.sample,
                    round,
                    prompt: readable(request),
                    workflow: environment.workflow_of(&text, talk.task, options.draw(), round),
                    completion,
                    before: before(talk),
                }
            })
            .collect();
        let episodes = run_jobs(environment, &jobs, options, progress)?;
        live = asked
            .into_iter()
            .zip(&episodes)
            .filter_map(|((talk, _), episode)| talk.after(episode, rounds.workflow))
            .collect();
        groups.extend(by_task(episodes));
    }
    Ok(groups)
}

/// A conversation that goes on.
struct Talk<'t> {
    task: &'t Task,
    sample: u32,
    messages: Vec<ChatMessage>,
}

impl Talk<'_> {
    /// The conversation after a round; `None` where nothing follows on it. An empty workflow let the answer stand.
    fn after(mut self, episode: &Episode, workflow: &schema::Workflow) -> Option<Self> {
        let before = RoundBefore::of(&episode.outcome)?;
        if before.steps.is_empty() {
            return None;
        }
        let said = format!("{}{}", workflow.assistant_prefix, episode.completion.text);
        self.messages.push(ChatMessage::assistant(said));
        self.messages.push(prompt::next_round(&before.answer));
        Some(self)
    }
}

/// What a sample's workflow of a round came to.
fn round_before(groups: &[Vec<Episode>], talk: &Talk<'_>, round: u32) -> Option<RoundBefore> {
    let is_it = |episode: &&Episode| {
        let id = &episode.id;
        id.round == round && id.sample == talk.sample && id.task_id == talk.task.id
    };
    RoundBefore::of(&groups.iter().flatten().find(is_it)?.outcome)
}

/// Episodes that stand by task, one group each.
fn by_task(episodes: Vec<Episode>) -> Vec<Vec<Episode>> {
    let mut groups: Vec<Vec<Episode>> = Vec::new();
    for episode in episodes {
        match groups.last_mut().filter(|group| group[0].id.task_id == episode.id.task_id) {
            Some(group) => group.push(episode),
            None => groups.push(vec![episode]),
        }
    }
    groups
}
