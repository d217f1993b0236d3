//! The tokenizer of a model folder (`tokenizer.json`).

use std::path::{Path, PathBuf};

use crate::PolicyError;

/// Text to tokens and back.
#[derive(Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    path: PathBuf,
}

impl Tokenizer {
    /// Reads `tokenizer.json` of a model folder and checks that its tokens fit a vocabulary of `vocab_size`.
    pub fn load(folder: &Path, vocab_size: i64) -> Result<Self, PolicyError> {
        let path = folder.join("tokenizer.json");
        if !path.is_file() {
            return Err(PolicyError::Incomplete {
                folder: folder.to_owned(),
                missing: "tokenizer.json".into(),
            });
        }
        let mut inner = tokenizers::Tokenizer::from_file(&path)
            .map_err(|error| PolicyError::malformed(&path, error))?;
        // Fine-tunes are often saved with a length of their own; a prompt must neither be cut nor filled up in silence.
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|error| PolicyError::malformed(&path, error))?;
        // A model may have more rows than the tokenizer has tokens (padding); never fewer.
        let highest = inner.get_vocab(true).into_values().max();
        if let Some(highest) = highest.filter(|&id| i64::from(id) >= vocab_size) {
            return Err(PolicyError::TokenizerMismatch {
                folder: folder.to_owned(),
                reason: format!(
                    "tokenizer.json has token {highest}, but config.json says that the model knows {vocab_size} tokens (0 to {})",
                    vocab_size - 1
                ),
            });
        }
        Ok(Self { inner, path })
    }

    /// The tokens of a text; special tokens written in it are recognised, none are added.
    pub fn encode(&self, text: &str) -> Result<Vec<i64>, PolicyError> {
        let encoding = self.inner.encode_fast(text, false).map_err(|error| {
            PolicyError::malformed(&self.path, format!("it cannot encode a text: {error}"))
        })?;
        Ok(encoding.get_ids().iter().map(|&id| i64::from(id)).collect())
    }

    /// The text of tokens without special ones. Tokens that are no valid text become replacement characters.
    pub fn decode(&self, tokens: &[i64]) -> Result<String, PolicyError> {
        let ids: Vec<u32> = tokens.iter().filter_map(|&token| u32::try_from(token).ok()).collect();
        self.inner.decode(&ids, true).map_err(|error| {
            PolicyError::malformed(&self.path, format!("it cannot decode tokens: {error}"))
        })
    }

    /// The id of a token given by its exact text.
    pub fn token_id(&self, token: &str) -> Option<i64> {
        self.inner.token_to_id(token).map(i64::from)
    }
}
