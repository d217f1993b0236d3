//! A folder of its own for each test, with tasks in it where wanted.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use conductor_types::{Grading, Task};

/// A folder that goes away with the value.
#[derive(Debug)]
pub struct Workspace {
    dir: tempfile::TempDir,
}

impl Default for Workspace {
    fn default() -> Self {
        Self::new()
    }
}

impl Workspace {
    /// An empty one.
    ///
    /// # Panics
    /// Where the system has no room for it.
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary folder") }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The path of a file in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file and returns its path; folders in `name` are made.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).expect("a folder for the file");
        }
        fs::write(&path, contents).expect("a file in the workspace");
        path
    }

    /// Reads a file.
    ///
    /// # Panics
    /// Where it is not there or is no text.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Writes tasks as JSONL.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn write_tasks(&self, name: &str, tasks: &[Task]) -> PathBuf {
        let mut lines = String::new();
        for task in tasks {
            let line = serde_json::to_string(task).expect("a task is plain data");
            writeln!(lines, "{line}").expect("writing to a string");
        }
        self.write(name, lines)
    }
}

/// `count` sums with exact answers, half of them in the domain "small", half in "large".
pub fn sums(count: usize) -> Vec<Task> {
    (0..count)
        .map(|i| {
            let (domain, a, b) =
                if i % 2 == 0 { ("small", i, i + 1) } else { ("large", 1000 * i, 77 * i) };
            Task {
                id: format!("sum/{i}"),
                domain: domain.into(),
                prompt: format!("What is {a} + {b}? Write \"Answer: <number>\" on the last line."),
                grading: Grading::Number { gold: (a + b).to_string(), tolerance: 0.0 },
                parts: Vec::new(),
                constraint: None,
            }
        })
        .collect()
}
