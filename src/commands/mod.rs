//! One file a verb.

pub mod config;
pub mod data;
pub mod pool;
mod setup;
pub mod workflow;

use crate::cli::Command;
use crate::exit::Exit;

/// Runs a verb.
pub fn run(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Config(verb) => config::run(verb),
        Command::Data(verb) => data::run(verb),
        Command::Pool(verb) => pool::run(verb),
        Command::Workflow(verb) => workflow::run(verb),
    }
}
