//! `conductor bench`: measure parts of the program on this machine.

use clap::{Args, Subcommand};

use super::bench_math::Math;
use super::bench_rollout::Rollout;
use super::bench_sandbox::Sandbox;
use crate::bench::{Service, serve};
use crate::exit::Exit;

/// Measure parts of the program on this machine.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Run episodes against a fake provider: speed beside the reference's schedule, how busy the limit is kept, processor
    /// time a call, memory of many episodes at once.
    #[command(
        after_help = "The provider runs in a process of its own on this machine and calls nobody. Answers take a median of \
        --median-ms, lognormal with a heavy tail; 1 % of the requests are refused with status 429. The same episodes then go \
        through bench/peers/reference_schedule.py, against a provider of its own with the same latencies. A last part has \
        --in-flight episodes under way at once and measures memory. Answers are kept in a store in a temporary folder \
        (TMPDIR says on which disk), as in a run.\n\nExits with 0 also where a target is missed.\n\nExamples:\n  conductor \
        bench rollout\n  conductor bench rollout --episodes 1000 --concurrency 200 --no-peer --json"
    )]
    Rollout(Rollout),
    /// Run right programs in the sandbox: how many a second from cold cells and from the warm pool beside the official
    /// evaluator's way of working, and what each step of a program's start costs.
    #[command(
        after_help = "The same programs go through bench/peers/official_evaluator.py: a forked process and a manager for each, \
        imports included.\n\nExits with 0 also where a target is missed.\n\nExamples:\n  conductor bench sandbox\n  conductor \
        bench sandbox --programs 1000 --tests 1 --no-peer --json"
    )]
    Sandbox(Sandbox),
    /// Judge pairs of mathematical answers, beside math-verify over the same pairs.
    #[command(
        after_help = "The peer is bench/peers/math_verify.py under --peer, a Python with math-verify 0.9.0. Both judge one pair \
        after the other.\n\nExits with 0 also where the target is missed.\n\nExamples:\n  conductor bench math --no-peer\n  \
        conductor bench math pairs.jsonl --peer .venv/bin/python --json"
    )]
    Math(Math),
    /// The provider of the other verbs: serves until standard input ends, then prints its ledger.
    #[command(hide = true, after_help = "Examples:\n  conductor bench provider --median-ms 200")]
    Provider(Provider),
}

#[derive(Debug, Args)]
pub struct Provider {
    /// Half of the answers take less.
    #[arg(long, value_name = "MS", default_value_t = 200)]
    median_ms: u32,
    /// Latencies and refusals follow from it.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

/// Runs the verb.
pub fn run(verb: Bench) -> anyhow::Result<Exit> {
    match verb {
        Bench::Rollout(args) => super::bench_rollout::run(&args),
        Bench::Sandbox(args) => super::bench_sandbox::run(&args),
        Bench::Math(args) => super::bench_math::run(&args),
        Bench::Provider(Provider { median_ms, seed }) => {
            serve(Service { median_ms, seed })?;
            Ok(Exit::Done)
        }
    }
}
