//! What tests stand on: a place to work in, recordings made to measure, a provider and a hub of data sets that play
//! scripts, and the program itself with its exit code and both outputs.
//!
//! Everything here is made for tests: it panics where a test should fail.

pub mod hub;
pub mod judging;
pub mod program;
pub mod provider;
pub mod recording;
pub mod workspace;

pub use program::{Outcome, Program};
pub use provider::{Provider, Reply};
pub use recording::Skill;
pub use workspace::Workspace;
