//! What lies in a folder of fetched files, and where it came from.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{self, HubError};
use super::sum::sha256;
use super::transfer::length;
use super::watch::Watch;

/// The name of the file.
pub const MANIFEST: &str = "manifest.json";

const FORMAT: &str = "conductor.dataset";
const VERSION: u32 = 1;

/// `manifest.json` of a folder (docs/formats.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always "conductor.dataset".
    pub format: String,
    /// The version of this form.
    pub version: u32,
    /// The benchmark.
    pub name: String,
    /// Which of its releases.
    pub release: String,
    /// The kind of task source that reads the files.
    pub source: String,
    /// Owner and name on the hub.
    pub repository: String,
    /// The commit that the files are from.
    pub revision: String,
    /// The branch, tag or commit that was asked for.
    pub requested_revision: String,
    /// The hub's label of the licence, where it has one.
    pub license: Option<String>,
    /// What to know about it.
    pub license_note: String,
    /// Whether the owner lets in only people who accepted terms, which then also hold for these files.
    pub gated: bool,
    /// When it was written, in UTC.
    pub fetched_at: String,
    /// The hub's files.
    pub sources: Vec<SourceFile>,
    /// The files of the folder.
    pub files: Vec<StoredFile>,
}

/// A file of the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// Its path there.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// "sha256" or "git": a SHA-1 over git's head of the content and the content.
    pub sum: String,
    /// The sum in hexadecimal, which what came was held against.
    pub hex: String,
}

/// A file of the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredFile {
    /// Its name.
    pub path: String,
    /// Its rows.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of its content, in hexadecimal.
    pub sha256: String,
    /// Its columns.
    pub columns: Vec<String>,
}

impl Manifest {
    /// Reads the manifest of a folder; `None` where there is none. Errors: it is none, or is of a newer version.
    pub fn read(folder: &Path) -> Result<Option<Self>, HubError> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u32,
        }
        let path = folder.join(MANIFEST);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(error::io("read", &path)(source)),
        };
        let fail = |reason: String| HubError::Manifest { path: path.clone(), reason };
        // Whose folder it is cannot be told any more, so that nothing here offers to replace it.
        let strange = |what: String| {
            fail(format!(
                "{what}; give another --out, or remove the folder if it is an earlier fetch's"
            ))
        };
        let head: Head = serde_json::from_slice(&text).map_err(|error| {
            strange(format!("expected the manifest of a fetch, found other text ({error})"))
        })?;
        if head.format != FORMAT {
            let format = crate::error::excerpt(&head.format);
            return Err(fail(format!(
                "expected the format {FORMAT:?}, found {format}; give another --out"
            )));
        }
        if head.version > VERSION {
            let version = head.version;
            return Err(fail(format!(
                "it has version {version}, of a newer Conductor, and this one knows {VERSION}; update it"
            )));
        }
        serde_json::from_slice(&text).map(Some).map_err(|error| {
            strange(format!("expected a whole manifest of version {VERSION} ({error})"))
        })
    }

    /// The format and version of manifests that are written now.
    pub(super) fn marks() -> (String, u32) {
        (FORMAT.to_owned(), VERSION)
    }

    /// Writes it into a folder that is being filled.
    pub(super) fn write(&self, folder: &Path) -> Result<(), HubError> {
        let path = folder.join(MANIFEST);
        let text = serde_json::to_string_pretty(self).expect("texts and numbers are JSON") + "\n";
        std::fs::write(&path, text).map_err(error::io("write", &path))
    }

    /// The first file of the folder that is not as it was written.
    pub fn damaged(&self, folder: &Path, watch: &dyn Watch) -> Result<Option<PathBuf>, HubError> {
        for file in &self.files {
            let path = folder.join(&file.path);
            if length(&path) != file.bytes || sha256(&path, watch)? != file.sha256 {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// Rows of all files.
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(MANIFEST), text).unwrap();
        Manifest::read(folder.path()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_manifest_says_so() {
        for (text, word) in [
            ("", "expected the manifest"),
            ("[1]", "expected the manifest"),
            ("{\"manifest_version\": 3}", "another --out"),
            ("{\"format\": \"x\", \"version\": 1}", "another --out"),
            ("{\"format\": \"conductor.dataset\", \"version\": 2}", "newer Conductor"),
            ("{\"format\": \"conductor.dataset\", \"version\": 1}", "missing field `name`"),
        ] {
            let error = error(text);
            assert!(error.contains(word) && error.contains(MANIFEST), "{error}");
            assert!(!error.contains("--force"), "{error}");
        }
        assert_eq!(Manifest::read(Path::new("no/such/folder")).unwrap(), None);
    }
}
