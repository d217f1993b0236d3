//! `conductor pool list`: the workers of a configuration.

use clap::Args;
use conductor_configs::schema::WorkerKind;
use conductor_datasets::{DataError, TaskSet};
use conductor_rollout::Pool;
use conductor_types::WorkerCapability;
use serde::Serialize;

use super::setup;
use crate::cli::ConfigArgs;
use crate::exit::Exit;
use crate::ui::{self, Page, Style, Table};

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print a list of workers as JSON.
    #[arg(long)]
    json: bool,
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

/// Runs the verb.
pub fn run(args: &List) -> anyhow::Result<Exit> {
    let config = args.config.resolve()?.config;
    let (tasks, _) = setup::tasks(&config)?;
    let pool = setup::pool(&config, &tasks)?;
    let answered = answered(&tasks, &pool)?;
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
            tasks_answered: answered[number],
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

/// How many tasks each worker answers in a way that can be judged.
fn answered(tasks: &TaskSet, pool: &Pool) -> Result<Vec<usize>, DataError> {
    let mut answered = vec![0; pool.workers().len()];
    tasks.for_each(|entry, task| {
        for (count, worker) in answered.iter_mut().zip(pool.workers()) {
            *count += usize::from(worker.covers(&entry.id) && worker.can_be_graded(task));
        }
        Ok::<(), DataError>(())
    })?;
    Ok(answered)
}

/// Its kind, as configurations write it.
pub fn kind_name(kind: &WorkerKind) -> &'static str {
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
