//! `conductor data`: list, count and show the tasks of a configuration.

use std::collections::BTreeMap;

use clap::{Args, Subcommand, ValueEnum};
use conductor_datasets::TaskSet;
use conductor_types::{Split, Task};
use serde::Serialize;
use serde_json::json;

use super::{data_fetch, setup};
use crate::cli::ConfigArgs;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::ui::{self, Page, Style, Table};

/// List, count and show tasks.
#[derive(Debug, Subcommand)]
pub enum Data {
    /// List the tasks of a configuration with their split.
    #[command(
        after_help = "Examples:\n  conductor data list quickstart\n  conductor data list run.toml --split test \
        --domain humaneval\n  conductor data list run.toml --json"
    )]
    List(List),
    /// Count the tasks of a configuration by domain and split.
    #[command(
        after_help = "Examples:\n  conductor data stats quickstart\n  conductor data stats run.toml \
        --set tasks.split.seed=7 --json"
    )]
    Stats(Stats),
    /// Show one task as every worker sees it.
    #[command(
        after_help = "Examples:\n  conductor data show quickstart HumanEval/0\n  conductor data show run.toml \
        HumanEval/0 --gold"
    )]
    Show(Show),
    /// Bring a benchmark from the Hugging Face hub and store it as Parquet.
    ///
    /// HF_ENDPOINT names another hub or a mirror, HF_TOKEN (or the file `token` in HF_HOME) lets in to gated sets,
    /// HF_HOME moves the cache, and HF_HUB_OFFLINE=1 uses the cache alone. A fetch that is stopped or breaks off goes on
    /// from there when it is given again; one that is done does nothing.
    #[command(
        after_help = "Examples:\n  conductor data fetch --list\n  conductor data fetch gsm8k\n  conductor data fetch \
        livecodebench --release v6 --dry-run\n  HF_TOKEN=… conductor data fetch gpqa --out data/gpqa"
    )]
    Fetch(data_fetch::Fetch),
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    config: ConfigArgs,
    /// Only this split.
    #[arg(long, value_enum)]
    split: Option<SplitArg>,
    /// Only this domain.
    #[arg(long)]
    domain: Option<String>,
    /// Print a list of {id, domain, split, grading, prompt_chars} as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Stats {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print {domains, left_out} as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    config: ConfigArgs,
    /// The task's id.
    id: String,
    /// Show the right answer or the tests too.
    #[arg(long)]
    gold: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// A split on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SplitArg {
    /// Updates are made on these.
    Train,
    /// Checkpoints and the best worker are chosen on these.
    Valid,
    /// Reported numbers come from these.
    Test,
}

impl From<SplitArg> for Split {
    fn from(split: SplitArg) -> Self {
        match split {
            SplitArg::Train => Self::Train,
            SplitArg::Valid => Self::Valid,
            SplitArg::Test => Self::Test,
        }
    }
}

const SPLITS: [Split; 3] = [Split::Train, Split::Valid, Split::Test];

/// Runs the verb.
pub fn run(verb: Data) -> anyhow::Result<Exit> {
    match verb {
        Data::List(args) => list(&args)?,
        Data::Stats(args) => stats(&args)?,
        Data::Show(args) => show(&args)?,
        Data::Fetch(args) => return data_fetch::run(&args),
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    domain: &'a str,
    split: Split,
    grading: &'static str,
    prompt_chars: usize,
}

fn list(args: &List) -> anyhow::Result<()> {
    let config = args.config.resolve()?.config;
    let (tasks, _) = setup::tasks(&config)?;
    if let Some(split) = args.split {
        tasks.require(split.into())?;
    }
    let rows: Vec<Row<'_>> = in_splits(&tasks)
        .filter(|(split, _)| args.split.is_none_or(|wanted| Split::from(wanted) == *split))
        .filter(|(_, task)| args.domain.as_ref().is_none_or(|wanted| *wanted == task.domain))
        .map(|(split, task)| Row {
            id: &task.id,
            domain: &task.domain,
            split,
            grading: task.grading.kind(),
            prompt_chars: task.prompt.chars().count(),
        })
        .collect();
    if rows.is_empty() {
        let domains: std::collections::BTreeSet<&str> =
            tasks.iter().map(|task| task.domain.as_str()).collect();
        let domains: Vec<&str> = domains.into_iter().collect();
        return Err(Problem::usage("no task matches")
            .next(format!("the domains are {}", domains.join(", ")))
            .into());
    }
    if args.json {
        return ui::print_json(&rows);
    }
    let mut table = Table::new(&["id", "domain", "split", "grading", "#prompt chars"]);
    for row in &rows {
        table.row([
            row.id.to_owned(),
            row.domain.to_owned(),
            row.split.to_string(),
            row.grading.to_owned(),
            row.prompt_chars.to_string(),
        ]);
    }
    ui::print(&table.render(Style::stdout()))
}

#[derive(Serialize)]
struct Count<'a> {
    domain: &'a str,
    train: usize,
    valid: usize,
    test: usize,
    all: usize,
}

