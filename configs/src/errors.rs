//! Errors for a reader (with the line, a caret and a next step) and for a machine (serde).

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

use crate::mask::mask;
use crate::problem::{ErrorKind, Problem};
use crate::source::{Origin, Place, Sources, floor_boundary};

/// Everything that is wrong with a configuration, in the order of the layers and their lines; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ConfigErrors(Vec<ConfigError>);

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigError {
    /// What kind of error it is.
    pub kind: ErrorKind,
    /// The key's path ("`train.group_size`", "`pool.workers[1].name`"); empty where no key is concerned.
    pub key: String,
    /// What was expected and what was given.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
    /// Where it stands; several places for values that cannot work together, the first being `key`'s.
    pub locations: Vec<Location>,
    /// Further facts, such as a default that takes part in a conflict.
    pub notes: Vec<String>,
}

/// A place in a file, an environment variable or an argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Location {
    /// Which layer, with its line.
    pub origin: Origin,
    /// The column in characters, from 1.
    pub column: usize,
    #[serde(skip)]
    excerpt: Excerpt,
}

/// One line of a source, secrets masked, and the bytes of it that are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Excerpt {
    name: String,
    line: usize,
    text: String,
    start: usize,
    end: usize,
}

impl ConfigErrors {
    /// Puts problems into their order and takes from the sources what is shown of them; `None` without problems.
    pub(crate) fn of(mut problems: Vec<Problem>, sources: &Sources) -> Option<Self> {
        if problems.is_empty() {
            return None;
        }
        problems.sort_by_key(|p| {
            p.places.first().map_or((usize::MAX, 0), |p| (p.source, p.span.start))
        });
        let errors = problems
            .into_iter()
            .map(|p| ConfigError {
                kind: p.kind,
                key: p.key,
                message: p.message,
                help: p.help,
                locations: p.places.iter().map(|place| location(place, sources)).collect(),
                notes: p.notes,
            })
            .collect();
        Some(Self(errors))
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.0.iter()
    }

    /// How many there are; at least one.
    #[expect(clippy::len_without_is_empty, reason = "errors are never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The text of `Display` with colours for a terminal.
    pub fn styled(&self) -> String {
        self.render(&Renderer::styled())
    }

    fn render(&self, renderer: &Renderer) -> String {
        let mut text = String::new();
        for error in &self.0 {
            text.push_str(&error.render(renderer));
            text.push_str("\n\n");
        }
        let count = self.0.len();
        let _ =
            write!(text, "{count} error{} in the configuration", if count == 1 { "" } else { "s" });
        text
    }
}

impl<'a> IntoIterator for &'a ConfigErrors {
    type Item = &'a ConfigError;
    type IntoIter = std::slice::Iter<'a, ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl std::fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(&Renderer::plain()))
    }
}

impl std::error::Error for ConfigErrors {}

impl ConfigError {
    fn render(&self, renderer: &Renderer) -> String {
        let title = if self.key.is_empty() || self.message.contains(&format!("`{}`", self.key)) {
            self.message.clone()
        } else {
            format!("`{}`: {}", self.key, self.message)
        };
        let mut group = Group::with_title(Level::ERROR.primary_title(title));
        for (index, location) in self.locations.iter().enumerate() {
            let excerpt = &location.excerpt;
            let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            group = group.element(
                Snippet::source(excerpt.text.as_str())
                    .path(excerpt.name.as_str())
                    .line_start(excerpt.line)
                    .annotation(kind.span(excerpt.start..excerpt.end)),
            );
        }
        for note in &self.notes {
            group = group.element(Level::NOTE.message(note.as_str()));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }
}

fn location(place: &Place, sources: &Sources) -> Location {
    let source = sources.get(place.source);
    let start = floor_boundary(&source.text, place.span.start);
    let (line, column) = source.line_column(start);
    let line_start = source.text[..start].rfind('\n').map_or(0, |i| i + 1);
    let text = source.text[line_start..].split(['\n', '\r']).next().unwrap_or_default();
    let end = floor_boundary(&source.text, place.span.end.max(start));
    let (text, start, end) = window(&mask(text), start - line_start, end - line_start);
    Location {
        origin: source.origin(place.span.start),
        column,
        excerpt: Excerpt { name: source.name(), line, text, start, end },
    }
}

/// The part of a very long line around what is meant, and where that lies in it.
fn window(line: &str, start: usize, end: usize) -> (String, usize, usize) {
    const LONGEST: usize = 400;
    let (start, end) = (start.min(line.len()), end.min(line.len()));
    let from = if line.len() <= LONGEST { 0 } else { start.saturating_sub(LONGEST / 4) };
    let from = floor_boundary(line, from);
    let to = floor_boundary(line, from + LONGEST);
    let clip = |i: usize| floor_boundary(line, i.clamp(from, to)) - from;
    (line[from..to].to_owned(), clip(start), clip(end))
}
