//! The cache that Hugging Face's tools share: contents under the name of their sum, and a folder a commit with links
//! to them. hf-hub knows where what lies; this adds what it does not do: a revision that is a commit, and file systems
//! without links.

use std::io::Write as _;
use std::path::{Component, Path, PathBuf};

use hf_hub::{Cache, CacheRepo};

use super::client::repo;
use super::error::{self, HubError};
use super::listing::{Listing, is_commit, is_plain};

/// What is kept here beside what other tools know of.
const OWN: &str = "conductor";

/// A data set in the cache.
pub(super) struct CachedSet {
    inner: CacheRepo,
    folder: PathBuf,
}

impl CachedSet {
    pub fn new(cache: &Path, repository: &str, revision: &str) -> Self {
        let named = repo(repository, revision);
        let folder = cache.join(named.folder_name());
        Self { inner: Cache::new(cache.to_path_buf()).repo(named), folder }
    }

    /// The commit that a revision stood for when all that was wanted of it came, else when a fetch of it began.
    pub fn commit(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        let noted = |folder: &Path| {
            let text = std::fs::read_to_string(folder.join("refs").join(revision)).ok()?;
            let commit = text.trim();
            is_commit(commit).then(|| commit.to_owned())
        };
        noted(&self.folder).or_else(|| noted(&self.folder.join(OWN)))
    }

    /// The folder of a commit.
    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.inner.pointer_path(commit)
    }

    /// Where a content lies. `sum` is hexadecimal.
    pub fn blob(&self, sum: &str) -> PathBuf {
        self.inner.blob_path(sum)
    }

    /// Keeps the hub's list of the commit that a revision stands for, so that without a network it is known what a whole
    /// copy holds.
    pub fn keep(&self, revision: &str, listing: &Listing) -> Result<(), HubError> {
        let text = serde_json::to_vec(listing).expect("texts and numbers are JSON");
        let note = self.folder.join(OWN).join("refs").join(revision);
        let commit = listing.commit.as_bytes();
        for (path, text) in [(self.kept(&listing.commit), &text[..]), (note, commit)] {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(error::io("create", folder))?;
            }
            crate::atomic::replace(&path, |file| file.write_all(text))?;
        }
        Ok(())
    }

    /// The hub's list of a commit, where an earlier fetch kept it.
    pub fn listing(&self, commit: &str) -> Option<Listing> {
        // One that is damaged is as good as none.
        let kept: Listing = serde_json::from_slice(&std::fs::read(self.kept(commit)).ok()?).ok()?;
        (kept.commit == commit && kept.files.keys().all(|path| is_plain(path))).then_some(kept)
    }

    fn kept(&self, commit: &str) -> PathBuf {
        self.folder.join(OWN).join(format!("{commit}.json"))
    }

    /// Notes which commit the revision stands for. Whoever finds it takes what the commit's folder holds for all that
    /// was wanted of it, so that this comes last.
    pub fn note(&self, commit: &str) -> Result<(), HubError> {
        self.inner.create_ref(commit).map_err(error::io("write", &self.folder.join("refs")))
    }

    /// Lets a file of a commit point to its content.
    pub fn point(&self, commit: &str, path: &str, blob: &Path) -> Result<PathBuf, HubError> {
        let pointer = self.snapshot(commit).join(path);
        let folder = pointer.parent().unwrap_or(&pointer).to_path_buf();
        std::fs::create_dir_all(&folder).map_err(error::io("create", &folder))?;
        match std::fs::remove_file(&pointer) {
            Err(gone) if gone.kind() != std::io::ErrorKind::NotFound => {
                return Err(error::io("replace", &pointer)(gone));
            }
            _ => {}
        }
        let up = Path::new(path).components().filter(|part| matches!(part, Component::Normal(_)));
        let mut target: PathBuf = std::iter::repeat_n("..", up.count() + 1).collect();
        target.push("blobs");
        target.push(blob.file_name().unwrap_or_default());
        // File systems without symbolic links may have the other kind, or room for a second copy.
        std::os::unix::fs::symlink(&target, &pointer)
            .or_else(|_| std::fs::hard_link(blob, &pointer))
            .or_else(|_| std::fs::copy(blob, &pointer).map(|_| ()))
            .map_err(error::io("link", &pointer))?;
        Ok(pointer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn what_is_pointed_to_is_found_again_by_branch_and_by_commit() {
        let folder = tempfile::tempdir().unwrap();
        let set = CachedSet::new(folder.path(), "ada/sums", "main");
        assert_eq!(set.commit("main"), None);
        let blob = set.blob("abc");
        std::fs::create_dir_all(blob.parent().unwrap()).unwrap();
        std::fs::write(&blob, "content").unwrap();
        for path in ["test.jsonl", "a/b/test.jsonl"] {
            // Twice, since a link may be there already.
            set.point(COMMIT, path, &blob).unwrap();
            let pointer = set.point(COMMIT, path, &blob).unwrap();
            assert_eq!(std::fs::read_to_string(&pointer).unwrap(), "content");
            assert!(std::fs::read_link(&pointer).unwrap().is_relative());
        }
        assert_eq!(set.commit("main"), None, "until all that is wanted is there");
        set.note(COMMIT).unwrap();
        assert_eq!(set.commit("main").as_deref(), Some(COMMIT));
        assert_eq!(set.commit(COMMIT).as_deref(), Some(COMMIT));
        // hf-hub itself finds it too.
        let theirs = Cache::new(folder.path().to_path_buf()).repo(repo("ada/sums", "main"));
        assert_eq!(theirs.get("test.jsonl"), Some(set.snapshot(COMMIT).join("test.jsonl")));
        std::fs::write(folder.path().join("datasets--ada--sums/refs/main"), "../../x").unwrap();
        assert_eq!(set.commit("main"), None);
    }
}
