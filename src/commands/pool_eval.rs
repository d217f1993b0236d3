//! `conductor pool eval`: what a pool does without a policy.

use clap::Args;
use conductor_configs::schema::WorkerKind;
use conductor_trainer::evaluate::evaluate_pool;
use conductor_types::Split;

use super::data::SplitArg;
use super::eval::with_progress;
use super::setup;
use crate::cli::ConfigArgs;
use crate::exit::Exit;
use crate::problem::Problem;

#[derive(Debug, Args)]
pub struct PoolEval {
    #[command(flatten)]
    config: ConfigArgs,
    /// Only questions of this split; absent means all.
    #[arg(long, value_enum)]
    split: Option<SplitArg>,
    /// Print the report as JSON, with every answer.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &PoolEval) -> anyhow::Result<Exit> {
    let config = arguments.config.resolve()?.config;
    if let Some(worker) =
        config.pool.workers.iter().find(|worker| matches!(worker.kind, WorkerKind::Openai(_)))
    {
        let message =
            format!("worker {:?} is live: evaluating it would call and pay it", worker.name);
        return Err(Problem::usage(message)
            .next("record it once with `conductor pool record`, then name the recording (kind = \"recorded\")")
            .into());
    }
    setup::threads(&config);
    let split = arguments.split.map(Split::from);
    with_progress(&config, arguments.json, |environment, stop, progress| {
        evaluate_pool(environment, &config, split, stop, progress)
    })
}
