//! Programs through the sandbox: how many a second, and what the start of one costs.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use conductor_configs::schema;
use conductor_sandbox::{Ending, Form, Input, Job, Level, Limits, Mode, Output, Program, Sandbox};
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinSet;

/// How often each step of the start is measured; the median counts.
const REPEATS: usize = 21;

/// Programs of so many tests each, every one with a text of its own.
#[derive(Debug, Clone)]
pub struct Cells {
    programs: Vec<(String, Vec<(String, String)>)>,
}

/// What running programs took.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct CellsRan {
    /// From the first hand-over to the last verdict, of all rounds.
    pub seconds: f64,
    /// Programs that came out right; the others are failures of the benchmark, for all are.
    pub right: usize,
    /// The level that programs were kept at.
    #[serde(serialize_with = "level_name")]
    pub level: Level,
    /// From the sandbox's first call until it is ready, self-test included.
    pub start_secs: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn level_name<S: serde::Serializer>(level: &Level, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(level.as_str())
}

/// Milliseconds that the start of a program takes, by how it is started; medians.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Steps {
    /// A process that does nothing: fork, exec, exit.
    pub process: f64,
    /// An interpreter without packages that does nothing.
    pub interpreter: f64,
    /// The same, with the modules that programs expect.
    pub with_modules: f64,
    /// A fork of an interpreter that has them, that does nothing.
    pub fork: f64,
    /// A cell with an interpreter of its own, one test of a program that prints a line.
    pub cold: f64,
    /// The same from an interpreter that is up already.
    pub warm: f64,
}

impl Cells {
    /// As many programs, each a sum of three numbers with so many tests.
    pub fn new(programs: usize, tests: usize) -> Self {
        let program = |number: usize| {
            // A text of its own each, so that nothing can be kept from one to the next.
            let source = format!(
                "import sys\n\ndef main():\n    count = int(input())\n    numbers = list(map(int, \
                 sys.stdin.readline().split()))\n    assert len(numbers) == count\n    print(sum(numbers) - {number})\n\n\
                 main()\n"
            );
            let tests = (0..tests).map(|test| {
                let sum = 3 * test as i64 + 3 - number as i64;
                (format!("3\n{test} {} {}\n", test + 1, test + 2), format!("{sum}\n"))
            });
            (source, tests.collect())
        };
        Self { programs: (0..programs).map(program).collect() }
    }

    /// The programs as the peer reads them, one JSON object a line.
    pub fn for_peer(&self) -> String {
        let line = |(source, tests): &(String, Vec<(String, String)>)| {
            let tests: Vec<_> = tests
                .iter()
                .map(|(input, output)| json!({ "input": input, "output": output }))
                .collect();
            format!("{}\n", json!({ "program": source, "tests": tests }))
        };
        self.programs.iter().map(line).collect()
    }

    /// The programs in so many parts of about the same size, none of them empty.
    pub fn parts(&self, count: usize) -> impl Iterator<Item = Self> {
        let size = self.programs.len().div_ceil(count.max(1)).max(1);
        self.programs.chunks(size).map(|programs| Self { programs: programs.to_vec() })
    }
}

/// A sandbox that runs programs, round by round.
pub struct Lane {
    runtime: tokio::runtime::Runtime,
    sandbox: Sandbox,
    limits: Limits,
    /// What the rounds so far took.
    pub ran: CellsRan,
}

impl Lane {
    /// Starts a sandbox and lets it run the first programs once: the first one of each slot pays for what is set up once.
    pub fn start(options: &schema::Sandbox, cells: &Cells) -> anyhow::Result<Self> {
        let (runtime, limits) = (runtime()?, limits(options));
        let begin = Instant::now();
        let sandbox = runtime.block_on(Sandbox::start(options))?;
        let start_secs = begin.elapsed().as_secs_f64();
        runtime.block_on(all(&sandbox, &cells.programs[..cells.programs.len().min(8)], limits))?;
        let ran = CellsRan { seconds: 0.0, right: 0, level: sandbox.level(), start_secs };
        Ok(Self { runtime, sandbox, limits, ran })
    }

    /// Runs every program, as many at once as the sandbox may.
    pub fn round(&mut self, cells: &Cells) -> anyhow::Result<()> {
        let begin = Instant::now();
        self.ran.right +=
            self.runtime.block_on(all(&self.sandbox, &cells.programs, self.limits))?;
        self.ran.seconds += begin.elapsed().as_secs_f64();
        Ok(())
    }
}

