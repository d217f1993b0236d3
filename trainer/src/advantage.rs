//! From rewards to advantages within a group, in float64.

use conductor_configs::schema::{self, CostForm, GainForm, LossForm};
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

/// Advantages of one group's members: `None` stays `None` and takes no part in mean or spread. Parts whose form is `separate`
/// are normalised apart, each alone, and added with their weights; the sum of all others is normalised as one.
pub fn of_group(
    rewards: &[Option<RewardParts>],
    options: &schema::Advantage,
    reward: &schema::Reward,
) -> Vec<Option<f64>> {
    let parts: Vec<RewardParts> = rewards.iter().flatten().copied().collect();
    let separate = separate_weights(reward);
    let joint = |parts: &RewardParts| {
        let joint = parts.values().into_iter().zip(separate).filter(|(_, apart)| apart.is_none());
        joint.fold(0.0, |sum, (part, _)| sum + part)
    };
    let mut advantages = group_relative(&parts.iter().map(joint).collect::<Vec<_>>(), options);
    for (index, weight) in separate.into_iter().enumerate() {
        let Some(weight) = weight else { continue };
        // Division by the spread forgets the weight, so it is put back: a part counts its weight for each 1 of the joint sum.
        // It is taken out before, since ε and the smallest spread are meant for numbers without it.
        let weight = if options.scale_by_std && weight > 0.0 { weight } else { 1.0 };
        let part: Vec<f64> = parts.iter().map(|parts| parts.values()[index] / weight).collect();
        for (sum, own) in advantages.iter_mut().zip(group_relative(&part, options)) {
            *sum += weight * own;
        }
    }
    let mut advantages = advantages.into_iter();
    rewards.iter().map(|reward| reward.and_then(|_| advantages.next())).collect()
}

/// By part in the order of [`RewardParts::values`]: the weight of one that is normalised apart.
fn separate_weights(reward: &schema::Reward) -> [Option<f64>; 6] {
    let gain = |form: GainForm, weight: f64| (form == GainForm::Separate).then_some(weight);
    let loss = |form: LossForm, weight: f64| (form == LossForm::Separate).then_some(weight);
    [
        gain(reward.format_form, reward.format),
        gain(reward.correct_form, reward.correct),
        (reward.cost_form == CostForm::Separate).then_some(reward.cost_weight),
        loss(reward.steps_form, reward.steps_weight),
        loss(reward.latency_form, reward.latency_weight),
        gain(reward.obedience_form, reward.obedience_weight),
    ]
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
        let part =
            |quality, cost| Some(RewardParts { format: quality, cost, ..RewardParts::default() });
        let reward = |cost_weight| schema::Reward {
            cost_form: schema::CostForm::Separate,
            cost_weight,
            ..schema::Reward::default()
        };
        // All wrong, one twice as dear: only the cost speaks, and in proportion to its weight.
        let group = |w: f64| [part(0.5, -w), part(0.5, -2.0 * w)];
        let first = |w: f64| of_group(&group(w), &options(true), &reward(w))[0].unwrap_or_default();
        assert!(first(0.1) > 0.0);
        for weight in [1e-6, 0.2, 100.0] {
            let ratio = first(weight) / first(0.1) / (weight / 0.1);
            assert!((ratio - 1.0).abs() < 1e-9, "{weight} {ratio}");
        }
    }

    /// A group in which every part differs, and the members' parts are not proportional to one another.
    fn busy_group() -> Vec<Option<RewardParts>> {
        let member = |format, correctness, cost, steps, latency, obedience| {
            Some(RewardParts { format, correctness, cost, steps, latency, obedience })
        };
        vec![
            member(0.5, 0.5, -0.02, -0.1, -0.3, 0.0),
            None,
            member(0.5, 0.0, -0.01, -0.2, -0.1, 0.25),
            member(0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
            member(0.5, 0.5, -0.08, -0.3, -0.2, 0.25),
        ]
    }

    #[test]
    fn with_no_part_apart_it_is_the_advantage_of_the_sum() {
        let group = busy_group();
        let totals: Vec<f64> = group.iter().flatten().map(RewardParts::total).collect();
        for scale in [true, false] {
            let ours = of_group(&group, &options(scale), &schema::Reward::default());
            let ours: Vec<f64> = ours.into_iter().flatten().collect();
            assert_eq!(ours, group_relative(&totals, &options(scale)));
        }
    }

    #[test]
    fn parts_apart_are_each_normalised_alone_and_weighted() {
        let reward = schema::Reward {
            format_form: GainForm::Separate,
            correct: 0.75,
            correct_form: GainForm::Separate,
            cost_weight: 0.3,
            cost_form: CostForm::Separate,
            steps_weight: 0.2,
            steps_form: LossForm::Separate,
            latency_weight: 0.1,
            latency_form: LossForm::Separate,
            obedience_weight: 0.4,
            obedience_form: GainForm::Separate,
            ..schema::Reward::default()
        };
        let group = busy_group();
        let own = |index: usize, scale: bool| {
            let part: Vec<f64> =
                group.iter().flatten().map(|parts| parts.values()[index]).collect();
            group_relative(&part, &options(scale))
        };
        let weights = [0.5, 0.75, 0.3, 0.2, 0.1, 0.4];
        for scale in [true, false] {
            let ours: Vec<f64> =
                of_group(&group, &options(scale), &reward).into_iter().flatten().collect();
            for (member, ours) in ours.iter().enumerate() {
                let of = |i: usize| if scale { weights[i] } else { 1.0 } * own(i, scale)[member];
                let expected: f64 = (0..6).map(of).sum();
                // ε is 1e-6 of parts whose spread is 0.05 and more.
                let far = if scale { 1e-4 } else { 1e-12 };
                assert!((ours - expected).abs() < far, "{scale} {member}: {ours} {expected}");
            }
        }
    }

    #[test]
    fn a_part_apart_keeps_its_weight_where_everyone_is_wrong() {
        // Two wrong answers, one slower: with the latency in the sum only its sign would count.
        let group = |weight: f64| {
            [1.0, 2.0].map(|secs| {
                Some(RewardParts { format: 0.5, latency: -weight * secs, ..RewardParts::default() })
            })
        };
        let first = |weight: f64, latency_form| {
            let reward = schema::Reward {
                latency_weight: weight,
                latency_form,
                ..schema::Reward::default()
            };
            of_group(&group(weight), &options(true), &reward)[0].unwrap_or_default()
        };
        let apart = [0.1, 0.2].map(|weight| first(weight, LossForm::Separate));
        assert!((apart[1] / apart[0] - 2.0).abs() < 1e-3, "{apart:?}");
        let plain = [0.1, 0.2].map(|weight| first(weight, LossForm::Plain));
        assert!((plain[1] / plain[0] - 1.0).abs() < 1e-3, "{plain:?}");
    }

    #[test]
    fn a_group_of_one_has_no_advantage_in_any_form() {
        let one = [None, busy_group()[0]];
        for cost_form in [CostForm::Separate, CostForm::RouterR1, CostForm::XRouter] {
            let reward =
                schema::Reward { cost_form, cost_weight: 0.3, ..schema::Reward::default() };
            assert_eq!(of_group(&one, &options(true), &reward), [None, Some(0.0)]);
        }
        assert!(of_group(&[], &options(true), &schema::Reward::default()).is_empty());
    }
}
