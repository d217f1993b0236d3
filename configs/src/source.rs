//! Where values come from, and how that is told to a reader.

use std::ops::Range;
use std::path::PathBuf;

use serde::Serialize;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Origin {
    /// The schema's default.
    Default,
    /// A preset.
    Preset {
        /// Its file name ("quickstart.toml").
        name: String,
        /// The line, from 1.
        line: usize,
    },
    /// The run's file.
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        name: String,
    },
    /// A `--set` of the command line.
    Set,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Preset { name, line } => write!(f, "preset {name}:{line}"),
            Self::File { path, line } => write!(f, "file {}:{line}", path.display()),
            Self::Environment { name } => write!(f, "env {name}"),
            Self::Set => f.write_str("--set"),
        }
    }
}

/// What a text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SourceKind {
    Preset(String),
    File(PathBuf),
    Environment(String),
    Set,
    CommandLinePreset,
}

/// A text that says something about the configuration.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub kind: SourceKind,
    pub text: String,
}

impl Source {
    /// The name in front of a snippet.
    pub fn name(&self) -> String {
        match &self.kind {
            SourceKind::Preset(name) => format!("preset {name}"),
            SourceKind::File(path) => path.display().to_string(),
            SourceKind::Environment(_) => "environment".to_owned(),
            SourceKind::Set => "--set".to_owned(),
            SourceKind::CommandLinePreset => "--preset".to_owned(),
        }
    }

    /// The origin of what starts at `offset`.
    pub fn origin(&self, offset: usize) -> Origin {
        let (line, _) = self.line_column(offset);
        match &self.kind {
            SourceKind::Preset(name) => Origin::Preset { name: name.clone(), line },
            SourceKind::File(path) => Origin::File { path: path.clone(), line },
            SourceKind::Environment(name) => Origin::Environment { name: name.clone() },
            SourceKind::Set | SourceKind::CommandLinePreset => Origin::Set,
        }
    }

    /// Line and column (in characters), both from 1. An offset behind the end is the end.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..floor_boundary(&self.text, offset)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}

/// Every text of one load; places point into it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources(Vec<Source>);

impl Sources {
    /// Keeps a text and returns its number.
    pub fn add(&mut self, kind: SourceKind, text: String) -> usize {
        self.0.push(Source { kind, text });
        self.0.len() - 1
    }

    /// The text with that number.
    pub fn get(&self, index: usize) -> &Source {
        &self.0[index]
    }

    /// The origin of what stands at a place.
    pub fn origin(&self, place: &Place) -> Origin {
        self.get(place.source).origin(place.span.start)
    }
}

/// A stretch of one source, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub source: usize,
    pub span: Range<usize>,
}

/// The nearest character boundary at or before `offset`.
pub(crate) fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}