async fn all(
    sandbox: &Sandbox,
    programs: &[(String, Vec<(String, String)>)],
    limits: Limits,
) -> anyhow::Result<usize> {
    let mut running = JoinSet::new();
    for (source, tests) in programs.iter().cloned() {
        let sandbox = sandbox.clone();
        running.spawn(async move { is_right(&sandbox, source, &tests, limits).await });
    }
    let mut right = 0;
    while let Some(done) = running.join_next().await {
        right += usize::from(done??);
    }
    Ok(right)
}

async fn is_right(
    sandbox: &Sandbox,
    source: String,
    tests: &[(String, String)],
    limits: Limits,
) -> anyhow::Result<bool> {
    let inputs = tests.iter().map(|(input, _)| Input::Stdin(Arc::from(input.as_bytes()))).collect();
    let program = Program { source, form: Form::Stdin };
    let job = Job { program, inputs, limits, mode: Mode::Native };
    let mut equal = 0;
    let ran = sandbox
        .run(&job, &mut |test, output| {
            let same = matches!(output, Output::Stdout(bytes) if bytes == tests[test].1.as_bytes());
            equal += usize::from(same);
            if same { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .await;
    if let Ending::Broken { detail } = ran.ending {
        bail!("a cell could not be set up: {detail}");
    }
    Ok(equal == tests.len() && ran.ending == Ending::Finished)
}

/// Measures each way to start a program, one after another.
pub fn steps(options: &schema::Sandbox) -> anyhow::Result<Steps> {
    let python = &interpreter(Path::new(&options.interpreter))?;
    let command = |program: &Path, args: &[&str]| -> anyhow::Result<f64> {
        median(|| {
            let begin = Instant::now();
            let status = Command::new(program)
                .args(args)
                .stdin(Stdio::null())
                .status()
                .with_context(|| format!("cannot start {}", program.display()))?;
            ensure!(status.success(), "{} ended with {status}", program.display());
            Ok(begin.elapsed())
        })
    };
    let cell = |warm: bool| -> anyhow::Result<f64> {
        let options = schema::Sandbox { warm, parallel: Some(1), ..options.clone() };
        runtime()?.block_on(async {
            let sandbox = Sandbox::start(&options).await?;
            let tests = [(String::new(), "1\n".to_owned())];
            let mut times = Vec::with_capacity(REPEATS);
            for _ in 0..=REPEATS {
                let begin = Instant::now();
                let right =
                    is_right(&sandbox, "print(1)\n".into(), &tests, limits(&options)).await?;
                ensure!(right, "a program that prints 1 did not");
                times.push(begin.elapsed());
            }
            // The first one pays for what is set up once.
            Ok(middle(times.split_off(1)))
        })
    };
    Ok(Steps {
        process: command(Path::new("true"), &[])?,
        interpreter: command(python, &["-I", "-S", "-c", ""])?,
        with_modules: command(python, &["-I", "-S", "-c", MODULES])?,
        fork: forked(python)?,
        cold: cell(false)?,
        warm: cell(true)?,
    })
}

/// The interpreter itself: what is called `python3` may be a script that looks for one.
fn interpreter(python: &Path) -> anyhow::Result<PathBuf> {
    let script = "import sys; print(sys.executable)";
    let output = Command::new(python).args(["-I", "-S", "-c", script]).output();
    let output = output.with_context(|| format!("cannot start {}", python.display()))?;
    let path = String::from_utf8_lossy(&output.stdout);
    ensure!(!path.trim().is_empty(), "{} does not say where it is", python.display());
    Ok(PathBuf::from(path.trim()))
}

/// The modules that stand before every program of LiveCodeBench.
const MODULES: &str = "import string, re, datetime, collections, heapq, bisect, copy, math, random, statistics, itertools, \
     functools, operator, io, sys, json, typing";

/// What a fork of an interpreter with its modules takes, as that interpreter measures it.
fn forked(python: &Path) -> anyhow::Result<f64> {
    let script = format!(
        "{MODULES}\nimport os, time\ntimes = []\nfor _ in range({REPEATS}):\n    begin = time.perf_counter()\n    child = \
         os.fork()\n    if child == 0:\n        os._exit(0)\n    os.waitpid(child, 0)\n    times.append(time.perf_counter() - \
         begin)\nprint(1e3 * statistics.median(times))\n"
    );
    let output = Command::new(python).args(["-I", "-S", "-c", &script]).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().with_context(|| format!("{} did not fork", python.display()))
}

fn limits(options: &schema::Sandbox) -> Limits {
    Limits {
        time: Duration::from_secs_f64(options.time_secs),
        memory_bytes: options.memory_mib << 20,
        output_bytes: options.output_kib << 10,
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

fn median(mut once: impl FnMut() -> anyhow::Result<Duration>) -> anyhow::Result<f64> {
    Ok(middle((0..REPEATS).map(|_| once()).collect::<anyhow::Result<_>>()?))
}

/// The median in milliseconds.
fn middle(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}
