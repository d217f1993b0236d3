//! `conductor data`: list, count and show the tasks of a configuration.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, Subcommand, ValueEnum};
use conductor_types::Split;
use indicatif::DecimalBytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::data_mix::{self, Mix, SplitTasks};
use super::{data_fetch, setup};
use crate::cli::ConfigArgs;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::ui::{self, Page, Style, Table, plain};

/// List, count, show, split and mix tasks.
#[derive(Debug, Subcommand)]
pub enum Data {
    /// List the tasks of a configuration with their split.
    #[command(
        after_help = "Examples:\n  conductor data list quickstart\n  conductor data list run.toml --split test \
        --domain humaneval\n  conductor data list run.toml --json"
    )]
    List(List),
    /// Count the tasks of a configuration by domain, split and grading, with the lengths of their prompts.
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
    /// Say which split every task is in.
    #[command(
        after_help = "Examples:\n  conductor data split run.toml\n  conductor data split run.toml --out splits.parquet\n  \
        conductor data split run.toml --jsonl --set tasks.split.kind=python_shuffle"
    )]
    Split(SplitTasks),
    /// Write the tasks of a configuration, with caps and splits applied, into one file.
    #[command(
        after_help = "Examples:\n  conductor data mix run.toml --out mix.parquet\n  conductor data mix run.toml --out train.parquet \
        --split train\n  conductor data mix run.toml --out small.parquet --size 100"
    )]
    Mix(Mix),
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

/// Runs the verb.
pub fn run(verb: Data) -> anyhow::Result<Exit> {
    match verb {
        Data::List(args) => list(&args)?,
        Data::Stats(args) => stats(&args)?,
        Data::Show(args) => show(&args)?,
        Data::Split(args) => data_mix::split(&args)?,
        Data::Mix(args) => return data_mix::mix(&args),
        Data::Fetch(args) => return data_fetch::run(&args),
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    domain: &'a str,
    split: Split,
    grading: &'a str,
    prompt_chars: u32,
}

fn list(args: &List) -> anyhow::Result<()> {
    let config = args.config.resolve()?.config;
    let (tasks, _) = setup::tasks(&config)?;
    if let Some(split) = args.split {
        tasks.require(split.into())?;
    }
    let rows = || {
        tasks
            .iter()
            .filter(|task| args.split.is_none_or(|wanted| Split::from(wanted) == task.split))
            .filter(|task| args.domain.as_ref().is_none_or(|wanted| **wanted == *task.domain))
            .map(|task| Row {
                id: &task.id,
                domain: &task.domain,
                split: task.split,
                grading: &task.grading,
                prompt_chars: task.prompt_chars,
            })
    };
    if rows().next().is_none() {
        let domains: BTreeSet<&str> = tasks.iter().map(|task| &*task.domain).collect();
        let domains: Vec<&str> = domains.into_iter().collect();
        return Err(Problem::usage("no task matches")
            .next(format!("the domains are {}", domains.join(", ")))
            .into());
    }
    if args.json {
        return ui::print_json_list(rows());
    }
    let cells = || {
        rows().map(|row| {
            vec![
                plain(row.id).into_owned(),
                plain(row.domain).into_owned(),
                row.split.to_string(),
                row.grading.to_owned(),
                row.prompt_chars.to_string(),
            ]
        })
    };
    let table = Table::new(&["id", "domain", "split", "grading", "#prompt chars"]);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    Ok(table.stream(cells, Style::stdout(), &mut out)?)
}

/// What there is of one domain.
#[derive(Default)]
struct Tally<'a> {
    splits: [usize; 3],
    gradings: BTreeMap<&'a str, usize>,
    chars: Vec<u32>,
}

impl<'a> Tally<'a> {
    fn add(&mut self, task: &'a conductor_datasets::TaskEntry) {
        self.splits[task.split as usize] += 1;
        *self.gradings.entry(&task.grading).or_default() += 1;
        self.chars.push(task.prompt_chars);
    }

    fn count(mut self, domain: &'a str) -> Count<'a> {
        self.chars.sort_unstable();
        // Nearest rank.
        let at = |percent: usize| {
            let rank = (self.chars.len() * percent).div_ceil(100).max(1);
            self.chars.get(rank - 1).copied().unwrap_or(0)
        };
        let [train, valid, test] = self.splits;
        let prompt_chars = Lengths { p5: at(5), p50: at(50), p95: at(95), max: at(100) };
        let all = train + valid + test;
        Count { domain, train, valid, test, all, gradings: self.gradings, prompt_chars }
    }
}

#[derive(Serialize)]
struct Count<'a> {
    domain: &'a str,
    train: usize,
    valid: usize,
    test: usize,
    all: usize,
    gradings: BTreeMap<&'a str, usize>,
    prompt_chars: Lengths,
}

