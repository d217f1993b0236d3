//! Content parts: a question that is more than text.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One content part as OpenAI's chat API takes it (`{"type": "text", "text": …}`, `{"type": "image_url", …}`), kept as it was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Part(pub Value);

impl Part {
    /// The text of a text part.
    pub fn text(&self) -> Option<&str> {
        (self.0.get("type")? == "text").then(|| self.0.get("text")?.as_str())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_parts_have_text() {
        let part = |json: &str| serde_json::from_str::<Part>(json).expect("JSON");
        assert_eq!(part(r#"{"type": "text", "text": "How many?"}"#).text(), Some("How many?"));
        assert_eq!(part(r#"{"type": "image_url", "image_url": {"url": "data:,"}}"#).text(), None);
        assert_eq!(part("3").text(), None);
    }
}
