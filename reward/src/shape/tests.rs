use super::*;

fn taken(cost_usd: f64) -> Taken {
    Taken { cost_usd, ..Taken::default() }
}

fn reward(cost_form: CostForm, cost_weight: f64) -> Reward {
    Reward { cost_form, cost_weight, cost_unit_usd: 0.01, ..Reward::default() }
}

fn ran(score: f64, cost_usd: f64) -> Member {
    Member {
        score: Some(score),
        format_ok: true,
        taken: taken(cost_usd),
        obeys: None,
        credited: None,
    }
}

fn malformed() -> Member {
    Member { format_ok: false, ..ran(0.0, 0.0) }
}

fn unscorable(cost_usd: f64) -> Member {
    Member { score: None, ..ran(0.0, cost_usd) }
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
        assert_eq!(kept, shape_group(&without, &reward).into_iter().flatten().collect::<Vec<_>>());
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
    let of = |member: &Member, reward: &Reward| evaluation_reward(member, reward).unwrap();
    let alone = |score, cost_usd| of(&ran(score, cost_usd), &reward).total();
    close(alone(1.0, 0.005), 1.0 - 0.1);
    close(alone(0.0, 0.005), 0.5 - 0.1);
    close(of(&malformed(), &reward).total(), 0.0);
    let spent_before = Taken { cost_usd: 0.005, ..Taken::default() };
    close(of(&Member { taken: spent_before, ..malformed() }, &reward).total(), -0.1);
    assert_eq!(evaluation_reward(&ran(1.0, f64::INFINITY), &reward), None);
    // Under every form, and with every part.
    for cost_form in [CostForm::RouterR1, CostForm::XRouter, CostForm::Separate] {
        let reward = Reward {
            cost_form,
            steps_weight: 0.1,
            steps_unit: 2.0,
            latency_weight: 0.3,
            latency_unit_secs: 10.0,
            obedience_weight: 0.25,
            ..reward.clone()
        };
        let taken = Taken { cost_usd: 0.005, steps: 3.0, latency_ms: 5_000.0 };
        let member = Member { taken, obeys: Some(true), ..ran(0.0, 0.0) };
        close(of(&member, &reward).total(), 0.5 - 0.1 - 0.15 - 0.15 + 0.25);
    }
}

const EVERY_COST_FORM: [CostForm; 5] = [
    CostForm::PassRate,
    CostForm::Plain,
    CostForm::Separate,
    CostForm::RouterR1,
    CostForm::XRouter,
];

/// A reward in which every part has a weight.
fn every_part(cost_form: CostForm) -> Reward {
    Reward {
        steps_weight: 0.25,
        steps_unit: 2.0,
        latency_weight: 0.5,
        latency_unit_secs: 4.0,
        obedience_weight: 0.125,
        ..reward(cost_form, 0.3)
    }
}

fn busy(score: f64, steps: f64, latency_ms: f64) -> Member {
    let taken = Taken { cost_usd: 0.01, steps, latency_ms };
    Member { taken, obeys: Some(true), ..ran(score, 0.0) }
}

#[test]
fn without_new_weights_every_part_but_the_old_ones_is_nothing() {
    let group = [busy(1.0, 5.0, 9e3), busy(0.0, 1.0, 1e3), malformed()];
    for form in [CostForm::PassRate, CostForm::Plain, CostForm::Separate] {
        let plain: Vec<Member> = group
            .iter()
            .map(|m| Member { taken: taken(m.taken.cost_usd), obeys: None, ..*m })
            .collect();
        assert_eq!(
            shape_group(&group, &reward(form, 0.3)),
            shape_group(&plain, &reward(form, 0.3))
        );
    }
}

#[test]
fn a_malformed_answer_costs_nothing_and_gets_nothing_in_any_part() {
    for form in EVERY_COST_FORM {
        // Whatever is written about it: it was never paid for, and it obeys nobody.
        let odd = Member { format_ok: false, ..busy(1.0, 3.0, 1e3) };
        let shaped = shape_group(&[odd, busy(1.0, 1.0, 1e3)], &every_part(form));
        let parts = shaped[0].expect("a malformed completion is scorable");
        assert!(parts.values().iter().all(|part| part.to_bits() == 0), "{form:?}: {parts:?}");
        // It counts as wrong in the pass rate: half of the group is right.
        let steps = shaped[1].expect("a reward").steps;
        close(steps, -0.25 * 0.5 * 0.5);
    }
}

