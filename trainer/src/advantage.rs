//! From rewards to advantages within a group, in float64.

use conductor_configs::schema;
use conductor_types::RewardParts;

/// Spreads below this count as none: equal float64 rewards can differ in the last bits after sums in another order,
/// and a division by such a spread makes advantages of noise.
const NO_SPREAD: f64 = 1e-9;

/// Group-relative advantages: r − mean, divided by (std + ε) where `scale_by_std` says so, with the unbiased standard
/// deviation (GRPO, arXiv 2402.03300; undivided, Dr. GRPO, arXiv 2503.20783). A group of one and a group without
/// spread get zeros.
///
/// ```
/// use conductor_configs::schema::Advantage;
/// use conductor_trainer::advantage::group_relative;
/// let undivided = Advantage { scale_by_std: false, ..Advantage::default() };
/// assert_eq!(group_relative(&[0.0, 1.0], &undivided), [-0.5, 0.5]);
/// ```
pub fn group_relative(rewards: &[f64], options: &schema::Advantage) -> Vec<f64> {
    let n = rewards.len() as f64;
    if rewards.len() < 2 {
        return vec![0.0; rewards.len()];
    }
    let mean = rewards.iter().sum::<f64>() / n;
    let variance = rewards.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let std = variance.sqrt();
    if std < NO_SPREAD {
        return vec![0.0; rewards.len()];
    }
    let divisor = if options.scale_by_std { std + options.epsilon } else { 1.0 };
    rewards.iter().map(|r| (r - mean) / divisor).collect()
}

/// Advantages of one group's members: `None` stays `None` and takes no part in mean or spread. With the cost form
/// `separate`, correctness and cost are normalised apart and added, the cost scaled to its weight.
pub fn of_group(
    rewards: &[Option<RewardParts>],
    options: &schema::Advantage,
    reward: &schema::Reward,
) -> Vec<Option<f64>> {
    let parts: Vec<RewardParts> = rewards.iter().flatten().copied().collect();
    let advantages = if reward.cost_form == schema::CostForm::Separate {
        let quality: Vec<f64> = parts.iter().map(|p| p.format + p.correctness).collect();
        let cost: Vec<f64> = parts.iter().map(|p| p.cost).collect();
        let cost = group_relative(&cost, options);
        // Division by the spread forgets the weight, so it is put back: cost counts `cost_weight` for each 1 of quality.
        let weight = if options.scale_by_std { reward.cost_weight } else { 1.0 };
        group_relative(&quality, options)
            .into_iter()
            .zip(cost)
            .map(|(q, c)| q + weight * c)
            .collect()
    } else {
        group_relative(&parts.iter().map(RewardParts::total).collect::<Vec<_>>(), options)
    };
    let mut advantages = advantages.into_iter();
    rewards.iter().map(|reward| reward.and_then(|_| advantages.next())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(scale_by_std: bool) -> schema::Advantage {
        schema::Advantage { scale_by_std, epsilon: 1e-6 }
    }

    fn total(r: f64) -> RewardParts {
        RewardParts { format: r, ..RewardParts::default() }
    }

    #[test]
    fn grpo_divides_by_the_unbiased_spread() {
        let advantages = group_relative(&[1.0, 0.0, 0.0, 0.0], &options(true));
        let std = 0.5_f64;
        assert!((advantages[0] - 0.75 / (std + 1e-6)).abs() < 1e-12);
        assert!(advantages.iter().sum::<f64>().abs() < 1e-12);
    }

    #[test]
    fn equal_rewards_give_zeros_even_where_rounding_separates_them() {
        // The trap: sixteen float32 rewards of 0.1 have a float32 spread of 1e-7 and advantages up to 0.96.
        assert!(group_relative(&[0.1; 16], &options(true)).iter().all(|a| *a == 0.0));
        let nearly = [0.1 + 0.2, 0.3, 0.3, 0.1 + 0.2];
        assert!(group_relative(&nearly, &options(true)).iter().all(|a| *a == 0.0));
        assert_eq!(group_relative(&[0.7], &options(true)), [0.0]);
        assert!(group_relative(&[], &options(true)).is_empty());
    }

    #[test]
    fn an_unscorable_member_shifts_no_sibling() {
        let reward = schema::Reward::default();
        let with = of_group(&[Some(total(1.0)), None, Some(total(0.0))], &options(true), &reward);
        let without = of_group(&[Some(total(1.0)), Some(total(0.0))], &options(true), &reward);
        assert_eq!(with[0], without[0]);
        assert_eq!(with[1], None);
        assert_eq!(with[2], without[1]);
    }

    #[test]
    fn a_separate_cost_keeps_its_weight() {
        let part = |quality, cost| Some(RewardParts { format: quality, correctness: 0.0, cost });
        let reward = |cost_weight| schema::Reward {
            cost_form: schema::CostForm::Separate,
            cost_weight,
            ..schema::Reward::default()
        };
        // All wrong, one twice as dear: only the cost speaks, and in proportion to its weight.
        let group = |w: f64| [part(0.5, -w), part(0.5, -2.0 * w)];
        let a = of_group(&group(0.1), &options(true), &reward(0.1))[0].unwrap_or_default();
        let b = of_group(&group(0.2), &options(true), &reward(0.2))[0].unwrap_or_default();
        assert!(a > 0.0 && (b / a - 2.0).abs() < 1e-3, "{a} {b}");
    }
}
