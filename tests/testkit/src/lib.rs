//! What the end-to-end tests stand on: a place to work in, recordings made to measure, an endpoint that plays
//! scripts, and the program itself with its exit code and both outputs.
//!
//! Everything here is made for tests: it panics where a test should fail.

pub mod endpoint;
pub mod program;
pub mod recording;
pub mod workspace;

pub use endpoint::{Endpoint, Reply};
pub use program::{Outcome, Program};
pub use recording::Skill;
pub use workspace::Workspace;
