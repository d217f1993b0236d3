//! `conductor pool prices`: what every worker costs.

use clap::Args;
use conductor_configs::schema::WorkerKind;
use conductor_rollout::Price;
use serde::Serialize;
use serde_json::json;

use super::pool_list::kind_name;
use crate::cli::ConfigArgs;
use crate::exit::Exit;
use crate::ui::{self, Page, Style, Table};

#[derive(Debug, Args)]
pub struct Prices {
    #[command(flatten)]
    config: ConfigArgs,
    /// Tokens that a typical call sends: the question, earlier answers, the subtask.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    prompt_tokens: u64,
    /// Tokens that a typical answer has, hidden reasoning included.
    #[arg(long, value_name = "N", default_value_t = 500)]
    answer_tokens: u64,
    /// The cheapest typical call first, workers without a price last. Absent means the order of the pool.
    #[arg(long)]
    cheapest_first: bool,
    /// Print the prices as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row<'a> {
    number: usize,
    name: &'a str,
    kind: &'static str,
    input_usd_per_million: Option<f64>,
    cached_input_usd_per_million: Option<f64>,
    output_usd_per_million: Option<f64>,
    call_usd: Option<f64>,
}

/// The price that the configuration gives; `None` where it leaves that to the recording.
pub fn configured(kind: &WorkerKind) -> Option<Price> {
    match kind {
        WorkerKind::Vote(_) => Some(Price::FREE),
        WorkerKind::Simulated(settings) => {
            Some(Price::flat(settings.input_usd_per_million, settings.output_usd_per_million))
        }
        WorkerKind::Recorded(settings) => {
            match (settings.input_usd_per_million, settings.output_usd_per_million) {
                (None, None) => None,
                (input, output) => {
                    Some(Price::flat(input.unwrap_or_default(), output.unwrap_or_default()))
                }
            }
        }
        WorkerKind::Openai(settings) => Some(Price {
            input_usd_per_million: settings.input_usd_per_million,
            cached_input_usd_per_million: settings
                .cached_input_usd_per_million
                .unwrap_or(settings.input_usd_per_million),
            output_usd_per_million: settings.output_usd_per_million,
        }),
    }
}

/// Runs the verb.
pub fn run(args: &Prices) -> anyhow::Result<Exit> {
    let config = args.config.resolve()?.config;
    let mut rows: Vec<Row<'_>> = config
        .pool
        .workers
        .iter()
        .enumerate()
        .map(|(number, worker)| {
            let price = configured(&worker.kind);
            Row {
                number,
                name: &worker.name,
                kind: kind_name(&worker.kind),
                input_usd_per_million: price.map(|price| price.input_usd_per_million),
                cached_input_usd_per_million: price.map(|price| price.cached_input_usd_per_million),
                output_usd_per_million: price.map(|price| price.output_usd_per_million),
                call_usd: price.map(|price| price.of(args.prompt_tokens, args.answer_tokens)),
            }
        })
        .collect();
    if args.cheapest_first {
        let cost = |row: &Row<'_>| row.call_usd.unwrap_or(f64::INFINITY);
        rows.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
    }
    if args.json {
        ui::print_json(&json!({
            "prompt_tokens": args.prompt_tokens, "answer_tokens": args.answer_tokens, "workers": rows,
        }))?;
        return Ok(Exit::Done);
    }
    show(args, &rows)?;
    Ok(Exit::Done)
}

fn show(args: &Prices, rows: &[Row<'_>]) -> anyhow::Result<()> {
    let titles =
        ["#no", "name", "kind", "#$/M input", "#$/M cached input", "#$/M output", "#$ a call"];
    let mut table = Table::new(&titles);
    let per_million = |usd: Option<f64>| usd.map_or("none".into(), |usd| usd.to_string());
    for row in rows {
        table.row([
            row.number.to_string(),
            row.name.to_owned(),
            row.kind.to_owned(),
            per_million(row.input_usd_per_million),
            per_million(row.cached_input_usd_per_million),
            per_million(row.output_usd_per_million),
            row.call_usd.map_or("none".into(), |usd| format!("{usd:.6}")),
        ]);
    }
    let style = Style::stdout();
    let mut page = Page::default();
    page.line(table.render(style));
    page.line(format!(
        "A call here has {} prompt tokens, none of them cached, and {} answer tokens.\n",
        args.prompt_tokens, args.answer_tokens
    ));
    for row in rows.iter().filter(|row| row.call_usd.is_none()) {
        page.line(format!(
            "{} worker \"{}\" has no price: it costs what its recording says a call cost\n",
            style.warn("note"),
            row.name
        ));
    }
    for row in rows.iter().filter(|row| row.kind == "openai" && row.call_usd == Some(0.0)) {
        page.line(format!(
            "{} worker \"{}\" has a price of 0, so it counts as free\n",
            style.warn("note"),
            row.name
        ));
    }
    page.print()
}
