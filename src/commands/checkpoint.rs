//! `conductor checkpoint`: brings models into the form that policies are loaded from.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use conductor_types::{Event, Phase};

use crate::exit::Exit;
use crate::ui;
use crate::ui::events::Console;

/// Bring models into the form that policies are loaded from.
#[derive(Debug, Subcommand)]
pub enum Checkpoint {
    /// Write the Hugging Face folder of a GGUF file: weights as float32, configuration, tokenizer, chat template.
    #[command(
        after_help = "Examples:\n  conductor checkpoint import-gguf model.gguf --out models/model\n"
    )]
    ImportGguf(ImportGguf),
}

#[derive(Debug, Args)]
pub struct ImportGguf {
    /// The GGUF file: Llama or Qwen2 architecture, byte-level BPE tokenizer.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The new folder.
    #[arg(long)]
    out: PathBuf,
}

pub fn run(verb: Checkpoint) -> anyhow::Result<Exit> {
    let Checkpoint::ImportGguf(ImportGguf { file, out }) = verb;
    let mut console = Console::choose(false);
    let imported = conductor_policy::gguf::import(&file, &out, &mut |done, total| {
        console.show(&Event::Progress {
            phase: Phase::Load,
            done: done as u64,
            total: total as u64,
            unit: "weights".into(),
        });
    })?;
    drop(console);
    ui::print_line(&format!(
        "{}: {}, {} weights",
        imported.folder.display(),
        imported.model_name,
        imported.parameters
    ))?;
    Ok(Exit::Done)
}
