//! What may be told of a worker: to the policy, in tables, and to whoever draws workflows at random.

use conductor_configs::schema;
use conductor_types::WorkerCapability;

/// A worker, as far as others need to know it.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerCard {
    /// Its name in the pool.
    pub name: String,
    /// Its configured description.
    pub description: Option<String>,
    /// Its configured size.
    pub size: Option<String>,
    /// Its configured tags, in their order.
    pub tags: Vec<String>,
    /// Its configured price; `None` where no price is known.
    pub price: Option<Price>,
    /// What it can do.
    pub capability: WorkerCapability,
    /// Whether its answers are drawn at random, so that no number about it was measured.
    pub simulated: bool,
}

impl WorkerCard {
    /// A card that says nothing but name and capability.
    pub fn new(name: impl Into<String>, capability: WorkerCapability) -> Self {
        Self {
            name: name.into(),
            description: None,
            size: None,
            tags: Vec::new(),
            price: None,
            capability,
            simulated: false,
        }
    }

    /// Its name in a table: a simulated worker is never taken for another.
    pub fn label(&self) -> String {
        label(&self.name, self.simulated)
    }

    /// What the keys that every kind shares say of a worker. Its kind adds capability and price.
    pub fn of(worker: &schema::Worker) -> Self {
        Self {
            description: worker.description.clone(),
            size: worker.size.clone(),
            tags: worker.tags.clone(),
            ..Self::new(worker.name.as_str(), WorkerCapability::General)
        }
    }
}

/// A name in a table, marked where what stands beside it rests on simulated workers.
pub fn label(name: &str, simulated: bool) -> String {
    if simulated { format!("{name} (simulated)") } else { name.to_owned() }
}

/// A price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Dollars per million prompt tokens.
    pub input_usd_per_million: f64,
    /// Dollars per million prompt tokens that the provider had cached.
    pub cached_input_usd_per_million: f64,
    /// Dollars per million completion tokens.
    pub output_usd_per_million: f64,
}

impl Price {
    /// Nothing.
    pub const FREE: Self = Self::flat(0.0, 0.0);

    /// A price without a discount for cached tokens.
    pub const fn flat(input_usd_per_million: f64, output_usd_per_million: f64) -> Self {
        Self {
            input_usd_per_million,
            cached_input_usd_per_million: input_usd_per_million,
            output_usd_per_million,
        }
    }

    /// Dollars for a call of this size.
    ///
    /// ```
    /// use conductor_rollout::Price;
    /// assert_eq!(Price::flat(2.0, 8.0).of(1_000_000, 500_000), 6.0);
    /// ```
    pub fn of(self, prompt_tokens: u64, completion_tokens: u64) -> f64 {
        self.of_cached(prompt_tokens, 0, completion_tokens)
    }

    /// Dollars for a call of which so many prompt tokens were cached.
    pub fn of_cached(
        self,
        prompt_tokens: u64,
        cached_prompt_tokens: u64,
        completion_tokens: u64,
    ) -> f64 {
        let cached = cached_prompt_tokens.min(prompt_tokens);
        (self.input_usd_per_million * (prompt_tokens - cached) as f64
            + self.cached_input_usd_per_million * cached as f64
            + self.output_usd_per_million * completion_tokens as f64)
            / 1e6
    }
}
