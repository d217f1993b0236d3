//! What a data set holds: from the hub, or from the cache.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;

use hf_hub::api::sync::ApiRepo;
use serde::{Deserialize, Serialize};

use super::cache::CachedSet;
use super::client::{Ask, Client};
use super::error::HubError;
use super::retry::{Fault, persist};
use super::sum::Sum;
use super::watch::Watch;

/// A longer listing is none; the sets here have some hundred files.
const LONGEST: u64 = 32 << 20;

/// No set here has its rows in so many files; a larger number in a name is no number of files.
const MOST_SHARDS: usize = 100_000;

/// A data set at a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listing {
    /// The commit.
    pub commit: String,
    /// The hub's label of the licence.
    pub license: Option<String>,
    /// Every file, by its path.
    pub files: BTreeMap<String, Remote>,
}

/// A file of the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remote {
    /// Bytes, where they are known.
    pub bytes: Option<u64>,
    /// Its sum, where it is known.
    pub sum: Option<Sum>,
}

#[derive(Deserialize)]
struct Info {
    sha: String,
    siblings: Vec<Sibling>,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    #[serde(alias = "oid")]
    sha256: Option<String>,
    size: Option<u64>,
}

/// Asks the hub what the data set holds at a revision.
#[expect(
    clippy::result_large_err,
    reason = "an error ends the fetch, and the other way is a box at every place"
)]
pub(super) fn of_hub(
    client: &Client<'_>,
    repository: &str,
    revision: &str,
    watch: &mut dyn Watch,
) -> Result<Listing, HubError> {
    let repo = client.repo(repository, revision);
    let what = format!("the list of files of {repository}");
    persist(&client.job(&what), watch, &|| 0, |_, _| {
        try_listing(client, &repo, repository).map_err(|fault| (fault, 0))
    })
}

fn try_listing(client: &Client<'_>, repo: &ApiRepo, repository: &str) -> Result<Listing, Fault> {
    let response = client.ask(repo, repository, Ask::Listing)?;
    let mut text = Vec::new();
    let read = response.into_body().into_reader().take(LONGEST + 1).read_to_end(&mut text);
    read.map_err(|error| Fault::passing(error.to_string()))?;
    let wrong = |given: String| HubError::Answer {
        what: format!("the list of files of {repository}"),
        expected: "the hub's JSON {sha, siblings: [{rfilename, …}, …]}".into(),
        given: format!("{given}; is HF_ENDPOINT a hub or a mirror of one?"),
    };
    if text.len() as u64 > LONGEST {
        return Err(wrong(format!("more than {} MiB", LONGEST >> 20)).into());
    }
    let info: Info = serde_json::from_slice(&text).map_err(|error| {
        let start = String::from_utf8_lossy(&text[..text.len().min(400)]).into_owned();
        wrong(format!("{} ({error})", crate::error::excerpt(start.trim_start())))
    })?;
    if !is_commit(&info.sha) {
        return Err(wrong(format!("the commit {}", crate::error::excerpt(&info.sha))).into());
    }
    let license = info.tags.iter().find_map(|tag| tag.strip_prefix("license:")).map(str::to_owned);
    let files = info.siblings.into_iter().filter(|file| is_plain(&file.rfilename)).map(|file| {
        let Sibling { rfilename, size, blob_id, lfs } = file;
        let (bytes, sum) = match lfs {
            Some(lfs) => (lfs.size.or(size), lfs.sha256),
            None => (size, blob_id),
        };
        (rfilename, Remote { bytes, sum: sum.as_deref().and_then(Sum::parse) })
    });
    Ok(Listing { commit: info.sha, license, files: files.collect() })
}

/// Whether it is the name of a commit, which also names folders of the cache.
pub(super) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64)
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Whether a path stays in its folder. Others are left out, whatever they are for.
pub(super) fn is_plain(path: &str) -> bool {
    !path.contains(['\\', '\0']) && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Asks the hub about one file, for mirrors whose list has neither lengths nor sums.
#[expect(
    clippy::result_large_err,
    reason = "an error ends the fetch, and the other way is a box at every place"
)]
pub(super) fn of_file(
    client: &Client<'_>,
    repo: &ApiRepo,
    repository: &str,
    path: &str,
    watch: &mut dyn Watch,
) -> Result<Remote, HubError> {
    persist(&client.job(path), watch, &|| 0, |_, _| {
        let response =
            client.ask(repo, repository, Ask::Head { path }).map_err(|fault| (fault, 0))?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let sum = header("x-linked-etag").or_else(|| header("etag")).and_then(Sum::parse);
        let range = header("content-range").and_then(|range| range.rsplit('/').next());
        let bytes = header("x-linked-size").or(range).and_then(|bytes| bytes.trim().parse().ok());
        Ok(Remote { bytes, sum })
    })
}

