//! Lines of JSON from a file or from standard input.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context as _;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// A file or standard input, with its name for errors.
pub fn open(path: Option<&Path>) -> anyhow::Result<(String, Box<dyn BufRead>)> {
    match path {
        Some(path) if path != Path::new("-") => {
            let name = path.display().to_string();
            let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
            Ok((name, Box::new(BufReader::new(file))))
        }
        _ => Ok(("standard input".into(), Box::new(std::io::stdin().lock()))),
    }
}

/// Lines that are not blank, counted for errors.
pub struct Lines {
    name: String,
    reader: Box<dyn BufRead>,
    number: usize,
}

impl Lines {
    /// Opens a file; absent or `-` means standard input.
    pub fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let (name, reader) = open(path)?;
        Ok(Self { name, reader, number: 0 })
    }

    /// The next line; bytes that are no UTF-8 are replaced by a mark.
    pub fn next(&mut self) -> anyhow::Result<Option<String>> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let read = self.reader.read_until(b'\n', &mut bytes);
            if read.with_context(|| format!("cannot read {}", self.name))? == 0 {
                return Ok(None);
            }
            self.number += 1;
            let line = String::from_utf8_lossy(&bytes);
            if !line.trim().is_empty() {
                return Ok(Some(line.trim().to_owned()));
            }
        }
    }

    /// Reads the present line as JSON.
    pub fn parse<T: DeserializeOwned>(&self, line: &str, expected: &str) -> Result<T, Problem> {
        serde_json::from_str(line).map_err(|error| {
            // Each line is its own document, so the parser's own line number would mislead.
            let reason = error.to_string();
            let reason = reason.split(" at line ").next().unwrap_or_default();
            self.problem(&format!("expected {expected}; column {}: {reason}", error.column()))
        })
    }

    /// A problem with the present line.
    pub fn problem(&self, message: &str) -> Problem {
        Problem::usage(format!("{}: {message}", self.place()))
    }

    /// Where the present line stands, for errors: `file:number`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.name, self.number)
    }
}
