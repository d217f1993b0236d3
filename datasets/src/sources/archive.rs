//! Members of zip archives, read as a stream and no further than a bound: a few kilobytes can unpack to terabytes.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::error::{DataError, Place, Position, help_for};

/// A member that unpacks to more is refused.
pub const MAX_MEMBER_BYTES: u64 = 1 << 30;

/// An archive whose list of members was read.
pub struct Archive {
    path: PathBuf,
    zip: ZipArchive<BufReader<File>>,
}

impl Archive {
    /// Errors: the file cannot be opened, or is no zip archive.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let file = File::open(path).map_err(|source| DataError::Read {
            operation: "open",
            path: path.to_path_buf(),
            help: help_for(&source),
            source,
        })?;
        let zip = ZipArchive::new(BufReader::new(file)).map_err(|error| DataError::Record {
            place: Place::new(path, Position::Whole),
            expected: "a whole zip archive".into(),
            given: format!("{error}: it is cut short or damaged; fetch it again"),
        })?;
        Ok(Self { path: path.to_path_buf(), zip })
    }

    /// The names of all files inside, sorted.
    pub fn members(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.zip.file_names().filter(|name| !name.ends_with('/')).map(Into::into).collect();
        names.sort();
        names
    }

    /// Where a member's contents stand, for errors.
    pub fn place(&self, member: &str) -> PathBuf {
        self.path.join(member)
    }

    /// Hands a member's contents to `read`, which may take at most [`MAX_MEMBER_BYTES`] of them.
    pub fn member<T>(
        &mut self,
        member: &str,
        password: Password<'_>,
        read: impl FnOnce(&mut dyn Read) -> Result<T, DataError>,
    ) -> Result<T, DataError> {
        self.bounded(member, password, MAX_MEMBER_BYTES, read)
    }

    fn bounded<T>(
        &mut self,
        member: &str,
        password: Password<'_>,
        limit: u64,
        read: impl FnOnce(&mut dyn Read) -> Result<T, DataError>,
    ) -> Result<T, DataError> {
        let place = Place::new(&self.place(member), Position::Whole);
        let fail = |expected: String, given: String| DataError::Record {
            place: place.clone(),
            expected,
            given,
        };
        let opened = match password.text {
            Some(text) => self.zip.by_name_decrypt(member, text.as_bytes()),
            None => self.zip.by_name(member),
        };
        let file = match opened {
            Ok(file) => file,
            Err(ZipError::InvalidPassword) => {
                return Err(fail(
                    password.wanted.into(),
                    "a password that does not open it".into(),
                ));
            }
            Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => {
                return Err(fail(password.wanted.into(), "none".into()));
            }
            Err(error) => {
                return Err(fail("a member that can be unpacked".into(), error.to_string()));
            }
        };
        let encrypted = file.encrypted();
        let failed = Cell::new(false);
        let mut capped = Capped { inner: file, left: limit, failed: &failed };
        let result = read(&mut capped);
        // The older cipher finds a wrong password out only by what it unpacks to.
        if encrypted && (failed.get() || matches!(result, Err(DataError::Record { .. }))) {
            return result.map_err(|error| {
                fail(
                    password.wanted.into(),
                    format!("contents that are none, so the password is probably wrong ({error})"),
                )
            });
        }
        result
    }
}

/// What opens a member, and in words what would.
#[derive(Clone, Copy)]
pub struct Password<'a> {
    /// Absent for members that are not encrypted. It appears in no message.
    pub text: Option<&'a str>,
    /// "the password of the archive in …".
    pub wanted: &'a str,
}

impl Password<'_> {
    /// For archives without one.
    pub const NONE: Password<'static> =
        Password { text: None, wanted: "an archive without a password" };
}

/// A reader that fails instead of going on for ever.
struct Capped<'a, R> {
    inner: R,
    left: u64,
    failed: &'a Cell<bool>,
}

impl<R: Read> Read for Capped<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer).inspect_err(|_| self.failed.set(true))?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            std::io::Error::other(
                "a member that unpacks to more than a benchmark has; it may be a bomb",
            )
        })?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;

    fn archive(contents: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = ZipWriter::new(file.reopen().unwrap());
        writer.add_directory("data/", SimpleFileOptions::default()).unwrap();
        writer.start_file("data/a.csv", SimpleFileOptions::default()).unwrap();
        writer.write_all(contents).unwrap();
        writer.finish().unwrap();
        file
    }

    fn text(reader: &mut dyn Read) -> Result<String, DataError> {
        let mut text = String::new();
        reader.read_to_string(&mut text).map_err(|error| DataError::Record {
            place: Place::new(Path::new("a"), Position::Whole),
            expected: "text".into(),
            given: error.to_string(),
        })?;
        Ok(text)
    }

    #[test]
    fn a_member_is_read_to_its_bound_and_no_further() {
        let file = archive(&[b'x'; 10_000]);
        let mut archive = Archive::open(file.path()).unwrap();
        assert_eq!(archive.members(), ["data/a.csv"]);
        let whole = archive.bounded("data/a.csv", Password::NONE, 10_000, text).unwrap();
        assert_eq!(whole.len(), 10_000);
        let error = archive.bounded("data/a.csv", Password::NONE, 9_999, text).unwrap_err();
        assert!(error.to_string().contains("bomb"), "{error}");
        let error = archive.member("data/b.csv", Password::NONE, text).unwrap_err().to_string();
        assert!(error.contains("data/b.csv: expected a member that can be unpacked"), "{error}");
    }

    #[test]
    fn a_cut_archive_is_named() {
        let file = archive(b"abc");
        let whole = std::fs::read(file.path()).unwrap();
        std::fs::write(file.path(), &whole[..whole.len() - 30]).unwrap();
        let error = Archive::open(file.path()).err().unwrap().to_string();
        assert!(
            error.contains("a whole zip archive") && error.contains("fetch it again"),
            "{error}"
        );
    }
}
