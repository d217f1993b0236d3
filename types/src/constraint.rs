//! What a user asks of the way to an answer, in words for the policy and in rules for a checker.

use serde::{Deserialize, Serialize};

/// A user's own constraint on one question ("open models only", "under a cent"). The words are part of the question as the
/// policy reads it; the rules are what its workflow is held against. Every rule that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    /// The user's words, on one line.
    pub text: String,
    /// Tags that every worker of the workflow must have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Tags that no worker of the workflow may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without_tags: Vec<String>,
    /// Most dollars that all calls may cost together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_usd: Option<f64>,
    /// Most steps of the workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_steps: Option<u32>,
}

impl Constraint {
    /// Whether a worker with these tags may take part.
    pub fn allows_tags(&self, tags: &[String]) -> bool {
        self.tags.iter().all(|tag| tags.contains(tag))
            && !self.without_tags.iter().any(|tag| tags.contains(tag))
    }

    /// What keeps it from being one: what was expected, and what was given.
    pub fn fault(&self) -> Option<(&'static str, String)> {
        if self.text.trim().is_empty() || self.text.chars().any(char::is_control) {
            return Some(("`text` on one line that is not empty", format!("{:?}", self.text)));
        }
        if self.max_usd.is_some_and(|usd| !usd.is_finite() || usd <= 0.0) {
            let given = self.max_usd.unwrap_or_default().to_string();
            return Some(("`max_usd` above 0", given));
        }
        if self.max_steps == Some(0) {
            return Some(("`max_steps` of at least 1", "0".into()));
        }
        let mut tags = self.tags.iter().chain(&self.without_tags);
        if let Some(tag) = tags.find(|tag| tag.trim().is_empty()) {
            return Some(("tags that are not empty", format!("{tag:?}")));
        }
        if let Some(tag) = self.tags.iter().find(|tag| self.without_tags.contains(tag)) {
            let given = format!("{tag:?} in both");
            return Some(("a tag in one of `tags` and `without_tags`", given));
        }
        let rules = !self.tags.is_empty()
            || !self.without_tags.is_empty()
            || self.max_usd.is_some()
            || self.max_steps.is_some();
        (!rules).then(|| {
            ("at least one of `tags`, `without_tags`, `max_usd` and `max_steps`", "none".into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constraint_is_words_and_at_least_one_rule() {
        let read = |json: &str| serde_json::from_str::<Constraint>(json).unwrap();
        for good in [
            r#"{"text": "Use open models only.", "tags": ["open"]}"#,
            r#"{"text": "Nothing from a cloud.", "without_tags": ["cloud"], "max_steps": 2}"#,
            r#"{"text": "Stay under a cent.", "max_usd": 0.01}"#,
        ] {
            assert_eq!(read(good).fault(), None, "{good}");
        }
        for (bad, expected) in [
            (r#"{"text": " ", "max_steps": 1}"#, "`text`"),
            (r#"{"text": "a\nb", "max_steps": 1}"#, "one line"),
            (r#"{"text": "a"}"#, "at least one of"),
            (r#"{"text": "a", "tags": []}"#, "at least one of"),
            (r#"{"text": "a", "max_usd": 0}"#, "`max_usd` above 0"),
            (r#"{"text": "a", "max_usd": -1.0}"#, "`max_usd` above 0"),
            (r#"{"text": "a", "max_steps": 0}"#, "`max_steps`"),
            (r#"{"text": "a", "tags": [""]}"#, "tags that are not empty"),
            (r#"{"text": "a", "tags": ["x"], "without_tags": ["x"]}"#, "`without_tags`"),
        ] {
            let (found, _) = read(bad).fault().expect(bad);
            assert!(found.contains(expected), "{bad}: {found}");
        }
        assert!(serde_json::from_str::<Constraint>(r#"{"text": "a", "max_dollars": 1}"#).is_err());
    }
}
