//! Content parts: a question that is more than text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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

impl Part {
    /// A text part.
    pub fn of_text(text: impl Into<String>) -> Self {
        Self(json!({ "type": "text", "text": text.into() }))
    }

    /// What it is in a word: `image`, `audio`, `file`, or the type that it names itself.
    fn kind(&self) -> &str {
        match self.0.get("type").and_then(Value::as_str) {
            Some("image_url" | "input_image" | "image") => "image",
            Some("input_audio" | "audio_url" | "audio") => "audio",
            Some("video_url" | "input_video" | "video") => "video",
            Some("file" | "input_file") => "file",
            // What is longer than a word is no name, and might be anything.
            Some(other) if other.len() <= 32 && !other.contains(char::is_whitespace) => other,
            _ => "part",
        }
    }
}

/// Content parts for who reads only text: each text as it stands, and for what is no text a mark in its place, counted by kind
/// (`[image 1]`). Parts are parted by line breaks.
pub fn readable(parts: &[Part]) -> String {
    let mut counts = BTreeMap::<&str, usize>::new();
    let mut text = String::new();
    for (number, part) in parts.iter().enumerate() {
        if number > 0 && !text.ends_with('\n') {
            text.push('\n');
        }
        if let Some(words) = part.text() {
            text.push_str(words);
            continue;
        }
        let count = counts.entry(part.kind()).or_default();
        *count += 1;
        write!(text, "[{} {count}]", part.kind()).expect("writing to a string cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_keeps_its_place() {
        let parts: Vec<Part> = serde_json::from_str(
            r#"[{"type": "text", "text": "Left:"}, {"type": "image_url", "image_url": {"url": "data:,"}},
                {"type": "text", "text": "Right:\n"}, {"type": "image_url", "image_url": {"url": "http://h/b.png"}},
                {"type": "input_audio", "input_audio": {}}, {"type": "x y"}, 3, {"type": "text", "text": "Same?"}]"#,
        )
        .expect("JSON");
        assert_eq!(
            readable(&parts),
            "Left:\n[image 1]\nRight:\n[image 2]\n[audio 1]\n[part 1]\n[part 2]\nSame?"
        );
        assert_eq!(readable(&[]), "");
        assert_eq!(Part::of_text("a").text(), Some("a"));
    }

    #[test]
    fn only_text_parts_have_text() {
        let part = |json: &str| serde_json::from_str::<Part>(json).expect("JSON");
        assert_eq!(part(r#"{"type": "text", "text": "How many?"}"#).text(), Some("How many?"));
        assert_eq!(part(r#"{"type": "image_url", "image_url": {"url": "data:,"}}"#).text(), None);
        assert_eq!(part("3").text(), None);
    }
}
