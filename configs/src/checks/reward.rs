//! `[reward]`.

use super::{Facts, Finding};
use crate::schema::{CostForm, GainForm, LossForm, Reward, WorkerKind};

/// Weights and units within these keep every reward a number whose differences are more than rounding.
const WEIGHTS: std::ops::RangeInclusive<f64> = 1e-6..=1e6;
const UNITS: std::ops::RangeInclusive<f64> = 1e-9..=1e9;

fn weights(reward: &Reward) -> [(&'static str, f64); 6] {
    [
        ("format", reward.format),
        ("correct", reward.correct),
        ("cost_weight", reward.cost_weight),
        ("steps_weight", reward.steps_weight),
        ("latency_weight", reward.latency_weight),
        ("obedience_weight", reward.obedience_weight),
    ]
}

/// Rewards that overflow are none, and spreads that are mere rounding teach nothing: both would be paid for.
pub(super) fn weights_have_a_size(facts: &Facts<'_>) -> Vec<Finding> {
    let reward = &facts.config.reward;
    let units = [
        ("cost_unit_usd", reward.cost_unit_usd),
        ("steps_unit", reward.steps_unit),
        ("latency_unit_secs", reward.latency_unit_secs),
    ];
    let weights = weights(reward)
        .into_iter()
        .filter(|(_, value)| *value != 0.0 && !WEIGHTS.contains(value))
        .map(|(key, value)| (key, value, "0, or a weight of 0.000001 to 1000000"));
    let units = units
        .into_iter()
        .filter(|(_, value)| !UNITS.contains(value))
        .map(|(key, value)| (key, value, "a unit of 0.000000001 to 1000000000"));
    let finding = |(key, value, expected): (&str, f64, &str)| {
        let key = format!("reward.{key}");
        let message =
            format!("`{key}` is {value:e}: rewards of that size are lost in rounding or overflow");
        Finding::new([key], message, format!("take {expected}"))
    };
    weights.chain(units).map(finding).collect()
}

/// Without any weight every reward is 0.
pub(super) fn something_is_weighed(facts: &Facts<'_>) -> Vec<Finding> {
    let weights = weights(&facts.config.reward);
    if facts.config.train.steps == 0 || weights.iter().any(|(_, weight)| *weight > 0.0) {
        return Vec::new();
    }
    let message = "every part of the reward has the weight 0, so that there is nothing to learn";
    let keys = weights.map(|(key, _)| format!("reward.{key}"));
    vec![Finding::new(keys, message, "set `reward.correct` above 0")]
}

/// Division by the deviation forgets the weights of what is normalised as one. Beside correctness in the same sum they come back as
/// a proportion to it; without it a loss of any weight would count as much as correctness does.
pub(super) fn correctness_apart_leaves_nothing_joint(facts: &Facts<'_>) -> Vec<Finding> {
    let (reward, advantage) = (&facts.config.reward, &facts.config.train.advantage);
    let apart = reward.correct_form == GainForm::Separate && reward.correct > 0.0;
    if !apart || !advantage.scale_by_std {
        return Vec::new();
    }
    let joint = [
        ("format_form", reward.format_form == GainForm::Joint, reward.format),
        ("cost_form", reward.cost_form != CostForm::Separate, reward.cost_weight),
        ("steps_form", reward.steps_form != LossForm::Separate, reward.steps_weight),
        ("latency_form", reward.latency_form != LossForm::Separate, reward.latency_weight),
        ("obedience_form", reward.obedience_form == GainForm::Joint, reward.obedience_weight),
    ];
    let finding = |(form, _, _): (&str, bool, f64)| {
        Finding::new(
            ["reward.correct_form".to_owned(), format!("reward.{form}")],
            format!(
                "with correctness normalised apart, `reward.{form}` leaves a part to be divided by its own standard deviation, which \
                 cancels its weight"
            ),
            format!(
                "set `reward.{form}` to \"separate\" too, `reward.correct_form` to \"joint\", or `train.advantage.scale_by_std` to false"
            ),
        )
    };
    let lost = joint.into_iter().filter(|(_, is_joint, weight)| *is_joint && *weight > 0.0);
    lost.map(finding).collect()
}

/// Under division by the group's deviation the weight of a plain loss cancels in groups without another spread.
pub(super) fn plain_losses_survive_scaling(facts: &Facts<'_>) -> Vec<Finding> {
    let (reward, advantage) = (&facts.config.reward, &facts.config.train.advantage);
    if !advantage.scale_by_std {
        return Vec::new();
    }
    let plain = [
        ("cost", reward.cost_form == CostForm::Plain, reward.cost_weight),
        ("steps", reward.steps_form == LossForm::Plain, reward.steps_weight),
        ("latency", reward.latency_form == LossForm::Plain, reward.latency_weight),
    ];
    let finding = |(part, _, _): (&str, bool, f64)| {
        let kind = if part == "steps" { "number of steps" } else { part };
        Finding::new(
            [
                format!("reward.{part}_form"),
                "train.advantage.scale_by_std".to_owned(),
                format!("reward.{part}_weight"),
            ],
            format!(
                "a plain {kind} loses its weight when advantages are divided by the group's standard deviation"
            ),
            format!(
                "set `reward.{part}_form` to \"pass_rate\" or \"separate\", or `train.advantage.scale_by_std` to false"
            ),
        )
    };
    plain
        .into_iter()
        .filter(|(_, is_plain, weight)| *is_plain && *weight > 0.0)
        .map(finding)
        .collect()
}

/// Forms that scale the cost by what a right answer earns.
pub(super) fn cost_form_has_what_it_scales(facts: &Facts<'_>) -> Vec<Finding> {
    let Reward { cost_form, cost_weight, correct, .. } = facts.config.reward;
    let name = match cost_form {
        CostForm::RouterR1 => "router_r1",
        CostForm::XRouter => "xrouter",
        CostForm::PassRate | CostForm::Plain | CostForm::Separate => return Vec::new(),
    };
    if cost_weight <= 0.0 {
        return Vec::new();
    }
    if correct <= 0.0 {
        let message = format!(
            "the cost form \"{name}\" takes the cost from what a right answer earns, which is nothing"
        );
        let help = "set `reward.correct` above 0, or `reward.cost_form` to \"pass_rate\"";
        return vec![Finding::new(["reward.correct", "reward.cost_form"], message, help)];
    }
    if cost_form == CostForm::RouterR1 && cost_weight > 1.0 {
        let message = format!(
            "the cost form \"router_r1\" shares `reward.correct` between being right and being cheap, and the share of \
             the second is {cost_weight}, more than all of it"
        );
        let help = "lower `reward.cost_weight` to at most 1";
        return vec![Finding::new(["reward.cost_weight", "reward.cost_form"], message, help)];
    }
    Vec::new()
}

/// Steps can only weigh where workflows differ in them.
pub(super) fn steps_can_differ(facts: &Facts<'_>) -> Vec<Finding> {
    let (reward, workflow) = (&facts.config.reward, &facts.config.workflow);
    // A later round may let an answer stand, which takes no step.
    if reward.steps_weight <= 0.0 || workflow.max_steps > 1 || workflow.rounds > 1 {
        return Vec::new();
    }
    let message = "the number of steps is to be weighed, and every workflow has one step";
    let help = "raise `workflow.max_steps`, or set `reward.steps_weight` to 0";
    vec![Finding::new(["reward.steps_weight", "workflow.max_steps"], message, help)]
}

/// A latency can only weigh where something takes time. What a recording says of its times is not known here.
pub(super) fn latency_takes_time(facts: &Facts<'_>) -> Vec<Finding> {
    let instant = |kind: &WorkerKind| match kind {
        WorkerKind::Vote(_) => true,
        WorkerKind::Simulated(w) => w.latency_median_ms <= 0.0,
        WorkerKind::Recorded(_) | WorkerKind::Openai(_) => false,
    };
    let config = facts.config;
    if config.reward.latency_weight <= 0.0
        || !config.pool.workers.iter().all(|worker| instant(&worker.kind))
    {
        return Vec::new();
    }
    let message = "the latency is to be weighed, and no worker of the pool takes any time";
    let help = "give simulated workers a `latency_median_ms`, or set `reward.latency_weight` to 0";
    vec![Finding::new(["reward.latency_weight", "pool.workers"], message, help)]
}

/// A cost can only weigh where something costs. What a recording says of its costs is not known here.
pub(super) fn cost_has_a_price(facts: &Facts<'_>) -> Vec<Finding> {
    let free = |kind: &WorkerKind| match kind {
        WorkerKind::Vote(_) => true,
        WorkerKind::Recorded(w) => {
            w.input_usd_per_million == Some(0.0) && w.output_usd_per_million == Some(0.0)
        }
        WorkerKind::Simulated(w) => {
            w.input_usd_per_million == 0.0 && w.output_usd_per_million == 0.0
        }
        WorkerKind::Openai(w) => w.input_usd_per_million == 0.0 && w.output_usd_per_million == 0.0,
    };
    let config = facts.config;
    if config.reward.cost_weight <= 0.0 || !config.pool.workers.iter().all(|w| free(&w.kind)) {
        return Vec::new();
    }
    let message = "the cost is to be weighed, and every worker of the pool is free";
    let help = "give workers their prices (`input_usd_per_million`, `output_usd_per_million`), or set `reward.cost_weight` to 0";
    vec![Finding::new(["reward.cost_weight", "pool.workers"], message, help)]
}

/// A judge is asked like any live worker.
pub(super) fn judge_is_there(facts: &Facts<'_>) -> Vec<Finding> {
    let Some(judge) = &facts.config.reward.judge else { return Vec::new() };
    let named = facts.config.pool.all().find(|(_, worker)| worker.name == judge.worker);
    let (message, help) = match named {
        Some((_, worker)) if matches!(worker.kind, WorkerKind::Openai(_)) => return Vec::new(),
        Some(_) => (
            format!(
                "\"{}\" is no live worker, so it cannot read an answer and judge it",
                judge.worker
            ),
            "name a worker with `kind = \"openai\"`",
        ),
        None => (
            format!("the pool has no worker called \"{}\"", judge.worker),
            "add it to `pool.unlisted`, or name one of `pool.workers`",
        ),
    };
    vec![Finding::new(["reward.judge.worker", "pool.unlisted", "pool.workers"], message, help)]
}

/// A judge that samples gives one answer two verdicts.
pub(super) fn judge_does_not_sample(facts: &Facts<'_>) -> Vec<Finding> {
    let Some(judge) = &facts.config.reward.judge else { return Vec::new() };
    let named = facts.config.pool.all().find(|(_, worker)| worker.name == judge.worker);
    let Some((at, WorkerKind::Openai(live))) = named.map(|(at, worker)| (at, &worker.kind)) else {
        return Vec::new();
    };
    if live.temperature.is_none_or(|temperature| temperature <= 0.0) {
        return Vec::new();
    }
    let message = "the judge samples, so that one answer can be judged right and wrong";
    let help = "leave its `temperature` out, or set it to 0";
    vec![Finding::new([format!("{at}.temperature"), "reward.judge.worker".into()], message, help)]
}

#[cfg(test)]
mod tests {
    use crate::checks::tests::conflicts;

    #[test]
    fn a_plain_cost_under_scaling() {
        let plain = ["reward.cost_form=plain", "reward.cost_weight=0.1"];
        assert_eq!(conflicts(&plain), ["reward.cost_form"]);
        assert!(conflicts(&[plain[0], plain[1], "train.advantage.scale_by_std=false"]).is_empty());
        assert!(conflicts(&[plain[0]]).is_empty());
        assert!(conflicts(&["reward.cost_form=separate", plain[1]]).is_empty());
        for part in ["steps", "latency"] {
            let form = format!("reward.{part}_form");
            let plain = [format!("{form}=plain"), format!("reward.{part}_weight=0.1")];
            assert_eq!(conflicts(&[&plain[0], &plain[1]]), [form.as_str()]);
            let undivided = "train.advantage.scale_by_std=false";
            assert!(conflicts(&[&plain[0], &plain[1], undivided]).is_empty());
            assert!(conflicts(&[&plain[0]]).is_empty());
            assert!(conflicts(&[&format!("{form}=separate"), &plain[1]]).is_empty());
        }
    }

    #[test]
    fn weights_of_no_size_and_no_weight_at_all() {
        for (key, bad, good) in [
            ("correct", "1e-9", "1e-6"),
            ("correct", "1e200", "1e6"),
            ("format", "1e308", "2"),
            ("cost_unit_usd", "1e-320", "1e-9"),
            ("latency_unit_secs", "1e10", "3600"),
        ] {
            let key = format!("reward.{key}");
            assert_eq!(conflicts(&[&format!("{key}={bad}")]), [key.as_str()]);
            assert!(conflicts(&[&format!("{key}={good}")]).is_empty(), "{key}");
        }
        let nothing = ["reward.format=0", "reward.correct=0"];
        assert_eq!(conflicts(&nothing), ["reward.format"]);
        assert!(conflicts(&nothing[..1]).is_empty());
        assert!(conflicts(&[nothing[0], nothing[1], "train.steps=0"]).is_empty());
    }

    #[test]
    fn correctness_apart_from_a_joint_part() {
        let apart = "reward.correct_form=separate";
        assert_eq!(conflicts(&[apart]), ["reward.correct_form"]);
        assert!(conflicts(&[apart, "train.advantage.scale_by_std=false"]).is_empty());
        let format = "reward.format_form=separate";
        assert!(conflicts(&[apart, format]).is_empty());
        for (part, weight) in [("cost", "1e-4"), ("steps", "0.1"), ("latency", "0.1")] {
            let weight = format!("reward.{part}_weight={weight}");
            assert_eq!(conflicts(&[apart, format, &weight]), ["reward.correct_form"], "{part}");
            let form = format!("reward.{part}_form=separate");
            assert!(conflicts(&[apart, format, &weight, &form]).is_empty(), "{part}");
        }
        for form in ["router_r1", "xrouter"] {
            let form = format!("reward.cost_form={form}");
            let weighed = [apart, format, &form, "reward.cost_weight=0.1"];
            assert_eq!(conflicts(&weighed), ["reward.correct_form"]);
        }
    }

    #[test]
    fn a_cost_that_takes_more_than_there_is_or_from_nothing() {
        for form in ["reward.cost_form=router_r1", "reward.cost_form=xrouter"] {
            assert!(conflicts(&[form, "reward.cost_weight=0.3"]).is_empty());
            let nothing = conflicts(&[form, "reward.cost_weight=0.3", "reward.correct=0"]);
            assert_eq!(nothing, ["reward.correct"]);
            assert!(conflicts(&[form, "reward.correct=0"]).is_empty());
        }
        let more = "reward.cost_weight=1.5";
        assert_eq!(conflicts(&["reward.cost_form=router_r1", more]), ["reward.cost_weight"]);
        assert!(conflicts(&["reward.cost_form=xrouter", more]).is_empty());
    }

    #[test]
    fn steps_where_every_workflow_has_one() {
        let weighed = "reward.steps_weight=0.1";
        // The pool of these tests has a vote, which needs a second step.
        let alone = r#"pool.workers=[{name="a",kind="recorded",recording="r"}]"#;
        let one = [alone, weighed, "workflow.max_steps=1"];
        assert_eq!(conflicts(&one), ["reward.steps_weight"]);
        assert!(conflicts(&[&one[..], &["workflow.rounds=2"]].concat()).is_empty());
        assert!(conflicts(&[alone, weighed, "workflow.max_steps=2"]).is_empty());
    }

    #[test]
    fn a_latency_where_nothing_takes_time() {
        let sim = |ms: &str| {
            format!(r#"pool.workers=[{{name="s",kind="simulated",latency_median_ms={ms}}}]"#)
        };
        let weighed = "reward.latency_weight=0.1";
        assert_eq!(conflicts(&[&sim("0"), weighed]), ["reward.latency_weight"]);
        assert!(conflicts(&[&sim("5"), weighed]).is_empty());
        assert!(conflicts(&[weighed]).is_empty());
    }

    #[test]
    fn a_judge_that_cannot_judge() {
        let judge = |keys: &str| {
            format!(
                r#"pool.unlisted=[{{name="j",kind="openai",base_url="http://h/v1",model="m"{keys}}}]"#
            )
        };
        let named = |name: &str| format!("reward.judge={{worker=\"{name}\"}}");
        assert!(conflicts(&[&judge(""), &named("j")]).is_empty());
        assert!(conflicts(&[&judge(",temperature=0"), &named("j")]).is_empty());
        assert_eq!(conflicts(&[&judge(""), &named("k")]), ["reward.judge.worker"]);
        assert_eq!(conflicts(&[&named("a")]), ["reward.judge.worker"]);
        let warm = judge(",temperature=0.7");
        assert_eq!(conflicts(&[&warm, &named("j")]), ["pool.unlisted[0].temperature"]);
    }

    #[test]
    fn a_cost_where_nothing_costs() {
        let live = |prices: &str| {
            format!(
                r#"pool.workers=[{{name="a",kind="openai",base_url="http://h/v1",model="m"{prices}}}]"#
            )
        };
        assert_eq!(conflicts(&[&live(""), "reward.cost_weight=0.1"]), ["reward.cost_weight"]);
        let priced = live(",input_usd_per_million=0.1,output_usd_per_million=0.2");
        assert!(conflicts(&[&priced, "reward.cost_weight=0.1"]).is_empty());
        assert!(conflicts(&["reward.cost_weight=0.1"]).is_empty());
    }
}
