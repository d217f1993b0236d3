//! The reference's schedule over the same episodes: `bench/peers/reference_schedule.py`.

use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::script::Script;
use super::{Drawn, Progress};

const SCRIPT: Script = Script {
    name: "reference_schedule.py",
    source: include_str!("../../bench/peers/reference_schedule.py"),
};

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
        let file = self.folder.join("episodes.jsonl");
        let mut lines = std::fs::File::create(&file).map(std::io::BufWriter::new)?;
        for episode in episodes {
            writeln!(lines, "{}", episode.for_peer())?;
        }
        lines.flush()?;
        drop(lines);
        let args = ["--base-url", self.base_url, &file.to_string_lossy()];
        SCRIPT.run(self.python, self.folder, &args, progress)
    }
}