/// What the data set holds at a commit as far as the cache knows it: the hub's list where an earlier fetch kept it, else
/// the files that are there, which may be some of them only. Lengths and sums that the list lacks are those of the names
/// that the cache gave to the contents.
pub(super) fn of_cache(set: &CachedSet, commit: &str) -> Listing {
    let mut files = BTreeMap::new();
    walk(&set.snapshot(commit), "", 8, &mut files);
    let Some(mut listing) = set.listing(commit) else {
        return Listing { commit: commit.to_owned(), license: None, files };
    };
    for (path, there) in files {
        if let Some(remote) = listing.files.get_mut(&path) {
            remote.bytes = remote.bytes.or(there.bytes);
            remote.sum = remote.sum.take().or(there.sum);
        }
    }
    listing
}

/// Names of files that should be there too, by what those that are say of their number ("…-00000-of-00002…").
pub(super) fn unnumbered<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut sets: BTreeMap<(&str, usize, usize), (BTreeSet<usize>, &str)> = BTreeMap::new();
    for path in paths {
        let Some((head, tail)) = path.rsplit_once("-of-") else { continue };
        let Some((stem, number)) = head.rsplit_once('-') else { continue };
        let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
        let (count, rest) = tail.split_at(digits);
        let (Ok(at), Ok(of)) = (number.parse::<usize>(), count.parse::<usize>()) else { continue };
        // What stands behind the numbers may be a hash of the content, another one in each.
        let ending = rest.rfind('.').map_or("", |dot| &rest[dot..]);
        sets.entry((stem, of, digits)).or_insert((BTreeSet::new(), ending)).0.insert(at);
    }
    let missing = |((stem, of, digits), (there, ending)): (_, (BTreeSet<usize>, &str))| {
        let (stem, of, digits): (&str, usize, usize) = (stem, of, digits);
        let name = move |at| format!("{stem}-{at:0digits$}-of-{of:0digits$}{ending}");
        (0..of.min(MOST_SHARDS)).filter(|at| !there.contains(at)).map(name).collect::<Vec<_>>()
    };
    sets.into_iter().flat_map(missing).collect()
}

fn walk(folder: &Path, inside: &str, depth: u32, files: &mut BTreeMap<String, Remote>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let (path, inside) = (entry.path(), format!("{inside}{name}"));
        // Follows links: the cache is made of them. One that leads nowhere is no file.
        let Ok(metadata) = std::fs::metadata(&path) else { continue };
        if metadata.is_dir() && depth > 0 {
            walk(&path, &format!("{inside}/"), depth - 1, files);
        } else if metadata.is_file() {
            let target = std::fs::read_link(&path).ok();
            let blob = target.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
            let sum = blob.and_then(Sum::parse);
            files.insert(inside, Remote { bytes: Some(metadata.len()), sum });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_their_folder_and_strange_commits_are_refused() {
        assert!(is_plain("data/test-0.parquet") && is_plain("..a/b..c"));
        for path in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "a\\b", "a\0b"] {
            assert!(!is_plain(path), "{path:?}");
        }
        assert!(is_commit(&"0123456789abcdef".repeat(4)));
        for commit in ["", "main", &"A".repeat(40), &"../".repeat(13), &"f".repeat(41)] {
            assert!(!is_commit(commit), "{commit}");
        }
    }

    #[test]
    fn numbered_files_tell_which_of_them_are_missing() {
        let missing = |paths: &[&str]| unnumbered(paths.iter().copied());
        assert!(
            missing(&["test.jsonl", "a-of-b.parquet", "a/t-00000-of-00001-6d36.parquet"])
                .is_empty()
        );
        assert_eq!(
            missing(&["a/t-00001-of-00003.parquet", "b/t-0-of-2.parquet", "b/t-1-of-2.parquet"]),
            ["a/t-00000-of-00003.parquet", "a/t-00002-of-00003.parquet"]
        );
        assert_eq!(missing(&["t-00000-of-00002-6d36.parquet"]), ["t-00001-of-00002.parquet"]);
    }
}
