//! What the binary itself finds wrong, with the way out as data; it is rendered in `ui::error`.

use crate::exit::Exit;

/// Something that the binary itself finds wrong.
#[derive(Debug)]
pub struct Problem {
    /// How the command ends.
    pub exit: Exit,
    /// What was expected, what was given, and where.
    pub message: String,
    /// The next step.
    pub next: Option<String>,
}

impl Problem {
    /// A problem without advice.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), next: None }
    }

    /// A wrong command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The same with a next step.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}
