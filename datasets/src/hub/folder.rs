//! The folder that is written: filled aside, then put in place as a whole.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::error::{self, HubError};

/// A folder that is being filled beside its place. One process fills it; another one is refused. What a process left
/// that was killed is thrown away by the next.
pub(super) struct Filling {
    place: PathBuf,
    aside: PathBuf,
    /// Holds the lock as long as it is open.
    _lock: File,
    placed: bool,
    /// The folder around it, where it was made for it.
    made: Option<PathBuf>,
}

impl Filling {
    pub fn begin(place: &Path) -> Result<Self, HubError> {
        // A link stays, and what it leads to is filled.
        let followed =
            place.is_symlink().then(|| fs::canonicalize(place).map_err(error::io("follow", place)));
        let followed = followed.transpose()?;
        let place = followed.as_deref().unwrap_or(place);
        let parent = match place.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let made = (!parent.exists()).then(|| parent.clone());
        fs::create_dir_all(&parent).map_err(error::io("create", &parent))?;
        let Some(name) = place.file_name() else {
            return Err(HubError::Occupied {
                out: place.to_path_buf(),
                reason: "names no folder that could be made; give another --out".into(),
            });
        };
        let aside = parent.join(format!(".{}.partial", name.to_string_lossy()));
        match fs::create_dir(&aside) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(error::io("create", &aside)(error));
            }
            _ => {}
        }
        let lock = open_folder(&aside)?;
        let locked = || HubError::Locked { out: place.to_path_buf() };
        lock.try_lock().map_err(|_| locked())?;
        // Another process may have put the folder in place between the opening and the lock.
        let ours = lock.metadata().map_err(error::io("read", &aside))?.ino();
        if fs::symlink_metadata(&aside).map_or(true, |now| now.ino() != ours) {
            return Err(locked());
        }
        for entry in fs::read_dir(&aside).map_err(error::io("read", &aside))? {
            let path = entry.map_err(error::io("read", &aside))?.path();
            fs::remove_file(&path).map_err(error::io("remove", &path))?;
        }
        Ok(Self { place: place.to_path_buf(), aside, _lock: lock, placed: false, made })
    }

    /// Where files go until then.
    pub fn path(&self) -> &Path {
        &self.aside
    }

    /// Puts it in place. What stood there goes.
    pub fn place(mut self) -> Result<(), HubError> {
        let fail = error::io("put in place", &self.place);
        let done = if self.place.exists() {
            self.exchange()
        } else {
            fs::rename(&self.aside, &self.place)
        };
        done.and_then(|()| sync_parent(&self.place)).map_err(fail)?;
        self.placed = true;
        Ok(())
    }

    /// Both folders change places at once, so that one of them always stands there.
    fn exchange(&self) -> std::io::Result<()> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, &self.aside, CWD, &self.place, RenameFlags::EXCHANGE).is_ok() {
            return fs::remove_dir_all(&self.aside);
        }
        // Some file systems cannot: then there is a moment without any.
        fs::remove_dir_all(&self.place)?;
        fs::rename(&self.aside, &self.place)
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        if !self.placed {
            // Nothing can be done about a failure here that an earlier error does not already say.
            let _ = fs::remove_dir_all(&self.aside);
            if let Some(made) = &self.made {
                // Fails where something else is in it by now.
                let _ = fs::remove_dir(made);
            }
        }
    }
}

/// Opens a folder, and nothing that only leads to one: what lies there is about to be emptied.
fn open_folder(path: &Path) -> Result<File, HubError> {
    use rustix::fs::OFlags;
    let flags = (OFlags::DIRECTORY | OFlags::NOFOLLOW).bits() as i32;
    let opened = fs::OpenOptions::new().read(true).custom_flags(flags).open(path);
    opened.map_err(|source| {
        let is_folder = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
        if is_folder {
            return error::io("open", path)(source);
        }
        HubError::Occupied {
            out: path.to_path_buf(),
            reason: "stands where files go until they are whole, and is no folder; remove it, or give another --out"
                .into(),
        }
    })
}

fn sync_parent(path: &Path) -> std::io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// Errors: the disk of a folder has too little room.
pub(super) fn require_room(
    folder: &Path,
    needed: u64,
    what: &'static str,
    choice: &'static str,
) -> Result<(), HubError> {
    // Metadata, and whatever else writes there meanwhile.
    const SPARE: u64 = 64 << 20;
    let mut existing = folder;
    while !existing.exists() {
        match existing.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => existing = parent,
            _ => existing = Path::new("."),
        }
    }
    let Ok(disk) = rustix::fs::statvfs(existing) else { return Ok(()) };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if needed > 0 && needed.saturating_add(SPARE) > free {
        return Err(HubError::Disk { folder: folder.to_path_buf(), free, needed, what, choice });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_whole_or_not_there() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join("data/gsm8k");
        let filling = Filling::begin(&place).unwrap();
        fs::write(filling.path().join("a"), "half").unwrap();
        let second = Filling::begin(&place).map(|_| ()).unwrap_err().to_string();
        assert!(second.contains("another fetch writes"), "{second}");
        drop(filling);
        assert!(!root.path().join("data").exists(), "what was made for it goes with it");
        for content in ["one", "two"] {
            let filling = Filling::begin(&place).unwrap();
            fs::write(filling.path().join("a"), content).unwrap();
            filling.place().unwrap();
            assert_eq!(fs::read_to_string(place.join("a")).unwrap(), content);
            assert_eq!(fs::read_dir(root.path().join("data")).unwrap().count(), 1);
        }
    }

    #[test]
    fn what_a_killed_process_left_is_thrown_away() {
        let root = tempfile::tempdir().unwrap();
        let aside = root.path().join(".x.partial");
        fs::create_dir(&aside).unwrap();
        fs::write(aside.join("old"), "old").unwrap();
        let filling = Filling::begin(&root.path().join("x")).unwrap();
        assert_eq!(fs::read_dir(filling.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_link_is_followed_at_the_place_and_nowhere_else() {
        let root = tempfile::tempdir().unwrap();
        let (link, target) = (root.path().join("set"), root.path().join("disk"));
        fs::create_dir(&target).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let filling = Filling::begin(&link).unwrap();
        fs::write(filling.path().join("a"), "one").unwrap();
        filling.place().unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(target.join("a")).unwrap(), "one");

        let aside = root.path().join(".x.partial");
        std::os::unix::fs::symlink(&target, &aside).unwrap();
        let error = Filling::begin(&root.path().join("x")).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(".x.partial") && error.contains("is no folder"), "{error}");
        assert!(aside.is_symlink() && target.join("a").exists());
        std::os::unix::fs::symlink(root.path().join("gone"), root.path().join("y")).unwrap();
        let error = Filling::begin(&root.path().join("y")).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("cannot follow"), "{error}");
    }

    #[test]
    fn room_is_asked_for_where_the_folder_will_be() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("not/yet");
        require_room(&folder, 1, "x", "y").unwrap();
        let error = require_room(&folder, u64::MAX, "the download", "HF_HOME").unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("MB are needed for the download") && text.contains("HF_HOME"),
            "{text}"
        );
    }
}
