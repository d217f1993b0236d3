//! `conductor eval`: a run's policy beside everything that its pool does without it.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use clap::Args;
use conductor_configs::schema::Adapter;
use conductor_configs::{Config, LoadRequest, schema};
use conductor_policy::Policy;
use conductor_trainer::evaluate::{Contestant, Report, evaluate};
use conductor_trainer::{Environment, TrainError, checkpoint_of, load_checkpoint};
use conductor_types::{Event, Phase};
use serde_json::json;

use super::data::SplitArg;
use super::setup;
use crate::exit::Exit;
use crate::interrupt;
use crate::ui::events::Console;
use crate::ui::{self, Style};

/// Compare a run's policy with every worker, vote and oracle of its pool.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  conductor eval runs/quickstart\n  conductor eval runs/quickstart --checkpoint \
    latest --split valid\n  conductor eval runs/quickstart --json > eval.json\n\nThe question is the unit of \
    resampling: intervals are 95 % bootstrap intervals, differences are paired, p is McNemar's exact test. The best \
    worker is chosen on the validation split.\n"
)]
pub struct Eval {
    /// The run's folder.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// "best" (by validation reward), "latest", or a checkpoint's name; absent means the best, or the newest where
    /// nothing was validated.
    #[arg(long)]
    checkpoint: Option<String>,
    /// The questions.
    #[arg(long, value_enum, default_value = "test")]
    split: SplitArg,
    /// Override one value of the run's configuration; may be repeated.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    sets: Vec<String>,
    /// Leave the untrained and the warm-started policy out.
    #[arg(long)]
    only_trained: bool,
    /// Print the report as JSON, with every answer.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Eval) -> anyhow::Result<Exit> {
    let config = config_of(&arguments.run, &arguments.sets)?;
    setup::threads(&config);
    let trained = setup::checkpoint(&arguments.run, arguments.checkpoint.as_deref())?;
    let mut contestants = Vec::new();
    if !arguments.only_trained {
        contestants.push(Contestant {
            name: "untrained policy".into(),
            step: 0,
            load: Box::new(|| {
                let untrained = schema::Policy { adapter: Adapter::Full, ..config.policy.clone() };
                Ok(Policy::load(&untrained, 0)?)
            }),
        });
        if config.warm_start.steps > 0
            && let Ok(start) = checkpoint_of(&arguments.run, "step-000000")
        {
            contestants.push(contestant("warm-started policy".into(), &config, start));
        }
    }
    let name = format!("trained policy ({})", trained.name);
    contestants.push(contestant(name, &config, trained));
    with_progress(&config, arguments.json, |environment, stop, progress| {
        evaluate(environment, &config, contestants, arguments.split.into(), stop, progress)
    })
}

/// Opens tasks and pool, evaluates something with progress on the console and prints the report.
pub fn with_progress(
    config: &Config,
    json: bool,
    evaluate: impl FnOnce(
        &Environment,
        &AtomicBool,
        &mut dyn FnMut(&str, usize, usize),
    ) -> Result<Report, TrainError>,
) -> anyhow::Result<Exit> {
    let account = conductor_types::account::fresh();
    let environment = Environment::open(config, Some(&account))?;
    let stop = interrupt::watch("the evaluation ends without a table")?;
    let mut console = Console::choose(false);
    for message in environment.notices() {
        console.show(&Event::Notice { message });
    }
    let report = evaluate(&environment, &stop, &mut |who, done, total| {
        console.show(&Event::Progress {
            phase: Phase::Evaluate,
            done: done as u64,
            total: total as u64,
            unit: format!("questions, {who}"),
        });
    })?;
    drop(console);
    if json {
        ui::print_json(&json!({ "report": report, "answers": report.answers }))?;
    } else {
        ui::report::page(&report, Style::stdout()).print()?;
    }
    Ok(Exit::Done)
}

/// The configuration that a run stored, with overrides.
pub fn config_of(run: &Path, sets: &[String]) -> anyhow::Result<Config> {
    let file = run.join("config.toml");
    if !file.is_file() {
        let message = format!("{} is no run's folder: it has no config.toml", run.display());
        return Err(crate::problem::Problem::usage(message)
            .next("give the folder that `conductor train` printed, for example runs/quickstart")
            .into());
    }
    let request =
        LoadRequest { file: Some(file), preset: None, env: Vec::new(), sets: sets.to_vec() };
    Ok(conductor_configs::load(&request)?.config)
}

fn contestant(
    name: String,
    config: &Config,
    checkpoint: conductor_checkpoints::Checkpoint,
) -> Contestant<'_> {
    Contestant {
        name,
        step: checkpoint.state.step,
        load: Box::new(move || -> Result<Policy, TrainError> {
            load_checkpoint(config, &checkpoint)
        }),
    }
}
