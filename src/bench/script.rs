//! Peers that are Python scripts (`bench/peers/`), which are built into the program.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use serde::de::DeserializeOwned;

use super::Progress;
use crate::exit::Exit;
use crate::problem::Problem;

/// How often it is looked whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A script and the name it goes by.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// The file's name.
    pub name: &'static str,
    /// Its text.
    pub source: &'static str,
}

impl Script {
    /// Runs the script in `folder` to its end, and reads the one JSON object that it prints.
    pub fn run<T: DeserializeOwned>(
        self,
        python: &Path,
        folder: &Path,
        args: &[&str],
        progress: &mut Progress,
    ) -> anyhow::Result<T> {
        let script = folder.join(self.name);
        std::fs::write(&script, self.source)?;
        let mut child = Command::new(python)
            .arg(&script)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| {
                Problem::new(
                    Exit::Failure,
                    format!("cannot start the Python interpreter {}: {error}", python.display()),
                )
                .next("name one with --peer PYTHON, or leave the comparison out with --no-peer")
            })?;
        while child.try_wait()?.is_none() {
            std::thread::sleep(LOOK_EVERY);
            progress.tick(|| "under way".into());
        }
        let output = child.wait_with_output()?;
        serde_json::from_slice(&output.stdout).with_context(|| {
            format!("{} said nothing that can be read ({})", self.name, output.status)
        })
    }
}
