//! `manifest.json`: what a complete checkpoint holds, so that damage is found before it is trained on.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::durable;
use crate::error::CheckpointError;

pub(crate) const FILE: &str = "manifest.json";
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    version: u32,
    files: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    /// Relative to the checkpoint, with `/` between folders.
    path: String,
    bytes: u64,
    /// Hexadecimal.
    sha256: String,
}

/// Describes every file below `folder` in `folder/manifest.json`.
pub(crate) fn write(folder: &Path) -> Result<(), CheckpointError> {
    let mut files = Vec::new();
    collect(folder, "", &mut files)?;
    let path = folder.join(FILE);
    let json = serde_json::to_vec_pretty(&Manifest { version: VERSION, files })
        .map_err(|e| CheckpointError::BadState { path: path.clone(), message: e.to_string() })?;
    durable::write_file(&path, &json)
}

/// Compares `folder` with its manifest; the error says which file, what was expected and what was found.
pub(crate) fn verify(folder: &Path) -> Result<(), String> {
    let json = std::fs::read(folder.join(FILE))
        .map_err(|e| format!("its list of files, {FILE}, cannot be read ({e})"))?;
    let manifest: Manifest = serde_json::from_slice(&json)
        .map_err(|e| format!("its list of files, {FILE}, cannot be understood ({e})"))?;
    if manifest.version != VERSION {
        return Err(format!("{FILE} has version {}, expected {VERSION}", manifest.version));
    }
    // Sizes first: they find most damage without reading gigabytes.
    for entry in &manifest.files {
        match std::fs::metadata(folder.join(&entry.path)) {
            Err(error) => return Err(format!("{} cannot be opened ({error})", entry.path)),
            Ok(found) if found.len() != entry.bytes => {
                return Err(format!(
                    "{} has {} bytes, expected {}",
                    entry.path,
                    found.len(),
                    entry.bytes
                ));
            }
            Ok(_) => {}
        }
    }
    for entry in &manifest.files {
        let found = sha256(&folder.join(&entry.path))
            .map_err(|error| format!("{} cannot be read ({error})", entry.path))?;
        if found != entry.sha256 {
            return Err(format!(
                "{} has SHA-256 {}…, expected {}…: its contents changed after it was written",
                entry.path,
                &found[..12],
                entry.sha256.get(..12).unwrap_or(&entry.sha256)
            ));
        }
    }
    Ok(())
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<Entry>) -> Result<(), CheckpointError> {
    for path in durable::entries(folder)? {
        let name = name_of(&path)?;
        if path.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), files)?;
            continue;
        }
        let bytes =
            std::fs::metadata(&path).map_err(|e| CheckpointError::io("read", &path, e))?.len();
        let sha256 = sha256(&path).map_err(|e| CheckpointError::io("read", &path, e))?;
        files.push(Entry { path: format!("{prefix}{name}"), bytes, sha256 });
    }
    Ok(())
}

fn name_of(path: &Path) -> Result<String, CheckpointError> {
    path.file_name().and_then(|name| name.to_str()).map(str::to_owned).ok_or_else(|| {
        CheckpointError::BadState {
            path: PathBuf::from(path),
            message: "a file of a checkpoint needs a name in UTF-8".into(),
        }
    })
}

fn sha256(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            break;
        }
        hash.update(&block[..read]);
    }
    Ok(format!("{:x}", hash.finalize()))
}
