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

impl Reply {
    /// The text and the counts, each where there is one. Counts that make no sense are none: the answer is paid all the same.
    pub fn into_parts(self) -> (Option<String>, Option<Counts>) {
        let text = self.choices.into_iter().next().and_then(|choice| choice.message.content);
        (text.filter(|text| !text.trim().is_empty()), Counts::of(&self.usage))
    }
}

impl Counts {
    /// What `usage` says, each number by itself: an odd one loses no other. `None` without the tokens read, or without any way to know
    /// those written.
    fn of(usage: &Value) -> Option<Self> {
        let prompt = tokens(&usage["prompt_tokens"])?;
        let shown = tokens(&usage["completion_tokens"]);
        // Some providers leave hidden reasoning out of the completion, and have it in the total or by itself.
        let total = tokens(&usage["total_tokens"]).map(|total| total.saturating_sub(prompt));
        let hidden = tokens(&usage["completion_tokens_details"]["reasoning_tokens"]);
        let beside = hidden.filter(|hidden| *hidden > shown.unwrap_or(0));
        let with_hidden = beside.map(|hidden| shown.unwrap_or(0) + hidden);
        let completion = [shown, total, with_hidden].into_iter().flatten().max()?;
        // OpenAI's place for tokens that a provider had cached, and DeepSeek's.
        let cached = tokens(&usage["prompt_tokens_details"]["cached_tokens"])
            .or_else(|| tokens(&usage["prompt_cache_hit_tokens"]))
            .unwrap_or(0);
        Some(Self { prompt, cached: cached.min(prompt), completion })
    }
}

/// A number of tokens that makes sense, also where it is written as 12.0.
fn tokens(value: &Value) -> Option<u64> {
    let whole = |number: f64| {
        (number >= 0.0 && number.fract() == 0.0 && number <= MOST_TOKENS as f64)
            .then_some(number as u64)
    };
    value.as_u64().or_else(|| whole(value.as_f64()?)).filter(|&number| number <= MOST_TOKENS)
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
        for beside in [
            r#"{"prompt_tokens":10,"completion_tokens":5,"completion_tokens_details":{"reasoning_tokens":80}}"#,
            r#"{"prompt_tokens":10,"completion_tokens":null,"total_tokens":95}"#,
            r#"{"prompt_tokens":10.0,"completion_tokens":85.0}"#,
            r#"{"prompt_tokens":10,"completion_tokens":85,"total_tokens":"?","completion_tokens_details":{"reasoning_tokens":80}}"#,
        ] {
            assert_eq!(counts(beside), Some(Counts { prompt: 10, cached: 0, completion: 85 }));
        }
        let cached = r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":40}}"#;
        assert_eq!(counts(cached), Some(Counts { prompt: 10, cached: 10, completion: 5 }));
    }

    #[test]
    fn counts_that_make_no_sense_are_none() {
        for usage in [
            "null",
            "[]",
            "7",
            r#"{"prompt_tokens":-1}"#,
            r#"{"prompt_tokens":"many"}"#,
            "{}",
            r#"{"prompt_tokens":1.5,"completion_tokens":1}"#,
        ] {
            assert_eq!(counts(usage), None, "{usage}");
        }
    }
}
