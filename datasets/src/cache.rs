//! The folder where sources that do not fit memory are kept as tables, each converted once.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use conductor_configs::schema::TaskSource;
use conductor_types::seed::derive;

use crate::atomic::PARTIAL;

/// What a writer left behind is not touched before this time is over: it may be at work.
const ABANDONED: Duration = Duration::from_hours(24);

/// The place of one source's table. It changes with everything that its tasks follow from.
#[derive(Debug, PartialEq)]
pub struct Slot {
    folder: PathBuf,
    /// Of the source as it is configured.
    source: String,
    /// Of the files' sizes and times, and of this program.
    state: String,
}

impl Slot {
    /// `None` where the source's files cannot be looked at; reading them says why.
    pub fn of(folder: &Path, source: &TaskSource) -> Option<Self> {
        let path = source.path().canonicalize().ok()?;
        let options = serde_json::to_string(source).ok()?;
        let mut state = vec![env!("CARGO_PKG_VERSION").to_owned(), VERSION.to_owned()];
        stamp(&path, &mut state)?;
        if let Some(other) = source.other_file() {
            stamp(&other.canonicalize().ok()?, &mut state)?;
        }
        if let Some(folder) = source.pictures() {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            stamp_pictures(&folder.canonicalize().ok()?, MOST_FOLDERS, &mut state)?;
        }
        let texts: Vec<&str> = state.iter().map(String::as_str).collect();
        Some(Self {
            folder: folder.to_path_buf(),
            source: digest(&[&path.to_string_lossy(), &options]),
            state: digest(&texts),
        })
    }

    /// Where the table stands or will stand.
    pub fn path(&self) -> PathBuf {
        self.folder.join(format!("{}-{}.parquet", self.source, self.state))
    }

    /// Makes the folder, and removes tables of this source as it was before.
    pub fn prepare(&self) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let own = self.path();
        for entry in fs::read_dir(&self.folder)?.filter_map(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let old_table = name.starts_with(&format!("{}-", self.source)) && entry.path() != own;
            let abandoned = name.ends_with(PARTIAL)
                && entry.metadata().and_then(|m| m.modified()).is_ok_and(|modified| {
                    SystemTime::now().duration_since(modified).is_ok_and(|age| age > ABANDONED)
                });
            if old_table || abandoned {
                // Another process may have removed it first.
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }
}

/// Changes when what is kept of a task changes.
const VERSION: &str = "tasks-2";

/// Folders within folders in which pictures may lie.
const MOST_FOLDERS: usize = 8;

fn digest(parts: &[&str]) -> String {
    format!("{:016x}{:016x}", derive(0, "cache", parts), derive(1, "cache", parts))
}

/// Name, size and time of a file, or of all files in a folder.
fn stamp(path: &Path, into: &mut Vec<String>) -> Option<()> {
    let metadata = fs::metadata(path).ok()?;
    if metadata.is_dir() {
        let mut inner: Vec<PathBuf> =
            fs::read_dir(path).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        inner.sort();
        return inner.iter().try_for_each(|path| stamp(path, into));
    }
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    into.push(path.to_string_lossy().into_owned());
    into.push(format!("{} {}", metadata.len(), modified.as_nanos()));
    Some(())
}

/// The same of all pictures below a folder, which may be one that holds everything else too.
fn stamp_pictures(folder: &Path, depth: usize, into: &mut Vec<String>) -> Option<()> {
    let mut inner: Vec<PathBuf> =
        fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    inner.sort();
    for path in inner {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let is_picture =
            ["png", "jpg", "jpeg", "gif", "webp"].iter().any(|e| ending.eq_ignore_ascii_case(e));
        if is_picture && path.is_file() {
            stamp(&path, into)?;
        } else if depth > 0 && path.is_dir() && !path.is_symlink() {
            stamp_pictures(&path, depth - 1, into)?;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &Path) -> TaskSource {
        TaskSource::Jsonl { path: path.into() }
    }

    #[test]
    fn a_slot_follows_the_file_its_options_and_its_state() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.jsonl");
        fs::write(&file, "one").unwrap();
        let slot = || Slot::of(folder.path(), &source(&file)).unwrap();
        let before = slot();
        assert_eq!(before, slot());
        let gym = TaskSource::ReasoningGym { path: file.clone(), datasets: None };
        assert_ne!(Slot::of(folder.path(), &gym).unwrap().source, before.source);
        fs::write(&file, "three").unwrap();
        let after = slot();
        assert_eq!(after.source, before.source);
        assert_ne!(after.state, before.state);
        assert!(Slot::of(folder.path(), &source(Path::new("no/such"))).is_none());
    }

    #[test]
    fn a_slot_follows_the_other_files_too() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        fs::create_dir(at.join("images")).unwrap();
        for name in ["a.json", "ids.json", "images/1.png"] {
            fs::write(at.join(name), "one").unwrap();
        }
        let slot = |json: &str| {
            let source = json.replace("AT", at.to_str().unwrap());
            Slot::of(at, &serde_json::from_str(&source).unwrap())
        };
        let lcb = r#"{"kind": "livecodebench", "path": "AT/a.json", "release_ids": "AT/ids.json"}"#;
        let attach = r#"{"kind": "theoremqa", "path": "AT/a.json", "pictures": "attach"}"#;
        let skip = r#"{"kind": "theoremqa", "path": "AT/a.json"}"#;
        let before = [lcb, attach, skip].map(slot);
        fs::write(at.join("notes.txt"), "no picture").unwrap();
        assert_eq!([lcb, attach, skip].map(slot), before);
        fs::write(at.join("ids.json"), "three").unwrap();
        fs::write(at.join("images/1.png"), "three").unwrap();
        let after = [lcb, attach, skip].map(slot);
        assert!(after[0] != before[0] && after[1] != before[1] && after[2] == before[2]);
        fs::remove_file(at.join("ids.json")).unwrap();
        assert!(slot(lcb).is_none());
    }

    #[test]
    fn old_tables_of_a_source_go_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.jsonl");
        fs::write(&file, "one").unwrap();
        let kept = folder.path().join("deep/tasks");
        let before = Slot::of(&kept, &source(&file)).unwrap();
        before.prepare().unwrap();
        for name in [before.path(), kept.join("other-1.parquet"), kept.join(".x.1-0.partial")] {
            fs::write(name, "").unwrap();
        }
        before.prepare().unwrap();
        assert!(before.path().exists());
        fs::write(&file, "three").unwrap();
        Slot::of(&kept, &source(&file)).unwrap().prepare().unwrap();
        assert!(!before.path().exists());
        assert!(kept.join("other-1.parquet").exists() && kept.join(".x.1-0.partial").exists());
    }
}
