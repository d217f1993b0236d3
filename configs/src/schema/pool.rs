//! `[pool]`: the workers.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::SimulatedWorker;

/// The workers. The policy sees all of them, in this order, unless `listed` and `permute` say otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// The workers; at least one.
    #[schemars(length(min = 1))]
    pub workers: Vec<Worker>,
    /// Further live workers, which the policy never sees and no step can ask: `reward.judge` names one. What they cost
    /// counts against the budget like any call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlisted: Vec<Worker>,
    /// Workers that the prompt lists for one question, drawn anew for each question and training step; absent lists all. One
    /// that can take a first step is always among them. Under evaluation the draw of a question is always the same.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub listed: Option<u32>,
    /// List the workers of each question in a random order, so that a number says nothing about who stands behind it. Without
    /// it they stand in the order of the pool.
    #[serde(default)]
    pub permute: bool,
    /// Where every answer of a live worker is kept, so that none is paid twice: a file that runs and processes share. It is
    /// made when the first live worker is opened. An empty path keeps nothing.
    #[serde(default = "default_store", deserialize_with = "path_or_nothing")]
    pub store: Option<PathBuf>,
}

impl Pool {
    /// Every worker with the path of its table: those that the policy sees, then the unlisted ones.
    pub fn all(&self) -> impl Iterator<Item = (String, &Worker)> {
        let at = |list: &'static str| move |(i, worker)| (format!("pool.{list}[{i}]"), worker);
        let listed = self.workers.iter().enumerate().map(at("workers"));
        listed.chain(self.unlisted.iter().enumerate().map(at("unlisted")))
    }
}

/// One worker.
// Flattening passes every key that is left to the kind's own struct, which denies unknown ones;
// denying them here as well is what serde does not support.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = close_variants)]
pub struct Worker {
    /// Its name in tables, logs and recordings; unique in the pool. Not shown to the policy unless `workflow.show` says so.
    #[schemars(length(min = 1))]
    pub name: String,
    /// What the policy may be told of it.
    #[serde(default)]
    pub description: Option<String>,
    /// Its size as the policy may be told it, in few words (`7B`, `1.5B active`).
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub size: Option<String>,
    /// Short words that group workers (`open`, `closed`, `cheap` …): `conductor pool list` shows them, `workflow.show` can tell
    /// the policy, and a user's constraint may ask for them.
    #[serde(default)]
    #[schemars(inner(length(min = 1)), extend("uniqueItems" = true))]
    pub tags: Vec<String>,
    /// What stands behind it.
    #[serde(flatten)]
    pub kind: WorkerKind,
}

/// What stands behind a worker.
#[expect(clippy::large_enum_variant, reason = "a pool has a handful of workers")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WorkerKind {
    /// Answers stored in Parquet: exact for solving from scratch, refuses everything else.
    Recorded(RecordedWorker),
    /// The most frequent answer among the steps that it sees. Free.
    Vote(VoteWorker),
    /// Any OpenAI-compatible chat endpoint.
    Openai(OpenAiWorker),
    /// No model: answers that are right or wrong by a draw, for tests, trials at scale and studies of algorithms. Every
    /// table says that it is simulated. It answers tasks with the grading `recorded` (docs/formats.md) and refuses others,
    /// since it has no text that a rule could judge. The chance that an answer is right is p, with
    /// logit(p) = logit(skill) − `difficulty_spread` · d + `right_gain` · (right answers shown) − `wrong_loss` · (wrong answers
    /// shown) + effort. Here d is the question's difficulty, a standard normal number that follows from the task's id and is
    /// the same for every worker, and effort is −0.5, 0 or 0.5. Every draw follows from the run's seed, step, task,
    /// sample, place in the workflow and the worker's name.
    Simulated(SimulatedWorker),
}

/// A recorded worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct RecordedWorker {
    /// The recording (a Parquet file written by `conductor pool record` or `conductor pool import`).
    #[schemars(length(min = 1))]
    pub recording: PathBuf,
    /// The worker's name inside the recording; absent means the worker's own name.
    #[serde(default)]
    pub worker: Option<String>,
    /// Dollars per million prompt tokens; absent means what the recording says a call cost.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub input_usd_per_million: Option<f64>,
    /// Dollars per million completion tokens; absent means what the recording says a call cost.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub output_usd_per_million: Option<f64>,
}

/// A worker that votes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct VoteWorker {}

