//! Which problems a release of `LiveCodeBench` has: told by the official files, by a list of ids, or by counting.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use conductor_configs::schema::LiveCodeBenchRelease as Release;

use super::draft::At;
use super::lines;
use super::livecodebench::{Files, Ids};
use crate::error::{DataError, Place, Position, help_for};

/// The official files. Each release adds one, so the first of them is the first release, and so on.
const STEMS: [&str; 6] = ["test", "test2", "test3", "test4", "test5", "test6"];
const ENDINGS: [&str; 4] = ["jsonl", "jsonl.gz", "parquet", "jsonl.parquet"];

/// How many problems there are up to each release.
const COUNTS: [u64; 6] = [400, 511, 612, 713, 880, 1055];

/// The last day that a contest of each release can have; a later one shows that a file is in another order.
const LAST_DAYS: [&str; 6] =
    ["2024-03-31", "2024-05-31", "2024-07-31", "2024-10-31", "2025-01-31", "9999-12-31"];

/// The first day of the problems that only v6 has.
const FIRST_DAY_OF_V6_ONLY: &str = "2025-01-01";

const MAX_IDS_BYTES: u64 = 16 << 20;

/// The number of files, and of files to leave out in front.
fn span(release: Release) -> (usize, usize) {
    match release {
        Release::V1 => (0, 1),
        Release::V2 => (0, 2),
        Release::V3 => (0, 3),
        Release::V4 => (0, 4),
        Release::V5 => (0, 5),
        Release::V6 => (0, 6),
        Release::V6Only => (5, 6),
    }
}

fn name(release: Release) -> &'static str {
    match release {
        Release::V1 => "v1",
        Release::V2 => "v2",
        Release::V3 => "v3",
        Release::V4 => "v4",
        Release::V5 => "v5",
        Release::V6 => "v6",
        Release::V6Only => "v6_only",
    }
}

/// The problems that are left out in front, and the number up to the end.
fn counts(release: Release) -> (u64, u64) {
    let (first, last) = span(release);
    (first.checked_sub(1).map_or(0, |before| COUNTS[before]), COUNTS[last - 1])
}

/// The files to read: the one that is named, or those of a folder that belong to the release.
pub(super) fn files(path: &Path, release: Option<Release>) -> Result<Files, DataError> {
    if !path.is_dir() {
        return Ok(Files { paths: vec![path.to_path_buf()], is_set: false });
    }
    let find = |stem: &str| {
        ENDINGS
            .iter()
            .map(|ending| path.join(format!("{stem}.{ending}")))
            .find(|path| path.is_file())
    };
    let (first, last) = release.map_or((0, 6), span);
    let found: Vec<(&str, Option<PathBuf>)> =
        STEMS[first..last].iter().map(|stem| (*stem, find(stem))).collect();
    let missing = found.iter().find(|(_, path)| path.is_none());
    let none = found.iter().all(|(_, path)| path.is_none());
    if let Some((stem, _)) = missing
        && (release.is_some() || none)
    {
        let what =
            release.map_or("at least".into(), |release| format!("for release {}", name(release)));
        return Err(DataError::NoTasks {
            what: format!("the folder {}", path.display()),
            help: format!("expected {what} the file {stem}.jsonl (or .jsonl.gz, .parquet) in it"),
        });
    }
    let paths = found.into_iter().filter_map(|(_, path)| path).collect();
    Ok(Files { paths, is_set: true })
}

/// Reads `{"release_v4": ["…"], …}`. "v4" is understood as well, and "v6_only" alone as "release_v6_only".
pub(super) fn read_ids(path: &Path, release: Option<Release>) -> Result<Ids, DataError> {
    let place = Place::new(path, Position::Whole);
    let fail = |expected: String, given: String| DataError::Record {
        place: place.clone(),
        expected,
        given,
    };
    let Some(release) = release else {
        return Err(fail(
            "`release` in this source beside `release_ids`".into(),
            "none: name the release, or leave `release_ids` out".into(),
        ));
    };
    let unreadable = |source: std::io::Error| DataError::Read {
        operation: "read",
        path: path.to_path_buf(),
        help: help_for(&source),
        source,
    };
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_IDS_BYTES).read_to_string(&mut text).map_err(unreadable)?;
    let expected = "a JSON object {\"release_v4\": [ids], …}";
    let mut releases: BTreeMap<String, Ids> =
        lines::decode(&text).map_err(|given| fail(expected.into(), given))?;
    let names = [format!("release_{}", name(release)), name(release).to_string()];
    names.iter().find_map(|name| releases.remove(name)).ok_or_else(|| {
        let there: Vec<&str> = releases.keys().map(String::as_str).collect();
        fail(format!("the ids of \"{}\"", names[0]), there.join(", "))
    })
}

/// Says of each problem in turn whether it belongs to the release, and in the end whether all were there.
pub(super) struct Members {
    path: PathBuf,
    release: Option<Release>,
    by: By,
    read: u64,
    taken: u64,
}

enum By {
    /// Whatever the files hold.
    Files,
    /// Those of a list, less the ones that were seen.
    Ids { all: Ids, missing: Ids },
    /// The first ones of a file in the official order.
    Order,
}

impl Members {
    pub(super) fn new(
        path: &Path,
        release: Option<Release>,
        ids: Option<Ids>,
        is_set: bool,
    ) -> Self {
        let by = match ids {
            Some(all) => By::Ids { missing: all.clone(), all },
            None if is_set || release.is_none() => By::Files,
            None => By::Order,
        };
        Self { path: path.to_path_buf(), release, by, read: 0, taken: 0 }
    }

    /// Errors: the file is not in the order that counting needs.
    pub(super) fn has(&mut self, at: &At, id: &str, day: &str) -> Result<bool, DataError> {
        let index = self.read;
        self.read += 1;
        let has = match (&mut self.by, self.release) {
            (By::Files, _) | (By::Order, None) => true,
            (By::Ids { all, missing }, _) => {
                missing.remove(id);
                all.contains(id)
            }
            (By::Order, Some(release)) => {
                let (skipped, end) = counts(release);
                let has = (skipped..end).contains(&index);
                let (_, last) = span(release);
                let early = release == Release::V6Only && day < FIRST_DAY_OF_V6_ONLY;
                if has && (day > LAST_DAYS[last - 1] || early) {
                    return Err(at.fail(
                        format!(
                            "the problems in the official order (test.jsonl, then test2.jsonl, …), since release {} is told by \
                             counting",
                            name(release)
                        ),
                        format!(
                            "{id} of {day}, which is not of that release: name its problems by `release_ids`, or give a folder with \
                             the official files"
                        ),
                    ));
                }
                has
            }
        };
        self.taken += u64::from(has);
        Ok(has)
    }

    /// Errors: fewer or more problems than the release has.
    pub(super) fn finish(self) -> Result<(), DataError> {
        let Some(release) = self.release else { return Ok(()) };
        let (skipped, end) = counts(release);
        let (expected, given) = match &self.by {
            By::Ids { all, missing } => match missing.first() {
                None => return Ok(()),
                Some(id) => (
                    format!("all {} problems of release {}", all.len(), name(release)),
                    format!("no {id} among its {}: is the file cut short?", self.read),
                ),
            },
            _ if self.taken == end - skipped => return Ok(()),
            _ => (
                format!("{} problems of release {}", end - skipped, name(release)),
                format!("{}: is a file cut short, or not the official one?", self.taken),
            ),
        };
        let place = Place::new(&self.path, Position::Whole);
        Err(DataError::Record { place, expected, given })
    }
}
