//! The journal beside a recording that is being made: one JSON line an answer, synced before the next counts.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{LineProblem, RecordedAnswer, RecordingError};

/// An open journal, locked against other processes.
pub(super) struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens or creates a journal and returns what it holds. A line that a crash cut short is taken off.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<RecordedAnswer>), RecordingError> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(RecordingError::io("open", path))?;
        file.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => RecordingError::Locked { path: path.to_owned() },
            std::fs::TryLockError::Error(source) => RecordingError::io("lock", path)(source),
        })?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(RecordingError::io("read", path))?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        if whole < bytes.len() {
            file.set_len(whole as u64)
                .and_then(|()| file.seek(SeekFrom::End(0)))
                .map_err(RecordingError::io("repair", path))?;
        }
        let mut rows = Vec::new();
        for (index, line) in bytes[..whole].split_inclusive(|&byte| byte == b'\n').enumerate() {
            let row: RecordedAnswer =
                serde_json::from_slice(line).map_err(|error| RecordingError::Lines {
                    problems: vec![LineProblem {
                        path: path.to_owned(),
                        line: index + 1,
                        message: format!("no answer of a journal: {error}"),
                    }],
                    more: 0,
                })?;
            rows.push(row);
        }
        Ok((Self { path: path.to_owned(), file }, rows))
    }

    /// Appends one answer; it is on disk when this returns.
    pub(super) fn append(&mut self, row: &RecordedAnswer) -> Result<(), RecordingError> {
        let mut line = serde_json::to_vec(row).map_err(|error| RecordingError::Io {
            operation: "encode an answer for",
            path: self.path.clone(),
            source: error.into(),
        })?;
        line.push(b'\n');
        self.file
            .write_all(&line)
            .and_then(|()| self.file.sync_data())
            .map_err(RecordingError::io("append to", &self.path))
    }

    /// Removes the journal: everything in it stands in the recording.
    pub(super) fn remove(self) -> Result<(), RecordingError> {
        std::fs::remove_file(&self.path).map_err(RecordingError::io("remove", &self.path))
    }
}
