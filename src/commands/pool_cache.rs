//! `conductor pool cache`: the store of paid answers.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use conductor_rollout::store;
use serde_json::json;

use crate::exit::Exit;
use crate::problem::Problem;
use crate::ui::{self, Page, Style, Table};

const SECONDS_A_DAY: f64 = 86_400.0;

/// Look at the paid answers that runs share.
#[derive(Debug, Subcommand)]
pub enum PoolCache {
    /// Count answers, tokens and dollars by worker.
    #[command(
        after_help = "Examples:\n  conductor pool cache stats\n  conductor pool cache stats --store my.sqlite --json"
    )]
    Stats(Stats),
    /// Remove old answers and give their space back. They are paid anew when they are wanted again.
    #[command(
        after_help = "Examples:\n  conductor pool cache prune --older-than-days 90\n  conductor pool cache prune \
        --older-than-days 0 --worker small"
    )]
    Prune(Prune),
    /// Write every answer with its request as JSONL.
    #[command(
        after_help = "Examples:\n  conductor pool cache export > answers.jsonl\n  conductor pool cache export \
        --worker small | jq .answer"
    )]
    Export(Export),
}

#[derive(Debug, Args)]
pub struct StoreArg {
    /// The store; pool.store of a configuration names it.
    #[arg(long, value_name = "FILE", default_value = "runs/answers.sqlite")]
    store: PathBuf,
}

#[derive(Debug, Args)]
pub struct Stats {
    #[command(flatten)]
    store: StoreArg,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Prune {
    #[command(flatten)]
    store: StoreArg,
    /// Answers that were paid longer ago than this; 0 is all.
    #[arg(long, value_name = "DAYS")]
    older_than_days: f64,
    /// Only this worker's.
    #[arg(long, value_name = "NAME")]
    worker: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    store: StoreArg,
    /// Only this worker's.
    #[arg(long, value_name = "NAME")]
    worker: Option<String>,
}

/// Runs the verb.
pub fn run(verb: &PoolCache) -> anyhow::Result<Exit> {
    match verb {
        PoolCache::Stats(args) => stats(args)?,
        PoolCache::Prune(args) => prune(args)?,
        PoolCache::Export(args) => {
            let mut out = BufWriter::new(std::io::stdout().lock());
            store::export(args.store.existing()?, args.worker.as_deref(), &mut out)?;
            out.flush()?;
        }
    }
    Ok(Exit::Done)
}

impl StoreArg {
    /// Looking at a store must not make one.
    fn existing(&self) -> Result<&Path, Problem> {
        if self.store.is_file() {
            return Ok(&self.store);
        }
        Err(Problem::usage(format!("there is no store of answers at {}", self.store.display()))
            .next("name it with --store; a run with live workers makes the one that its pool.store names"))
    }
}

fn stats(args: &Stats) -> anyhow::Result<()> {
    let stats = store::stats(args.store.existing()?)?;
    if args.json {
        return ui::print_json(&stats);
    }
    let mut table =
        Table::new(&["worker", "#answers", "#prompt tokens", "#answer tokens", "#paid"]);
    for worker in &stats.workers {
        table.row([
            worker.worker.clone(),
            worker.answers.to_string(),
            worker.prompt_tokens.to_string(),
            worker.completion_tokens.to_string(),
            ui::dollars(worker.cost_usd),
        ]);
    }
    let mut page = Page::default();
    page.line(table.render(Style::stdout()));
    page.line(format!(
        "{} answers that cost {}, in {:.1} MB",
        stats.answers,
        ui::dollars(stats.cost_usd),
        stats.bytes as f64 / 1e6
    ));
    page.print()
}

fn prune(args: &Prune) -> anyhow::Result<()> {
    if !(args.older_than_days.is_finite() && args.older_than_days >= 0.0) {
        let given = args.older_than_days;
        return Err(
            Problem::usage(format!("--older-than-days is {given}, expected 0 or more")).into()
        );
    }
    let seconds = (args.older_than_days * SECONDS_A_DAY) as u64;
    let pruned = store::prune(args.store.existing()?, args.worker.as_deref(), seconds)?;
    if args.json {
        return ui::print_json(&json!(pruned));
    }
    ui::print_line(&format!(
        "{} answers removed, which had cost {}",
        pruned.answers,
        ui::dollars(pruned.cost_usd)
    ))
}
