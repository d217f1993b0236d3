//! The interpreter: which one it is, and exactly what it needs.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

const DISCOVER: &str = include_str!("shim/discover.py");
const SHIM: [&str; 7] = [
    include_str!("shim/shim.py"),
    include_str!("shim/kept.py"),
    include_str!("shim/values.py"),
    include_str!("shim/asserted.py"),
    include_str!("shim/official.py"),
    include_str!("shim/rehearsal.py"),
    include_str!("shim/start.py"),
];

/// What an interpreter needs to run, as paths that a cell shows at the same place.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Python {
    /// "3.11.7".
    pub version: String,
    /// The program itself, no link and no script.
    pub executable: PathBuf,
    /// Folders of the standard library.
    pub standard: Vec<PathBuf>,
    /// Folders within them that programs are not to see.
    pub hidden: Vec<PathBuf>,
    /// Folders of installed packages, where programs are to see them.
    pub packages: Vec<PathBuf>,
    /// Shared libraries and the loader, by the names they are asked for.
    pub libraries: Vec<PathBuf>,
    /// Whether it can be the one that others are forked from.
    pub warm: bool,
    /// Our own code, compiled for it, in hexadecimal.
    #[serde(default, skip_serializing)]
    shim: String,
}

impl Python {
    /// Asks the interpreter; the error says what is wrong with it.
    pub async fn find(interpreter: &str, packages: bool) -> Result<(Self, Vec<u8>), String> {
        let mut child = Command::new(interpreter)
            .args(["-I", "-S", "-B", "-c", DISCOVER, if packages { "packages" } else { "none" }])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut input = child.stdin.take();
        let answer = async move {
            if let Some(input) = &mut input {
                // One that does not read says why on its other outputs.
                drop(input.write_all(SHIM.concat().as_bytes()).await);
            }
            drop(input);
            child.wait_with_output().await
        };
        let output = tokio::time::timeout(Duration::from_secs(30), answer)
            .await
            .map_err(|_| "it did not answer within 30 s".to_owned())?
            .map_err(|error| error.to_string())?;
        let complaint = || {
            let text = String::from_utf8_lossy(&output.stderr);
            text.lines().last().unwrap_or("no message").to_owned()
        };
        if !output.status.success() {
            return Err(format!("it is no Python 3.8 or later that we can use ({})", complaint()));
        }
        let mut found: Self = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("it is no Python: {error} ({})", complaint()))?;
        let shim = unhex(&std::mem::take(&mut found.shim)).ok_or("its answer is cut off")?;
        Ok((found, shim))
    }

    /// Where the loader finds the libraries, without its cache.
    pub fn library_path(&self) -> String {
        let mut folders: Vec<&str> =
            self.libraries.iter().filter_map(|file| file.parent()?.to_str()).collect();
        folders.sort_unstable();
        folders.dedup();
        folders.join(":")
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
