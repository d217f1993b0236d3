//! `conductor bench sandbox`: programs a second, beside the official evaluator's way of working.

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use conductor_configs::schema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bench::{self, Cells, CellsRan, Lane, Progress, Script, Steps, Target};
use crate::exit::Exit;
use crate::ui::{self, Page, Style, Table};

const PEER: Script = Script {
    name: "official_evaluator.py",
    source: include_str!("../../bench/peers/official_evaluator.py"),
};

#[derive(Debug, Args)]
pub struct Sandbox {
    /// Programs.
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = bench::positive)]
    programs: usize,
    /// Tests of each program.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = bench::positive)]
    tests: usize,
    /// Rounds into which the programs are split: each way runs a part in turn, so that a machine whose speed changes changes it
    /// for all.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = bench::positive)]
    rounds: usize,
    /// Programs at once, on both sides.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = bench::positive)]
    parallel: usize,
    /// The Python interpreter of both sides.
    #[arg(long, value_name = "PYTHON", default_value = "python3")]
    python: PathBuf,
    /// Leave the comparison with the official evaluator out.
    #[arg(long)]
    no_peer: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What the peer says of itself (`bench/peers/README.md`).
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct PeerRan {
    programs: usize,
    seconds: f64,
    right: usize,
    wrong: usize,
}

#[derive(Debug, Serialize)]
struct Measured {
    programs: usize,
    tests: usize,
    rounds: usize,
    parallel: usize,
    cold: CellsRan,
    warm: CellsRan,
    peer: Option<PeerRan>,
    steps_ms: Steps,
}

/// Runs the verb.
pub fn run(args: &Sandbox) -> anyhow::Result<Exit> {
    let measured = measure(args)?;
    let targets = measured.targets();
    if args.json {
        let mut report = json!(measured);
        report["targets"] = json!(targets);
        ui::print_json(&report)?;
    } else {
        page(&measured, &targets).print()?;
    }
    Ok(Exit::Done)
}

fn measure(args: &Sandbox) -> anyhow::Result<Measured> {
    let cells = Cells::new(args.programs, args.tests);
    let options = |warm| schema::Sandbox {
        warm,
        interpreter: args.python.to_string_lossy().into_owned(),
        parallel: Some(args.parallel as u32),
        ..schema::Sandbox::default()
    };
    let mut progress = Progress::new("the sandbox");
    let mut cold = Lane::start(&options(false), &cells)?;
    let mut warm = Lane::start(&options(true), &cells)?;
    let mut peer = PeerRan { programs: 0, seconds: 0.0, right: 0, wrong: 0 };
    for (round, part) in cells.parts(args.rounds).enumerate() {
        progress.tick(|| format!("round {} of {}, cold cells", round + 1, args.rounds));
        cold.round(&part)?;
        progress.tick(|| format!("round {} of {}, warm pool", round + 1, args.rounds));
        warm.round(&part)?;
        if !args.no_peer {
            peer.add(run_peer(args, &part)?);
        }
    }
    for (way, right) in [("cold cells", cold.ran.right), ("warm pool", warm.ran.right)] {
        ensure!(
            right == args.programs,
            "{way}: {right} of {} right programs were right",
            args.programs
        );
    }
    let (cold, warm) = (cold.ran, warm.ran);
    let steps_ms = bench::steps(&options(true))?;
    let Sandbox { programs, tests, rounds, parallel, .. } = *args;
    let peer = (!args.no_peer).then_some(peer);
    Ok(Measured { programs, tests, rounds, parallel, cold, warm, peer, steps_ms })
}

fn run_peer(args: &Sandbox, cells: &Cells) -> anyhow::Result<PeerRan> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("programs.jsonl");
    std::fs::write(&file, cells.for_peer())?;
    let (workers, file) = (args.parallel.to_string(), file.to_string_lossy());
    let mut progress = Progress::new("the official evaluator's way");
    let ran: PeerRan =
        PEER.run(&args.python, folder.path(), &["--workers", &workers, &file], &mut progress)?;
    ensure!(
        ran.wrong == 0,
        "the peer took {} of {} right programs for wrong",
        ran.wrong,
        ran.programs
    );
    Ok(ran)
}

impl PeerRan {
    fn add(&mut self, other: Self) {
        self.programs += other.programs;
        self.seconds += other.seconds;
        self.right += other.right;
        self.wrong += other.wrong;
    }
}

impl Measured {
    fn a_second(&self, seconds: f64) -> f64 {
        self.programs as f64 / seconds
    }

    fn targets(&self) -> Vec<Target> {
        let Some(peer) = self.peer else { return Vec::new() };
        let times = |ran: CellsRan| peer.seconds / ran.seconds;
        vec![
            Target::at_least(
                "cold cells, times the official programs a second",
                times(self.cold),
                "",
                1.0,
            ),
            Target::at_least(
                "warm pool, times the official programs a second",
                times(self.warm),
                "",
                8.0,
            ),
        ]
    }
}

fn page(measured: &Measured, targets: &[Target]) -> Page {
    let style = Style::stdout();
    let mut page = Page::default();
    let mut parts = Table::new(&["way", "#programs/s", "#seconds", "level", "#start (s)"]);
    let mut row = |way: &str, seconds: f64, level: &str, start: String| {
        let rate = format!("{:.1}", measured.a_second(seconds));
        parts.row([way.to_owned(), rate, format!("{seconds:.2}"), level.to_owned(), start]);
    };
    for (way, ran) in [("cold cells", measured.cold), ("warm pool", measured.warm)] {
        row(way, ran.seconds, ran.level.as_str(), format!("{:.2}", ran.start_secs));
    }
    if let Some(peer) = measured.peer {
        row("the official evaluator's way", peer.seconds, "none", String::new());
    }
    page.line(parts.render(style));
    if !targets.is_empty() {
        page.line(Target::table(targets, style));
    }
    let steps = &measured.steps_ms;
    let mut table = Table::new(&["start of one program", "#ms"]);
    for (name, ms) in [
        ("a process that does nothing", steps.process),
        ("an interpreter", steps.interpreter),
        ("an interpreter with the modules that programs expect", steps.with_modules),
        ("a fork of such an interpreter: the floor", steps.fork),
        ("a cold cell, one test", steps.cold),
        ("a warm cell, one test", steps.warm),
    ] {
        table.row([name.to_owned(), format!("{ms:.2}")]);
    }
    page.line(table.render(style));
    page.line(format!(
        "{} programs of {} tests in {} rounds, {} at once on both sides; each program is right, and has a text of its own",
        measured.programs, measured.tests, measured.rounds, measured.parallel
    ));
    page
}
