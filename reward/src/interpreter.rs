//! Finding a Python interpreter.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// The interpreter's own path. A name on the path may be a script that needs the environment, which what we run does
/// not get.
pub(crate) async fn find(interpreter: &str) -> Result<PathBuf, String> {
    const QUESTION: &str =
        "import sys; assert sys.version_info >= (3, 8), sys.version; print(sys.executable)";
    let answer = Command::new(interpreter)
        .args(["-I", "-S", "-c", QUESTION])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(30), answer)
        .await
        .map_err(|_| "it did not answer within 30 s".to_owned())?
        .map_err(|error| error.to_string())?;
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || path.is_empty() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let complaint = complaint.lines().last().unwrap_or("no message").to_owned();
        return Err(format!("it is no Python 3.8 or later ({complaint})"));
    }
    Ok(PathBuf::from(path))
}
