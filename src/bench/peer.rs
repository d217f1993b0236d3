//! The reference's schedule over the same episodes: `bench/peers/reference_schedule.py`, which is built into the program.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::{Drawn, Progress};
use crate::exit::Exit;
use crate::problem::Problem;

const SCRIPT: &str = include_str!("../../bench/peers/reference_schedule.py");
/// How often it is looked whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How to run it.
#[derive(Debug, Clone, Copy)]
pub struct Peer<'a> {
    /// The interpreter, 3.11 or later.
    pub python: &'a Path,
    /// The endpoint.
    pub base_url: &'a str,
    /// A folder to work in.
    pub folder: &'a Path,
}

/// What it says of itself (`bench/peers/README.md`).
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct PeerCounts {
    /// From the first request to the end of the last block.
    pub seconds: f64,
    /// Answers.
    pub calls: usize,
    /// Refusals, each followed by another try.
    pub retries: usize,
    /// Episodes that did not come to an answer.
    pub failed: usize,
}

impl Peer<'_> {
    /// Runs every episode to its end.
    pub fn run(self, episodes: &[Drawn], progress: &mut Progress) -> anyhow::Result<PeerCounts> {
        let (script, file) =
            (self.folder.join("reference_schedule.py"), self.folder.join("episodes.jsonl"));
        std::fs::write(&script, SCRIPT)?;
        let mut lines = std::fs::File::create(&file).map(std::io::BufWriter::new)?;
        for episode in episodes {
            writeln!(lines, "{}", episode.for_peer())?;
        }
        lines.flush()?;
        drop(lines);
        let mut child = Command::new(self.python)
            .arg(&script)
            .args(["--base-url", self.base_url])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| {
                Problem::new(
                    Exit::Failure,
                    format!(
                        "cannot start the Python interpreter {}: {error}",
                        self.python.display()
                    ),
                )
                .next("name one with --peer PYTHON, or leave the comparison out with --no-peer")
            })?;
        while child.try_wait()?.is_none() {
            std::thread::sleep(LOOK_EVERY);
            progress.tick(|| format!("{} episodes under way", episodes.len()));
        }
        let output = child.wait_with_output()?;
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("the peer said nothing that can be read ({})", output.status))
    }
}
