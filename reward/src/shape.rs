//! From scores and costs to rewards, within one group of samples of the same task.
//!
//! Subtracting weight × cost and dividing by the group's standard deviation cancels the weight in a group whose
//! other parts are equal: an all-wrong group then learns to be cheap at full strength, whatever the weight. The
//! forms here do not have that fault, see [`shape_group`].

use conductor_configs::schema::{CostForm, Reward};
use conductor_types::RewardParts;

/// One sample of a group, as far as its reward depends on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Member {
    /// Correctness in 0..=1; `None` where the episode is unscorable.
    pub score: Option<f64>,
    /// Whether the completion is a workflow. One that is not was never paid for and gets 0 in every part.
    pub format_ok: bool,
    /// Dollars spent on its calls.
    pub cost_usd: f64,
    /// What is paid in place of its own format and score, where it shares with another round.
    pub credited: Option<Credited>,
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
/// A score or cost that is not finite makes its member unscorable.
///
/// The cost part, with c = `cost_weight` × `cost_usd` / `cost_unit_usd`:
/// - `pass_rate`: −c × the mean score of the group's scorable members (malformed ones count as 0). A group that
///   nobody solves has no spread from cost, however it is normalised.
/// - `plain`: −c. Sound only where advantages are not divided by the standard deviation.
/// - `separate`: −c, to be normalised on its own: the caller normalises format + correctness and cost apart, and adds
///   the two advantages. Adding the parts up before normalising brings the fault back.
pub fn shape_group(members: &[Member], reward: &Reward) -> Vec<Option<RewardParts>> {
    let scores: Vec<Option<f64>> = members.iter().map(scorable).collect();
    let known: Vec<f64> = scores.iter().copied().flatten().collect();
    let pass_rate =
        if known.is_empty() { 0.0 } else { known.iter().sum::<f64>() / known.len() as f64 };
    let cost_scale = match reward.cost_form {
        CostForm::PassRate => pass_rate,
        CostForm::Plain | CostForm::Separate => 1.0,
    };
    let shaped = members.iter().zip(scores).map(|(member, score)| {
        let score = score?;
        if !member.format_ok {
            return Some(RewardParts::default());
        }
        Some(RewardParts {
            format: reward.format * member.credited.map_or(1.0, |credited| credited.format),
            correctness: reward.correct * member.credited.map_or(score, |credited| credited.score),
            // Subtracted from 0 so that no cost is 0 and not −0.
            cost: 0.0 - weighted_cost(member.cost_usd, reward) * cost_scale,
        })
    });
    shaped.collect()
}

/// The reward of one answer outside any group: format + correct × score − weight × cost / unit, and 0 for what is no
/// workflow. Evaluation tables use it for the policy and for each worker alone, so that both are held to the same price.
pub fn evaluation_reward(
    score: f64,
    format_ok: bool,
    cost_usd: f64,
    reward: &Reward,
) -> RewardParts {
    if !format_ok {
        return RewardParts::default();
    }
    RewardParts {
        format: reward.format,
        correctness: reward.correct * score,
        cost: 0.0 - weighted_cost(cost_usd, reward),
    }
}

fn scorable(member: &Member) -> Option<f64> {
    let score = if member.format_ok { member.score? } else { 0.0 };
    (score.is_finite() && member.cost_usd.is_finite()).then_some(score)
}

