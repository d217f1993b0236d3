//! Metrics of worker calls: by worker, by position in the workflow, and of the workflows' shapes.

use conductor_rollout::Pool;
use conductor_types::{Call, Episode, Outcome, Workflow};

use super::{Metrics, mean, sum};

/// Positions that have metrics of their own; later ones are counted together with the last.
const POSITIONS: usize = 5;

/// Adds them.
pub(super) fn add(metrics: &mut Metrics, episodes: &[&Episode], pool: &Pool) {
    let calls: Vec<&Call> = episodes.iter().flat_map(|e| e.outcome.calls()).collect();
    of_all(metrics, &calls);
    for card in pool.cards() {
        let own: Vec<&Call> =
            calls.iter().copied().filter(|call| call.worker == card.name).collect();
        let share = own.len() as f64 / calls.len().max(1) as f64;
        metrics.insert(format!("pool/share/{}", card.name), share);
        of_worker(metrics, &card.name, &own);
    }
    for position in 0..POSITIONS {
        let at: Vec<&Call> =
            calls.iter().copied().filter(|c| c.step.min(POSITIONS - 1) == position).collect();
        of_position(metrics, position, &at);
    }
    of_shapes(metrics, episodes);
}

fn of_all(metrics: &mut Metrics, calls: &[&Call]) {
    let sum = |of: fn(&Call) -> f64| sum(calls.iter().map(|call| of(call)));
    metrics.insert("pool/calls".into(), calls.len() as f64);
    metrics.insert("pool/failed".into(), sum(|call| flag(call.error.is_some())));
    metrics.insert("pool/retries".into(), sum(retries));
    metrics.insert("pool/reused".into(), sum(|call| flag(call.usage.reused)));
    metrics.insert("pool/estimated".into(), sum(|call| flag(call.usage.estimated)));
}

fn of_worker(metrics: &mut Metrics, worker: &str, calls: &[&Call]) {
    // A worker that nobody asked has nothing to tell.
    if calls.is_empty() {
        return;
    }
    let mut set = |name: &str, value: f64| metrics.insert(format!("{name}/{worker}"), value);
    let sum = |of: fn(&Call) -> f64| sum(calls.iter().map(|call| of(call)));
    set("pool/calls", calls.len() as f64);
    set("pool/failed", sum(|call| flag(call.error.is_some())));
    set("pool/retries", sum(retries));
    set("pool/reused", sum(|call| flag(call.usage.reused)));
    set("pool/prompt_tokens", sum(|call| call.usage.prompt_tokens as f64));
    set("pool/completion_tokens", sum(|call| call.usage.completion_tokens as f64));
    set("cost/usd", sum(|call| call.usage.cost_usd));
    set("cost/paid_usd", sum(|call| call.usage.paid_usd()));
    let asked = || calls.iter().filter(|call| call.error.is_none() && !call.usage.reused);
    let mut latencies: Vec<f64> = asked().map(|call| call.usage.latency_ms).collect();
    if latencies.is_empty() {
        return;
    }
    latencies.sort_by(f64::total_cmp);
    for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
        set(&format!("pool/latency_ms_{name}"), quantile(&latencies, share));
    }
    set("pool/queue_ms_mean", mean(asked().map(|call| call.usage.queue_ms)));
}

fn of_position(metrics: &mut Metrics, position: usize, calls: &[&Call]) {
    if calls.is_empty() {
        return;
    }
    let mut set = |name: &str, value: f64| metrics.insert(format!("{name}/step_{position}"), value);
    let tokens = |call: &&&Call| (call.usage.prompt_tokens + call.usage.completion_tokens) as f64;
    set("workflow/calls", calls.len() as f64);
    set("workflow/failed", calls.iter().map(|call| flag(call.error.is_some())).sum());
    set("workflow/tokens_mean", mean(calls.iter().map(|call| tokens(&call))));
    set("workflow/usd_mean", mean(calls.iter().map(|call| call.usage.cost_usd)));
    set("workflow/latency_ms_mean", mean(calls.iter().map(|call| call.usage.latency_ms)));
}

fn of_shapes(metrics: &mut Metrics, episodes: &[&Episode]) {
    let workflows: Vec<&Workflow> =
        episodes.iter().filter_map(|episode| episode.outcome.workflow()).collect();
    for shape in Shape::ALL {
        let found = workflows.iter().filter(|workflow| Shape::of(workflow) == shape).count();
        // Only a later round can let an answer stand.
        if shape == Shape::Kept && found == 0 {
            continue;
        }
        let share = found as f64 / workflows.len().max(1) as f64;
        metrics.insert(format!("workflow/shape/{}", shape.name()), share);
    }
    let times: Vec<(f64, f64)> = episodes
        .iter()
        .filter_map(|episode| match &episode.outcome {
            Outcome::Ran { critical_path_ms, .. } => {
                Some((*critical_path_ms, episode.outcome.usage().latency_ms))
            }
            _ => None,
        })
        .collect();
    metrics.insert("workflow/critical_path_ms".into(), mean(times.iter().map(|times| times.0)));
    metrics.insert("workflow/sum_of_steps_ms".into(), mean(times.iter().map(|times| times.1)));
}

/// How the steps of a workflow hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// No step: the answer of the round before stands.
    Kept,
    /// One step.
    Single,
    /// Several steps, each after the one before.
    Chain,
    /// Several steps, none of which sees another.
    Independent,
    /// Anything else: steps that run at the same time, and steps that see others.
    Graph,
}

impl Shape {
    const ALL: [Self; 5] = [Self::Kept, Self::Single, Self::Chain, Self::Independent, Self::Graph];

    fn of(workflow: &Workflow) -> Self {
        let steps = workflow.steps.len();
        match workflow.depth() {
            _ if steps == 0 => Self::Kept,
            _ if steps == 1 => Self::Single,
            1 => Self::Independent,
            depth if depth == steps => Self::Chain,
            _ => Self::Graph,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Single => "single",
            Self::Chain => "chain",
            Self::Independent => "independent",
            Self::Graph => "graph",
        }
    }
}

/// Requests beyond the first of a call.
fn retries(call: &Call) -> f64 {
    f64::from(call.usage.attempts.saturating_sub(1))
}

/// The smallest value that is not below this share of all (nearest rank); `sorted` is not empty.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

fn flag(value: bool) -> f64 {
    f64::from(u8::from(value))
}

#[cfg(test)]
mod tests {
    use conductor_types::Step;

    use super::*;

    fn workflow(access: &[&[usize]]) -> Workflow {
        let step = |access: &&[usize]| Step::new(0, "", access.to_vec());
        Workflow { steps: access.iter().map(step).collect() }
    }

    #[test]
    fn shapes_of_workflows() {
        assert_eq!(Shape::of(&workflow(&[&[]])), Shape::Single);
        assert_eq!(Shape::of(&workflow(&[&[], &[0], &[0, 1]])), Shape::Chain);
        assert_eq!(Shape::of(&workflow(&[&[], &[], &[]])), Shape::Independent);
        assert_eq!(Shape::of(&workflow(&[&[], &[], &[0, 1]])), Shape::Graph);
    }

    #[test]
    fn quantiles_are_values_that_occurred() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        let at = |share| quantile(&values, share) as u32;
        assert_eq!((at(0.5), at(0.9), at(0.99), at(1.0)), (50, 90, 99, 100));
        assert_eq!(quantile(&[7.0], 0.5) as u32, 7);
    }
}
