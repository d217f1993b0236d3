//! The server of cells by itself, for the tests of this crate: see `before_everything` in sandbox.rs.

use std::process::ExitCode;

use conductor_sandbox as _;

/// Reached only where it is started for something else, and for that it is not there.
fn main() -> ExitCode {
    ExitCode::from(2)
}
