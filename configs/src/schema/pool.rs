//! `[pool]`: the workers.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The workers, in the order in which the policy sees them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// The workers; at least one.
    pub workers: Vec<Worker>,
}

/// One worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// Its name in tables, logs and recordings; unique in the pool. Not shown to the policy unless `workflow.show` says so.
    pub name: String,
    /// What the policy may be told of it.
    #[serde(default)]
    pub description: Option<String>,
    /// What stands behind it.
    #[serde(flatten)]
    pub kind: WorkerKind,
}

/// What stands behind a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WorkerKind {
    /// Answers stored in Parquet: exact for solving from scratch, refuses everything else.
    Recorded(RecordedWorker),
    /// The most frequent answer among the steps that it sees. Free.
    Vote(VoteWorker),
    /// Any OpenAI-compatible chat endpoint.
    Openai(OpenAiWorker),
}

/// A recorded worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordedWorker {
    /// The recording (a Parquet file written by `conductor pool record` or `conductor pool import`).
    pub recording: PathBuf,
    /// The worker's name inside the recording; absent means the worker's own name.
    #[serde(default)]
    pub worker: Option<String>,
    /// Dollars per million prompt tokens; absent means what the recording says a call cost.
    #[serde(default)]
    pub input_usd_per_million: Option<f64>,
    /// Dollars per million completion tokens; absent means what the recording says a call cost.
    #[serde(default)]
    pub output_usd_per_million: Option<f64>,
}

/// A worker that votes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VoteWorker {}

/// A live endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenAiWorker {
    /// The part before `/chat/completions`, for example `http://127.0.0.1:8801/v1`.
    pub base_url: String,
    /// The model's name at the endpoint.
    pub model: String,
    /// Environment variable that holds the key; absent means no key is sent.
    #[serde(default)]
    pub api_key_env: Option<String>,
    /// Sampling temperature.
    #[serde(default)]
    pub temperature: f64,
    /// Longest answer.
    #[serde(default = "default_max_tokens")]
    pub max_tokens: u32,
    /// Dollars per million prompt tokens.
    #[serde(default)]
    pub input_usd_per_million: f64,
    /// Dollars per million completion tokens.
    #[serde(default)]
    pub output_usd_per_million: f64,
    /// Calls under way at once.
    #[serde(default = "default_concurrency")]
    pub concurrency: u32,
    /// Time from request to last byte.
    #[serde(default = "default_timeout_secs")]
    pub timeout_secs: f64,
}

fn default_max_tokens() -> u32 {
    1024
}

fn default_concurrency() -> u32 {
    8
}

fn default_timeout_secs() -> f64 {
    120.0
}
