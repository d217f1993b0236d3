//! From scores and what an answer took to rewards, within one group of samples of the same task.
//!
//! Subtracting weight × cost and dividing by the group's standard deviation cancels the weight in a group whose
//! other parts are equal: an all-wrong group then learns to be cheap at full strength, whatever the weight. The
//! forms here do not have that fault, see [`shape_group`].

mod forms;
#[cfg(test)]
mod tests;

use conductor_configs::schema::{CostForm, GainForm, LossForm, Reward};
use conductor_types::RewardParts;

/// One sample of a group, as far as its reward depends on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Member {
    /// Correctness in 0..=1; `None` where the episode is unscorable.
    pub score: Option<f64>,
    /// Whether the completion is a workflow. One that is not was never paid for and gets 0 in every part.
    pub format_ok: bool,
    /// What its workflow took.
    pub taken: Taken,
    /// Whether it obeys its question's constraint; `None` where there is none to obey.
    pub obeys: Option<bool>,
    /// What is paid in place of its own format and score, where it shares with another round.
    pub credited: Option<Credited>,
}

/// What a workflow took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Taken {
    /// Dollars of its calls, hidden reasoning included.
    pub cost_usd: f64,
    /// Its steps.
    pub steps: f64,
    /// Milliseconds of the longest chain of steps that wait for one another.
    pub latency_ms: f64,
}

impl std::ops::AddAssign for Taken {
    fn add_assign(&mut self, other: Self) {
        self.cost_usd += other.cost_usd;
        self.steps += other.steps;
        self.latency_ms += other.latency_ms;
    }
}

/// What a round is paid for, where rounds share in the reward.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Credited {
    /// In place of 1 for a workflow.
    pub format: f64,
    /// In place of the score; may be below 0 and above 1.
    pub score: f64,
}

/// The reward parts of every member, in order; `None` for unscorable members, which take no part in any mean.
/// A score, a cost or a reward that is not finite makes its member unscorable, and so does a latency where it has a weight.
///
/// Gains: `format` × 1 for a workflow, `correct` × score, and `obedience_weight` for a workflow that obeys.
///
/// The loss parts, with c = weight × amount / unit:
/// - `pass_rate`: −c × the mean score of the group's scorable members (malformed ones count as 0). A group that
///   nobody solves has no spread from it, however it is normalised.
/// - `plain`: −c. Sound only where advantages are not divided by the standard deviation.
/// - `separate`: −c, to be normalised on its own: the caller normalises it apart from the other parts, and adds the
///   advantages. Adding the parts up before normalising brings the fault back.
///
/// The cost has two more, in which it counts only where the answer is right by its own score, whatever it is credited:
/// - `router_r1`: correctness is (1 − weight) × `correct` × score, and the cost part is a gain of
///   weight × `correct` × (1 − min(1, cost / unit)).
/// - `xrouter`: −c × score. With K = `correct` and λ = weight / unit that is score × (K − λ × dollars) for both.
pub fn shape_group(members: &[Member], reward: &Reward) -> Vec<Option<RewardParts>> {
    let scores: Vec<Option<f64>> = members.iter().map(|member| scorable(member, reward)).collect();
    let known: Vec<f64> = scores.iter().copied().flatten().collect();
    let pass_rate =
        if known.is_empty() { 0.0 } else { known.iter().sum::<f64>() / known.len() as f64 };
    let shaped = members.iter().zip(scores).map(|(member, score)| {
        if !member.format_ok {
            return score.map(|_| RewardParts::default());
        }
        forms::parts(member, score?, pass_rate, reward)
    });
    shaped.collect()
}

/// The reward of one answer outside any group: gains minus plain losses, whatever the forms say. What is no workflow gains
/// nothing, and loses what the rounds before it took, if any. Evaluation tables use it for the policy and for each worker
/// alone, so that all are held to the same price. A member without a score counts as wrong. `None` where the sum is no
/// finite number.
pub fn evaluation_reward(member: &Member, reward: &Reward) -> Option<RewardParts> {
    let plain = Reward {
        format_form: GainForm::Joint,
        correct_form: GainForm::Joint,
        cost_form: CostForm::Plain,
        steps_form: LossForm::Plain,
        latency_form: LossForm::Plain,
        obedience_form: GainForm::Joint,
        ..reward.clone()
    };
    let nothing = Credited { format: 0.0, score: 0.0 };
    let alone = Member { credited: (!member.format_ok).then_some(nothing), ..*member };
    forms::parts(&alone, member.score.unwrap_or(0.0), 1.0, &plain)
}

/// The member's own score, where its reward can be known.
fn scorable(member: &Member, reward: &Reward) -> Option<f64> {
    if !member.format_ok {
        return Some(0.0);
    }
    let score = member.score?;
    // Known before the group's pass rate is, so that a member without a reward is in no mean.
    let lost: f64 = forms::losses(&member.taken, reward).iter().sum();
    (score.is_finite() && lost.is_finite()).then_some(score)
}
