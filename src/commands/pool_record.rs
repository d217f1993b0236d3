//! `conductor pool record`: ask live workers once and keep what they answer.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use conductor_configs::schema;
use conductor_configs::schema::WorkerKind;
use conductor_reward::Extractors;
use conductor_rollout::Pool as Workers;
use conductor_rollout::ledger::Account;
use conductor_rollout::recording::{self, RecordOptions, RecordProgress, RecordReport};
use conductor_types::{Split, Task};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::data::SplitArg;
use crate::cli::ConfigArgs;
use crate::exit::Exit;
use crate::interrupt;
use crate::problem::Problem;
use crate::ui::{self, Page, Style};

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

/// Failed calls that are listed one by one.
const SHOWN_FAILURES: usize = 5;

/// Runs the verb.
pub fn run(args: &Record) -> anyhow::Result<Exit> {
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
    let workers = live.into_iter().filter(chosen).collect();
    Ok(schema::Pool { workers, unlisted: Vec::new(), ..pool.clone() })
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
