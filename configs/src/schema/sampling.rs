//! `[sampling]`: how workflows are sampled.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How workflows are sampled. There is no top-p or top-k: below 1 they bias the importance ratio of the update.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// Temperature in training; above 0.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub temperature: f64,
    /// Longest completion.
    #[schemars(range(min = 1))]
    pub max_new_tokens: u32,
    /// Longest prompt; a longer one is an error before training starts.
    #[schemars(range(min = 1))]
    pub max_prompt_tokens: u32,
    /// Completions decoded at once; bounds the memory of the key-value cache.
    #[schemars(range(min = 1))]
    pub batch_size: u32,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 1.0, max_new_tokens: 1024, max_prompt_tokens: 8192, batch_size: 64 }
    }
}
