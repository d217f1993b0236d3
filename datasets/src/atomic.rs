//! Files that are whole or not there: written aside, synced, then renamed over the old one.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;
use rustix::process::{Pid, getpid, test_kill_process};

use crate::error::{DataError, help_for};

/// Puts what `fill` writes at `path`, all of it or nothing. After an error the old file stands as it was, and
/// what was written aside is gone.
pub fn replace(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), DataError> {
    let (aside, inner) = Aside::create(path)?;
    let mut writer = BufWriter::new(inner);
    fill(&mut writer).and_then(|()| writer.flush()).map_err(|error| aside.error(error))?;
    aside.place(writer.get_ref())
}

/// A file that is written bit by bit under another name. Unless it is put in place, dropping it removes it.
#[derive(Debug)]
pub struct Aside {
    path: PathBuf,
    temporary: PathBuf,
    placed: bool,
}

impl Aside {
    /// Creates the file under a name that nobody else writes to. A link stays, and what it leads to is written.
    pub fn create(path: &Path) -> Result<(Self, File), DataError> {
        // Held until the file is locked: a sweep of another thread must not take it for one that is left over.
        static WRITERS: Mutex<u64> = Mutex::new(0);
        let mut writers = WRITERS.lock().unwrap_or_else(PoisonError::into_inner);
        let followed = if path.is_symlink() {
            fs::canonicalize(path).map_err(|error| failed(path, error))?
        } else {
            path.to_path_buf()
        };
        let stem = stem(&followed);
        sweep(&followed, &stem);
        loop {
            let name = format!("{stem}{}-{writers}{PARTIAL}", std::process::id());
            let temporary = followed.with_file_name(name);
            *writers += 1;
            match File::create_new(&temporary) {
                Ok(file) => {
                    // Tells who sweeps that somebody is at work; some disks know no locks.
                    let _ = file.try_lock();
                    return Ok((Self { path: followed, temporary, placed: false }, file));
                }
                // A process that had the same number left it.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(path, error)),
            }
        }
    }

    /// Puts the file in its place, once everything is written to `file`.
    pub fn place(mut self, file: &File) -> Result<(), DataError> {
        file.sync_all()
            .and_then(|()| fs::rename(&self.temporary, &self.path))
            .map_err(|error| self.error(error))?;
        self.placed = true;
        sync_folder(&self.path).map_err(|error| self.error(error))
    }

    /// An error of writing it.
    pub fn error(&self, source: io::Error) -> DataError {
        failed(&self.path, source)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.placed {
            // Nothing can be done about a failure here that an earlier error does not already say.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// How names end under which files are written.
pub const PARTIAL: &str = ".partial";

fn failed(path: &Path, source: io::Error) -> DataError {
    DataError::Write {
        path: path.to_path_buf(),
        help: help_for(&source),
        kept: if path.exists() {
            "the file that stood there is whole"
        } else {
            "no file stands there"
        },
        source,
    }
}

/// How the names begin under which a file is written before it is put in place.
fn stem(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    format!(".{}.", name.unwrap_or_default())
}

/// Removes what writers of the same file left that were killed.
fn sweep(path: &Path, stem: &str) {
    let Ok(entries) = fs::read_dir(folder_of(path)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let writer = name
            .to_str()
            .and_then(|name| name.strip_prefix(stem)?.strip_suffix(PARTIAL)?.split_once('-'));
        if writer.is_some_and(|(process, _)| is_gone(process)) && is_free(&entry.path()) {
            // Another process may have removed it first.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether this machine has no other process of that number.
fn is_gone(process: &str) -> bool {
    let process = process.parse().ok().and_then(Pid::from_raw);
    process.is_some_and(|process| {
        process == getpid() || test_kill_process(process) == Err(Errno::SRCH)
    })
}

/// Whether nobody has locked the file: this process, or one on another machine.
fn is_free(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_file())
        && File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

/// Makes the rename itself survive a loss of power.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_half_way_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.parquet");
        replace(&path, |file| file.write_all(b"old")).unwrap();
        let error = replace(&path, |file| {
            file.write_all("new".repeat(50_000).as_bytes())?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        })
        .unwrap_err()
        .to_string();
        assert!(error.contains("metrics.parquet") && error.contains("free space"), "{error}");
        assert!(error.contains("the file that stood there is whole"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_full_disk_is_reported_when_the_last_bytes_are_flushed() {
        // What is written fits the buffer, so that the device is met only at the end.
        if !Path::new("/dev/full").exists() {
            return;
        }
        let mut writer =
            BufWriter::new(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
        writer.write_all(b"x").unwrap();
        assert_eq!(writer.flush().unwrap_err().kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn two_writers_do_not_meet_and_what_a_killed_one_left_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        // No process has the largest number.
        let dead = folder.path().join(format!(".a.jsonl.{}-0.partial", i32::MAX));
        // One of this process's number is another's, unless it is locked.
        let ours = folder.path().join(format!(".a.jsonl.{}-999999.partial", std::process::id()));
        fs::write(&ours, "half").unwrap();
        let others = [".b.jsonl.2147483647-0.partial", ".a.jsonl.partial", ".a.jsonl.x-0.partial"];
        for name in others {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::write(&dead, "half").unwrap();
        replace(&path, |outer| {
            assert!(!dead.exists() && !ours.exists());
            outer.write_all(b"outer")?;
            replace(&path, |inner| inner.write_all(b"inner")).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"inner");
            outer.write_all(b" too")
        })
        .unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"outer too");
        assert!(others.iter().all(|name| folder.path().join(name).exists()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1 + others.len());
    }

    #[test]
    fn a_link_stays_and_what_it_leads_to_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) = (folder.path().join("link"), folder.path().join("disk/a"));
        fs::create_dir(folder.path().join("disk")).unwrap();
        fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink("disk/a", &link).unwrap();
        replace(&link, |file| file.write_all(b"new")).unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"new");
        fs::remove_file(&target).unwrap();
        assert!(replace(&link, |_| Ok(())).unwrap_err().to_string().contains("link"));
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = replace(Path::new("no/such/folder/x.parquet"), |_| Ok(())).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("no/such/folder/x.parquet") && text.contains("no file stands"),
            "{text}"
        );
    }
}