#[derive(Serialize)]
struct Lengths {
    p5: u32,
    p50: u32,
    p95: u32,
    max: u32,
}

fn stats(args: &Stats) -> anyhow::Result<()> {
    let config = args.config.resolve()?.config;
    let (tasks, left_out) = setup::tasks(&config)?;
    let mut domains: BTreeMap<&str, Tally<'_>> = BTreeMap::new();
    let mut all = Tally::default();
    for task in tasks.iter() {
        domains.entry(&task.domain).or_default().add(task);
        all.add(task);
    }
    let counts: Vec<Count<'_>> =
        domains.into_iter().map(|(domain, tally)| tally.count(domain)).collect();
    if args.json {
        return ui::print_json(&json!({ "domains": counts, "left_out": left_out }));
    }
    let titles = [
        "domain",
        "#train",
        "#valid",
        "#test",
        "#all",
        "grading",
        "#prompt chars 5 %",
        "#50 %",
        "#95 %",
        "#max",
    ];
    let mut table = Table::new(&titles);
    for row in counts.iter().chain([&all.count("all")]) {
        let gradings = match row.gradings.len() {
            1 => row.gradings.keys().map(ToString::to_string).collect(),
            _ => row.gradings.iter().map(|(kind, n)| format!("{kind} {n}")).collect::<Vec<_>>(),
        };
        let Lengths { p5, p50, p95, max } = row.prompt_chars;
        table.row(
            std::iter::once(row.domain.to_owned())
                .chain([row.train, row.valid, row.test, row.all].map(|n| n.to_string()))
                .chain([gradings.join(", ")])
                .chain([p5, p50, p95, max].map(|n| n.to_string())),
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
    let Some(entry) = tasks.find(&args.id) else {
        let name = &args.config.file;
        return Err(Problem::usage(format!("there is no task {:?} in {name}", args.id))
            .next(format!("`conductor data list {name}` lists them"))
            .into());
    };
    let (split, task) = (entry.split, tasks.get(entry)?);
    let grading = if args.gold {
        serde_json::to_value(&task.grading)?
    } else {
        json!({ "kind": task.grading.kind() })
    };
    if args.json {
        return ui::print_json(&json!({
            "id": task.id, "domain": task.domain, "split": split, "grading": grading, "prompt": task.prompt,
            "parts": task.parts, "date": task.date, "constraint": task.constraint,
        }));
    }
    let style = Style::stdout();
    let mut page = Page::default();
    let date = task.date.as_ref().map(|date| format!(" · {date}")).unwrap_or_default();
    page.line(format!(
        "{} {} · {} · {split}{date} · graded by {}\n\n{}\n",
        style.strong("task"),
        task.id,
        task.domain,
        task.grading.kind(),
        plain(task.question().trim_end())
    ));
    if let Some(constraint) = &task.constraint {
        page.line(format!(
            "\n{}\n{}\n",
            style.strong("constraint"),
            plain(&serde_json::to_string(constraint)?)
        ));
    }
    if let (true, Some(fields)) = (args.gold, grading.as_object()) {
        for (name, value) in fields.iter().filter(|(name, _)| *name != "kind") {
            let value = shown(name, value);
            page.line(format!("\n{}\n{}\n", style.strong(name), plain(&value)));
        }
    }
    page.print()
}

/// A field of the rule for a person, who can do nothing with tests as LiveCodeBench packs them.
fn shown(name: &str, value: &Value) -> String {
    match value {
        Value::String(text) if name.ends_with("_test_cases") && !text.starts_with(['[', '{']) => {
            format!("packed, {}; --json prints them as they are", DecimalBytes(text.len() as u64))
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_nearest_rank() {
        let chars = (1..=10).rev().collect();
        let count = Tally { chars, ..Tally::default() }.count("d");
        let Lengths { p5, p50, p95, max } = count.prompt_chars;
        assert_eq!([p5, p50, p95, max], [1, 5, 10, 10]);
        assert_eq!(Tally::default().count("d").prompt_chars.max, 0);
    }

    #[test]
    fn packed_tests_are_told_and_not_printed() {
        let packed = shown("private_test_cases", &json!("eJxr".repeat(1000)));
        assert_eq!(packed, "packed, 4.00 kB; --json prints them as they are");
        assert_eq!(shown("public_test_cases", &json!("[]")), "[]");
        assert_eq!(shown("gold", &json!("eJxr")), "eJxr");
        assert_eq!(shown("options", &json!(4)), "4");
    }
}
