//! The parts of one member's reward under the configured forms.

use conductor_configs::schema::{CostForm, LossForm, Reward};
use conductor_types::RewardParts;

use super::{Member, Taken};

/// The parts of a workflow's reward. `None` where their sum is no finite number.
pub(super) fn parts(
    member: &Member,
    score: f64,
    pass_rate: f64,
    reward: &Reward,
) -> Option<RewardParts> {
    let [cost, steps, latency] = losses(&member.taken, reward);
    let (kept, cost) = match reward.cost_form {
        CostForm::PassRate => (1.0, -cost * pass_rate),
        CostForm::Plain | CostForm::Separate => (1.0, -cost),
        CostForm::RouterR1 => (1.0 - reward.cost_weight, cheapness(member, score, reward)),
        CostForm::XRouter => (1.0, -cost * score),
    };
    let scale = |form: LossForm| if form == LossForm::PassRate { pass_rate } else { 1.0 };
    let credited = member.credited;
    let parts = RewardParts {
        format: reward.format * credited.map_or(1.0, |credited| credited.format),
        correctness: reward.correct * kept * credited.map_or(score, |credited| credited.score),
        cost,
        steps: -steps * scale(reward.steps_form),
        latency: -latency * scale(reward.latency_form),
        obedience: if member.obeys == Some(true) { reward.obedience_weight } else { 0.0 },
    };
    parts.total().is_finite().then(|| without_minus_zero(parts))
}

/// What a right answer gains by being cheap.
fn cheapness(member: &Member, score: f64, reward: &Reward) -> f64 {
    if score <= 0.0 {
        return 0.0;
    }
    let share = (member.taken.cost_usd / reward.cost_unit_usd).min(1.0);
    reward.cost_weight * reward.correct * (1.0 - share)
}

/// Weight × amount / unit of cost, steps and latency. What has no weight is 0 whatever was measured, but for a cost that is
/// no number: its episode's dollars are not known.
pub(super) fn losses(taken: &Taken, reward: &Reward) -> [f64; 3] {
    let loss = |weight: f64, amount: f64, unit: f64| {
        if weight > 0.0 { weight * amount / unit } else { 0.0 }
    };
    let cost = reward.cost_weight * taken.cost_usd / reward.cost_unit_usd;
    [
        cost,
        loss(reward.steps_weight, taken.steps, reward.steps_unit),
        loss(reward.latency_weight, taken.latency_ms / 1e3, reward.latency_unit_secs),
    ]
}

/// A negated 0 is −0, which files and tables would show.
fn without_minus_zero(parts: RewardParts) -> RewardParts {
    RewardParts {
        format: parts.format + 0.0,
        correctness: parts.correctness + 0.0,
        cost: parts.cost + 0.0,
        steps: parts.steps + 0.0,
        latency: parts.latency + 0.0,
        obedience: parts.obedience + 0.0,
    }
}
