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
