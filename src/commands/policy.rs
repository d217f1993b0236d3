//! `conductor policy`: a policy's numbers, checkable from outside.

use std::io::BufRead as _;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use conductor_configs::schema::{self, Adapter, Device, Dtype};
use conductor_policy::Policy;
use conductor_types::ChatMessage;
use serde::Deserialize;
use serde_json::json;

use crate::exit::Exit;
use crate::problem::Problem;
use crate::ui;

/// Look at a policy from outside.
#[derive(Debug, Subcommand)]
pub enum PolicyVerb {
    /// Log-probability of each token but the first, given those before it.
    #[command(
        after_help = "Examples:\n  echo '{\"id\": 1, \"tokens\": [1, 2, 3]}' | conductor policy logprobs --model \
        models/smollm2-135m-instruct\n\nReads {\"id\", \"tokens\"} a line, writes {\"id\", \"logprobs\"} a line, in order.\n"
    )]
    Logprobs(Common),
    /// Greedy continuations.
    #[command(
        after_help = "Examples:\n  echo '{\"id\": 1, \"prompt\": \"What is 2 + 2?\"}' | conductor policy generate \
        --model models/smollm2-135m-instruct\n  echo '{\"id\": 1, \"tokens\": [1, 2, 3]}' | conductor policy generate \
        --model DIR --max-new-tokens 64\n\nReads {\"id\", \"tokens\"}, or {\"id\", \"prompt\"} (one user turn, through the \
        chat template) a line; writes {\"id\", \"prompt_tokens\", \"tokens\", \"text\", \"finish\"} a line, in order.\n"
    )]
    Generate(Generate),
}

#[derive(Debug, Args)]
pub struct Common {
    /// A Hugging Face folder.
    #[arg(long)]
    model: PathBuf,
    /// Precision of the passes.
    #[arg(long, value_enum, default_value = "float32")]
    dtype: DtypeArg,
    /// Where to run.
    #[arg(long, value_enum, default_value = "auto")]
    device: DeviceArg,
}

#[derive(Debug, Args)]
pub struct Generate {
    #[command(flatten)]
    common: Common,
    /// Longest continuation.
    #[arg(long, default_value_t = 256)]
    max_new_tokens: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DtypeArg {
    Auto,
    Float32,
    Bfloat16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DeviceArg {
    Auto,
    Cpu,
    Cuda,
}

/// One line of input.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: serde_json::Value,
    tokens: Option<Vec<i64>>,
    prompt: Option<String>,
}

pub fn run(verb: PolicyVerb) -> anyhow::Result<Exit> {
    match verb {
        PolicyVerb::Logprobs(common) => {
            let policy = load(&common)?;
            each_line(|line, at| {
                let tokens = line.tokens.ok_or_else(|| wrong(at, "expected the key \"tokens\""))?;
                let logprobs = policy.logprobs(&tokens)?;
                Ok(json!({ "id": line.id, "logprobs": logprobs }))
            })
        }
        PolicyVerb::Generate(arguments) => {
            let policy = load(&arguments.common)?;
            each_line(|line, at| {
                let tokens = match (line.tokens, line.prompt) {
                    (Some(tokens), None) => tokens,
                    (None, Some(prompt)) => {
                        policy.encode_prompt(&[ChatMessage::user(prompt)], "")?
                    }
                    _ => return Err(wrong(at, "expected either \"tokens\" or \"prompt\"").into()),
                };
                let (sampled, finish) = policy.greedy(&tokens, arguments.max_new_tokens)?;
                let text = policy.tokenizer.decode(&sampled)?;
                Ok(json!({
                    "id": line.id, "prompt_tokens": tokens.len(), "tokens": sampled, "text": text, "finish": finish,
                }))
            })
        }
    }
}

fn load(common: &Common) -> anyhow::Result<Policy> {
    let config = schema::Policy {
        model: common.model.clone(),
        device: match common.device {
            DeviceArg::Auto => Device::Auto,
            DeviceArg::Cpu => Device::Cpu,
            DeviceArg::Cuda => Device::Cuda,
        },
        dtype: match common.dtype {
            DtypeArg::Auto => Dtype::Auto,
            DtypeArg::Float32 => Dtype::Float32,
            DtypeArg::Bfloat16 => Dtype::Bfloat16,
        },
        adapter: Adapter::Full,
        recompute_activations: false,
    };
    Ok(Policy::load(&config, 0)?)
}

fn each_line(
    mut f: impl FnMut(Line, usize) -> anyhow::Result<serde_json::Value>,
) -> anyhow::Result<Exit> {
    for (index, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let parsed: Line =
            serde_json::from_str(&line).map_err(|error| wrong(index + 1, &error.to_string()))?;
        ui::print_line(&f(parsed, index + 1)?.to_string())?;
    }
    Ok(Exit::Done)
}

fn wrong(line: usize, what: &str) -> Problem {
    Problem::usage(format!("standard input, line {line}: {what}"))
        .next("`conductor policy --help` shows the form of a line")
}
