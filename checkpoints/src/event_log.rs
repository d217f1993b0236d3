//! `events.jsonl`: one event a line, appended as it happens.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use conductor_types::{Event, RunEvent};

use crate::error::CheckpointError;

/// The open `events.jsonl` of a run.
#[derive(Debug)]
pub struct EventLog {
    path: PathBuf,
    file: File,
}

impl EventLog {
    /// Opens the log for appending. A last line that a crash left unfinished is cut off.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let io = |operation| move |e| CheckpointError::io(operation, path, e);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(io("open"))?;
        let whole = end_of_last_line(&mut file).map_err(io("read"))?;
        file.set_len(whole).map_err(io("cut the torn last line of"))?;
        file.seek(SeekFrom::End(0)).map_err(io("open"))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Appends an event with the present time. The line reaches the system at once, so a killed process loses none.
    pub fn append(&mut self, event: &Event) -> Result<(), CheckpointError> {
        let time_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        let event = RunEvent { time_ms, event: event.clone() };
        let mut line = serde_json::to_vec(&event).map_err(|e| CheckpointError::BadState {
            path: self.path.clone(),
            message: format!("an event cannot be written as JSON: {e}"),
        })?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(|e| CheckpointError::io("append to", &self.path, e))
    }
}

/// Bytes up to and including the last line break.
fn end_of_last_line(file: &mut File) -> std::io::Result<u64> {
    const BLOCK: u64 = 64 * 1024;
    let mut end = file.metadata()?.len();
    let mut block = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(start))?;
        block.clear();
        Read::by_ref(file).take(end - start).read_to_end(&mut block)?;
        if let Some(at) = block.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(message: &str) -> Event {
        Event::Notice { message: message.into() }
    }

    fn messages(path: &Path) -> Vec<String> {
        std::fs::read_to_string(path)
            .unwrap()
            .lines()
            .map(|line| match serde_json::from_str::<RunEvent>(line).unwrap().event {
                Event::Notice { message } => message,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_torn_last_line_is_cut_and_the_rest_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let mut log = EventLog::open(&path).unwrap();
        log.append(&notice("one")).unwrap();
        // Longer than a block, so that the search for the line break has to go back more than once.
        log.append(&notice(&"é".repeat(70_000))).unwrap();
        drop(log);
        let whole = std::fs::read(&path).unwrap();
        let torn = [&whole[..], &vec![b'{'; 150_000]].concat();
        std::fs::write(&path, &torn).unwrap();

        let mut log = EventLog::open(&path).unwrap();
        log.append(&notice("three")).unwrap();
        assert_eq!(messages(&path), ["one".to_owned(), "é".repeat(70_000), "three".into()]);
    }

    #[test]
    fn a_file_of_one_torn_line_becomes_empty() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        std::fs::write(&path, "{\"time_ms\":1").unwrap();
        EventLog::open(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn a_number_that_json_lacks_does_not_break_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let mut log = EventLog::open(&path).unwrap();
        let metrics = [("loss".to_owned(), f64::NAN)].into();
        let event = Event::Evaluated { step: 1, split: conductor_types::Split::Valid, metrics };
        log.append(&event).unwrap();
        let line = std::fs::read_to_string(&path).unwrap();
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(value["metrics"]["loss"].is_null(), "{line}");
    }
}
