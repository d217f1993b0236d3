//! Hostile programs that are run at every start: what holds is tried, not believed.

use crate::error::StartError;
use crate::sandbox::Sandbox;

/// Runs them all; how many there are.
#[expect(clippy::unused_async, reason = "not finished")]
pub(crate) async fn run(_sandbox: &Sandbox) -> Result<usize, StartError> {
    Ok(0)
}