#[test]
fn a_workers_failure_shifts_no_sibling_in_any_part() {
    for form in EVERY_COST_FORM {
        let reward = every_part(form);
        let failed = Member { score: None, ..busy(0.0, 5.0, 60e3) };
        let group = [busy(1.0, 2.0, 3e3), busy(0.0, 1.0, 1e3)];
        let with = shape_group(&[failed, group[0], group[1], failed], &reward);
        assert_eq!((with[0], with[3]), (None, None));
        assert_eq!(with[1..3], shape_group(&group, &reward));
    }
}

#[test]
fn steps_and_latency_have_units_of_their_own_and_the_pass_rate_as_a_factor() {
    let group = [busy(1.0, 3.0, 6e3), busy(0.0, 1.0, 2e3)];
    let mut reward = every_part(CostForm::PassRate);
    let shaped = shape_group(&group, &reward);
    let parts = shaped[0].expect("a reward");
    close(parts.steps, -0.25 * 1.5 * 0.5);
    close(parts.latency, -0.5 * 1.5 * 0.5);
    close(parts.obedience, 0.125);
    (reward.steps_form, reward.latency_form) = (LossForm::Plain, LossForm::Separate);
    let parts = shape_group(&group, &reward)[0].expect("a reward");
    close(parts.steps, -0.25 * 1.5);
    close(parts.latency, -0.5 * 1.5);
}

#[test]
fn an_all_wrong_group_learns_nothing_about_price_steps_or_time_unless_the_form_is_plain() {
    let all_wrong: Vec<Member> =
        (1..=8).map(|i| busy(0.0, f64::from(i), 1e3 * f64::from(i))).collect();
    for form in [CostForm::PassRate, CostForm::RouterR1, CostForm::XRouter] {
        let rewards = totals(&all_wrong, &every_part(form));
        assert!(
            rewards.iter().all(|r| r.to_bits() == rewards[0].to_bits()),
            "{form:?}: {rewards:?}"
        );
        assert!(advantages(&rewards).iter().all(|a| *a == 0.0));
    }
    // The trap, at any weight: under division the slow and long ones are pushed with more than a standard deviation.
    for weight in [0.3, 0.001] {
        let reward = Reward {
            steps_weight: weight,
            steps_form: LossForm::Plain,
            latency_weight: weight,
            latency_form: LossForm::Plain,
            ..Reward::default()
        };
        let strongest = advantages(&totals(&all_wrong, &reward)).into_iter().fold(0.0, f64::max);
        assert!(strongest > 1.4, "{strongest}");
    }
}

#[test]
fn only_obeying_is_paid_and_only_where_there_is_something_to_obey() {
    let reward = every_part(CostForm::PassRate);
    let part = |obeys| {
        let member = Member { obeys, ..ran(1.0, 0.0) };
        shape_group(&[member], &reward)[0].expect("a reward").obedience
    };
    for (obeys, expected) in [(Some(true), 0.125), (Some(false), 0.0), (None, 0.0)] {
        close(part(obeys), expected);
    }
}

#[test]
fn router_r1_pays_for_cheapness_only_where_the_answer_is_right() {
    let reward = reward(CostForm::RouterR1, 0.4);
    let group = [ran(1.0, 0.0), ran(1.0, 0.005), ran(1.0, 7.0), ran(0.0, 0.0), ran(0.0, 7.0)];
    let rewards = totals(&group, &reward);
    // Format 0.5; of the 0.5 for a right answer, 0.3 for being right and up to 0.2 for being cheap.
    for (ours, expected) in rewards.iter().zip([1.0, 0.9, 0.8, 0.5, 0.5]) {
        close(*ours, expected);
    }
    let parts = shape_group(&group, &reward)[1].expect("a reward");
    close(parts.correctness, 0.3);
    close(parts.cost, 0.1);
    // Without a weight it is the plain reward.
    let free = Reward { cost_weight: 0.0, ..reward };
    assert_eq!(totals(&group, &free), [1.0, 1.0, 1.0, 0.5, 0.5]);
}