fn weighted_cost(cost_usd: f64, reward: &Reward) -> f64 {
    reward.cost_weight * cost_usd / reward.cost_unit_usd
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reward(cost_form: CostForm, cost_weight: f64) -> Reward {
        Reward { cost_form, cost_weight, cost_unit_usd: 0.01, ..Reward::default() }
    }

    fn ran(score: f64, cost_usd: f64) -> Member {
        Member { score: Some(score), format_ok: true, cost_usd, credited: None }
    }

    fn malformed() -> Member {
        Member { score: Some(0.0), format_ok: false, cost_usd: 0.0, credited: None }
    }

    fn unscorable(cost_usd: f64) -> Member {
        Member { score: None, format_ok: true, cost_usd, credited: None }
    }

    fn totals(members: &[Member], reward: &Reward) -> Vec<f64> {
        shape_group(members, reward).into_iter().flatten().map(|parts| parts.total()).collect()
    }

    /// GRPO's advantage, for the tests that show what normalisation does to a shape.
    fn advantages(rewards: &[f64]) -> Vec<f64> {
        let n = rewards.len() as f64;
        let mean = rewards.iter().sum::<f64>() / n;
        let variance = rewards.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0);
        rewards.iter().map(|r| (r - mean) / (variance.sqrt() + 1e-6)).collect()
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    }

    #[test]
    fn format_wrong_and_right_are_worth_zero_half_and_one() {
        let group = [malformed(), ran(0.0, 0.0), ran(1.0, 0.0), ran(0.5, 0.0)];
        assert_eq!(totals(&group, &reward(CostForm::PassRate, 0.0)), [0.0, 0.5, 1.0, 0.75]);
    }

    #[test]
    fn a_plain_subtraction_under_division_forgets_its_weight_and_the_pass_rate_form_does_not() {
        let all_wrong: Vec<Member> = (0..8).map(|i| ran(0.0, 0.001 * f64::from(i))).collect();
        let strongest = |form, weight| {
            let rewards = totals(&all_wrong, &reward(form, weight));
            advantages(&rewards).into_iter().fold(0.0, f64::max)
        };
        // Cheapness alone pushes with more than one standard deviation, at a weight of 0.3 and of 0.01 alike.
        assert!(strongest(CostForm::Plain, 0.3) > 1.3);
        assert!(strongest(CostForm::Plain, 0.01) > 1.3);
        for weight in [0.3, 0.01] {
            let rewards = totals(&all_wrong, &reward(CostForm::PassRate, weight));
            assert!(rewards.iter().all(|&r| r.to_bits() == 0.5f64.to_bits()), "{rewards:?}");
            close(strongest(CostForm::PassRate, weight), 0.0);
        }
    }

    #[test]
    fn among_right_answers_the_cheap_one_is_preferred() {
        let group = [ran(1.0, 0.001), ran(1.0, 0.02)];
        for form in [CostForm::PassRate, CostForm::Plain, CostForm::Separate] {
            let rewards = totals(&group, &reward(form, 0.1));
            close(rewards[0], 1.0 - 0.01);
            close(rewards[1], 1.0 - 0.2);
        }
    }

    #[test]
    fn the_cost_shrinks_with_the_share_of_right_answers() {
        let group = [ran(1.0, 0.01), ran(0.0, 0.01), malformed(), ran(0.0, 0.01)];
        let shaped = shape_group(&group, &reward(CostForm::PassRate, 0.4));
        close(shaped[0].unwrap().cost, -0.1);
        close(shaped[2].unwrap().total(), 0.0);
    }

    #[test]
    fn unscorable_members_shift_no_sibling() {
        let without = [ran(1.0, 0.004), ran(0.0, 0.002), malformed()];
        let with = [unscorable(5.0), without[0], unscorable(0.0), without[1], without[2]];
        for form in [CostForm::PassRate, CostForm::Plain, CostForm::Separate] {
            let reward = reward(form, 0.3);
            let shaped = shape_group(&with, &reward);
            assert_eq!(shaped[0], None);
            assert_eq!(shaped[2], None);
            let kept: Vec<_> = shaped.into_iter().flatten().collect();
            assert_eq!(
                kept,
                shape_group(&without, &reward).into_iter().flatten().collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn numbers_that_are_none_do_not_spread() {
        let group = [ran(f64::NAN, 0.0), ran(1.0, f64::INFINITY), ran(1.0, 0.0)];
        let shaped = shape_group(&group, &reward(CostForm::PassRate, 0.1));
        assert_eq!(shaped[..2], [None, None]);
        close(shaped[2].unwrap().total(), 1.0);
    }

    #[test]
    fn empty_and_wholly_unscorable_groups_have_no_rewards() {
        assert!(shape_group(&[], &reward(CostForm::PassRate, 0.1)).is_empty());
        assert_eq!(shape_group(&[unscorable(1.0)], &reward(CostForm::PassRate, 0.1)), [None]);
    }

    #[test]
    fn evaluation_is_the_plain_sum_for_everyone() {
        let reward = reward(CostForm::PassRate, 0.2);
        close(evaluation_reward(1.0, true, 0.005, &reward).total(), 1.0 - 0.1);
        close(evaluation_reward(0.0, true, 0.005, &reward).total(), 0.5 - 0.1);
        close(evaluation_reward(0.0, false, 0.0, &reward).total(), 0.0);
    }
}
