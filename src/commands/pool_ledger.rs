//! `conductor pool ledger`: what a run has paid, and the requests of which only the provider knows what they cost.

use std::path::PathBuf;

use clap::Args;
use conductor_checkpoints::RunFolder;
use conductor_rollout::ledger::{Statement, statement};
use serde_json::json;

use super::eval::config_of;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::ui::{self, Page, Style, Table};

/// Requests without a settlement that are listed one by one; `--json` has all.
const SHOWN: usize = 20;

#[derive(Debug, Args)]
pub struct PoolLedger {
    /// The run's folder.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Override one value of the run's configuration, such as pool.store; may be repeated.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    sets: Vec<String>,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(args: &PoolLedger) -> anyhow::Result<Exit> {
    let config = config_of(&args.run, &args.sets)?;
    let Some(store) = config.pool.store.filter(|store| store.is_file()) else {
        let message = format!(
            "the run {} has no store of answers, so it paid nothing that is written down",
            args.run.display()
        );
        return Err(Problem::usage(message)
            .next("where the store has moved, name it with --set pool.store=FILE")
            .into());
    };
    let id = RunFolder::id_of(&args.run)?;
    let statement = statement(&store, &id)?;
    if args.json {
        ui::print_json(&json!(statement))?;
    } else {
        page(&statement).print()?;
    }
    Ok(Exit::Done)
}

fn page(statement: &Statement) -> Page {
    let mut page = Page::default();
    let mut table = Table::new(&["part", "worker", "#calls", "#refused", "#paid"]);
    for line in &statement.lines {
        table.row([
            line.part.clone(),
            line.worker.clone(),
            line.calls.to_string(),
            line.refused.to_string(),
            ui::dollars(line.paid_usd),
        ]);
    }
    page.line(table.render(Style::stdout()));
    page.line(format!("{} calls, {} paid", statement.calls, ui::dollars(statement.paid_usd)));
    if statement.estimated_usd > 0.0 {
        page.line(format!(
            "{} of it by counts of our own, because the endpoint reported none",
            ui::dollars(statement.estimated_usd)
        ));
    }
    if statement.unsettled.is_empty() {
        return page;
    }
    let style = Style::stdout();
    page.line(format!(
        "\n{} {} requests broke off, or were under way when the process ended: at most {} more, which only the provider knows",
        style.warn("unsettled:"),
        statement.unsettled.len(),
        ui::dollars(statement.unsettled_usd)
    ));
    let mut table = Table::new(&["part", "question", "worker", "state", "#at most"]);
    for one in statement.unsettled.iter().take(SHOWN) {
        table.row([
            one.part.clone(),
            one.task.clone(),
            one.worker.clone(),
            one.state.clone(),
            ui::dollars(one.reserved_usd),
        ]);
    }
    page.line(table.render(style));
    if let Some(more) = statement.unsettled.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        page.line(format!("and {more} more; --json lists all"));
    }
    page
}
