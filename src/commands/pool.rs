//! `conductor pool`: look at workers and record their answers.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use conductor_configs::schema;
use conductor_configs::schema::WorkerKind;
use conductor_reward::Extractors;
use conductor_rollout::Pool as Workers;
use conductor_rollout::ledger::Account;
use conductor_rollout::recording::{
    self, ImportRequest, RecordOptions, RecordProgress, RecordReport,
};
use conductor_types::{Split, Task, WorkerCapability};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::json;

use super::data::SplitArg;
use super::pool_cache::{self, PoolCache};
use super::pool_eval::PoolEval;
use super::pool_ledger::PoolLedger;
use super::setup;
use crate::cli::ConfigArgs;
use crate::exit::Exit;
use crate::interrupt;
use crate::problem::Problem;
use crate::ui::{self, Page, Style, Table};

/// Look at workers and record their answers.
#[derive(Debug, Subcommand)]
pub enum Pool {
    /// List the workers of a configuration. Nothing is called.
    #[command(
        after_help = "Examples:\n  conductor pool list quickstart\n  conductor pool list run.toml --json"
    )]
    List(List),
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
pub struct List {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print a list of workers as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Record {
    #[command(flatten)]
    config: ConfigArgs,
    /// The recording to make or to go on with (Parquet).
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Only this worker; may be repeated. Absent means every live worker.
    #[arg(long = "worker", value_name = "NAME")]
    workers: Vec<String>,
    /// Only tasks of this split.
    #[arg(long, value_enum)]
    split: Option<SplitArg>,
    /// At most so many tasks of each split, the same ones on every machine.
    #[arg(long, value_name = "N")]
    max_tasks: Option<usize>,
    /// Write the recording even where workers failed on some tasks.
    #[arg(long)]
    keep_incomplete: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
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

/// Failed calls that are listed one by one.
const SHOWN_FAILURES: usize = 5;

/// Runs the verb.
pub fn run(verb: Pool) -> anyhow::Result<Exit> {
    match verb {
        Pool::List(args) => list(&args),
        Pool::Eval(args) => super::pool_eval::run(&args),
        Pool::Record(args) => record(&args),
        Pool::Import(args) => import(&args),
        Pool::Ledger(args) => super::pool_ledger::run(&args),
        Pool::Cache(verb) => pool_cache::run(&verb),
    }
}

#[derive(Serialize)]
struct Row<'a> {
    number: usize,
    name: &'a str,
    kind: &'static str,
    source: String,
    capability: &'static str,
    tags: &'a [String],
    input_usd_per_million: Option<f64>,
    output_usd_per_million: Option<f64>,
    tasks: usize,
    tasks_answered: usize,
}

fn list(args: &List) -> anyhow::Result<Exit> {
    let config = args.config.resolve()?.config;
    let (tasks, _) = setup::tasks(&config)?;
    let pool = setup::pool(&config, &tasks)?;
    let rows: Vec<Row<'_>> = config
        .pool
        .workers
        .iter()
        .zip(pool.workers())
        .enumerate()
        .map(|(number, (settings, worker))| Row {
            number,
            name: &settings.name,
            kind: kind_name(&settings.kind),
            source: source_of(&settings.kind),
            capability: match worker.capability() {
                WorkerCapability::General => "reads everything",
                WorkerCapability::FromScratch => "from scratch only",
                WorkerCapability::Combines => "combines answers",
            },
            tags: &worker.card().tags,
            input_usd_per_million: worker.card().price.map(|price| price.input_usd_per_million),
            output_usd_per_million: worker.card().price.map(|price| price.output_usd_per_million),
            tasks: tasks.len(),
            tasks_answered: tasks
                .iter()
                .filter(|task| worker.covers(&task.id) && worker.can_be_graded(task))
                .count(),
        })
        .collect();
    if args.json {
        ui::print_json(&rows)?;
        return Ok(Exit::Done);
    }
    let titles =
        ["#no", "name", "kind", "tags", "source", "can", "#$/M in", "#$/M out", "#tasks answered"];
    let mut table = Table::new(&titles);
    for (row, card) in rows.iter().zip(pool.cards()) {
        let price = |price: Option<f64>| price.map_or("as recorded".into(), |usd| format!("{usd}"));
        table.row([
            row.number.to_string(),
            card.label(),
            row.kind.to_owned(),
            row.tags.join(", "),
            row.source.clone(),
            row.capability.to_owned(),
            price(row.input_usd_per_million),
            price(row.output_usd_per_million),
            format!("{}/{}", row.tasks_answered, row.tasks),
        ]);
    }
    let style = Style::stdout();
    let mut page = Page::default();
    page.line(table.render(style));
    for notice in pool.notices() {
        page.line(format!("{} {notice}\n", style.warn("note")));
    }
    page.print()?;
    Ok(Exit::Done)
}

fn record(args: &Record) -> anyhow::Result<Exit> {
    let config = args.config.resolve()?.config;
    let all = conductor_datasets::load(&config.tasks)?;
    let workers = live_workers(&config.pool, &args.workers)?;
    let id = conductor_types::account::fresh();
    let account = Some(Account { id: &id, budget: &config.budget });
    let pool = Workers::open(&workers, Arc::new(Extractors::new(all.iter())), account)?;
    let splits = match args.split {
        Some(split) => vec![Split::from(split)],
        None => vec![Split::Train, Split::Valid, Split::Test],
    };
    let limit = args.max_tasks.unwrap_or(usize::MAX);
    let tasks: Vec<Task> = splits
        .into_iter()
        .flat_map(|split| all.sample(split, limit, config.tasks.split.seed))
        .cloned()
        .collect();
    if tasks.is_empty() {
        return Err(Problem::usage("no task is left to be recorded")
            .next("choose another --split or a larger --max-tasks")
            .into());
    }
    let stop = interrupt::watch("finishing the calls under way; their answers are kept")?;
    let options = RecordOptions {
        out: &args.out,
        cancel: &stop,
        keep_incomplete: args.keep_incomplete,
        seed: config.run.seed,
    };
    let mut progress = Progress::new(args.json);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report =
        runtime.block_on(recording::record(&tasks, pool.workers(), options, &mut |at| {
            progress.show(&at);
        }))?;
    progress.end();
    report_record(args, &report)?;
    Ok(if stop.load(std::sync::atomic::Ordering::SeqCst) && report.missing > 0 {
        Exit::Interrupted
    } else if report.missing > 0 {
        Exit::Pool
    } else {
        Exit::Done
    })
}

/// The part of the pool that can be recorded: live workers, all or those named.
fn live_workers(pool: &schema::Pool, names: &[String]) -> anyhow::Result<schema::Pool> {
    let live: Vec<_> = pool
        .workers
        .iter()
        .filter(|worker| matches!(worker.kind, WorkerKind::Openai(_)))
        .cloned()
        .collect();
    let listed: Vec<&str> = live.iter().map(|worker| worker.name.as_str()).collect();
    let listed = if listed.is_empty() { "none".to_owned() } else { listed.join(", ") };
    if let Some(name) = names.iter().find(|name| live.iter().all(|worker| worker.name != **name)) {
        return Err(Problem::usage(format!("there is no live worker {name:?} in the pool"))
            .next(format!("the live workers (kind = \"openai\") are: {listed}"))
            .into());
    }
    if live.is_empty() {
        return Err(Problem::usage("the pool has no live worker, so there is nobody to record")
            .next("add a worker with kind = \"openai\" to [[pool.workers]]; the preset local-pool has three")
            .into());
    }
    let chosen = |worker: &schema::Worker| names.is_empty() || names.contains(&worker.name);
    Ok(schema::Pool { workers: live.into_iter().filter(chosen).collect(), ..pool.clone() })
}

fn report_record(args: &Record, report: &RecordReport) -> anyhow::Result<()> {
    let failures: Vec<_> = report
        .failures
        .iter()
        .map(|failure| {
            json!({ "task_id": failure.task_id, "worker": failure.error.worker,
                "kind": failure.error.kind, "message": failure.error.message })
        })
        .collect();
    if args.json {
        return ui::print_json(&json!({
            "out": args.out, "written": report.written, "recorded": report.recorded, "kept": report.kept,
            "missing": report.missing, "cost_usd": report.cost_usd, "failures": failures,
        }));
    }
    let style = Style::stdout();
    let mut page = Page::default();
    page.line(format!(
        "{} new answers for ${:.4}, {} kept from before, {} missing\n",
        report.recorded, report.cost_usd, report.kept, report.missing
    ));
    for failure in report.failures.iter().take(SHOWN_FAILURES) {
        page.line(format!("{} {}: {}\n", style.bad("failed"), failure.task_id, failure.error));
    }
    if let Some(more) = report.failures.len().checked_sub(SHOWN_FAILURES).filter(|more| *more > 0) {
        page.line(format!("{} {more} more\n", style.bad("failed")));
    }
    if report.written {
        page.line(format!("{} {}\n", style.good("written"), args.out.display()));
    } else {
        page.line(format!(
            "{} nothing is lost: the answers are in {}; run the same command again to go on, or add \
             --keep-incomplete to write what is there\n",
            style.warn("not written yet;"),
            recording::journal_path(&args.out).display()
        ));
    }
    page.print()
}

/// Progress of a recording: a bar on a terminal, else a line for every hundredth answer and every failure.
enum Progress {
    Bar(ProgressBar),
    Lines,
}

impl Progress {
    fn new(json: bool) -> Self {
        use std::io::IsTerminal as _;
        if json || !std::io::stderr().is_terminal() {
            return Self::Lines;
        }
        let bar = ProgressBar::new(0);
        let template = "record {bar:30} {pos}/{len} answers  {msg}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self::Bar(bar)
    }

