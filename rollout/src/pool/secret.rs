//! A key that cannot be printed.

use std::path::Path;

/// A secret. It has no `Display`, its `Debug` shows nothing of it, and it is not serialisable.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The value of an environment variable, without white space at its ends; `None` where it is not set or empty.
    pub fn from_env(variable: &str) -> Option<Self> {
        Self::trimmed(&std::env::var(variable).ok()?)
    }

    /// What a file holds, without white space at its ends; `None` where that is nothing.
    pub fn from_file(path: &Path) -> std::io::Result<Option<Self>> {
        Ok(Self::trimmed(&std::fs::read_to_string(path)?))
    }

    fn trimmed(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The secret itself, for the one place that sends it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// `text` with every occurrence of the secret replaced: providers like to repeat keys in their messages.
    pub fn redact(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&self.0, "[key]") }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_it_is_shown() {
        let secret = Secret::new("sk-very-secret");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(secret.redact("bad key sk-very-secret!"), "bad key [key]!");
        assert_eq!(Secret::new("").redact("abc"), "abc");
    }
}
