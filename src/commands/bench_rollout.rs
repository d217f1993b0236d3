//! `conductor bench rollout`: how fast, how busy and how large the scheduler of episodes is.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use clap::Args;
use conductor_rollout::WorkerCard;
use conductor_types::WorkerCapability;
use serde::Serialize;
use serde_json::json;

use crate::bench::{self, Drawn, Peer, PeerCounts, Plan, Progress, Served, Service, Target};
use crate::exit::Exit;
use crate::problem::Problem;
use crate::ui::{self, Page, Style, Table};

/// Calls at once while memory is measured: what matters there are the episodes that wait.
const CONCURRENCY_IN_FLIGHT: usize = 1000;
/// Open files beside one a call.
const OTHER_FILES: usize = 100;

#[derive(Debug, Args)]
pub struct Rollout {
    /// Episodes, all under way at once.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = bench::positive)]
    episodes: usize,
    /// Calls that the worker takes at once.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = bench::positive)]
    concurrency: usize,
    /// Episodes under way at once while memory is measured; 0 leaves this part out.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    in_flight: usize,
    /// Half of the answers take less.
    #[arg(long, value_name = "MS", default_value_t = 200)]
    median_ms: u32,
    /// Episodes, latencies and refusals follow from it.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Keep no answers, and note no request before it is sent.
    #[arg(long)]
    no_store: bool,
    /// The Python interpreter that runs the reference's schedule.
    #[arg(long, value_name = "PYTHON", default_value = "python3", conflicts_with = "no_peer")]
    peer: PathBuf,
    /// Leave the comparison with the reference's schedule out.
    #[arg(long)]
    no_peer: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What one part measured.
#[derive(Debug, Serialize)]
struct Part {
    episodes: usize,
    concurrency: usize,
    seconds: f64,
    /// Answers, as the provider counts them.
    calls: usize,
    /// Requests that it refused; each was sent again.
    retries: usize,
    failed: usize,
    cpu_ms_per_call: f64,
    /// Null where there was never more to do than the limit lets through.
    busy_share: Option<f64>,
    busy_secs: Option<f64>,
    /// The most memory that was resident at any time until the part's end; null where the system does not say.
    peak_mb: Option<f64>,
}

/// Everything that was measured.
#[derive(Debug)]
struct Measured {
    steps: usize,
    start_mb: Option<f64>,
    ours: Part,
    peer: Option<PeerCounts>,
    in_flight: Option<Part>,
}

/// Runs the verb.
pub fn run(args: &Rollout) -> anyhow::Result<Exit> {
    let files = bench::open_files();
    if files < args.concurrency + OTHER_FILES {
        let message = format!(
            "--concurrency {} needs as many connections, and the system allows {files} open files",
            args.concurrency
        );
        return Err(Problem::usage(message).next("raise the limit with ulimit -n").into());
    }
    let measured = measure(args, files)?;
    let targets = measured.targets();
    if args.json {
        ui::print_json(&json!({
            "episodes": args.episodes, "steps": measured.steps, "concurrency": args.concurrency,
            "median_ms": args.median_ms, "seed": args.seed, "store": !args.no_store,
            "start_mb": measured.start_mb, "ours": measured.ours, "peer": measured.peer,
            "in_flight": measured.in_flight, "targets": targets,
        }))?;
    } else {
        page(args, &measured, &targets).print()?;
    }
    Ok(Exit::Done)
}

fn measure(args: &Rollout, files: usize) -> anyhow::Result<Measured> {
    let start_mb = bench::now_mb();
    let folder = tempfile::tempdir()?;
    let cards = [WorkerCard::new("fake", WorkerCapability::General)];
    let episodes = bench::draw(args.episodes.max(args.in_flight), &cards, args.seed);
    let (first, many) = (&episodes[..args.episodes], &episodes[..args.in_flight]);
    let ours = part(args, folder.path(), ("ours", first, args.concurrency))?;
    let peer = if args.no_peer {
        None
    } else {
        let provider = Served::start(args.service())?;
        let peer = Peer { python: &args.peer, base_url: &provider.base_url, folder: folder.path() };
        Some(peer.run(first, &mut Progress::new("the reference's schedule"))?)
    };
    let in_flight = if many.is_empty() {
        None
    } else {
        let most = files.saturating_sub(OTHER_FILES).max(1);
        let concurrency = CONCURRENCY_IN_FLIGHT.min(most);
        Some(part(args, folder.path(), ("many in flight", many, concurrency))?)
    };
    let steps = first.iter().map(|drawn| drawn.workflow.steps.len()).sum();
    Ok(Measured { steps, start_mb, ours, peer, in_flight })
}

/// Runs the episodes against a provider of their own, with a store of their own.
fn part(
    args: &Rollout,
    folder: &Path,
    (what, episodes, concurrency): (&'static str, &[Drawn], usize),
) -> anyhow::Result<Part> {
    let provider = Served::start(args.service())?;
    let store = folder.join(format!("{what}.sqlite"));
    let plan = Plan {
        episodes,
        concurrency,
        base_url: &provider.base_url,
        store: (!args.no_store).then_some(store.as_path()),
    };
    let ran = bench::run(plan, &mut Progress::new(what))?;
    let peak_mb = bench::peak_mb();
    let counts = provider.finish()?;
    if let Some(failure) = &ran.failure {
        let warning = format!("{what}: {} episodes failed, the first one with:", ran.failed);
        eprintln!("{} {failure}", Style::stderr().warn(&warning));
    }
    ensure!(counts.charged > 0, "{what}: no call was answered");
    let busy = bench::busy(&ran.open, &counts.spans, concurrency);
    Ok(Part {
        episodes: episodes.len(),
        concurrency,
        seconds: ran.seconds,
        calls: counts.charged,
        retries: counts.not_charged + counts.unfinished,
        failed: ran.failed,
        cpu_ms_per_call: ran.cpu_seconds * 1e3 / counts.charged as f64,
        busy_share: busy.map(|busy| busy.share),
        busy_secs: busy.map(|busy| busy.seconds),
        peak_mb,
    })
}

impl Rollout {
    fn service(&self) -> Service {
        Service { median_ms: self.median_ms, seed: self.seed }
    }
}

impl Measured {
    /// How many times as long the reference's schedule takes; `None` where either of the two did not run to its end.
    fn times_faster(&self) -> Option<f64> {
        let peer = self.peer.filter(|peer| peer.failed == 0 && self.ours.failed == 0)?;
        Some(peer.seconds / self.ours.seconds)
    }

    fn targets(&self) -> Vec<Target> {
        let peak_mb = self.in_flight.as_ref().and_then(|part| part.peak_mb);
        let busy = self.ours.busy_share.map(|share| 100.0 * share);
        [
            self.times_faster().map(|times| Target::at_least("times faster", times, "", 10.0)),
            busy.map(|share| Target::at_least("busy", share, "%", 95.0)),
            Some(Target::under("processor time a call", self.ours.cpu_ms_per_call, "ms", 1.0)),
            peak_mb.map(|mb| Target::under("memory with many in flight", mb, "MB", 500.0)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn page(args: &Rollout, measured: &Measured, targets: &[Target]) -> Page {
    let style = Style::stdout();
    let Measured { ours, peer, in_flight, .. } = measured;
    let mut page = Page::default();
    let mut parts = Table::new(&["part", "#episodes", "#calls", "#refused", "#failed", "#seconds"]);
    let mut row = |name: &str, episodes: usize, counts: [usize; 3], seconds: f64| {
        let counts = [episodes].into_iter().chain(counts).map(|count| count.to_string());
        parts.row([name.to_owned()].into_iter().chain(counts).chain([format!("{seconds:.2}")]));
    };
    row("ours", ours.episodes, [ours.calls, ours.retries, ours.failed], ours.seconds);
    if let Some(peer) = peer {
        let counts = [peer.calls, peer.retries, peer.failed];
        row("the reference's schedule", args.episodes, counts, peer.seconds);
    }
    if let Some(part) = in_flight {
        let counts = [part.calls, part.retries, part.failed];
        row("ours, all in flight at once", part.episodes, counts, part.seconds);
    }
    page.line(parts.render(style));

    page.line(Target::table(targets, style));
    if let Some(secs) = ours.busy_secs {
        page.line(format!(
            "busy: requests under way as the provider sees them, in the mean of the {secs:.2} s from the first call until no \
             more than {} calls have their inputs and no answer; by {}",
            ours.concurrency, ours.concurrency
        ));
    }
    page.line("processor time: of this process alone; provider and peer have their own");
    if let (Some(part), Some(start)) = (in_flight, measured.start_mb) {
        page.line(format!(
            "memory: the most that was ever resident, {start:.0} MB of it before anything ran; {} episodes under way, {} of \
             their calls at once",
            part.episodes, part.concurrency
        ));
    }
    page.line(if args.no_store {
        "store: none; a run notes each request before it is sent"
    } else {
        "store: each request on the disk before it is sent, each answer before it counts"
    });
    page
}
