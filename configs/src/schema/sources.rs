//! Choices of `[[tasks.sources]]`, and what their keys are where they are left out.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TaskSource;

/// What the domain of a task says; tables are broken down by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DomainBy {
    /// The benchmark's name.
    #[default]
    Benchmark,
    /// The name and the subject, category or platform ("mmlu/astronomy").
    Subject,
    /// The name and the difficulty or level ("livecodebench/hard"), where the benchmark has one.
    Difficulty,
}

/// A release of LiveCodeBench; each holds the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LiveCodeBenchRelease {
    /// 400 problems, May 2023 to March 2024.
    V1,
    /// 511 problems, to May 2024.
    V2,
    /// 612 problems, to July 2024.
    V3,
    /// 713 problems, to October 2024.
    V4,
    /// 880 problems, to January 2025.
    V5,
    /// 1,055 problems, to April 2025.
    V6,
    /// The 175 problems that v6 adds to v5.
    V6Only,
}

/// How hard a contest problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContestDifficulty {
    /// Easy.
    Easy,
    /// Medium.
    Medium,
    /// Hard.
    Hard,
}

/// Where a contest was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContestPlatform {
    /// AtCoder.
    Atcoder,
    /// LeetCode.
    Leetcode,
    /// Codeforces.
    Codeforces,
}

/// What happens to problems that a benchmark's authors know to be faulty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Errata {
    /// They are left out.
    #[default]
    Exclude,
    /// They are kept, as the benchmark's own leaderboard does.
    Keep,
}

/// A set of GPQA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GpqaSubset {
    /// 198 questions that experts answer and others do not.
    Diamond,
    /// 448 questions, Diamond's among them.
    Main,
    /// 546 questions, the main set's among them.
    Extended,
}

/// A part of a benchmark that comes in two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataPart {
    /// For training.
    Train,
    /// For testing.
    #[default]
    Test,
}

/// A part of MMLU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MmluPart {
    /// 285 questions, five a subject.
    Dev,
    /// 1,531 questions.
    Val,
    /// 14,042 questions.
    #[default]
    Test,
    /// 99,842 questions of other benchmarks, without a subject, which the authors add for training; of the hub's table alone.
    AuxiliaryTrain,
}

/// A part of MBPP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MbppPart {
    /// Problems 1 to 10, which prompts show as examples.
    Prompt,
    /// Problems 11 to 510.
    Test,
    /// Problems 511 to 600.
    Validation,
    /// Problems 601 to 974.
    Train,
}

/// How BigCodeBench asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BigCodeBenchForm {
    /// In words.
    #[default]
    Instruct,
    /// By the head of the function with its documentation.
    Complete,
}

/// What happens to questions with a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pictures {
    /// They are left out: without the picture most have no answer.
    #[default]
    Skip,
    /// They are asked without it.
    TextOnly,
    /// The picture goes with the question, to workers that see.
    Attach,
}

pub(super) fn gpqa_password_env() -> String {
    "GPQA_PASSWORD".into()
}

pub(super) fn aime() -> String {
    "aime".into()
}

pub(super) fn amc() -> String {
    "amc".into()
}

pub(super) fn countdown() -> String {
    "countdown".into()
}

pub(super) fn rlpr_gold_chars() -> usize {
    30
}

impl TaskSource {
    /// The `kind` that names it in files.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Humaneval { .. } => "humaneval",
            Self::ReasoningGym { .. } => "reasoning_gym",
            Self::Jsonl { .. } => "jsonl",
            Self::Parquet { .. } => "parquet",
            Self::Livecodebench { .. } => "livecodebench",
            Self::Gpqa { .. } => "gpqa",
            Self::Math500 { .. } => "math500",
            Self::Aime { .. } => "aime",
            Self::Amc { .. } => "amc",
            Self::Gsm8k { .. } => "gsm8k",
            Self::Mmlu { .. } => "mmlu",
            Self::MmluPro { .. } => "mmlu_pro",
            Self::Rlpr { .. } => "rlpr",
            Self::Theoremqa { .. } => "theoremqa",
            Self::Mbpp { .. } => "mbpp",
            Self::Bigcodebench { .. } => "bigcodebench",
            Self::Countdown { .. } => "countdown",
            Self::Arc { .. } => "arc",
            Self::Openbookqa { .. } => "openbookqa",
            Self::Leetcode { .. } => "leetcode",
            Self::CodeContests { .. } => "code_contests",
            Self::Codeforces { .. } => "codeforces",
        }
    }

    /// The file that it reads besides [`path`](Self::path), where it names one.
    pub fn other_file(&self) -> Option<&Path> {
        match self {
            Self::Livecodebench { release_ids: file, .. }
            | Self::Gpqa { password_file: file, .. } => file.as_deref(),
            _ => None,
        }
    }

    /// The folder of the pictures that go with its questions, where they do.
    pub fn pictures(&self) -> Option<&Path> {
        match self {
            Self::Theoremqa { path, pictures: Pictures::Attach, picture_folder, .. } => {
                Some(picture_folder.as_deref().or(path.parent()).unwrap_or(Path::new("")))
            }
            _ => None,
        }
    }

    /// The name by which `conductor data fetch` brings such a file; absent where it brings none.
    pub fn fetched_as(&self) -> Option<&'static str> {
        match self {
            Self::Aime { .. } => Some("aime24"),
            Self::Bigcodebench { .. } => Some("bigcodebench_hard"),
            Self::Humaneval { .. }
            | Self::Livecodebench { .. }
            | Self::Gpqa { .. }
            | Self::Math500 { .. }
            | Self::Gsm8k { .. }
            | Self::Mmlu { .. }
            | Self::MmluPro { .. }
            | Self::Rlpr { .. }
            | Self::Theoremqa { .. }
            | Self::Mbpp { .. }
            | Self::Countdown { .. } => Some(self.kind()),
            Self::ReasoningGym { .. }
            | Self::Jsonl { .. }
            | Self::Parquet { .. }
            | Self::Amc { .. }
            | Self::Arc { .. }
            | Self::Openbookqa { .. }
            | Self::Leetcode { .. }
            | Self::CodeContests { .. }
            | Self::Codeforces { .. } => None,
        }
    }
}
