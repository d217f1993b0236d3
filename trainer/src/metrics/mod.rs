//! Metrics of a step by name; docs/metrics.md has a line for each.

mod calls;

use std::collections::BTreeMap;

use conductor_rollout::Pool;
use conductor_types::{Episode, FinishReason, Outcome, RewardParts, Verdict, WorkflowErrorKind};

use crate::learner::UpdateStats;

pub(crate) type Metrics = BTreeMap<String, f64>;

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value;
        count += 1.0;
    }
    if count > 0.0 { sum / count } else { 0.0 }
}

/// A sum that is 0 where there is nothing to add; the standard one is minus zero then.
fn sum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |sum, value| sum + value)
}

/// Metrics of the episodes of a step, or of an evaluation.
pub(crate) fn of_episodes(groups: &[Vec<Episode>], pool: &Pool) -> Metrics {
    let all: Vec<&Episode> = groups.iter().flatten().collect();
    let count = all.len().max(1) as f64;
    let mut metrics = Metrics::new();
    let mut set = |name: &str, value: f64| metrics.insert(name.to_owned(), value);

    let rewards = || all.iter().filter_map(|e| e.reward).map(|r| r.total());
    set("critic/rewards/mean", mean(rewards()));
    set("critic/rewards/max", rewards().reduce(f64::max).unwrap_or(0.0));
    set("critic/rewards/min", rewards().reduce(f64::min).unwrap_or(0.0));
    set("reward/correctness", mean(all.iter().filter_map(|e| e.score())));
    set("reward/cost", mean(all.iter().filter_map(|e| e.reward).map(|r| r.cost)));
    for (index, part) in RewardParts::NAMES.into_iter().enumerate() {
        let values: Vec<f64> =
            all.iter().filter_map(|e| e.reward).map(|reward| reward.values()[index]).collect();
        set(&format!("rewards/{part}/mean"), mean(values.iter().copied()));
        set(&format!("rewards/{part}/std"), deviation(&values));
    }
    let spreads: Vec<f64> = groups.iter().map(|group| spread(group)).collect();
    set("reward_std", mean(spreads.iter().copied()));
    set("frac_reward_zero_std", mean(spreads.iter().map(|&s| f64::from(u8::from(s < 1e-9)))));

    let lengths = || all.iter().map(|e| e.completion.tokens.len() as f64);
    set("response_length/mean", mean(lengths()));
    set("response_length/max", lengths().reduce(f64::max).unwrap_or(0.0));
    set(
        "response_length/clip_ratio",
        mean(all.iter().map(|e| flag(e.completion.finish == FinishReason::Length))),
    );
    set("prompt_length/mean", mean(all.iter().map(|e| e.completion.prompt_tokens.len() as f64)));

    let ran = || all.iter().filter(|e| !matches!(e.outcome, Outcome::Malformed(_)));
    set("workflow/valid", ran().count() as f64 / count);
    set(
        "workflow/steps",
        mean(ran().filter_map(|e| e.outcome.workflow()).map(|w| w.steps.len() as f64)),
    );
    set(
        "workflow/depth",
        mean(ran().filter_map(|e| e.outcome.workflow()).map(|w| w.depth() as f64)),
    );
    for kind in WorkflowErrorKind::ALL {
        let found = all
            .iter()
            .filter(|e| matches!(&e.outcome, Outcome::Malformed(error) if error.kind == kind))
            .count();
        if found > 0 {
            set(&format!("workflow/error/{kind}"), found as f64 / count);
        }
    }
    let unscorable =
        all.iter().filter(|e| matches!(e.verdict, Some(Verdict::Unscorable { .. }))).count();
    set("workflow/unscorable", unscorable as f64 / count);

    set("cost/usd_mean", mean(ran().map(|e| e.outcome.usage().cost_usd)));
    set("cost/usd_total", sum(all.iter().map(|e| e.outcome.usage().cost_usd)));
    set("cost/saved_usd", sum(all.iter().map(|e| e.outcome.usage().saved_usd)));
    set(
        "pool/tokens_mean",
        mean(ran().map(|e| {
            (e.outcome.usage().prompt_tokens + e.outcome.usage().completion_tokens) as f64
        })),
    );
    calls::add(&mut metrics, &all, pool);
    metrics
}

fn spread(group: &[Episode]) -> f64 {
    let rewards: Vec<f64> = group.iter().filter_map(|e| e.reward).map(|r| r.total()).collect();
    deviation(&rewards)
}

/// The standard deviation (n − 1); 0 of fewer than two values.
fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let center = mean(values.iter().copied());
    (values.iter().map(|r| (r - center).powi(2)).sum::<f64>() / (values.len() - 1) as f64).sqrt()
}

fn flag(value: bool) -> f64 {
    f64::from(u8::from(value))
}

/// Adds the metrics of an update.
pub(crate) fn add_update(metrics: &mut Metrics, stats: &UpdateStats) {
    for (name, value) in [
        ("actor/loss", stats.loss),
        ("actor/pg_loss", stats.policy_loss),
        ("actor/pg_clipfrac", stats.clip_share),
        ("actor/ppo_kl", stats.policy_kl),
        ("actor/kl_loss", stats.reference_kl),
        ("actor/entropy", stats.entropy),
        ("actor/grad_norm", stats.gradient_norm),
        ("actor/lr", stats.lr),
        ("sampler/kl", stats.sampler_kl),
        ("sampler/log_ratio_max", stats.sampler_log_ratio_max),
        ("perf/response_tokens", stats.response_tokens),
        ("perf/computed_tokens", stats.computed_tokens),
        ("perf/unshared_tokens", stats.unshared_tokens),
    ] {
        metrics.insert(name.to_owned(), value);
    }
}