/// A live endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct OpenAiWorker {
    /// The part before `/chat/completions`, for example `http://127.0.0.1:8801/v1`.
    #[schemars(length(min = 1))]
    pub base_url: String,
    /// The model's name at the endpoint.
    #[schemars(length(min = 1))]
    pub model: String,
    /// Environment variable that holds the key; without it and `api_key_file` no key is sent.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub api_key_env: Option<String>,
    /// File that holds the key and nothing else.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub api_key_file: Option<PathBuf>,
    /// Sampling temperature. Absent means 0; with `max_tokens_field = "max_completion_tokens"` it means that none is sent,
    /// since the models that ask for that name take no temperature.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub temperature: Option<f64>,
    /// Longest answer, hidden reasoning included.
    #[serde(default = "default_max_tokens")]
    #[schemars(range(min = 1))]
    pub max_tokens: u32,
    /// The name under which the endpoint is told `max_tokens`.
    #[serde(default)]
    pub max_tokens_field: MaxTokensField,
    /// The model's context. A call that surely does not fit into it with `max_tokens` fails before it is sent: its text
    /// has more than six characters for each token that is left, which no common tokenizer makes of prose or code.
    /// Absent leaves it to the endpoint, of which some cut what is too long without a word.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub context_tokens: Option<u32>,
    /// Most prompt tokens that a part of a question which is no text (an image) takes, as the model counts them. Budgets and
    /// token limits reserve so many for each before a call, and where the endpoint reports no counts they are what is counted.
    /// Models differ from some 85 to 5,000 an image, and a few take more. For questions of text it has no meaning.
    #[serde(default = "default_image_tokens")]
    pub image_tokens: u32,
    /// How much the model thinks before it answers, in the endpoint's own words (`low`, `medium`, `high` …); absent sends nothing.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub reasoning_effort: Option<String>,
    /// The start of each answer: it is sent as the beginning of the assistant's turn, and stands in front of what the
    /// model adds. For endpoints that go on with a turn that was begun; some want to be told in `extra_body` as well
    /// (vLLM: `{ continue_final_message = true, add_generation_prompt = false }`). Absent begins none.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub prefill: Option<String>,
    /// Further fields of each request's JSON body, as the endpoint names them, for example
    /// `{ top_p = 0.95, chat_template_kwargs = { enable_thinking = false } }`. Those that have a setting of their own are
    /// refused. A stored answer is found by them too. They stand in files and logs, so an API key does not belong here.
    #[serde(default)]
    pub extra_body: Map<String, Value>,
    /// Dollars per million prompt tokens.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub input_usd_per_million: f64,
    /// Dollars per million prompt tokens that the provider had cached; absent means the price of any others.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub cached_input_usd_per_million: Option<f64>,
    /// Dollars per million completion tokens, hidden reasoning included.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub output_usd_per_million: f64,
    /// Calls under way at once.
    #[serde(default = "default_concurrency")]
    #[schemars(range(min = 1))]
    pub concurrency: u32,
    /// Most requests a minute; what the endpoint says in its headers is obeyed in any case.
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub requests_per_minute: Option<f64>,
    /// Most prompt and answer tokens a minute; each call counts with `max_tokens` until its answer is there.
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub tokens_per_minute: Option<f64>,
    /// Attempts at one call, the first included. What a retry cannot mend is not tried again.
    #[serde(default = "default_attempts")]
    #[schemars(range(min = 1))]
    pub attempts: u32,
    /// Time for all attempts at one call, from the first on; waiting for the worker's limits does not count.
    #[serde(default = "default_deadline_secs")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub deadline_secs: f64,
    /// Time for making a connection.
    #[serde(default = "default_connect_timeout_secs")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub connect_timeout_secs: f64,
    /// Time from request to the answer's first byte; absent means `timeout_secs`.
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub first_byte_timeout_secs: Option<f64>,
    /// Time between two pieces of an answer; absent means `timeout_secs`.
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub idle_timeout_secs: Option<f64>,
    /// Time of one attempt, from request to last byte.
    #[serde(default = "default_timeout_secs")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub timeout_secs: f64,
}

/// The name of the longest answer's length in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MaxTokensField {
    /// What nearly every endpoint takes.
    #[default]
    MaxTokens,
    /// What OpenAI's reasoning models ask for.
    MaxCompletionTokens,
}

impl MaxTokensField {
    /// The field's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }
}

impl OpenAiWorker {
    /// The temperature that is sent, where one is.
    pub fn sent_temperature(&self) -> Option<f64> {
        match self.max_tokens_field {
            MaxTokensField::MaxTokens => Some(self.temperature.unwrap_or(0.0)),
            MaxTokensField::MaxCompletionTokens => self.temperature,
        }
    }
}

/// Turns "shared keys plus one of these variants" into one closed object a variant, so that an editor
/// (and the walk over the schema) can name the one key that is wrong.
fn close_variants(schema: &mut schemars::Schema) {
    let object = schema.ensure_object();
    object.remove("unevaluatedProperties");
    object.remove("type");
    let shared = object.remove("properties");
    let required = object.remove("required");
    let Some(variants) = object.get_mut("oneOf").and_then(Value::as_array_mut) else { return };
    for variant in variants.iter_mut().filter_map(Value::as_object_mut) {
        let mut properties = serde_json::Map::new();
        let mut names = Vec::new();
        for part in [&shared, &variant.remove("properties")].into_iter().flatten() {
            properties.extend(
                part.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())),
            );
        }
        for part in [&required, &variant.remove("required")].into_iter().flatten() {
            names.extend(part.as_array().into_iter().flatten().cloned());
        }
        variant.insert("properties".into(), Value::Object(properties));
        variant.insert("required".into(), Value::Array(names));
        variant.insert("additionalProperties".into(), Value::Bool(false));
    }
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's own type")]
fn default_store() -> Option<PathBuf> {
    Some("runs/answers.sqlite".into())
}

/// TOML has no null, so that an empty path says that there is none.
fn path_or_nothing<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    let path = Option::<PathBuf>::deserialize(from)?;
    Ok(path.filter(|path| !path.as_os_str().is_empty()))
}

fn default_max_tokens() -> u32 {
    1024
}

fn default_image_tokens() -> u32 {
    5000
}

fn default_concurrency() -> u32 {
    8
}

fn default_attempts() -> u32 {
    5
}

fn default_deadline_secs() -> f64 {
    600.0
}

fn default_connect_timeout_secs() -> f64 {
    10.0
}

fn default_timeout_secs() -> f64 {
    120.0
}
