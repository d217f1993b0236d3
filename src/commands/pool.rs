//! `conductor pool`: look at workers and record their answers.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use conductor_rollout::recording::{self, ImportRequest};
use serde_json::json;

use super::pool_cache::{self, PoolCache};
use super::pool_check::Check;
use super::pool_eval::PoolEval;
use super::pool_ledger::PoolLedger;
use super::pool_list::List;
use super::pool_prices::Prices;
use super::pool_record::Record;
use crate::exit::Exit;
use crate::ui::{self, Page, Style, Table};

/// Look at workers and record their answers.
#[derive(Debug, Subcommand)]
pub enum Pool {
    /// List the workers of a configuration. Nothing is called.
    #[command(
        after_help = "Examples:\n  conductor pool list quickstart\n  conductor pool list run.toml --json"
    )]
    List(List),
    /// Reach every worker once: state, latency, price, limits, and what is misconfigured.
    #[command(
        after_help = "A live worker gets one request of its own settings with at most 16 tokens of answer. It is paid, \
        it is not tried again, and its answer is not kept. A recorded worker's recording is read and held against the \
        tasks.\n\nExits with 0 where every worker is well, with 3 where one cannot be reached or refuses, with 2 where one \
        is misconfigured.\n\nExamples:\n  conductor pool check local-pool\n  conductor pool check run.toml --worker \
        small --json"
    )]
    Check(Check),
    /// List every worker's prices and what a typical call costs. Nothing is called.
    #[command(
        after_help = "Examples:\n  conductor pool prices run.toml\n  conductor pool prices run.toml --prompt-tokens \
        2000 --answer-tokens 800 --cheapest-first"
    )]
    Prices(Prices),
    /// Compare recorded or simulated workers, votes and oracles: what there is to win, before anything is trained.
    #[command(
        after_help = "Examples:\n  conductor pool eval quickstart\n  conductor pool eval run.toml --split test --json\n\nThe \
        best worker, overall and by domain, is chosen on the validation split; without --split that split is \
        among the questions. A large gap between the two is room for a policy that knows the kinds.\n"
    )]
    Eval(PoolEval),
    /// Ask every live worker every task once and keep the answers as a recording.
    #[command(
        after_help = "Each answer is on disk as soon as it is there: after an interruption, or when a worker \
        fails, the same command goes on with what is missing.\n\nExamples:\n  conductor pool record local-pool --out \
        recordings/local.parquet\n  conductor pool record run.toml --out answers.parquet --worker small --split \
        train --max-tasks 100"
    )]
    Record(Record),
    /// Make a recording of answers or scores that come from elsewhere.
    #[command(
        after_help = "One JSON object a line (docs/formats.md):\n  {\"task_id\", \"worker\", \"answer\"?, \
        \"score\"?, \"prompt_tokens\", \"completion_tokens\", \"cost_usd\"?, \"latency_ms\"?}\n\nExamples:\n  \
        conductor pool import --answers answers.jsonl --tasks tasks.jsonl --out others.parquet"
    )]
    Import(Import),
    /// What a run has paid to its workers, by step, with the requests of which only the provider knows what they cost.
    #[command(
        after_help = "Examples:\n  conductor pool ledger runs/router\n  conductor pool ledger runs/router --json"
    )]
    Ledger(PoolLedger),
    /// Look at the paid answers that runs share.
    #[command(subcommand)]
    Cache(PoolCache),
}

#[derive(Debug, Args)]
pub struct Import {
    /// The answers (JSONL, also .gz).
    #[arg(long, value_name = "FILE")]
    answers: PathBuf,
    /// The tasks that they answer (JSONL, also .gz).
    #[arg(long, value_name = "FILE")]
    tasks: PathBuf,
    /// The recording to write (Parquet).
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(verb: Pool) -> anyhow::Result<Exit> {
    match verb {
        Pool::List(args) => super::pool_list::run(&args),
        Pool::Check(args) => super::pool_check::run(&args),
        Pool::Prices(args) => super::pool_prices::run(&args),
        Pool::Eval(args) => super::pool_eval::run(&args),
        Pool::Record(args) => super::pool_record::run(&args),
        Pool::Import(args) => import(&args),
        Pool::Ledger(args) => super::pool_ledger::run(&args),
        Pool::Cache(verb) => pool_cache::run(&verb),
    }
}

fn import(args: &Import) -> anyhow::Result<Exit> {
    let request = ImportRequest { answers: &args.answers, tasks: &args.tasks, out: &args.out };
    let report = recording::import(request)?;
    if args.json {
        ui::print_json(&json!({
            "out": args.out, "answers": report.answers, "tasks": report.tasks, "missing": report.missing,
            "without_cost": report.without_cost, "without_text": report.without_text,
        }))?;
        return Ok(Exit::Done);
    }
    let style = Style::stdout();
    let mut table = Table::new(&["worker", "#answers", "#tasks without"]);
    for (worker, missing) in &report.missing {
        table.row([worker.clone(), (report.tasks - missing).to_string(), missing.to_string()]);
    }
    let mut page = Page::default();
    page.line(table.render(style));
    if report.without_text > 0 {
        page.line(format!(
            "{} {} answers have no text: their recorded score is the truth, so their tasks need grading kind \
             \"recorded\"\n",
            style.warn("note"),
            report.without_text
        ));
    }
    if report.without_cost > 0 {
        page.line(format!(
            "{} {} answers have no cost: give their workers prices, or they count as free\n",
            style.warn("note"),
            report.without_cost
        ));
    }
    page.line(format!("{} {}\n", style.good("written"), args.out.display()));
    page.print()?;
    Ok(Exit::Done)
}
