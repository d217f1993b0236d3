//! Mathematical answers: LaTeX and plain text → tokens → tree → normal form, compared exactly where that can tell and
//! by value at a few points where it cannot. Nothing is evaluated by an interpreter, and every input ends within a
//! bound: length, depth, digits, terms and steps are limited, and what goes past a limit is a named [`Error`].
//!
//! The two ways of saying that two expressions are equal:
//!
//! 1. Both become quotients of polynomials with exact rational coefficients over symbols, π, e, i, roots and calls of
//!    functions. Cross-multiplied, equal numbers and equal rational expressions meet here, with roots and i reduced.
//! 2. Otherwise both are evaluated, in complex floats that carry an estimate of their rounding error, at fixed points
//!    drawn once at random. A difference beyond the error at one point refutes; agreement at all of them is taken as
//!    equality. That is a probabilistic test: it can, in principle, call two expressions equal that differ by less
//!    than the rounding error at every point.
//!
//! [`value`] gives the number that an expression comes to, [`canonical`] one text for all forms of an answer that the
//! normal form can tell to be the same, [`equal`] compares a found answer with a gold one, and [`grade`] judges a text.

mod ball;
mod calculus;
mod collect;
mod compare;
mod delimiters;
mod derive;
mod division;
mod error;
mod evaluate;
mod form;
mod functions;
mod generator;
mod grade;
mod grammar;
mod lexer;
mod lower;
mod names;
mod numerals;
mod parser;
mod poly;
mod power;
mod ranges;
mod rational;
mod reading;
mod relation;
mod text;
mod tree;
mod values;

pub use compare::{canonical, equal};
pub use error::Error;
pub use grade::grade;
pub use values::value;

pub(crate) use names::UNIT_LETTERS;
pub(crate) use numerals::numeral_at;
pub(crate) use text::is_prose;
