//! Rewards and advantages of groups.

use std::collections::HashMap;

use conductor_configs::schema::{self, Credit};
use conductor_reward::{Credited, Member, Taken, shape_group};
use conductor_types::{Episode, Outcome};

use crate::environment::Environment;
use crate::{advantage, obedience};

/// Shapes every group's rewards and sets its advantages. Rounds of one sample share in the reward as `reward.credit` says.
pub(crate) fn shape(
    environment: &Environment,
    groups: &mut [Vec<Episode>],
    reward: &schema::Reward,
    options: &schema::Advantage,
) {
    let own: HashMap<Key, Own> = groups.iter().flatten().map(|e| (key(e), Own::of(e))).collect();
    let mut obeyed = obedience::of_all(environment, groups).into_iter();
    for group in groups {
        let members: Vec<Member> = group
            .iter()
            .map(|episode| Member {
                credited: credited(episode, &own, reward.credit),
                obeys: obeyed.next().flatten(),
                ..member(episode)
            })
            .collect();
        let rewards = shape_group(&members, reward);
        let advantages = advantage::of_group(&rewards, options, reward);
        for ((episode, reward), advantage) in group.iter_mut().zip(rewards).zip(advantages) {
            episode.reward = reward;
            episode.advantage = advantage;
        }
    }
}

/// What a reward knows of an episode by itself: neither whether it obeys nor what other rounds are worth.
pub(crate) fn member(episode: &Episode) -> Member {
    let latency_ms = match &episode.outcome {
        Outcome::Ran { critical_path_ms, .. } => *critical_path_ms,
        // Without a verdict there is no reward, and without a workflow nothing was waited for.
        Outcome::Failed { .. } | Outcome::Malformed(_) => 0.0,
    };
    let steps = episode.outcome.workflow().map_or(0, |workflow| workflow.steps.len());
    let cost_usd = episode.outcome.usage().cost_usd;
    Member {
        score: episode.score(),
        format_ok: is_workflow(episode),
        taken: Taken { cost_usd, steps: steps as f64, latency_ms },
        obeys: None,
        credited: None,
    }
}

/// Task, sample and round.
type Key = (String, u32, u32);

/// What a round is worth on its own.
#[derive(Debug, Clone, Copy)]
struct Own {
    format: f64,
    score: Option<f64>,
}

impl Own {
    fn of(episode: &Episode) -> Self {
        Self { format: f64::from(u8::from(is_workflow(episode))), score: episode.score() }
    }
}

fn key(episode: &Episode) -> Key {
    (episode.id.task_id.clone(), episode.id.sample, episode.id.round)
}

fn is_workflow(episode: &Episode) -> bool {
    !matches!(episode.outcome, Outcome::Malformed(_))
}

/// What is paid in place of the round's own score; `None` where it stands alone, or where the other round has no verdict.
fn credited(episode: &Episode, own: &HashMap<Key, Own>, credit: Credit) -> Option<Credited> {
    let (task, sample, round) = key(episode);
    let this = Own::of(episode);
    match credit {
        Credit::Discounted { share } => {
            let next = own.get(&(task, sample, round + 1))?;
            let mix = |own: f64, next: f64| (1.0 - share) * own + share * next;
            Some(Credited {
                format: mix(this.format, next.format),
                score: mix(this.score?, next.score?),
            })
        }
        Credit::Transition {} => {
            let before = own.get(&(task, sample, round.checked_sub(1)?))?;
            let (then, now) = (before.score?, this.score?);
            // Paid for what is right, and once more for what the round changed.
            Some(Credited { format: this.format, score: now + (now - then) })
        }
    }
}
