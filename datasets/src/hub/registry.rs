//! The benchmarks that are known by name: where each lies on the hub, which files belong to which release, and what
//! stands in them. One table; a new benchmark is one more entry.
//!
//! No revision is written here. The first fetch takes the commit that the branch points to and notes it in the
//! manifest; later ones keep to it until `--force`, and `--revision` names another.

use super::error::HubError;

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

const fn stored(name: &'static str, from: &'static str, rows: u64) -> Stored {
    Stored { name, from, rows }
}

const MB: u64 = 1_000_000;

/// LiveCodeBench's files, oldest first: each release adds one.
const LIVECODEBENCH: [Stored; 6] = [
    stored("test", "test.jsonl", 400),
    stored("test2", "test2.jsonl", 111),
    stored("test3", "test3.jsonl", 101),
    stored("test4", "test4.jsonl", 101),
    stored("test5", "test5.jsonl", 167),
    stored("test6", "test6.jsonl", 175),
];

const MATH_COLUMNS: &[&str] = &["problem", "answer"];

/// All benchmarks, by name.
pub const BENCHMARKS: &[Benchmark] = &[
    Benchmark {
        name: "aime24",
        about: "30 competition problems of 2024 with whole numbers as answers",
        repository: "HuggingFaceH4/aime_2024",
        source: "aime",
        gated: false,
        license: "the problems are the Mathematical Association of America's",
        branch: "main",
        columns: MATH_COLUMNS,
        releases: &[Release {
            name: "test",
            bytes: MB / 10,
            files: &[stored("test", "data/train-*.parquet", 30)],
        }],
    },
    Benchmark {
        name: "aime25",
        about: "30 competition problems of 2025 with whole numbers as answers",
        repository: "math-ai/aime25",
        source: "aime",
        gated: false,
        license: "the problems are the Mathematical Association of America's",
        branch: "main",
        columns: MATH_COLUMNS,
        releases: &[Release {
            name: "test",
            bytes: MB / 50,
            files: &[stored("test", "test.jsonl", 30)],
        }],
    },
    Benchmark {
        name: "bigcodebench_hard",
        about: "148 Python tasks over many libraries, judged by unit tests",
        repository: "bigcode/bigcodebench-hard",
        source: "bigcodebench",
        gated: false,
        license: "Apache-2.0",
        branch: "main",
        columns: &["task_id", "complete_prompt", "instruct_prompt", "test", "entry_point"],
        releases: &[Release {
            name: "v0.1.4",
            bytes: MB / 2,
            files: &[stored("test", "data/v0.1.4-*.parquet", 148)],
        }],
    },
    Benchmark {
        name: "countdown",
        about: "490,364 sets of three or four numbers and a target to reach",
        repository: "Jiayi-Pan/Countdown-Tasks-3to4",
        source: "countdown",
        gated: false,
        license: "see the card on the hub",
        branch: "main",
        columns: &["target", "nums"],
        releases: &[Release {
            name: "train",
            bytes: 3 * MB,
            files: &[stored("train", "data/train-*.parquet", 490_364)],
        }],
    },
    Benchmark {
        name: "gpqa",
        about: "questions of graduate level with four options each",
        repository: "Idavidrein/gpqa",
        source: "gpqa",
        gated: true,
        license: "CC-BY-4.0; the authors ask that no question is published in plain text",
        branch: "main",
        columns: &[
            "Question",
            "Correct Answer",
            "Incorrect Answer 1",
            "Incorrect Answer 2",
            "Incorrect Answer 3",
        ],
        releases: &[
            Release {
                name: "diamond",
                bytes: 2 * MB,
                files: &[stored("diamond", "gpqa_diamond.csv", 198)],
            },
            Release { name: "main", bytes: 3 * MB, files: &[stored("main", "gpqa_main.csv", 448)] },
            Release {
                name: "extended",
                bytes: 4 * MB,
                files: &[stored("extended", "gpqa_extended.csv", 546)],
            },
        ],
    },
    Benchmark {
        name: "gsm8k",
        about: "grade-school mathematics: 7,473 to train on, 1,319 to test with",
        repository: "openai/gsm8k",
        source: "gsm8k",
        gated: false,
        license: "MIT",
        branch: "main",
        columns: &["question", "answer"],
        releases: &[Release {
            name: "main",
            bytes: 3 * MB,
            files: &[
                stored("train", "main/train-*.parquet", 7473),
                stored("test", "main/test-*.parquet", 1319),
            ],
        }],
    },
    Benchmark {
        name: "humaneval",
        about: "164 Python functions to complete, judged by unit tests",
        repository: "openai/openai_humaneval",
        source: "humaneval",
        gated: false,
        license: "MIT",
        branch: "main",
        columns: &["task_id", "prompt", "test", "entry_point"],
        releases: &[Release {
            name: "test",
            bytes: MB / 10,
            files: &[stored("test", "openai_humaneval/test-*.parquet", 164)],
        }],
    },
    Benchmark {
        name: "livecodebench",
        about: "1,055 contest problems of May 2023 to April 2025 with hidden tests",
        repository: "livecodebench/code_generation_lite",
        source: "livecodebench",
        gated: false,
        license: "Creative Commons; the statements are their contests'",
        branch: "main",
        columns: &[
            "question_title",
            "question_content",
            "platform",
            "question_id",
            "contest_id",
            "contest_date",
            "starter_code",
            "difficulty",
            "public_test_cases",
            "private_test_cases",
            "metadata",
        ],
        releases: &[
            Release { name: "release_v6", bytes: 4470 * MB, files: &LIVECODEBENCH },
            Release { name: "release_v5", bytes: 4340 * MB, files: LIVECODEBENCH.split_at(5).0 },
            Release { name: "release_v4", bytes: 3780 * MB, files: LIVECODEBENCH.split_at(4).0 },
            Release { name: "release_v3", bytes: 2580 * MB, files: LIVECODEBENCH.split_at(3).0 },
            Release { name: "release_v2", bytes: 1960 * MB, files: LIVECODEBENCH.split_at(2).0 },
            Release { name: "release_v1", bytes: 1250 * MB, files: LIVECODEBENCH.split_at(1).0 },
            Release { name: "v6", bytes: 134 * MB, files: LIVECODEBENCH.split_at(5).1 },
        ],
    },
    Benchmark {
        name: "math500",
        about: "500 competition problems with subject and level",
        repository: "HuggingFaceH4/MATH-500",
        source: "math500",
        gated: false,
        license: "MIT, as MATH itself",
        branch: "main",
        columns: &["problem", "answer", "subject", "level", "unique_id"],
        releases: &[Release {
            name: "test",
            bytes: MB / 2,
            files: &[stored("test", "test.jsonl", 500)],
        }],
    },
    Benchmark {
        name: "mbpp",
        about: "Python functions from one sentence, judged by assertions",
        repository: "google-research-datasets/mbpp",
        source: "mbpp",
        gated: false,
        license: "CC-BY-4.0",
        branch: "main",
        columns: &["task_id", "code", "test_list"],
        releases: &[
            Release {
                name: "full",
                bytes: MB / 3,
                files: &[
                    stored("train", "full/train-*.parquet", 374),
                    stored("valid", "full/validation-*.parquet", 90),
                    stored("test", "full/test-*.parquet", 500),
                    stored("prompt", "full/prompt-*.parquet", 10),
                ],
            },
            Release {
                name: "sanitized",
                bytes: MB / 5,
                files: &[
                    stored("train", "sanitized/train-*.parquet", 120),
                    stored("valid", "sanitized/validation-*.parquet", 43),
                    stored("test", "sanitized/test-*.parquet", 257),
                    stored("prompt", "sanitized/prompt-*.parquet", 7),
                ],
            },
        ],
    },
    Benchmark {
        name: "mmlu",
        about: "questions on 57 subjects with four options each",
        repository: "cais/mmlu",
        source: "mmlu",
        gated: false,
        license: "MIT",
        branch: "main",
        columns: &["question", "subject", "choices", "answer"],
        releases: &[
            Release {
                name: "all",
                bytes: 4 * MB,
                files: &[
                    stored("dev", "all/dev-*.parquet", 285),
                    stored("valid", "all/validation-*.parquet", 1531),
                    stored("test", "all/test-*.parquet", 14_042),
                ],
            },
            Release {
                name: "auxiliary_train",
                bytes: 48 * MB,
                files: &[stored("train", "all/auxiliary_train-*.parquet", 99_842)],
            },
        ],
    },
    Benchmark {
        name: "mmlu_pro",
        about: "harder questions on 14 subjects with up to ten options each",
        repository: "TIGER-Lab/MMLU-Pro",
        source: "mmlu_pro",
        gated: false,
        license: "MIT",
        branch: "main",
        columns: &["question_id", "question", "options", "answer", "answer_index", "category"],
        releases: &[Release {
            name: "all",
            bytes: 5 * MB,
            files: &[
                stored("valid", "data/validation-*.parquet", 70),
                stored("test", "data/test-*.parquet", 12_032),
            ],
        }],
    },
    Benchmark {
        name: "rlpr",
        about: "77,687 questions of many subjects with short answers, to train on",
        repository: "openbmb/RLPR-Train-Dataset",
        source: "rlpr",
        gated: false,
        license: "see the card on the hub",
        branch: "main",
        columns: &["prompt", "reward_model"],
        releases: &[Release {
            name: "train",
            bytes: 60 * MB,
            files: &[stored("train", "rlpr_train.parquet", 77_687)],
        }],
    },
    Benchmark {
        name: "theoremqa",
        about: "800 questions that need a theorem, some with a picture",
        repository: "TIGER-Lab/TheoremQA",
        source: "theoremqa",
        gated: false,
        license: "MIT",
        branch: "main",
        columns: &["Question", "Answer", "Answer_type"],
        releases: &[Release {
            name: "test",
            bytes: 6 * MB,
            files: &[stored("test", "data/test-*.parquet", 800)],
        }],
    },
];

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
        let takes = |from, path| stored("x", from, 1).takes(path);
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
