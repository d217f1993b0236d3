//! `conductor export`: a run's policy as a folder that others load.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use conductor_checkpoints::weights::Dtype;
use conductor_trainer::ExportForm;

use super::model_args::DtypeArg;
use super::{eval, setup};
use crate::exit::Exit;
use crate::ui;

/// Write a run's policy as a folder that transformers, vLLM or PEFT load.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  conductor export runs/quickstart --out exported\n  conductor export runs/quickstart \
    --out adapter --format peft --checkpoint latest\n\nThe folder appears whole or not at all.\n"
)]
pub struct Export {
    /// The run's folder.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The new folder.
    #[arg(long)]
    out: PathBuf,
    /// "best" (by validation reward), "latest", or a checkpoint's name; absent means the best, or the newest where
    /// nothing was validated.
    #[arg(long)]
    checkpoint: Option<String>,
    /// A whole model with low-rank updates folded in, or only the updates.
    #[arg(long, value_enum, default_value = "hugging-face")]
    format: Format,
    /// Precision of a whole model's weights.
    #[arg(long, value_enum, default_value = "float32")]
    dtype: DtypeArg,
    /// Replace a folder that is there already.
    #[arg(long)]
    overwrite: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    HuggingFace,
    Peft,
}

pub fn run(arguments: &Export) -> anyhow::Result<Exit> {
    let config = eval::config_of(&arguments.run, &[])?;
    setup::threads(&config);
    let checkpoint = setup::checkpoint(&arguments.run, arguments.checkpoint.as_deref())?;
    let form = match (arguments.format, arguments.dtype) {
        (Format::Peft, _) => ExportForm::Peft,
        (Format::HuggingFace, DtypeArg::Float32 | DtypeArg::Auto) => {
            ExportForm::HuggingFace(Dtype::F32)
        }
        (Format::HuggingFace, DtypeArg::Bfloat16) => ExportForm::HuggingFace(Dtype::Bf16),
    };
    let out =
        conductor_trainer::export(&config, &checkpoint, form, &arguments.out, arguments.overwrite)?;
    ui::print_line(&format!("{} from {}", out.display(), checkpoint.path.display()))?;
    Ok(Exit::Done)
}
