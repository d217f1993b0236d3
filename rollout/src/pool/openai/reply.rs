//! What a chat endpoint answers.

use serde::Deserialize;
use serde_json::Value;

/// No call has more tokens than this, of prompt or answer.
const MOST_TOKENS: u64 = 1 << 32;

/// A chat completion, as far as it is used.
#[derive(Deserialize)]
pub struct Reply {
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Value,
}

#[derive(Deserialize)]
struct Choice {
    message: ChoiceMessage,
}

#[derive(Deserialize)]
struct ChoiceMessage {
    #[serde(default)]
    content: Option<String>,
}

/// Tokens of a call, as the endpoint counted them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counts {
    /// Tokens read.
    pub prompt: u64,
    /// Those among them that the provider had cached.
    pub cached: u64,
    /// Tokens written, hidden reasoning included.
    pub completion: u64,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    #[serde(default)]
    total_tokens: Option<u64>,
    /// OpenAI's place for tokens that a provider had cached.
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
    /// DeepSeek's.
    #[serde(default)]
    prompt_cache_hit_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

impl Reply {
    /// The text and the counts, each where there is one. Counts that make no sense are none: the answer is paid all the same.
    pub fn into_parts(self) -> (Option<String>, Option<Counts>) {
        let text = self.choices.into_iter().next().and_then(|choice| choice.message.content);
        let counts = serde_json::from_value::<Usage>(self.usage).ok().map(Counts::from);
        let counts = counts.filter(|counts| counts.prompt.max(counts.completion) <= MOST_TOKENS);
        (text.filter(|text| !text.trim().is_empty()), counts)
    }
}

impl From<Usage> for Counts {
    fn from(usage: Usage) -> Self {
        let openai = usage.prompt_tokens_details.and_then(|details| details.cached_tokens);
        let cached = openai.or(usage.prompt_cache_hit_tokens).unwrap_or(0);
        // Some providers leave hidden reasoning out of the completion, and have it in the total.
        let written = usage.total_tokens.unwrap_or(0).saturating_sub(usage.prompt_tokens);
        Self {
            prompt: usage.prompt_tokens,
            cached: cached.min(usage.prompt_tokens),
            completion: usage.completion_tokens.max(written),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(usage: &str) -> Option<Counts> {
        let text = format!("{{\"choices\":[],\"usage\":{usage}}}");
        serde_json::from_str::<Reply>(&text).unwrap().into_parts().1
    }

    #[test]
    fn hidden_reasoning_counts_wherever_it_is_reported() {
        let plain = r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}"#;
        assert_eq!(counts(plain), Some(Counts { prompt: 10, cached: 0, completion: 5 }));
        let hidden = r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":95}"#;
        assert_eq!(counts(hidden), Some(Counts { prompt: 10, cached: 0, completion: 85 }));
        let cached = r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":40}}"#;
        assert_eq!(counts(cached), Some(Counts { prompt: 10, cached: 10, completion: 5 }));
    }

    #[test]
    fn counts_that_make_no_sense_are_none() {
        for usage in
            ["null", "[]", "7", r#"{"prompt_tokens":-1}"#, r#"{"prompt_tokens":"many"}"#, "{}"]
        {
            assert_eq!(counts(usage), None, "{usage}");
        }
    }
}
