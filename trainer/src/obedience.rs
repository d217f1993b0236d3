//! Whether workflows keep to what users asked; docs/metrics.md, `workflow/obedience`.

use std::collections::{BTreeMap, HashMap};

use conductor_datasets::TaskSet;
use conductor_rollout::WorkerCard;
use conductor_rollout::obedience::obeys;
use conductor_types::{Episode, Outcome, Usage, Workflow};

use crate::TrainError;
use crate::environment::Environment;
use crate::metrics::Metrics;

/// Whether a question's rounds, up to the last of these, obey its constraint: a user asks it of the whole way to an answer,
/// so the steps and dollars of all rounds count. `None` where the question has no constraint, and where the last round has
/// no workflow that ran to its end, so that its dollars are not known.
pub(crate) fn of(environment: &Environment, rounds: &[&Episode]) -> Option<bool> {
    let last = rounds.last()?;
    let Outcome::Ran { .. } = &last.outcome else { return None };
    let constraint = environment.tasks.find(&last.id.task_id)?.constraint.as_deref()?;
    let mut usage = Usage::default();
    let mut steps = Vec::new();
    for round in rounds {
        usage += round.outcome.usage();
        steps.extend(round.outcome.workflow().iter().flat_map(|workflow| workflow.steps.clone()));
    }
    Some(obeys(constraint, &Workflow { steps }, environment.pool.cards(), &usage))
}

/// [`of`] each episode with the rounds before it, in the order of the groups and their members.
pub(crate) fn of_all(environment: &Environment, groups: &[Vec<Episode>]) -> Vec<Option<bool>> {
    let mut samples = HashMap::<(&str, u32), Vec<&Episode>>::new();
    for episode in groups.iter().flatten() {
        samples.entry((&episode.id.task_id, episode.id.sample)).or_default().push(episode);
    }
    for rounds in samples.values_mut() {
        rounds.sort_by_key(|episode| episode.id.round);
    }
    let of_one = |episode: &Episode| {
        let rounds = &samples[&(episode.id.task_id.as_str(), episode.id.sample)];
        let until = rounds.partition_point(|round| round.id.round <= episode.id.round);
        of(environment, &rounds[..until])
    };
    groups.iter().flatten().map(of_one).collect()
}

/// Adds the share of episodes that obey, where there is any that could.
pub(crate) fn add(metrics: &mut Metrics, environment: &Environment, groups: &[Vec<Episode>]) {
    let (mut obeyed, mut asked) = (0.0, 0.0);
    for obeys in of_all(environment, groups).into_iter().flatten() {
        obeyed += f64::from(u8::from(obeys));
        asked += 1.0;
    }
    if asked > 0.0 {
        metrics.insert("workflow/obedience".into(), obeyed / asked);
    }
}

/// Refuses a weight on what no question asks for.
pub(crate) fn check(weight: f64, tasks: &TaskSet) -> Result<(), TrainError> {
    if weight <= 0.0 || tasks.iter().any(|task| task.constraint.is_some()) {
        return Ok(());
    }
    Err(TrainError::Usage(format!(
        "reward.obedience_weight is {weight}, and none of the {} tasks has a constraint to obey; give tasks constraints (tasks.constraints, or `constraint` in their file), or set reward.obedience_weight to 0",
        tasks.len()
    )))
}

/// Tags that constraints of tasks name and no worker has.
pub(crate) fn notices(tasks: &TaskSet, cards: &[WorkerCard]) -> Vec<String> {
    let mut unknown = BTreeMap::<&str, (usize, &str)>::new();
    for task in tasks.iter() {
        let Some(constraint) = &task.constraint else { continue };
        for tag in constraint.tags.iter().chain(&constraint.without_tags) {
            if !cards.iter().any(|card| card.tags.contains(tag)) {
                unknown.entry(tag).or_insert((0, &task.id)).0 += 1;
            }
        }
    }
    let say = |(tag, (count, example)): (&str, (usize, &str))| {
        format!(
            "constraints of {count} tasks, for example {example}, name the tag \"{tag}\", and no worker of the pool has it"
        )
    };
    unknown.into_iter().map(say).collect()
}
