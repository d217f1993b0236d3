//! `conductor bench math`: how fast mathematical answers are judged.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::bench::math::{self, Judged};
use crate::exit::Exit;
use crate::ui::{self, Page, Style, Table};

/// How many times math-verify's speed is to be reached.
const TIMES_FASTER: f64 = 20.0;

#[derive(Debug, Args)]
pub struct Math {
    /// Pairs, one object with `gold` and `pred` a line; without it, 240 of our own.
    #[arg(value_name = "PAIRS.jsonl")]
    pairs: Option<PathBuf>,
    /// Judge all pairs so often; the time of a round counts.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// The Python interpreter that has math-verify.
    #[arg(long, value_name = "PYTHON", default_value = "python3", conflicts_with = "no_peer")]
    peer: PathBuf,
    /// Leave the comparison with math-verify out.
    #[arg(long)]
    no_peer: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(args: &Math) -> anyhow::Result<Exit> {
    let pairs = args.pairs.as_deref().map_or_else(|| Ok(math::built_in()), math::read)?;
    let ours = math::judge(&pairs, usize::from(args.rounds));
    let peer = if args.no_peer {
        None
    } else {
        let folder = tempfile::tempdir()?;
        Some(math::peer(&args.peer, &pairs, folder.path())?)
    };
    let times_faster = peer.as_ref().map(|peer| peer.seconds / ours.seconds);
    if args.json {
        let target = times_faster.map(|value| {
            let holds = value >= TIMES_FASTER;
            json!({"name": "times faster", "value": value, "unit": "", "bound": TIMES_FASTER, "at_least": true, "holds": holds})
        });
        ui::print_json(&json!({
            "rounds": args.rounds, "ours": ours, "peer": peer, "targets": Vec::from_iter(target),
        }))?;
    } else {
        page(&ours, peer.as_ref(), times_faster).print()?;
    }
    Ok(Exit::Done)
}

fn page(ours: &Judged, peer: Option<&Judged>, times_faster: Option<f64>) -> Page {
    let style = Style::stdout();
    let mut page = Page::default();
    let mut parts =
        Table::new(&["part", "#pairs", "#right", "#failed", "#seconds", "#pairs a second"]);
    let mut row = |name: &str, judged: &Judged| {
        parts.row([
            name.to_owned(),
            judged.pairs.to_string(),
            judged.right.to_string(),
            judged.failed.to_string(),
            format!("{:.4}", judged.seconds),
            format!("{:.0}", judged.pairs as f64 / judged.seconds),
        ]);
    };
    row("ours", ours);
    if let Some(peer) = peer {
        row("math-verify", peer);
    }
    page.line(parts.render(style));
    if let Some(times) = times_faster {
        let mut table = Table::new(&["quantity", "#measured", "target", "holds"]);
        let holds = times >= TIMES_FASTER;
        table.row([
            "times faster".to_owned(),
            format!("{times:.2}"),
            format!("at least {TIMES_FASTER}"),
            if holds { style.good("yes") } else { style.warn("no") },
        ]);
        page.line(table.render(style));
    }
    page.line("one thread each; finding the answer in the text is in the time of both");
    page
}
