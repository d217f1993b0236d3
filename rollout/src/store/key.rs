use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// What a paid answer is found by: SHA-256 of worker, request body and sample, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AnswerKey(String);

impl AnswerKey {
    /// `request` is the body as sent: model, messages and sampling settings. `sample` tells answers to the same request
    /// apart where the worker samples.
    ///
    /// ```
    /// use conductor_rollout::store::AnswerKey;
    /// assert_ne!(AnswerKey::of("a", "bc", None), AnswerKey::of("ab", "c", None));
    /// assert_ne!(AnswerKey::of("a", "b", None), AnswerKey::of("a", "b", Some(0)));
    /// ```
    pub fn of(worker: &str, request: &str, sample: Option<u32>) -> Self {
        let mut hash = Sha256::new();
        for part in [worker, request] {
            // With its length in front, no part can pass for the end of another.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        if let Some(sample) = sample {
            hash.update(sample.to_le_bytes());
        }
        let mut text = String::with_capacity(64);
        for byte in hash.finalize() {
            write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        }
        Self(text)
    }

    /// The hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
