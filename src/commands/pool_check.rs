//! `conductor pool check`: reach every worker once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use conductor_configs::Config;
use conductor_configs::schema::{Pool, Worker, WorkerKind};
use conductor_datasets::TaskSet;
use conductor_reward::Extractors;
use conductor_rollout::Pool as Workers;
use conductor_rollout::pool::{Probe, ProbeState, ServerLimit, probe};
use conductor_types::Task;
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at};

use super::pool_list::kind_name;
use super::pool_prices;
use crate::cli::ConfigArgs;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::ui::{self, Page, Style, Table};

/// How long nothing is said of calls that are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    config: ConfigArgs,
    /// Only this worker; may be repeated. Absent means every worker.
    #[arg(long = "worker", value_name = "NAME")]
    workers: Vec<String>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// What was found of one worker.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    kind: &'static str,
    #[serde(flatten)]
    found: Probe,
    input_usd_per_million: Option<f64>,
    cached_input_usd_per_million: Option<f64>,
    output_usd_per_million: Option<f64>,
    /// Limits as configured; the endpoint's own are in what was found.
    requests_per_minute: Option<f64>,
    tokens_per_minute: Option<f64>,
    concurrency: Option<u32>,
    tasks: Option<usize>,
    tasks_answered: Option<usize>,
}

/// Runs the verb.
pub fn run(args: &Check) -> anyhow::Result<Exit> {
    let config = args.config.resolve()?.config;
    let workers: Vec<&Worker> = config.pool.all().map(|(_, worker)| worker).collect();
    let chosen = chosen(&workers, &args.workers)?;
    let rows = check(&config, &chosen)?;
    let cost_usd: f64 = rows
        .iter()
        .filter_map(|row| row.found.usage)
        .map(|usage| usage.cost_usd)
        // An empty sum would be minus zero.
        .fold(0.0, |sum, usd| sum + usd);
    if args.json {
        ui::print_json(&json!({ "workers": rows, "cost_usd": cost_usd }))?;
    } else {
        show(&rows, cost_usd)?;
    }
    Ok(exit_of(&rows))
}

/// A worker that does not answer weighs more than one whose settings are wrong.
fn exit_of(rows: &[Row]) -> Exit {
    let mut exit = Exit::Done;
    for row in rows {
        exit = match row.found.state {
            ProbeState::Misconfigured if exit == Exit::Done => Exit::Usage,
            ProbeState::Ok | ProbeState::Misconfigured => exit,
            _ => Exit::Pool,
        };
    }
    exit
}

fn chosen<'a>(workers: &[&'a Worker], names: &[String]) -> anyhow::Result<Vec<&'a Worker>> {
    if let Some(name) = names.iter().find(|name| workers.iter().all(|w| w.name != **name)) {
        let listed: Vec<&str> = workers.iter().map(|worker| worker.name.as_str()).collect();
        return Err(Problem::usage(format!("there is no worker {name:?} in the pool"))
            .next(format!("the workers are: {}", listed.join(", ")))
            .into());
    }
    Ok(workers.iter().copied().filter(|w| names.is_empty() || names.contains(&w.name)).collect())
}

