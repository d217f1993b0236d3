//! `[[pool.workers]]` of kind `simulated`: answers that are right or wrong by a draw.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A simulated worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(inline)]
pub struct SimulatedWorker {
    /// Chance to be right on a question of middling difficulty, by the tasks' domain, for example
    /// `{ math = 0.8, code = 0.4 }`.
    #[schemars(extend("additionalProperties" = { "type": "number", "minimum": 0, "maximum": 1 }))]
    pub skill: BTreeMap<String, f64>,
    /// The same for domains that `skill` does not name.
    #[schemars(range(min = 0, max = 1))]
    pub default_skill: f64,
    /// How far questions lie apart, in logits; with 0 all are equally hard.
    #[schemars(range(min = 0, max = 100))]
    pub difficulty_spread: f64,
    /// Logits gained by each right answer that it is shown. An answer that is right in part counts for both, in parts.
    #[schemars(range(min = 0, max = 100))]
    pub right_gain: f64,
    /// Logits lost by each wrong answer that it is shown.
    #[schemars(range(min = 0, max = 100))]
    pub wrong_loss: f64,
    /// How much it thinks.
    pub effort: Effort,
    /// So many wrong answers there are to each question, each drawn as often as any other; a vote counts equal answers.
    #[schemars(range(min = 1))]
    pub wrong_answers: u32,
    /// Median of an answer's tokens at medium effort; they are drawn from a log-normal distribution. Prompt tokens are
    /// estimated from the message, one for four bytes.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub completion_tokens_median: f64,
    /// Standard deviation of their logarithm.
    #[schemars(range(min = 0, max = 10))]
    pub completion_tokens_sigma: f64,
    /// Median milliseconds of a call at medium effort; they are drawn from a log-normal distribution.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub latency_median_ms: f64,
    /// Standard deviation of their logarithm.
    #[schemars(range(min = 0, max = 10))]
    pub latency_sigma: f64,
    /// Share of calls in the tail, which take `latency_tail_factor` times as long.
    #[schemars(range(min = 0, max = 1))]
    pub latency_tail_share: f64,
    /// How many times as long they take.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub latency_tail_factor: f64,
    /// Share of calls that fail, as those of an endpoint that is down do.
    #[schemars(range(min = 0, max = 1))]
    pub failure_share: f64,
    /// Let each call take its time, instead of only reporting it.
    pub wait: bool,
    /// Calls under way at once, where they take time.
    #[schemars(range(min = 1))]
    pub concurrency: u32,
    /// Dollars per million prompt tokens.
    #[schemars(range(min = 0))]
    pub input_usd_per_million: f64,
    /// Dollars per million completion tokens.
    #[schemars(range(min = 0))]
    pub output_usd_per_million: f64,
}

impl Default for SimulatedWorker {
    fn default() -> Self {
        Self {
            skill: BTreeMap::new(),
            default_skill: 0.5,
            difficulty_spread: 1.0,
            right_gain: 1.0,
            wrong_loss: 0.5,
            effort: Effort::Medium,
            wrong_answers: 4,
            completion_tokens_median: 200.0,
            completion_tokens_sigma: 0.5,
            latency_median_ms: 1000.0,
            latency_sigma: 0.5,
            latency_tail_share: 0.0,
            latency_tail_factor: 10.0,
            failure_share: 0.0,
            wait: false,
            concurrency: 8,
            input_usd_per_million: 0.0,
            output_usd_per_million: 0.0,
        }
    }
}

/// How much a simulated worker thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// Half the tokens and time, and half a logit less.
    Low,
    /// As configured.
    Medium,
    /// Twice the tokens and time, and half a logit more.
    High,
}
