//! `conductor policy`: a model's log-probabilities and continuations, checkable from outside.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use conductor_policy::generate::{Decoding, Monitor, generate};
use conductor_types::{ChatMessage, FinishReason};
use serde::Deserialize;
use serde_json::{Value, json};

use super::model_args::ModelArgs;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::ui;
use crate::ui::input::Lines;

/// Ask a model for log-probabilities and continuations.
#[derive(Debug, Subcommand)]
pub enum PolicyVerb {
    /// Log-probability of every token but the first, given those before it.
    #[command(
        after_help = "Reads {\"id\", \"tokens\"} a line, writes {\"id\", \"logprobs\"} a line: one number a predicted \
        token.\n\nExamples:\n  conductor policy logprobs --model models/SmolLM2-135M-Instruct < tokens.jsonl\n  \
        conductor policy logprobs --model models/m --dtype bfloat16 tokens.jsonl"
    )]
    Logprobs(Logprobs),
    /// Continue conversations or raw tokens.
    #[command(
        after_help = "Reads one object a line with \"tokens\", \"messages\" ([{\"role\", \"content\"}]) or \"prompt\" (a \
        user's message), and an \"id\" if wanted.\nWrites {\"id\", \"prompt\", \"prompt_tokens\", \"tokens\", \"text\", \
        \"logprobs\", \"finish\"} a line; \"prompt\" is the text after the chat template, absent for raw tokens.\n\nExamples:\n  \
        echo '{\"prompt\": \"Say hello.\"}' | conductor policy generate --model models/SmolLM2-135M-Instruct\n  \
        conductor policy generate --model models/m --temperature 1 --seed 7 --max-new-tokens 64 prompts.jsonl"
    )]
    Generate(Generate),
}

#[derive(Debug, Args)]
pub struct Logprobs {
    #[command(flatten)]
    model: ModelArgs,
    /// JSONL; absent or `-` means standard input.
    #[arg(value_name = "FILE")]
    input: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Generate {
    #[command(flatten)]
    model: ModelArgs,
    /// Longest continuation.
    #[arg(long, default_value_t = 256)]
    max_new_tokens: usize,
    /// Sampling temperature; 0 takes the likeliest token.
    #[arg(long, default_value_t = 0.0)]
    temperature: f64,
    /// Seed of the sampling.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// JSONL; absent or `-` means standard input.
    #[arg(value_name = "FILE")]
    input: Option<PathBuf>,
}

/// Runs the verb.
pub fn run(verb: PolicyVerb) -> anyhow::Result<Exit> {
    match verb {
        PolicyVerb::Logprobs(args) => logprobs(&args)?,
        PolicyVerb::Generate(args) => continuations(&args)?,
    }
    Ok(Exit::Done)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sequence {
    #[serde(default)]
    id: Value,
    tokens: Vec<i64>,
}

fn logprobs(args: &Logprobs) -> anyhow::Result<()> {
    let mut lines = Lines::open(args.input.as_deref())?;
    let policy = args.model.load()?;
    while let Some(line) = lines.next()? {
        let Sequence { id, tokens } =
            lines.parse(&line, "an object {\"id\", \"tokens\": [numbers]}")?;
        let logprobs =
            policy.logprobs(&tokens).with_context(|| format!("cannot use {}", lines.place()))?;
        ui::print_line(&json!({ "id": id, "logprobs": logprobs }).to_string())?;
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    #[serde(default)]
    id: Value,
    tokens: Option<Vec<i64>>,
    messages: Option<Vec<ChatMessage>>,
    prompt: Option<String>,
}

fn continuations(args: &Generate) -> anyhow::Result<()> {
    if !(args.temperature.is_finite() && args.temperature >= 0.0) {
        return Err(Problem::usage(format!(
            "--temperature is {}, expected 0 or more",
            args.temperature
        ))
        .into());
    }
    let mut lines = Lines::open(args.input.as_deref())?;
    let policy = args.model.load()?;
    let model = policy.model.for_inference();
    let decoding = Decoding {
        temperature: args.temperature,
        max_new_tokens: args.max_new_tokens,
        max_prompt_tokens: policy.model.config.max_positions,
        batch_size: 1,
        stop_tokens: policy.model.config.eos_tokens.clone(),
    };
    let never = AtomicBool::new(false);
    while let Some(line) = lines.next()? {
        let expected = "an object with \"tokens\", \"messages\" or \"prompt\"";
        let question: Question = lines.parse(&line, expected)?;
        let (text, tokens) = match (question.tokens, question.messages, question.prompt) {
            (Some(tokens), None, None) => (None, tokens),
            (None, Some(messages), None) => rendered(&policy, &messages)?,
            (None, None, Some(prompt)) => rendered(&policy, &[ChatMessage::user(prompt)])?,
            _ => {
                return Err(lines
                    .problem(&format!("expected {expected}, and only one of them"))
                    .into());
            }
        };
        let mut monitor = Monitor { stop: &never, progress: &mut |_| {} };
        let sampled = generate(
            &model,
            std::slice::from_ref(&tokens),
            &[vec![args.seed]],
            &decoding,
            &mut monitor,
        )
        .with_context(|| format!("cannot use {}", lines.place()))?;
        let Some(sample) = sampled.and_then(|all| all.into_iter().flatten().next()) else {
            continue;
        };
        let finish = match sample.finish {
            FinishReason::Stop => "stop",
            FinishReason::Length => "length",
        };
        let answer = json!({
            "id": question.id, "prompt": text, "prompt_tokens": tokens, "tokens": sample.tokens,
            "text": policy.tokenizer.decode(&sample.tokens)?, "logprobs": sample.logprobs, "finish": finish,
        });
        ui::print_line(&answer.to_string())?;
    }
    Ok(())
}

/// The prompt after the chat template, and its tokens.
fn rendered(
    policy: &conductor_policy::Policy,
    messages: &[ChatMessage],
) -> anyhow::Result<(Option<String>, Vec<i64>)> {
    Ok((Some(policy.template.render(messages)?), policy.encode_prompt(messages, "")?))
}
