//! `conductor data split` and `conductor data mix`: what a configuration makes of its sources, as files.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::Args;
use conductor_configs::Config;
use conductor_configs::schema::{SplitKind, WorkerKind};
use conductor_datasets::sources::notice;
use conductor_datasets::{TaskEntry, TaskSet, TaskWriter, split_line, write_splits};
use conductor_types::Split;
use serde::Serialize;
use serde_json::json;

use super::data::SplitArg;
use super::setup;
use crate::cli::ConfigArgs;
use crate::exit::Exit;
use crate::interrupt;
use crate::problem::Problem;
use crate::ui::{self, Page, Style, Table};

#[derive(Debug, Args)]
pub struct SplitTasks {
    #[command(flatten)]
    config: ConfigArgs,
    /// Write id, domain and split of every task to this file: a table where its name ends in .parquet, else one JSON object a line.
    #[arg(long, value_name = "FILE", conflicts_with = "jsonl")]
    out: Option<PathBuf>,
    /// Print one JSON object {id, domain, split} a line.
    #[arg(long, conflicts_with = "json")]
    jsonl: bool,
    /// Print {kind, seed, train, valid, test} as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Mix {
    #[command(flatten)]
    config: ConfigArgs,
    /// The file: a Parquet table of own tasks, which `{ kind = "parquet" }` reads.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Only this split.
    #[arg(long, value_enum)]
    split: Option<SplitArg>,
    /// So many tasks, each source's part by its weight (or its size, without weights), chosen as caps choose.
    #[arg(long, value_name = "N")]
    size: Option<usize>,
    /// Print {out, tasks, sources: [{path, tasks}]} as JSON.
    #[arg(long)]
    json: bool,
}

/// Says which split every task is in.
pub fn split(args: &SplitTasks) -> anyhow::Result<()> {
    let config = args.config.resolve()?.config;
    if let Some(out) = &args.out {
        require_no_input(out, &args.config.file, &config)?;
    }
    let (tasks, _) = setup::tasks(&config)?;
    if args.jsonl {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        for entry in tasks.iter() {
            writeln!(out, "{}", split_line(entry))?;
        }
        return Ok(out.flush()?);
    }
    if let Some(path) = &args.out {
        write_splits(path, &tasks)?;
    }
    let split = &config.tasks.split;
    let [train, valid, test] = [Split::Train, Split::Valid, Split::Test].map(|s| tasks.count(s));
    if args.json {
        return ui::print_json(&json!({
            "kind": split.kind, "seed": split.seed, "train": train, "valid": valid, "test": test, "out": args.out,
        }));
    }
    let day = |day: &Option<String>| day.clone().unwrap_or_else(|| "no day".into());
    let how = match split.kind {
        SplitKind::Hash => format!("by a hash of id and seed {}", split.seed),
        SplitKind::PythonShuffle => format!("by Python's shuffle with seed {}", split.seed),
        SplitKind::Date => format!(
            "by date: validation from {}, test from {}",
            day(&split.valid_from),
            day(&split.test_from)
        ),
    };
    let mut page = Page::default();
    page.line(format!("{train} train, {valid} valid, {test} test, {how}"));
    match &args.out {
        Some(path) => page.line(format!("{} {}", Style::stdout().good("written"), path.display())),
        None => page.line("--out FILE writes the split of every task; --jsonl prints it"),
    }
    page.print()
}

#[derive(Serialize)]
struct Part {
    path: String,
    tasks: usize,
}

/// Errors: the file to write is one that the configuration reads, or the configuration itself.
fn require_no_input(out: &Path, file: &str, config: &Config) -> Result<(), Problem> {
    // What is not there yet is read by nobody.
    let Ok(real) = out.canonicalize() else { return Ok(()) };
    let sources = config.tasks.sources.iter();
    let sources = sources.flat_map(|source| [Some(source.reads.path()), source.reads.other_file()]);
    let recordings = config.pool.workers.iter().map(|worker| match &worker.kind {
        WorkerKind::Recorded(recorded) => Some(recorded.recording.as_path()),
        _ => None,
    });
    let is_read = |path: &Path| path.canonicalize().is_ok_and(|path| real.starts_with(path));
    let mut inputs = std::iter::once(Path::new(file)).chain(sources.chain(recordings).flatten());
    match inputs.find(|path| is_read(path)) {
        None => Ok(()),
        Some(input) => Err(Problem::usage(format!(
            "--out {} would overwrite what the configuration reads ({})",
            out.display(),
            input.display()
        ))
        .next("name another file")),
    }
}

/// Writes the tasks of a configuration into one table.
pub fn mix(args: &Mix) -> anyhow::Result<Exit> {
    if args.out.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("parquet")) {
        return Err(Problem::usage(format!(
            "expected a file whose name ends in .parquet, got {}",
            args.out.display()
        ))
        .next("name the file --out mix.parquet")
        .into());
    }
    let config = args.config.resolve()?.config;
    require_no_input(&args.out, &args.config.file, &config)?;
    let (tasks, _) = setup::tasks(&config)?;
    if let Some(split) = args.split {
        tasks.require(split.into())?;
    }
    let chosen = chosen(args, &tasks, config.tasks.split.seed)?;
    let mut parts: Vec<Part> = config
        .tasks
        .sources
        .iter()
        .map(|source| Part { path: source.reads.path().display().to_string(), tasks: 0 })
        .collect();
    let stop = interrupt::watch("the mix that was begun is removed")?;
    let mut writer = TaskWriter::create(&args.out)?;
    for entry in chosen {
        if stop.load(Ordering::SeqCst) {
            return Ok(Exit::Interrupted);
        }
        let task = tasks.get(entry)?;
        writer.write(&task)?;
        parts[entry.source()].tasks += 1;
    }
    let written = writer.finish()?;
    let notices: BTreeSet<&str> =
        config.tasks.sources.iter().filter_map(|source| notice(&source.reads)).collect();
    for notice in notices {
        eprintln!("{} {notice}", Style::stderr().warn("note:"));
    }
    report(args, &parts, written)?;
    Ok(Exit::Done)
}

fn report(args: &Mix, parts: &[Part], written: usize) -> anyhow::Result<()> {
    if args.json {
        return ui::print_json(&json!({ "out": args.out, "tasks": written, "sources": parts }));
    }
    let style = Style::stdout();
    let mut table = Table::new(&["source", "#tasks"]);
    for part in parts {
        table.row([part.path.clone(), part.tasks.to_string()]);
    }
    let mut page = Page::default();
    page.line(table.render(style));
    page.line(format!("{} {} with {written} tasks", style.good("written"), args.out.display()));
    page.print()
}

/// The tasks to write, in the order of the sources.
fn chosen<'t>(args: &Mix, tasks: &'t TaskSet, seed: u64) -> anyhow::Result<Vec<&'t TaskEntry>> {
    let wanted =
        |entry: &TaskEntry| args.split.is_none_or(|split| Split::from(split) == entry.split);
    match args.size {
        Some(0) => {
            Err(Problem::usage("a mix of 0 tasks is none").next("give --size at least 1").into())
        }
        Some(size) => Ok(tasks.mix(size, seed, wanted)?),
        None => Ok(tasks.in_order().filter(|entry| wanted(entry)).collect()),
    }
}
