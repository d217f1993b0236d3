//! `conductor workflow`: read workflows as the policy writes them.

use std::io::{BufRead, Read as _};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use conductor_rollout::parse::{ParseRules, parse};
use conductor_types::AccessKind;
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::problem::Problem;
use crate::ui;

/// Read workflows as the policy writes them.
#[derive(Debug, Subcommand)]
pub enum Workflow {
    /// Parse a completion into its steps, or say by name why it is no workflow.
    #[command(
        after_help = "Prints {\"steps\": [{\"worker\", \"subtask\", \"access\": [earlier step indices]}]} or \
        {\"error\": {\"kind\", \"message\"}}, as one line of JSON.\nExits with 0 for a workflow, with 1 where there is none \
        (with --jsonl: where any line is none).\n\nExamples:\n  conductor workflow parse --workers 3 completion.txt\n  \
        conductor workflow parse --workers 7 --access by_step --jsonl < completions.jsonl"
    )]
    Parse(Parse),
}

#[derive(Debug, Args)]
pub struct Parse {
    /// The completion's text; absent or `-` means standard input.
    #[arg(value_name = "FILE")]
    input: Option<PathBuf>,
    /// Workers in the prompt's list; ids run from 0.
    #[arg(long, value_name = "N")]
    workers: usize,
    /// How access_list is written.
    #[arg(long, value_enum, default_value = "binary")]
    access: Access,
    /// Most steps of a workflow.
    #[arg(long, value_name = "N", default_value_t = 5)]
    max_steps: usize,
    /// Read one completion a line: a JSON string, or an object with "completion" or "text", whose "id" is repeated.
    #[arg(long)]
    jsonl: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Access {
    /// Each entry is "all" or empty.
    Binary,
    /// Each entry lists worker ids.
    ByModel,
    /// Each entry lists indices of earlier steps.
    ByStep,
}

/// Runs the verb.
pub fn run(verb: Workflow) -> anyhow::Result<Exit> {
    let Workflow::Parse(args) = verb;
    let rules = ParseRules {
        access: match args.access {
            Access::Binary => AccessKind::Binary,
            Access::ByModel => AccessKind::ByModel,
            Access::ByStep => AccessKind::ByStep,
        },
        max_steps: args.max_steps,
        workers: args.workers,
    };
    let (name, mut reader) = ui::input::open(args.input.as_deref())?;
    if args.jsonl {
        return parse_lines(&name, reader, &rules);
    }
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).with_context(|| format!("cannot read {name}"))?;
    // A model's bytes may be anything; what is no UTF-8 becomes a mark, as it does in the sampler.
    let (value, is_workflow) = parsed(&String::from_utf8_lossy(&bytes), &rules);
    ui::print_line(&value.to_string())?;
    Ok(if is_workflow { Exit::Done } else { Exit::Failure })
}

fn parse_lines(name: &str, reader: impl BufRead, rules: &ParseRules) -> anyhow::Result<Exit> {
    let mut exit = Exit::Done;
    for (number, line) in (1..).zip(reader.split(b'\n')) {
        let line = line.with_context(|| format!("cannot read {name}"))?;
        let line = String::from_utf8_lossy(&line);
        if line.trim().is_empty() {
            continue;
        }
        let (id, text) = completion(&line)
            .map_err(|message| Problem::usage(format!("{name}:{number}: {message}")))?;
        let (mut value, is_workflow) = parsed(&text, rules);
        if let (Some(id), Some(object)) = (id, value.as_object_mut()) {
            object.insert("id".into(), id);
        }
        if !is_workflow {
            exit = Exit::Failure;
        }
        ui::print_line(&value.to_string())?;
    }
    Ok(exit)
}

/// The id, where there is one, and the completion of one line.
fn completion(line: &str) -> Result<(Option<Value>, String), String> {
    const EXPECTED: &str =
        "expected a JSON string, or an object with a string under \"completion\" or \"text\"";
    match serde_json::from_str(line) {
        Ok(Value::String(text)) => Ok((None, text)),
        Ok(Value::Object(mut object)) => {
            let text = object.remove("completion").or_else(|| object.remove("text"));
            match text {
                Some(Value::String(text)) => Ok((object.remove("id"), text)),
                _ => Err(EXPECTED.into()),
            }
        }
        Ok(_) => Err(EXPECTED.into()),
        Err(error) => Err(format!("{EXPECTED}; this is no JSON: {error}")),
    }
}

/// The line to print, and whether it is a workflow.
fn parsed(text: &str, rules: &ParseRules) -> (Value, bool) {
    match parse(text, rules) {
        Ok(workflow) => (json!({ "steps": workflow.steps }), true),
        Err(error) => (json!({ "error": error }), false),
    }
}
