//! The fake provider in a process of its own, so that what it takes of processor and memory is not taken for ours.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use conductor_testkit::provider::{Latency, Options, Provider, Reply};
use conductor_types::seed::unit;
use serde::Deserialize;

use super::Span;
use super::episodes::{TEXT_BYTES, filler};
use super::process::open_files;

/// Share of requests that are refused with status 429, at once and without a word of when to come back.
const REFUSED: f64 = 0.01;
/// Share of answers that take much longer than others, and by Pareto's law with this shape.
const STRAGGLERS: (f64, f64) = (0.02, 1.5);
/// The longest answer, in medians.
const LONGEST: u32 = 50;
/// Standard deviation of the logarithm of the other answers' latency.
const SIGMA: f64 = 0.5;

/// How the provider behaves.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// Half of the answers take less.
    pub median_ms: u32,
    /// Latencies and refusals follow from it and a request's number.
    pub seed: u64,
}

/// A provider that runs. Dropped, it is stopped.
#[derive(Debug)]
pub struct Served {
    child: Child,
    out: BufReader<ChildStdout>,
    /// What goes into `base_url`.
    pub base_url: String,
}

/// What the provider counted, as far as it is of interest here.
#[derive(Debug, Deserialize)]
pub struct Counts {
    /// Chat completions.
    pub charged: usize,
    /// Answers that were none: the refusals.
    pub not_charged: usize,
    /// Requests that were not answered in whole.
    pub unfinished: usize,
    /// From when to when each request was under way.
    pub spans: Vec<Span>,
}

impl Service {
    fn latency(self) -> Latency {
        let median = Duration::from_millis(self.median_ms.into());
        let (stragglers, shape) = STRAGGLERS;
        let body = Box::new(Latency::LogNormal { median, sigma: SIGMA });
        Latency::HeavyTail { body, share: stragglers, shape, longest: median * LONGEST }
    }
}

/// What the child does: says where it listens, plays its part until standard input ends (which it also does when the parent is
/// killed), and then says what it counted.
pub fn serve(service: Service) -> anyhow::Result<()> {
    open_files();
    let (latency, text) = (service.latency(), filler(TEXT_BYTES));
    let provider = Provider::with(Options::default(), move |number, request| {
        if unit(service.seed, "refused", &[&number.to_string()]) < REFUSED {
            return Reply::too_many_requests();
        }
        let answer = format!("{text}The answer is {}.", request.hash() % 1000);
        Reply::Text(answer).after(latency.of_number(service.seed, number))
    });
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", provider.base_url())?;
    out.flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    writeln!(out, "{}", provider.ledger().to_json())?;
    Ok(())
}

impl Served {
    /// Starts a provider.
    pub fn start(service: Service) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut child = Command::new(program)
            .args(["bench", "provider"])
            .args(["--median-ms", &service.median_ms.to_string()])
            .args(["--seed", &service.seed.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the provider")?;
        let out = child.stdout.take().expect("it was just piped");
        let mut served = Self { child, out: BufReader::new(out), base_url: String::new() };
        served.out.read_line(&mut served.base_url).context("the provider did not start")?;
        served.base_url.truncate(served.base_url.trim_end().len());
        anyhow::ensure!(!served.base_url.is_empty(), "the provider ended before it listened");
        Ok(served)
    }

    /// Stops it and returns what it counted.
    pub fn finish(mut self) -> anyhow::Result<Counts> {
        drop(self.child.stdin.take());
        let mut ledger = String::new();
        self.out.read_to_string(&mut ledger).context("cannot read the provider's ledger")?;
        serde_json::from_str(&ledger).context("the provider's ledger is none")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
