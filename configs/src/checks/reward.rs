//! `[reward]`.

use super::{Facts, Finding};
use crate::schema::{CostForm, WorkerKind};

/// Under division by the group's deviation the weight of a plain cost cancels in groups without another spread.
pub(super) fn plain_cost_survives_scaling(facts: &Facts<'_>) -> Vec<Finding> {
    let (reward, advantage) = (&facts.config.reward, &facts.config.train.advantage);
    if reward.cost_form != CostForm::Plain || reward.cost_weight <= 0.0 || !advantage.scale_by_std {
        return Vec::new();
    }
    let message = "a plain cost loses its weight when advantages are divided by the group's standard deviation";
    let help = "set `reward.cost_form` to \"pass_rate\" or \"separate\", or `train.advantage.scale_by_std` to false";
    vec![Finding::new(
        ["reward.cost_form", "train.advantage.scale_by_std", "reward.cost_weight"],
        message,
        help,
    )]
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