fn stats(args: &Stats) -> anyhow::Result<()> {
    let config = args.config.resolve()?.config;
    let (tasks, left_out) = setup::tasks(&config)?;
    let mut domains: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for (split, task) in in_splits(&tasks) {
        domains.entry(&task.domain).or_default()[split as usize] += 1;
    }
    let count = |domain, [train, valid, test]: [usize; 3]| Count {
        domain,
        train,
        valid,
        test,
        all: train + valid + test,
    };
    let counts: Vec<Count<'_>> =
        domains.iter().map(|(domain, splits)| count(domain, *splits)).collect();
    if args.json {
        return ui::print_json(&json!({ "domains": counts, "left_out": left_out }));
    }
    let all = count("all", [tasks.train.len(), tasks.valid.len(), tasks.test.len()]);
    let mut table = Table::new(&["domain", "#train", "#valid", "#test", "#all"]);
    for row in counts.iter().chain([&all]) {
        table.row(
            std::iter::once(row.domain.to_owned())
                .chain([row.train, row.valid, row.test, row.all].map(|n| n.to_string())),
        );
    }
    let mut page = Page::default();
    page.line(table.render(Style::stdout()));
    if left_out > 0 {
        page.line(format!(
            "\n{left_out} more are left out: a recorded worker has no answer to them (tasks.only_recorded).\n"
        ));
    }
    page.print()
}

fn show(args: &Show) -> anyhow::Result<()> {
    let config = args.config.resolve()?.config;
    let (tasks, _) = setup::tasks(&config)?;
    let Some((split, task)) = in_splits(&tasks).find(|(_, task)| task.id == args.id) else {
        let name = &args.config.file;
        return Err(Problem::usage(format!("there is no task {:?} in {name}", args.id))
            .next(format!("`conductor data list {name}` lists them"))
            .into());
    };
    let grading = if args.gold {
        serde_json::to_value(&task.grading)?
    } else {
        json!({ "kind": task.grading.kind() })
    };
    if args.json {
        return ui::print_json(&json!({
            "id": task.id, "domain": task.domain, "split": split, "grading": grading, "prompt": task.prompt,
            "constraint": task.constraint,
        }));
    }
    let style = Style::stdout();
    let mut page = Page::default();
    page.line(format!(
        "{} {} · {} · {split} · graded by {}\n\n{}\n",
        style.strong("task"),
        task.id,
        task.domain,
        task.grading.kind(),
        task.prompt.trim_end()
    ));
    if let Some(constraint) = &task.constraint {
        page.line(format!(
            "\n{}\n{}\n",
            style.strong("constraint"),
            serde_json::to_string(constraint)?
        ));
    }
    if let (true, Some(fields)) = (args.gold, grading.as_object()) {
        for (name, value) in fields.iter().filter(|(name, _)| *name != "kind") {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            page.line(format!("\n{}\n{value}\n", style.strong(name)));
        }
    }
    page.print()
}

fn in_splits(tasks: &TaskSet) -> impl Iterator<Item = (Split, &Task)> {
    SPLITS.into_iter().flat_map(|split| tasks.split(split).iter().map(move |task| (split, task)))
}
