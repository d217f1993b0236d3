//! One file a verb.

pub mod bench;
mod bench_math;
mod bench_rollout;
mod bench_sandbox;
pub mod checkpoint;
pub mod config;
pub mod data;
mod data_fetch;
mod data_mix;
pub mod doctor;
pub mod eval;
pub mod export;
pub mod grade;
mod model_args;
pub mod policy;
pub mod pool;
mod pool_cache;
mod pool_check;
mod pool_eval;
mod pool_ledger;
mod pool_list;
mod pool_prices;
mod pool_record;
pub mod report;
mod setup;
pub mod train;
pub mod workflow;

use crate::cli::Command;
use crate::exit::Exit;

/// Runs a verb.
pub fn run(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Train(verb) => train::run(&verb),
        Command::Eval(verb) => eval::run(&verb),
        Command::Export(verb) => export::run(&verb),
        Command::Checkpoint(verb) => checkpoint::run(verb),
        Command::Policy(verb) => policy::run(verb),
        Command::Grade(verb) => grade::run(verb),
        Command::Doctor(verb) => doctor::run(&verb),
        Command::Config(verb) => config::run(verb),
        Command::Data(verb) => data::run(verb),
        Command::Pool(verb) => pool::run(verb),
        Command::Report(verb) => report::run(verb),
        Command::Workflow(verb) => workflow::run(verb),
        Command::Bench(verb) => bench::run(verb),
    }
}
