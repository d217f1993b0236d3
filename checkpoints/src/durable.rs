//! Writing so that a crash or a power cut leaves either the old or the new, never half of it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::error::CheckpointError;

/// Writes `bytes` to `path` through a neighbour that is synced and renamed.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
    let aside = sibling(path, "partial");
    let mut file = File::create(&aside).map_err(|e| CheckpointError::io("create", &aside, e))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(|e| CheckpointError::io("write", &aside, e))?;
    fs::rename(&aside, path).map_err(|e| CheckpointError::io("rename to", path, e))?;
    sync_parent(path)
}

/// Syncs every file below `folder`, then every folder, innermost first.
pub(crate) fn sync_tree(folder: &Path) -> Result<(), CheckpointError> {
    for entry in entries(folder)? {
        if entry.is_dir() {
            sync_tree(&entry)?;
        } else {
            sync(&entry)?;
        }
    }
    sync(folder)
}

/// Puts the complete folder `aside` in the place of `target`. What stood there goes only after the new one is durable.
pub(crate) fn replace_folder(aside: &Path, target: &Path) -> Result<(), CheckpointError> {
    sync_tree(aside)?;
    let old = sibling(target, "replaced");
    let replaces = target.exists();
    if replaces {
        remove(&old)?;
        fs::rename(target, &old).map_err(|e| CheckpointError::io("move aside", target, e))?;
    }
    if let Err(error) = fs::rename(aside, target) {
        if replaces {
            // Best effort: the error that matters is the first one.
            let _ = fs::rename(&old, target);
        }
        return Err(CheckpointError::io("rename to", target, error));
    }
    sync_parent(target)?;
    if replaces { remove(&old) } else { Ok(()) }
}

/// Removes a folder that was complete, so that a crash halfway cannot leave something that looks complete.
pub(crate) fn retire_folder(path: &Path) -> Result<(), CheckpointError> {
    let aside = sibling(path, "removed");
    remove(&aside)?;
    fs::rename(path, &aside).map_err(|e| CheckpointError::io("move aside", path, e))?;
    remove(&aside)
}

/// Removes what an interrupted process left in `folder`; gives a replaced folder back where its successor never came.
pub(crate) fn clear_leftovers(folder: &Path) -> Result<(), CheckpointError> {
    for path in entries(folder)? {
        let Some(name) = path.file_name().and_then(|n| n.to_str()) else { continue };
        let Some(inner) = name.strip_prefix('.') else { continue };
        if inner.ends_with(".partial") || inner.ends_with(".removed") {
            remove(&path)?;
        } else if let Some(original) = inner.strip_suffix(".replaced") {
            let target = folder.join(original);
            if target.exists() {
                remove(&path)?;
            } else {
                fs::rename(&path, &target)
                    .map_err(|e| CheckpointError::io("restore", &target, e))?;
            }
        }
    }
    Ok(())
}

/// `.<name>.<suffix>` beside `path`.
pub(crate) fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{suffix}"))
}

/// What lies directly in `folder`, sorted by name.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
    let read = |e| CheckpointError::io("list", folder, e);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        paths.push(entry.map_err(read)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// Removes a file or a folder with all it holds; absent is fine.
pub(crate) fn remove(path: &Path) -> Result<(), CheckpointError> {
    let result = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(CheckpointError::io("remove", path, error))
        }
        _ => Ok(()),
    }
}

/// Syncs the folder that holds `path`, which makes a rename durable.
pub(crate) fn sync_parent(path: &Path) -> Result<(), CheckpointError> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync(parent),
        _ => sync(Path::new(".")),
    }
}

fn sync(path: &Path) -> Result<(), CheckpointError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|e| CheckpointError::io("sync", path, e))
}