fn check(config: &Config, workers: &[&Worker]) -> anyhow::Result<Vec<Row>> {
    let is_recorded = |worker: &&Worker| matches!(worker.kind, WorkerKind::Recorded(_));
    // Before anyone is paid.
    let tasks = if workers.iter().any(is_recorded) {
        Some(conductor_datasets::load(&config.tasks)?)
    } else {
        None
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut probes = runtime.block_on(reach(workers))?;
    workers
        .iter()
        .map(|worker| {
            let row = row(worker);
            Ok(match (&worker.kind, &tasks) {
                (WorkerKind::Openai(settings), _) => Row {
                    found: probes.remove(&worker.name).context("a check without a result")?,
                    requests_per_minute: settings.requests_per_minute,
                    tokens_per_minute: settings.tokens_per_minute,
                    concurrency: Some(settings.concurrency),
                    ..row
                },
                (WorkerKind::Recorded(_), Some(tasks)) => {
                    recorded(worker, row, tasks, config.tasks.only_recorded)
                }
                (WorkerKind::Vote(_) | WorkerKind::Recorded(_) | WorkerKind::Simulated(_), _) => {
                    row
                }
            })
        })
        .collect()
}

/// A worker of which nothing bad is known.
fn row(worker: &Worker) -> Row {
    let price = pool_prices::configured(&worker.kind);
    Row {
        name: worker.name.clone(),
        kind: kind_name(&worker.kind),
        found: Probe::of(ProbeState::Ok, None),
        input_usd_per_million: price.map(|price| price.input_usd_per_million),
        cached_input_usd_per_million: price.map(|price| price.cached_input_usd_per_million),
        output_usd_per_million: price.map(|price| price.output_usd_per_million),
        requests_per_minute: None,
        tokens_per_minute: None,
        concurrency: None,
        tasks: None,
        tasks_answered: None,
    }
}

/// Asks every live worker at once. What takes long is said on standard error.
async fn reach(workers: &[&Worker]) -> anyhow::Result<BTreeMap<String, Probe>> {
    let mut calls = JoinSet::new();
    let mut waiting = Vec::new();
    for worker in workers {
        if let WorkerKind::Openai(settings) = &worker.kind {
            let (name, settings) = (worker.name.clone(), settings.clone());
            waiting.push(name.clone());
            calls.spawn(async move {
                let found = probe(&name, &settings).await;
                (name, found)
            });
        }
    }
    let start = Instant::now();
    let mut patience = interval_at(start + PATIENCE, PATIENCE);
    let mut probes = BTreeMap::new();
    loop {
        tokio::select! {
            done = calls.join_next() => {
                let Some(done) = done else { return Ok(probes) };
                let (name, found) = done?;
                waiting.retain(|other| *other != name);
                probes.insert(name, found);
            }
            _ = patience.tick() => {
                eprintln!("waiting for {} ({} s)", waiting.join(", "), start.elapsed().as_secs());
            }
        }
    }
}

/// A recording that can be read, and whether a run on these tasks would start.
fn recorded(worker: &Worker, row: Row, tasks: &TaskSet, only_recorded: bool) -> Row {
    let workers = vec![worker.clone()];
    let alone = Pool { workers, unlisted: Vec::new(), listed: None, permute: false, store: None };
    let opened = match Workers::open(&alone, Arc::new(Extractors::new(tasks.iter())), None) {
        Ok(opened) => opened,
        Err(error) => {
            return Row {
                found: Probe::of(ProbeState::Misconfigured, Some(error.to_string())),
                ..row
            };
        }
    };
    let answered = tasks.iter().filter(|task| opened.covered(&task.id)).count();
    let other = |task: &&Task| opened.workers()[0].answers_another_prompt(task);
    let stale = tasks.iter().filter(other).count();
    let mut found = if stale > 0 {
        let message = format!(
            "{stale} tasks have another prompt than the one that was recorded; record them again"
        );
        Probe::of(ProbeState::Misconfigured, Some(message))
    } else if answered == 0 || (answered < tasks.len() && !only_recorded) {
        let message = format!(
            "the recording has answers to {answered} of {} tasks; record the others, or set tasks.only_recorded = \
             true to leave them out",
            tasks.len()
        );
        Probe::of(ProbeState::Misconfigured, Some(message))
    } else {
        Probe::of(ProbeState::Ok, None)
    };
    found.remarks = opened.notices();
    Row { found, tasks: Some(tasks.len()), tasks_answered: Some(answered), ..row }
}

fn show(rows: &[Row], cost_usd: f64) -> anyhow::Result<()> {
    let style = Style::stdout();
    let mut page = Page::default();
    let titles = [
        "worker",
        "kind",
        "state",
        "#ms",
        "#tokens",
        "#$",
        "#$/M in",
        "#$/M out",
        "requests a minute",
        "tokens a minute",
        "#tasks answered",
    ];
    let mut table = Table::new(&titles);
    for row in rows {
        table.row(cells(row));
    }
    page.line(table.render(style));
    if rows.iter().any(|row| row.kind == "openai") {
        page.line(format!("The check cost ${cost_usd:.6}.\n"));
    }
    for row in rows {
        if let Some(message) = &row.found.message {
            let state = style.bad(row.found.state.as_str());
            page.line(format!("{state} {}: {}\n", row.name, without_name(message, &row.name)));
        }
        for remark in &row.found.remarks {
            let remark = without_name(remark, &row.name);
            page.line(format!("{} {}: {remark}\n", style.warn("note"), row.name));
        }
    }
    page.print()
}

fn cells(row: &Row) -> Vec<String> {
    let usage = row.found.usage;
    let per_million = |usd: Option<f64>| usd.map_or("as recorded".into(), |usd| usd.to_string());
    let limit = |own: Option<f64>, theirs: ServerLimit| {
        if row.kind == "openai" { limit_cell(own, theirs) } else { String::new() }
    };
    vec![
        row.name.clone(),
        row.kind.to_owned(),
        row.found.state.as_str().to_owned(),
        row.found.latency_ms.map_or(String::new(), |ms| format!("{ms:.0}")),
        usage.map_or(String::new(), |usage| {
            format!("{}+{}", usage.prompt_tokens, usage.completion_tokens)
        }),
        usage.map_or(String::new(), |usage| format!("{:.6}", usage.cost_usd)),
        per_million(row.input_usd_per_million),
        per_million(row.output_usd_per_million),
        limit(row.requests_per_minute, row.found.requests),
        limit(row.tokens_per_minute, row.found.tokens),
        match (row.tasks_answered, row.tasks) {
            (Some(answered), Some(tasks)) => format!("{answered}/{tasks}"),
            _ => String::new(),
        },
    ]
}

/// The configured limit, then what the endpoint says of its own.
fn limit_cell(own: Option<f64>, theirs: ServerLimit) -> String {
    let own = own.map_or("no limit set".into(), |own| own.to_string());
    let theirs_now = match (theirs.left, theirs.limit) {
        (Some(left), Some(limit)) => format!("; it says {left} of {limit} left"),
        (Some(left), None) => format!("; it says {left} left"),
        (None, Some(limit)) => format!("; it says {limit} allowed"),
        (None, None) => String::new(),
    };
    let whole = theirs.resets_in_secs.map(|secs| format!(", whole in {secs:.0} s"));
    own + &theirs_now + &whole.unwrap_or_default()
}

/// Errors and notices of a pool begin with the worker's name, which stands before them here.
fn without_name<'a>(message: &'a str, name: &str) -> &'a str {
    message.strip_prefix(&format!("worker \"{name}\": ")).unwrap_or(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(states: &[ProbeState]) -> Vec<Row> {
        let vote = Worker {
            name: "w".into(),
            description: None,
            size: None,
            tags: Vec::new(),
            kind: WorkerKind::Vote(conductor_configs::schema::VoteWorker {}),
        };
        states.iter().map(|state| Row { found: Probe::of(*state, None), ..row(&vote) }).collect()
    }

    #[test]
    fn a_worker_that_does_not_answer_weighs_more_than_wrong_settings() {
        use ProbeState::{BadAnswer, Misconfigured, Ok, Refused};
        assert_eq!(exit_of(&found(&[Ok, Ok])), Exit::Done);
        assert_eq!(exit_of(&found(&[Ok, Misconfigured, Ok])), Exit::Usage);
        assert_eq!(exit_of(&found(&[Misconfigured, Refused])), Exit::Pool);
        assert_eq!(exit_of(&found(&[BadAnswer, Misconfigured])), Exit::Pool);
    }

    #[test]
    fn limits_stand_beside_the_endpoints_own() {
        let theirs = ServerLimit { limit: Some(60.0), left: Some(59.0), resets_in_secs: Some(1.2) };
        assert_eq!(limit_cell(Some(100.0), theirs), "100; it says 59 of 60 left, whole in 1 s");
        assert_eq!(limit_cell(None, ServerLimit::default()), "no limit set");
        let only_limit = ServerLimit { limit: Some(60.0), ..ServerLimit::default() };
        assert_eq!(limit_cell(None, only_limit), "no limit set; it says 60 allowed");
    }
}