    fn show(&mut self, at: &RecordProgress<'_>) {
        let failed = at.error.map(|error| format!("failed {}: {error}", at.task_id));
        match self {
            Self::Bar(bar) => {
                bar.set_length(at.total as u64);
                bar.set_position(at.done as u64);
                bar.set_message(format!("${:.4}", at.cost_usd));
                if let Some(failed) = failed {
                    bar.println(failed);
                }
            }
            Self::Lines => {
                if let Some(failed) = failed {
                    eprintln!("{failed}");
                } else if at.done.is_multiple_of(100) || at.done == at.total {
                    eprintln!("recorded {}/{} answers, ${:.4}", at.done, at.total, at.cost_usd);
                }
            }
        }
    }

    fn end(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
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

fn kind_name(kind: &WorkerKind) -> &'static str {
    match kind {
        WorkerKind::Recorded(_) => "recorded",
        WorkerKind::Vote(_) => "vote",
        WorkerKind::Simulated(_) => "simulated",
        WorkerKind::Openai(_) => "openai",
    }
}

/// Where its answers come from; never with a key in it.
fn source_of(kind: &WorkerKind) -> String {
    match kind {
        WorkerKind::Recorded(settings) => settings.recording.display().to_string(),
        WorkerKind::Vote(_) => "earlier answers".into(),
        WorkerKind::Simulated(_) => "drawn at random".into(),
        WorkerKind::Openai(settings) => {
            format!("{} at {}", settings.model, without_login(&settings.base_url))
        }
    }
}

/// A URL without the name and password that may stand before its host.
fn without_login(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority_end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_in_a_url_is_never_shown() {
        assert_eq!(without_login("https://me:se@cret@host:1/v1?a=b@c"), "https://host:1/v1?a=b@c");
        assert_eq!(without_login("http://127.0.0.1:8801/v1"), "http://127.0.0.1:8801/v1");
        assert_eq!(without_login("no url"), "no url");
    }
}
