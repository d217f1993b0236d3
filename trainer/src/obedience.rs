//! Whether workflows keep to what users asked; docs/metrics.md, `workflow/obedience`.

use std::collections::BTreeMap;

use conductor_datasets::TaskSet;
use conductor_rollout::WorkerCard;
use conductor_rollout::obedience::obeys;
use conductor_types::{Episode, Outcome};

use crate::TrainError;
use crate::environment::Environment;
use crate::metrics::Metrics;

/// Whether an episode obeys its question's constraint: `None` where the question has none, and where no workflow ran to its
/// end, so that its dollars are not known.
pub(crate) fn of(environment: &Environment, episode: &Episode) -> Option<bool> {
    let Outcome::Ran { workflow, .. } = &episode.outcome else { return None };
    let constraint = environment.tasks.find(&episode.id.task_id)?.constraint.as_ref()?;
    let usage = episode.outcome.usage();
    Some(obeys(constraint, workflow, environment.pool.cards(), &usage))
}

/// Adds the share of episodes that obey, where there is any that could.
pub(crate) fn add(metrics: &mut Metrics, environment: &Environment, groups: &[Vec<Episode>]) {
    let all = groups.iter().flatten().filter_map(|episode| of(environment, episode));
    let (mut obeyed, mut asked) = (0.0, 0.0);
    for obeys in all {
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
