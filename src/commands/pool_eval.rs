//! `conductor pool eval`: what a pool does without a policy.

use clap::Args;
use conductor_configs::schema::WorkerKind;
use conductor_trainer::Environment;
use conductor_trainer::evaluate::evaluate_pool;
use conductor_types::{Event, Phase, Split};
use serde_json::json;

use super::data::SplitArg;
use super::setup;
use crate::cli::ConfigArgs;
use crate::exit::Exit;
use crate::interrupt;
use crate::problem::Problem;
use crate::ui::events::Console;
use crate::ui::{self, Style};

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
    let environment = Environment::open(&config)?;
    let stop = interrupt::watch("the evaluation ends without a table")?;
    let mut console = Console::choose(false);
    for message in environment.notices() {
        console.show(&Event::Notice { message });
    }
    let report = evaluate_pool(
        &environment,
        &config,
        arguments.split.map(Split::from),
        &stop,
        &mut |who, done, total| {
            console.show(&Event::Progress {
                phase: Phase::Evaluate,
                done: done as u64,
                total: total as u64,
                unit: format!("questions, {who}"),
            });
        },
    )?;
    drop(console);
    if arguments.json {
        ui::print_json(&json!({ "report": report, "answers": report.answers }))?;
    } else {
        ui::report::page(&report, Style::stdout()).print()?;
    }
    Ok(Exit::Done)
}
