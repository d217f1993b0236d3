//! Runs programs that nobody trusts, and says what they made of their inputs.

mod error;
mod job;
mod level;
mod plain;
mod sandbox;

pub use error::StartError;
pub use job::{Ending, Form, Input, Job, Limits, Mode, Output, Program, Ran};
pub use level::{Level, Promise, Report, State};
pub use plain::Plain;
pub use sandbox::{Sandbox, serve_if_asked};
