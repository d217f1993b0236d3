//! The benchmarks that are known by name: where each lies on the hub, which files belong to which release, and what
//! stands in them. A new benchmark is one more entry of the table.
//!
//! No revision is written here. The first fetch takes the commit that the branch points to and notes it in the
//! manifest; later ones keep to it until `--force`, and `--revision` names another.

use super::error::HubError;

mod table;

pub use table::BENCHMARKS;

/// A benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Benchmark {
    /// The name on the command line.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// Owner and name on the hub.
    pub repository: &'static str,
    /// The kind of task source that reads the stored files (docs/configuration.md, `tasks.sources`).
    pub source: &'static str,
    /// Whether the owner lets in only people who accepted terms.
    pub gated: bool,
    /// What to know about its licence; the hub's own label goes into the manifest beside it.
    pub license: &'static str,
    /// The branch that is looked at where none is given.
    pub branch: &'static str,
    /// Columns that every file must have.
    pub columns: &'static [&'static str],
    /// What can be fetched; the first is the default.
    pub releases: &'static [Release],
}

/// A choice of a benchmark's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// The name on the command line.
    pub name: &'static str,
    /// About how many bytes are fetched.
    pub bytes: u64,
    /// What is stored, each from one or several files of the hub.
    pub files: &'static [Stored],
}

/// One stored Parquet file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Its name without `.parquet`.
    pub name: &'static str,
    /// The hub's files, in the order of their names; `*` stands for anything within a folder.
    pub from: &'static str,
    /// How many rows it had when this table was written.
    pub rows: u64,
}

impl Benchmark {
    /// The benchmark of that name. Errors: there is none.
    pub fn named(name: &str) -> Result<&'static Self, HubError> {
        BENCHMARKS.iter().find(|benchmark| benchmark.name == name).ok_or_else(|| {
            HubError::Unknown {
                name: name.to_owned(),
                known: BENCHMARKS.iter().map(|benchmark| benchmark.name).collect(),
            }
        })
    }

    /// The release of that name, or the default one. Errors: there is none of that name.
    pub fn release(&'static self, name: Option<&str>) -> Result<&'static Release, HubError> {
        let Some(name) = name else { return Ok(&self.releases[0]) };
        self.releases.iter().find(|release| release.name == name).ok_or_else(|| HubError::Release {
            name: self.name,
            given: name.to_owned(),
            known: self.releases.iter().map(|release| release.name).collect(),
        })
    }

    /// The folder within `data/` that a release is stored in where no other is given: the benchmark's name, and the
    /// release's where it is not the default.
    pub fn folder(&self, release: &Release) -> String {
        if *release == self.releases[0] {
            self.name.to_owned()
        } else {
            format!("{}-{}", self.name, release.name)
        }
    }
}

impl Stored {
    /// Whether a file of the hub belongs to it.
    pub fn takes(&self, path: &str) -> bool {
        let mut pieces = self.from.split('*');
        let Some(mut rest) = path.strip_prefix(pieces.next().unwrap_or_default()) else {
            return false;
        };
        let mut pieces = pieces.peekable();
        while let Some(piece) = pieces.next() {
            let end = if pieces.peek().is_none() {
                rest.strip_suffix(piece).map(str::len)
            } else {
                rest.find(piece)
            };
            let Some(end) = end.filter(|end| !rest[..*end].contains('/')) else { return false };
            rest = &rest[end + piece.len()..];
        }
        rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_is_consistent() {
        let names: Vec<&str> = BENCHMARKS.iter().map(|benchmark| benchmark.name).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
        for benchmark in BENCHMARKS {
            assert_eq!(benchmark.repository.split('/').count(), 2, "{}", benchmark.name);
            let reads = |entry: &crate::sources::Entry| entry.kind == benchmark.source;
            assert!(crate::sources::REGISTRY.iter().any(reads), "{}", benchmark.name);
            let releases: BTreeSet<&str> = benchmark.releases.iter().map(|r| r.name).collect();
            assert_eq!(releases.len(), benchmark.releases.len(), "{}", benchmark.name);
            for release in benchmark.releases {
                let files: BTreeSet<&str> = release.files.iter().map(|file| file.name).collect();
                assert_eq!(files.len(), release.files.len(), "{}", benchmark.name);
                assert!(!files.is_empty() && release.bytes > 0, "{}", benchmark.name);
                for file in release.files {
                    let ending = file.from.rsplit_once('.').map(|parts| parts.1);
                    assert!(matches!(ending, Some("jsonl" | "csv" | "parquet")), "{}", file.from);
                }
            }
        }
    }

    #[test]
    fn releases_of_livecodebench_have_the_counts_of_its_authors() {
        let benchmark = Benchmark::named("livecodebench").unwrap();
        for (name, count) in [
            ("release_v1", 400),
            ("release_v2", 511),
            ("release_v3", 612),
            ("release_v4", 713),
            ("release_v5", 880),
            ("release_v6", 1055),
            ("v6", 175),
        ] {
            let release = benchmark.release(Some(name)).unwrap();
            assert_eq!(release.files.iter().map(|file| file.rows).sum::<u64>(), count, "{name}");
        }
        assert_eq!(benchmark.release(None).unwrap().name, "release_v6");
    }

    #[test]
    fn a_star_stands_for_anything_within_a_folder() {
        let takes = |from, path| Stored { name: "x", from, rows: 1 }.takes(path);
        assert!(takes("data/test-*.parquet", "data/test-00000-of-00001-6d36.parquet"));
        assert!(takes("a*b*c", "a1b2c") && takes("a*b*c", "abc") && takes("a*a", "aa"));
        assert!(takes("test.jsonl", "test.jsonl"));
        for (from, path) in [
            ("test.jsonl", "test2.jsonl"),
            ("data/test-*.parquet", "data/test-0.parquet.bak"),
            ("data/test-*.parquet", "data/test-x/0.parquet"),
            ("data/test-*.parquet", "old/data/test-0.parquet"),
            ("a*a", "a"),
            ("a*b*c", "acb"),
        ] {
            assert!(!takes(from, path), "{from} {path}");
        }
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_right_ones() {
        let error = Benchmark::named("gsm9k").unwrap_err().to_string();
        assert!(error.contains("\"gsm9k\"") && error.contains("gsm8k, humaneval"), "{error}");
        let gpqa = Benchmark::named("gpqa").unwrap();
        let error = gpqa.release(Some("gold")).unwrap_err().to_string();
        assert!(error.contains("diamond, main, extended"), "{error}");
        assert_eq!(gpqa.folder(gpqa.release(Some("main")).unwrap()), "gpqa-main");
        assert_eq!(gpqa.folder(gpqa.release(None).unwrap()), "gpqa");
    }
}
