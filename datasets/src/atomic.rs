//! Files that are whole or not there: written aside, synced, then renamed over the old one.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{DataError, help_for};

/// Puts what `fill` writes at `path`, all of it or nothing. After an error the old file stands as it was, and
/// what was written aside is gone.
pub fn replace(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), DataError> {
    let aside = aside(path);
    let result = write_aside(&aside, fill).and_then(|()| fs::rename(&aside, path));
    result.and_then(|()| sync_folder(path)).map_err(|source| {
        // Nothing can be done about a failure here that the first error does not already say.
        let _ = fs::remove_file(&aside);
        failed(path, source)
    })
}

/// A file that is written bit by bit under another name. Unless it is put in place, dropping it removes it.
#[derive(Debug)]
pub struct Aside {
    path: PathBuf,
    temporary: PathBuf,
    placed: bool,
}

impl Aside {
    /// Creates the file under a name that nobody else writes to.
    pub fn create(path: &Path) -> Result<(Self, File), DataError> {
        static WRITERS: AtomicU64 = AtomicU64::new(0);
        let (process, writer) = (std::process::id(), WRITERS.fetch_add(1, Ordering::Relaxed));
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = format!(".{}.{process}-{writer}{PARTIAL}", name.unwrap_or_default());
        let new =
            Self { path: path.to_path_buf(), temporary: path.with_file_name(name), placed: false };
        match File::create(&new.temporary) {
            Ok(file) => Ok((new, file)),
            Err(error) => Err(new.error(error)),
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

/// The name under which a file is written before it is put in place.
fn aside(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}{PARTIAL}"))
}

fn write_aside(
    aside: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let mut writer = BufWriter::new(File::create(aside)?);
    fill(&mut writer)?;
    writer.flush()?;
    // A full disk may show itself only here.
    writer.get_ref().sync_all()
}

/// Makes the rename itself survive a loss of power.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
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
    fn a_missing_folder_is_named() {
        let error = replace(Path::new("no/such/folder/x.parquet"), |_| Ok(())).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("no/such/folder/x.parquet") && text.contains("no file stands"),
            "{text}"
        );
    }
}
