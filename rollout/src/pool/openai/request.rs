//! What a live worker is asked: the JSON body of a request, and how much of a token limit it may take.

use conductor_configs::schema;
use conductor_types::Part;
use serde_json::{Map, Value, json};

use crate::card::Price;

/// Tokens that an endpoint's chat template may put around a message.
const TEMPLATE_TOKENS: u64 = 256;
/// Characters a token, at most: with more, a text surely has fewer tokens than it would need. Common tokenizers make
/// 3 to 5 characters of prose and code a token, in any script.
const MOST_CHARS_PER_TOKEN: u64 = 6;

/// What is asked, as it is sent.
#[derive(Debug, Clone)]
pub struct ChatRequest {
    /// The JSON body. The key is a header and not part of it.
    pub body: String,
    /// The message, to be counted where the endpoint does not.
    pub message: String,
    /// Tokens of what of it is no text, at most.
    pub image_tokens: u64,
    /// Prompt tokens by estimate and answer tokens at their most: what the call may take of a token limit.
    pub most_tokens: u64,
    /// Dollars at most.
    pub most_usd: f64,
    /// Why it cannot fit into the model's context, where that is sure.
    pub too_long: Option<String>,
}

/// What every request of a worker has in common.
pub struct Form {
    settings: schema::OpenAiWorker,
    price: Price,
}

impl Form {
    /// The form of requests under these settings.
    pub fn new(settings: &schema::OpenAiWorker, price: Price) -> Self {
        Self { settings: settings.clone(), price }
    }

    /// The request that sends `message` as the user's, or its content parts as they are, where there are any.
    pub fn request(&self, message: &str, parts: &[Part]) -> ChatRequest {
        let Self { settings, .. } = self;
        let content = if parts.is_empty() { json!(message) } else { json!(parts) };
        let mut messages = vec![json!({ "role": "user", "content": content })];
        if let Some(prefill) = &settings.prefill {
            messages.push(json!({ "role": "assistant", "content": prefill }));
        }
        // Stored answers are found by these bytes: what is added must leave the bodies of those who do not use it alone.
        let mut body = Map::new();
        body.insert("model".into(), json!(settings.model));
        body.insert("messages".into(), Value::Array(messages));
        if let Some(temperature) = settings.sent_temperature() {
            body.insert("temperature".into(), json!(temperature));
        }
        body.insert(settings.max_tokens_field.as_str().into(), json!(settings.max_tokens));
        if let Some(effort) = &settings.reasoning_effort {
            body.insert("reasoning_effort".into(), json!(effort));
        }
        for (field, value) in &settings.extra_body {
            body.entry(field).or_insert_with(|| value.clone());
        }
        let images = parts.iter().filter(|part| part.text().is_none()).count() as u64;
        let image_tokens = images * u64::from(settings.image_tokens);
        let prompt_tokens = estimate(message) + image_tokens;
        ChatRequest {
            body: Value::Object(body).to_string(),
            message: message.to_owned(),
            image_tokens,
            most_usd: self.most_usd(message, image_tokens),
            most_tokens: prompt_tokens + u64::from(settings.max_tokens),
            too_long: self.too_long(message),
        }
    }

    /// The whole answer, of which the endpoint may have returned only what it added to its start.
    pub fn whole(&self, text: String) -> String {
        match &self.settings.prefill {
            Some(start) if !text.starts_with(start.as_str()) => format!("{start}{text}"),
            _ => text,
        }
    }

    /// The most that a request can cost: no tokenizer makes more tokens than there are bytes, and what is no text takes what the
    /// configuration says.
    fn most_usd(&self, message: &str, image_tokens: u64) -> f64 {
        let prefill = self.settings.prefill.as_ref().map_or(0, String::len);
        let prompt = (message.len() + prefill) as u64 + TEMPLATE_TOKENS + image_tokens;
        self.price.of(prompt, u64::from(self.settings.max_tokens))
    }

    fn too_long(&self, message: &str) -> Option<String> {
        let context = self.settings.context_tokens?;
        let least = (message.chars().count() as u64).div_ceil(MOST_CHARS_PER_TOKEN);
        let max_tokens = self.settings.max_tokens;
        (least + u64::from(max_tokens) > u64::from(context)).then(|| {
            format!(
                "the prompt has at least {least} tokens, which with max_tokens = {max_tokens} do not fit into \
                 context_tokens = {context}; it was not sent. Lower max_tokens, or let workflows show their steps less"
            )
        })
    }
}

/// Tokens of a text before its call: four bytes each, rounded up.
fn estimate(text: &str) -> u64 {
    (text.len() as u64).div_ceil(4)
}
