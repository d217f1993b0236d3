//! Rewards and advantages of groups.

use std::collections::HashMap;

use conductor_configs::schema::{self, Credit};
use conductor_reward::{Credited, Member, shape_group};
use conductor_types::{Episode, Outcome};

use crate::advantage;

/// Shapes every group's rewards and sets its advantages. Rounds of one sample share in the reward as `reward.credit` says.
pub(crate) fn shape(
    groups: &mut [Vec<Episode>],
    reward: &schema::Reward,
    options: &schema::Advantage,
) {
    let own: HashMap<Key, Own> = groups.iter().flatten().map(|e| (key(e), Own::of(e))).collect();
    for group in groups {
        let members: Vec<Member> = group
            .iter()
            .map(|episode| Member {
                score: episode.score(),
                format_ok: is_workflow(episode),
                cost_usd: episode.outcome.usage().cost_usd,
                credited: credited(episode, &own, reward.credit),
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
