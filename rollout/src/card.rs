//! What may be told of a worker: to the policy, in tables, and to whoever draws workflows at random.

use conductor_types::WorkerCapability;

/// A worker, as far as others need to know it.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerCard {
    /// Its name in the pool.
    pub name: String,
    /// Its configured description.
    pub description: Option<String>,
    /// Its configured price; `None` where no price is known.
    pub price: Option<Price>,
    /// What it can do.
    pub capability: WorkerCapability,
}

/// A price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Dollars per million prompt tokens.
    pub input_usd_per_million: f64,
    /// Dollars per million completion tokens.
    pub output_usd_per_million: f64,
}

impl Price {
    /// Nothing.
    pub const FREE: Self = Self { input_usd_per_million: 0.0, output_usd_per_million: 0.0 };

    /// Dollars for a call of this size.
    ///
    /// ```
    /// use conductor_rollout::Price;
    /// let price = Price { input_usd_per_million: 2.0, output_usd_per_million: 8.0 };
    /// assert_eq!(price.of(1_000_000, 500_000), 6.0);
    /// ```
    pub fn of(self, prompt_tokens: u64, completion_tokens: u64) -> f64 {
        (self.input_usd_per_million * prompt_tokens as f64
            + self.output_usd_per_million * completion_tokens as f64)
            / 1e6
    }
}
