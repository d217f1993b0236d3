//! The chat template of a model folder: the Jinja text that turns messages into one prompt.

use std::path::{Path, PathBuf};

use conductor_types::ChatMessage;
use minijinja::{Environment, ErrorKind, Value, context};

use crate::PolicyError;
use crate::config::read_json;

/// A compiled chat template.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    bos_token: String,
    eos_token: String,
    folder: PathBuf,
}

impl ChatTemplate {
    /// Reads the template of a model folder: `chat_template.jinja`, or `chat_template` in `tokenizer_config.json`.
    pub fn load(folder: &Path) -> Result<Self, PolicyError> {
        let config_path = folder.join("tokenizer_config.json");
        let config =
            if config_path.is_file() { read_json(&config_path)? } else { serde_json::Value::Null };
        let file = folder.join("chat_template.jinja");
        let source = if file.is_file() {
            std::fs::read_to_string(&file).map_err(PolicyError::io("read", &file))?
        } else {
            template_of(&config).ok_or_else(|| PolicyError::Incomplete {
                folder: folder.to_owned(),
                missing: "a chat template (chat_template.jinja, or \"chat_template\" in tokenizer_config.json)".into(),
            })?
        };
        Self::compile(
            source,
            &special(&config["bos_token"]),
            &special(&config["eos_token"]),
            folder,
        )
    }

    fn compile(
        source: String,
        bos_token: &str,
        eos_token: &str,
        folder: &Path,
    ) -> Result<Self, PolicyError> {
        let mut environment = Environment::new();
        // As transformers sets its Jinja environment up.
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function(
            "raise_exception",
            |message: String| -> Result<Value, minijinja::Error> {
                Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
            },
        );
        environment
            .add_template_owned("chat", source)
            .map_err(|error| template_error(folder, &error))?;
        Ok(Self {
            environment,
            bos_token: bos_token.to_owned(),
            eos_token: eos_token.to_owned(),
            folder: folder.to_owned(),
        })
    }

    /// The text of the token that ends a turn; empty where the folder names none.
    pub fn eos_token(&self) -> &str {
        &self.eos_token
    }

    /// The prompt for a conversation, up to and including the opening of the assistant's turn.
    pub fn render(&self, messages: &[ChatMessage]) -> Result<String, PolicyError> {
        self.environment
            .get_template("chat")
            .and_then(|template| {
                template.render(context! {
                    messages => messages,
                    add_generation_prompt => true,
                    bos_token => self.bos_token,
                    eos_token => self.eos_token,
                })
            })
            .map_err(|error| template_error(&self.folder, &error))
    }
}

fn template_error(folder: &Path, error: &minijinja::Error) -> PolicyError {
    PolicyError::Template { folder: folder.to_owned(), reason: format!("{error:#}") }
}

/// One template, or the one named "default" of several.
fn template_of(config: &serde_json::Value) -> Option<String> {
    match &config["chat_template"] {
        serde_json::Value::String(source) => Some(source.clone()),
        serde_json::Value::Array(named) => named
            .iter()
            .find(|entry| entry["name"] == "default")
            .and_then(|entry| entry["template"].as_str())
            .map(str::to_owned),
        _ => None,
    }
}

/// A special token stands as text or as an object with its `content`.
fn special(value: &serde_json::Value) -> String {
    value.as_str().or_else(|| value["content"].as_str()).unwrap_or_default().to_owned()
}
