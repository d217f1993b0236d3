//! What is found wrong, before it is put into words for a reader.

use serde::Serialize;

use crate::source::Place;

/// What kind of error it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// A file cannot be read, or a preset does not exist.
    Source,
    /// A text is not TOML.
    Syntax,
    /// A key that the schema does not have.
    UnknownKey,
    /// A value of another type than the schema's.
    WrongType,
    /// A word that is none of the valid ones.
    WrongValue,
    /// A number, text or list outside its limits.
    OutOfRange,
    /// A key without a default is missing.
    Missing,
    /// Values that are valid on their own and cannot work together.
    Conflict,
}

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub kind: ErrorKind,
    /// The key's path ("`train.group_size`"); empty where there is none.
    pub key: String,
    /// What was expected and what was given.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
    /// The place to show first, and those that belong to it.
    pub places: Vec<Place>,
    /// Facts without a place, such as defaults that take part in a conflict.
    pub notes: Vec<String>,
}

impl Problem {
    /// A problem with a place and a message.
    pub fn new(kind: ErrorKind, key: &str, message: impl Into<String>, place: &Place) -> Self {
        Self {
            kind,
            key: key.to_owned(),
            message: message.into(),
            help: None,
            places: vec![place.clone()],
            notes: Vec::new(),
        }
    }

    /// A problem that stands nowhere.
    pub fn nowhere(kind: ErrorKind, key: &str, message: impl Into<String>) -> Self {
        Self {
            kind,
            key: key.to_owned(),
            message: message.into(),
            help: None,
            places: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds what to do next.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
