//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use conductor_configs::{LoadRequest, PRESETS, Resolved};

use crate::commands;
use crate::exit::Exit;

/// Trains a router policy over a pool of language models by reinforcement learning.
#[derive(Debug, Parser)]
#[command(name = "conductor", version, arg_required_else_help = true, after_help = Exit::help())]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

/// Every verb; each has a file in `commands/`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a policy, or go on with a run that was interrupted.
    Train(commands::train::Train),
    /// Compare a run's policy with every worker, vote and oracle of its pool.
    Eval(commands::eval::Eval),
    /// Write a run's policy as a folder that transformers, vLLM or PEFT load.
    Export(commands::export::Export),
    /// Bring models into the form that policies are loaded from.
    #[command(subcommand)]
    Checkpoint(commands::checkpoint::Checkpoint),
    /// Look at a policy from outside: its log-probabilities and its greedy answers.
    #[command(subcommand)]
    Policy(commands::policy::PolicyVerb),
    /// Judge answers, one case a line.
    Grade(commands::grade::Grade),
    /// Say what this machine offers and what is missing.
    Doctor(commands::doctor::Doctor),
    /// Show, check and document configurations.
    #[command(subcommand)]
    Config(commands::config::Config),
    /// List, count and show tasks.
    #[command(subcommand)]
    Data(commands::data::Data),
    /// Look at workers and record their answers.
    #[command(subcommand)]
    Pool(commands::pool::Pool),
    /// Show what a run's logs say.
    #[command(subcommand)]
    Report(commands::report::Report),
    /// Read workflows as the policy writes them.
    #[command(subcommand)]
    Workflow(commands::workflow::Workflow),
    /// Measure parts of the program on this machine.
    #[command(subcommand)]
    Bench(commands::bench::Bench),
}

impl Command {
    /// Whether the verb multiplies matrices for longer than it takes to start.
    pub fn computes(&self) -> bool {
        matches!(self, Self::Train(_) | Self::Eval(_) | Self::Policy(_))
    }
}

/// A run's configuration on the command line.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// A TOML file, or the name of a preset (`conductor config presets` lists them).
    #[arg(value_name = "FILE")]
    pub file: String,
    /// Override one value; may be repeated. The value is TOML, or else a string.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    pub sets: Vec<String>,
}

impl ConfigArgs {
    /// Loads the configuration from the file or preset, the environment and `--set`.
    pub fn resolve(&self) -> anyhow::Result<Resolved> {
        Ok(conductor_configs::load(&self.request())?)
    }

    fn request(&self) -> LoadRequest {
        let path = PathBuf::from(&self.file);
        let is_path = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml"))
            || path.components().count() > 1
            || (path.is_file() && !PRESETS.iter().any(|preset| preset.name == self.file));
        let (file, preset) =
            if is_path { (Some(path), None) } else { (None, Some(self.file.clone())) };
        LoadRequest { file, preset, env: environment(), sets: self.sets.clone() }
    }
}

/// The variables whose names and values are text; no others can set a configuration value.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_has_examples_in_its_help() {
        fn walk(command: &clap::Command, path: &str) {
            for inner in command.get_subcommands() {
                let path = format!("{path} {}", inner.get_name());
                if inner.has_subcommands() {
                    walk(inner, &path);
                    continue;
                }
                let help = inner.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains(&format!("\n  {}", path.trim_start())), "{path}: {help}");
            }
        }
        walk(&Cli::command(), "conductor");
    }

    #[test]
    fn a_name_is_a_preset_and_a_path_is_a_file() {
        let request = |file: &str| ConfigArgs { file: file.into(), sets: Vec::new() }.request();
        assert_eq!(request("quickstart").preset.as_deref(), Some("quickstart"));
        assert_eq!(request("no-such-thing").preset.as_deref(), Some("no-such-thing"));
        assert_eq!(request("run.toml").file, Some("run.toml".into()));
        assert_eq!(request("configs/run").file, Some("configs/run".into()));
    }
}
