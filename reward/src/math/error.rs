//! What can go wrong with an expression, by name.

/// Why an expression has no value, or cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing but space.
    #[error("the expression is empty")]
    Empty,
    /// Longer than an answer can be.
    #[error("the expression has {bytes} bytes, and at most {most} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The longest that is read.
        most: usize,
    },
    /// Brackets, powers or functions within each other.
    #[error("the expression is nested more than {most} deep")]
    TooDeep {
        /// The deepest that is read.
        most: usize,
    },
    /// It does not follow the grammar.
    #[error("expected {expected}, found {found} at token {at}")]
    Syntax {
        /// What could stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
        /// Which token, from 1.
        at: usize,
    },
    /// A number with more digits than are computed with.
    #[error("{what} has more than {bits} bits")]
    Overflow {
        /// Which number.
        what: &'static str,
        /// The most bits of a numerator or denominator.
        bits: u64,
    },
    /// The steps allowed for one expression are used up.
    #[error("the expression takes more than {steps} steps")]
    TooMuchWork {
        /// How many are allowed.
        steps: u64,
    },
    /// A division by zero, a logarithm of zero, a matrix of ragged rows.
    #[error("{what} is not defined")]
    Undefined {
        /// What.
        what: &'static str,
    },
    /// Its value is not one number: it has free symbols, or is a set, a list, a text, a relation.
    #[error("expected an expression that comes to one number, found {found}")]
    NotANumber {
        /// What it is.
        found: &'static str,
    },
    /// A limit, a sum to infinity or an integral whose value does not settle.
    #[error("{what} does not settle on a value within the steps allowed")]
    NoConvergence {
        /// What.
        what: &'static str,
    },
    /// The gold answer cannot be read, so that nothing can be compared with it.
    #[error("the gold answer cannot be read: {0}")]
    Gold(Box<Error>),
}