#[test]
fn xrouter_takes_the_cost_from_what_a_right_answer_earns_and_may_turn_its_sign() {
    // K = 0.5, and a dollar takes λ = 40.
    let reward = reward(CostForm::XRouter, 0.4);
    let group = [
        ran(1.0, 0.0),
        ran(1.0, 0.005),
        ran(0.5, 0.005),
        ran(1.0, 0.0125),
        ran(1.0, 0.05),
        ran(0.0, 0.05),
    ];
    let rewards = totals(&group, &reward);
    for (ours, expected) in rewards.iter().zip([1.0, 0.8, 0.65, 0.5, -1.0, 0.5]) {
        close(*ours, expected);
    }
    // What costs K / λ earns as much as a wrong answer, and what costs more earns less.
    let parts = shape_group(&group, &reward)[4].expect("a reward");
    close(parts.correctness, 0.5);
    close(parts.cost, -2.0);
}

#[test]
fn right_is_what_the_rounds_own_answer_is_and_not_what_it_is_credited() {
    let credit = |score: f64, credited: f64| {
        let credited = Some(Credited { format: 1.0, score: credited });
        Member { credited, ..busy(score, 2.0, 2e3) }
    };
    for (form, right, wrong) in [(CostForm::RouterR1, 0.0, 0.0), (CostForm::XRouter, -0.3, 0.0)] {
        // The first is right and its next round is not; the second the other way round.
        let shaped = shape_group(&[credit(1.0, 0.75), credit(0.0, 0.25)], &every_part(form));
        let [a, b] = [0, 1].map(|i| shaped[i].expect("a reward"));
        close(a.cost, right);
        close(b.cost, wrong);
        let kept = if form == CostForm::RouterR1 { 0.7 } else { 1.0 };
        close(a.correctness, 0.5 * kept * 0.75);
        close(b.correctness, 0.5 * kept * 0.25);
        // Each round pays its own steps and time, at the pass rate of its own group.
        close(a.steps, -0.25 * 0.5);
        close(b.latency, -0.5 * 0.5 * 0.5);
        close(b.obedience, 0.125);
    }
}

#[test]
fn no_part_is_ever_minus_zero() {
    let free = Taken::default();
    for form in EVERY_COST_FORM {
        for reward in [
            every_part(form),
            reward(form, 0.0),
            Reward { format: 0.0, correct: 0.0, ..reward(form, 0.0) },
        ] {
            let credited = Some(Credited { format: 1.0, score: -1.0 });
            let group = [
                Member { taken: free, obeys: Some(false), ..ran(0.0, 0.0) },
                Member { taken: free, ..ran(1.0, 0.0) },
                Member { credited, ..ran(0.0, 0.0) },
            ];
            for parts in shape_group(&group, &reward).into_iter().flatten() {
                let minus =
                    parts.values().into_iter().find(|part| *part == 0.0 && part.is_sign_negative());
                assert_eq!(minus, None, "{form:?}: {parts:?}");
                assert!(!(parts.total() == 0.0 && parts.total().is_sign_negative()));
            }
        }
    }
}

#[test]
fn what_is_no_number_leaves_its_group_only_where_it_counts() {
    let slow = busy(1.0, 1.0, f64::NAN);
    let endless = busy(1.0, f64::INFINITY, 1e3);
    for form in EVERY_COST_FORM {
        let weighed = shape_group(&[slow, endless, busy(1.0, 1.0, 1e3)], &every_part(form));
        assert_eq!((weighed[0], weighed[1]), (None, None));
        // The pass rate is that of the one that is left.
        close(weighed[2].expect("a reward").steps, -0.125);
        let unweighed = shape_group(&[slow, endless], &reward(form, 0.3));
        assert!(unweighed.iter().all(|parts| parts.is_some_and(|p| p.total().is_finite())));
        // Dollars that are not known spoil the bookkeeping whatever they weigh.
        assert_eq!(shape_group(&[ran(1.0, f64::NAN)], &reward(form, 0.0)), [None]);
        // Finite amounts whose sum is none.
        let huge = Member {
            taken: Taken { cost_usd: 5e306, steps: 1e308, latency_ms: 0.0 },
            ..ran(1.0, 0.0)
        };
        let reward = Reward { steps_weight: 1.5, ..every_part(form) };
        assert_eq!(shape_group(&[huge], &reward), [None]);
    }
}

#[test]
fn a_group_of_one_is_shaped_like_any_other() {
    let parts = shape_group(&[busy(1.0, 2.0, 4e3)], &every_part(CostForm::PassRate))[0];
    let parts = parts.expect("a reward");
    close(parts.total(), 1.0 - 0.3 - 0.25 - 0.5 + 0.125);
}
