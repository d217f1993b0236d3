//! Chat messages, and the trait through which rollout reaches the policy.

use serde::{Deserialize, Serialize};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The frame of the conversation.
    System,
    /// The one who asks.
    User,
    /// The model.
    Assistant,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

impl ChatMessage {
    /// A turn of the user.
    pub fn user(content: impl Into<String>) -> Self {
        Self { role: Role::User, content: content.into() }
    }

    /// A turn that the model wrote.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self { role: Role::Assistant, content: content.into() }
    }

    /// A system turn.
    pub fn system(content: impl Into<String>) -> Self {
        Self { role: Role::System, content: content.into() }
    }
}

/// One prompt and the samples wanted for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleRequest {
    /// The conversation that the policy continues.
    pub messages: Vec<ChatMessage>,
    /// The start of the policy's own turn; may be empty.
    pub assistant_prefix: String,
    /// One seed a sample: as many completions come back, in this order.
    pub seeds: Vec<u64>,
}

/// One sampled continuation.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The prompt as the policy read it, chat template and assistant prefix included.
    pub prompt_tokens: std::sync::Arc<[i64]>,
    /// The sampled tokens, the end-of-sequence token included where it was sampled.
    /// They are kept as sampled; the text is never tokenised again.
    pub tokens: Vec<i64>,
    /// Log-probability of each sampled token under the distribution it was sampled from; same length as `tokens`.
    pub logprobs: Vec<f32>,
    /// The text of `tokens` without special tokens (the assistant prefix is not repeated).
    pub text: String,
    /// Why sampling ended.
    pub finish: FinishReason,
}

/// Why sampling ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// A stop token was sampled.
    Stop,
    /// The limit on new tokens was reached.
    Length,
}

/// Something that continues prompts: the policy itself, a remote server, or a script in a test.
pub trait Sampler {
    /// Continues every request; the outer list follows `requests`, the inner one the request's seeds.
    /// The same request with the same weights and seeds gives the same tokens.
    fn sample(&mut self, requests: &[SampleRequest]) -> Result<Vec<Vec<Completion>>, SamplerError>;
}

/// Why nothing was sampled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SamplerError {
    /// The prompt is longer than the configured limit or the model's context.
    #[error("prompt {index} has {tokens} tokens, more than the limit of {limit}")]
    PromptTooLong {
        /// Which request of the batch.
        index: usize,
        /// Its length.
        tokens: usize,
        /// The limit that it breaks.
        limit: usize,
    },
    /// Sampling was asked to stop.
    #[error("sampling was interrupted")]
    Interrupted,
    /// Anything else, in the sampler's own words.
    #[error("sampling failed: {0}")]
    Failed(String),
}
