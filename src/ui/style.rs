//! Colours, where they are wanted.

use std::io::IsTerminal;

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    colour: bool,
}

impl Style {
    /// No colours.
    #[cfg(test)]
    pub const PLAIN: Self = Self { colour: false };

    /// Colours for standard error.
    pub fn stderr() -> Self {
        Self::decide(std::io::stderr().is_terminal(), |name| {
            std::env::var_os(name).map(|v| v.is_empty())
        })
    }

    /// Colours for standard output.
    pub fn stdout() -> Self {
        Self::decide(std::io::stdout().is_terminal(), |name| {
            std::env::var_os(name).map(|v| v.is_empty())
        })
    }

    /// Whether colours are on.
    pub fn is_coloured(self) -> bool {
        self.colour
    }

    /// `is_empty` says of an environment variable whether it is empty; `None` where it is not set.
    fn decide(is_terminal: bool, is_empty: impl Fn(&str) -> Option<bool>) -> Self {
        // no-color.org: any value but the empty one switches colours off.
        let refused = is_empty("NO_COLOR") == Some(false);
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { colour: is_terminal && !refused && !dumb }
    }

    /// What went wrong.
    pub fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    /// What to do, or what is well.
    pub fn good(self, text: &str) -> String {
        self.paint("1;32", text)
    }

    /// What a person should know.
    pub fn warn(self, text: &str) -> String {
        self.paint("1;33", text)
    }

    /// A heading.
    pub fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// What matters less.
    pub fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_need_a_terminal_and_no_refusal() {
        assert!(!Style::decide(false, |_| None).is_coloured());
        assert!(!Style::decide(true, |_| Some(false)).is_coloured());
        assert_eq!(Style::PLAIN.bad("x"), "x");
    }
}
