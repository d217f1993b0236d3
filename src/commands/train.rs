//! `conductor train`: trains a policy, or goes on with a run that was interrupted.

use clap::Args;
use conductor_checkpoints::RunFolder;
use conductor_configs::Resolved;
use conductor_trainer::{Ending, Plan, TrainReport};
use conductor_types::Event;
use serde_json::json;

use super::setup;
use crate::cli::ConfigArgs;
use crate::exit::Exit;
use crate::interrupt;
use crate::ui::events::Console;
use crate::ui::{self, Page, Style};

/// Train a policy, or go on with a run that was interrupted.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  conductor train quickstart\n  conductor train run.toml --set train.steps=50 --set \
    run.name=short\n  conductor train run.toml --dry-run\n\nThe same command goes on with an interrupted run. \
    Ctrl-C once stops at the next safe point with a checkpoint, twice aborts.\n"
)]
pub struct Train {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print what the run would take (memory, tokens, calls, dollars) and start nothing.
    #[arg(long)]
    dry_run: bool,
    /// Begin anew; an earlier run of this name is moved aside, not deleted.
    #[arg(long)]
    fresh: bool,
    /// Print events as JSON, one object a line.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Train) -> anyhow::Result<Exit> {
    let resolved = arguments.config.resolve()?;
    setup::threads(&resolved.config);
    if arguments.dry_run {
        return dry_run(&resolved, arguments.json);
    }
    let section = &resolved.config.run;
    let style = Style::stderr();
    if arguments.fresh
        && let Some(old) = RunFolder::set_aside(&section.dir, &section.name)?
    {
        eprintln!("{} the earlier run is now {}", style.warn("moved:"), old.display());
    }
    let folder = RunFolder::create_or_resume(&section.dir, &section.name, &resolved.to_toml())?;
    let stop =
        interrupt::watch("calls under way come to their end, and the run saves a checkpoint")?;
    let mut console = Console::choose(arguments.json);
    for change in folder.changes() {
        console.show(&Event::Notice { message: format!("since the run began, {change}") });
    }
    let report = conductor_trainer::train(
        &resolved.config,
        &folder,
        &mut |event| console.show(&event),
        &stop,
    )?;
    drop(console);
    if !arguments.json {
        finish(&report, folder.path(), style);
    }
    Ok(match report.ending {
        Ending::Finished => Exit::Done,
        Ending::Interrupted => Exit::Interrupted,
    })
}

fn finish(report: &TrainReport, folder: &std::path::Path, style: Style) {
    let folder = folder.display();
    match report.ending {
        Ending::Finished => {
            eprintln!(
                "{} {} steps, {}",
                style.good("done:"),
                report.step,
                ui::spending(report.spend_usd, report.saved_usd, report.unsettled_usd)
            );
            eprintln!("  run         {folder}");
            if let Some(checkpoint) = &report.checkpoint {
                eprintln!("  checkpoint  {}", checkpoint.display());
            }
            eprintln!("next: conductor eval {folder}   or   conductor export {folder} --out DIR");
        }
        Ending::Interrupted => {
            eprintln!(
                "{} after step {}; the same command goes on from there",
                style.warn("interrupted"),
                report.step
            );
        }
    }
}

fn dry_run(resolved: &Resolved, json: bool) -> anyhow::Result<Exit> {
    let plan = conductor_trainer::plan(&resolved.config)?;
    if json {
        ui::print_json(&json!({ "plan": plan }))?;
        return Ok(Exit::Done);
    }
    page(&plan, resolved).print()?;
    Ok(Exit::Done)
}

fn page(plan: &Plan, resolved: &Resolved) -> Page {
    let config = &resolved.config;
    let mut page = Page::default();
    page.line(format!("run       {}", config.run.dir.join(&config.run.name).display()));
    page.line(format!(
        "policy    {}: {} weights, {} trained; {}",
        config.policy.model.display(),
        plan.parameters,
        plan.trained_parameters,
        plan.placement
    ));
    page.line(format!(
        "memory    {:.0} MiB of weights and optimiser state, about {:.0} MiB of activations and cache at the peak",
        plan.state_mib, plan.working_mib
    ));
    let [train, valid, test] = plan.tasks;
    page.line(format!("tasks     {train} train, {valid} valid, {test} test"));
    page.line(format!(
        "prompts   {:.0} tokens on average, {:.0} at most{}",
        plan.prompt_tokens[0],
        plan.prompt_tokens[1],
        if plan.too_long > 0 {
            format!(
                "; {} are too long (sampling.max_prompt_tokens, or the model's context), so training would not start",
                plan.too_long
            )
        } else {
            String::new()
        }
    ));
    page.line(format!(
        "work      {} warm-start updates, {} steps × {} tasks × {} samples = {} episodes, at most {} sampled tokens",
        config.warm_start.steps,
        config.train.steps,
        config.train.tasks_per_step,
        config.train.group_size,
        plan.episodes,
        plan.sampled_tokens_max
    ));
    page.line(format!("calls     {} to {} of workers", plan.calls[0], plan.calls[1]));
    page.line(match (plan.usd, plan.usd_per_call) {
        (Some([low, high]), Some(call)) => {
            format!("dollars   {low:.4} to {high:.4}, at {call:.3e} a call")
        }
        _ => "dollars   not known before the calls: the pool has live workers".to_owned(),
    });
    for notice in &plan.notices {
        page.line(format!("note      {notice}"));
    }
    page.line("nothing was started");
    page
}
