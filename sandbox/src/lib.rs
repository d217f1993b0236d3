//! Runs programs that nobody trusts, and says what they made of their inputs.
//!
//! A program gets its inputs and a cell that holds the interpreter and nothing else. What is expected of it stays with the
//! judge that [`Sandbox::run`] is given: it never enters the cell, so that there is nothing to find there.
//!
//! Three processes: the one that grades; a small server, which is the same program started again with an empty environment
//! and serving before anything of it runs, its libraries' initialisers included; and the cell. The server makes cells, starts
//! programs in them and reaps them. Outputs come to the grading process directly, over pipes that it reads with caps and a
//! clock of its own.
//!
//! docs/sandbox.md says what is promised at each [`Level`], and by what.

mod drive;
mod error;
mod filter;
mod job;
mod launch;
mod level;
mod link;
mod plain;
mod promises;
mod python;
mod rules;
mod sandbox;
mod selftest;
mod server;
mod session;
mod sys;
mod waiting;
mod wire;

pub use error::StartError;
pub use job::{Ending, Form, Input, Job, Limits, Mode, Output, Program, Ran};
pub use level::{Level, Promise, Report, State};
pub use plain::Plain;
pub use sandbox::Sandbox;
