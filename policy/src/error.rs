use std::path::{Path, PathBuf};

/// What can go wrong with a policy. Every message says what was expected, what was given, and where.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A file cannot be read or written.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// "read", "write", "create" …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A model folder lacks something.
    #[error(
        "{folder} is no complete model folder: {missing} is missing; expected a Hugging Face folder with config.json, *.safetensors and tokenizer.json"
    )]
    Incomplete {
        /// The folder.
        folder: PathBuf,
        /// What it lacks.
        missing: String,
    },
    /// A file is damaged or not in the expected form.
    #[error("{path} cannot be used: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The configuration asks for something that is not implemented.
    #[error("{path}: {what} is not supported; {hint}")]
    Unsupported {
        /// The file that asks for it.
        path: PathBuf,
        /// What is asked for.
        what: String,
        /// What to do instead.
        hint: String,
    },
    /// A weight is missing, superfluous or of another shape.
    #[error("{path}: weight {name}: expected {expected}, found {found}")]
    Weight {
        /// Folder or file of the weights.
        path: PathBuf,
        /// Its name.
        name: String,
        /// What the configuration calls for.
        expected: String,
        /// What the file holds.
        found: String,
    },
    /// Tokenizer and model do not belong together.
    #[error("the tokenizer does not fit the model in {folder}: {reason}")]
    TokenizerMismatch {
        /// The model folder.
        folder: PathBuf,
        /// In what they differ.
        reason: String,
    },
    /// The chat template fails.
    #[error("the chat template of {folder} fails: {reason}")]
    Template {
        /// The model folder.
        folder: PathBuf,
        /// The template engine's words.
        reason: String,
    },
    /// The configured device cannot be used.
    #[error("{0}")]
    Device(String),
    /// Tokens that the model cannot read.
    #[error("{what}: {reason}")]
    Tokens {
        /// Which input.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// libtorch refused an operation.
    #[error("libtorch: {0}")]
    Torch(String),
}

/// What libtorch says, without the addresses of its own functions that follow it.
pub fn without_frames(message: &str) -> &str {
    let starts =
        ["Exception raised from", "frame #0"].iter().filter_map(|start| message.find(start));
    message[..starts.min().unwrap_or(message.len())].trim_end()
}

impl From<tch::TchError> for PolicyError {
    fn from(error: tch::TchError) -> Self {
        Self::Torch(without_frames(&error.to_string()).to_owned())
    }
}

impl PolicyError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    pub(crate) fn malformed(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::Malformed { path: path.to_owned(), reason: reason.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::PolicyError;

    #[test]
    fn the_addresses_of_libtorchs_functions_are_left_out() {
        // As a GPU's allocator says it, and as the processor's does.
        for after in [
            "Exception raised from malloc at Allocator.cpp:1427:\nframe #0: c10::Error",
            "    frame #0: c10::Throw",
        ] {
            let said =
                format!("out of memory. Tried to allocate 108 MiB.\n{after} (0x78 in libc10.so)\n");
            let error = PolicyError::from(tch::TchError::Torch(said));
            let told = error.to_string();
            assert!(told.ends_with("out of memory. Tried to allocate 108 MiB."), "{told}");
            assert!(std::error::Error::source(&error).is_none(), "a cause would be told with them");
        }
    }
}
