//! What holds on this machine, and by what.

use std::fmt;

use conductor_configs::schema::RequiredLevel;

/// How far apart programs are kept. Ordered: A is the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Namespaces, and a control group for memory and processes.
    A,
    /// Namespaces without a control group: one process a program.
    B,
    /// No namespaces: Landlock, a filter of system calls, and limits.
    C,
}

impl Level {
    /// "A", "B" or "C".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<RequiredLevel> for Level {
    fn from(level: RequiredLevel) -> Self {
        match level {
            RequiredLevel::A => Self::A,
            RequiredLevel::B => Self::B,
            RequiredLevel::C => Self::C,
        }
    }
}

/// What holds on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The level that programs run at.
    pub level: Level,
    /// Why it is not a stronger one; a sentence a level.
    pub why_not_stronger: Vec<String>,
    /// Each promise of docs/sandbox.md.
    pub promises: Vec<Promise>,
    /// How many hostile programs were run at the start; all of them were held.
    pub self_tests: usize,
}

impl Report {
    /// What a person should know before programs are run here, a sentence each.
    pub fn notices(&self) -> Vec<String> {
        let reasons = self.why_not_stronger.join(" ");
        let why = if reasons.is_empty() { String::new() } else { format!(" {reasons}") };
        let level = self.level;
        let first = format!("Programs under test run at level {level} of the sandbox.{why}");
        std::iter::once(first).chain(self.unheld()).collect()
    }

    /// What is not held here, a sentence each.
    pub fn unheld(&self) -> impl Iterator<Item = String> + '_ {
        self.promises.iter().filter_map(|promise| match &promise.state {
            State::Held { .. } => None,
            State::NotHeld { why } => Some(format!("Not held here: {}: {why}.", promise.what)),
        })
    }
}

/// One promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// What is promised.
    pub what: &'static str,
    /// Whether it is held.
    pub state: State,
}

/// Whether a promise is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is.
    Held {
        /// By what.
        by: String,
    },
    /// It is not.
    NotHeld {
        /// Why not.
        why: String,
    },
}
