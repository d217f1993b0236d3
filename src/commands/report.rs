//! `conductor report`: what a run's logs say.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, Subcommand};
use conductor_datasets::episodes::rewards::reward_report;
use conductor_datasets::{EpisodeFile, EpisodeLog};
use conductor_types::Split;

use super::data::SplitArg;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::ui::{self, Style};

/// Show what a run's logs say.
#[derive(Debug, Subcommand)]
pub enum Report {
    /// Show how every part of the reward is distributed, and which of them tells workflows apart.
    #[command(
        after_help = "Examples:\n  conductor report rewards runs/quickstart\n  conductor report rewards runs/router --step \
        100..199\n  conductor report rewards runs/router --split valid --json\n\nThe episode log is read from front to back: \
        a running run can be looked at."
    )]
    Rewards(Rewards),
}

#[derive(Debug, Args)]
pub struct Rewards {
    /// The run's folder.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Only this step, or these: 12, 3..10, 3.. or ..10, both ends included. Of an evaluation, the finished steps of its weights.
    #[arg(long, value_name = "STEPS")]
    step: Option<Steps>,
    /// Only episodes of this split. Evaluations have one episode a question, so that their groups have no spread.
    #[arg(long, value_enum, default_value = "train")]
    split: SplitArg,
    /// Print everything as JSON, with each domain's distributions.
    #[arg(long)]
    json: bool,
}

/// Steps from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    first: u64,
    last: u64,
}

impl Steps {
    const ALL: Self = Self { first: 0, last: u64::MAX };

    fn holds(self, step: u64) -> bool {
        (self.first..=self.last).contains(&step)
    }
}

impl FromStr for Steps {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str, absent: u64| match text.trim() {
            "" => Ok(absent),
            text => text.parse::<u64>().map_err(|_| {
                format!("expected a step (12) or steps (3..10, 3.. or ..10), got \"{text}\"")
            }),
        };
        let steps = match text.split_once("..") {
            Some((first, last)) => Self { first: number(first, 0)?, last: number(last, u64::MAX)? },
            None if text.trim().is_empty() => return Err("expected a step, got nothing".into()),
            None => number(text, 0).map(|step| Self { first: step, last: step })?,
        };
        if steps.first > steps.last {
            return Err(format!(
                "the first step {} is behind the last, {}",
                steps.first, steps.last
            ));
        }
        Ok(steps)
    }
}

/// Runs the verb.
pub fn run(verb: Report) -> anyhow::Result<Exit> {
    match verb {
        Report::Rewards(args) => rewards(&args),
    }
}

fn rewards(args: &Rewards) -> anyhow::Result<Exit> {
    let split = Split::from(args.split);
    let files = files(&args.run, split, args.step.unwrap_or(Steps::ALL))?;
    let report = reward_report(&files)?;
    if report.episodes == 0 {
        let message = format!("the {} files of {split} hold no episode", report.files);
        return Err(Problem::usage(message).next("choose other steps with --step").into());
    }
    if args.json {
        ui::print_json(&report)?;
    } else {
        ui::rewards::page(&report, split, Style::stdout()).print()?;
    }
    Ok(Exit::Done)
}

/// The files that are asked for; there is at least one.
fn files(run: &Path, split: Split, steps: Steps) -> anyhow::Result<Vec<EpisodeFile>> {
    let folder = run.join("episodes");
    if !folder.is_dir() {
        let message = format!("{} is no run's folder: it has no folder episodes", run.display());
        return Err(Problem::usage(message)
            .next("give the folder that `conductor train` printed, for example runs/quickstart")
            .into());
    }
    let all = EpisodeLog::open(folder)?.files()?;
    if all.is_empty() {
        let message = format!("the run {} has no episodes yet", run.display());
        return Err(Problem::usage(message)
            .next("they are there when its first step or evaluation is done")
            .into());
    }
    let is_wanted = |file: &&EpisodeFile| file.part == split.as_str() && steps.holds(file.step);
    let wanted: Vec<EpisodeFile> = all.iter().filter(is_wanted).cloned().collect();
    if wanted.is_empty() {
        let message = format!("the run {} has no such episodes of {split}", run.display());
        return Err(Problem::usage(message).next(format!("it has {}", there(&all))).into());
    }
    Ok(wanted)
}

/// What an episode log has: each part with its steps.
fn there(files: &[EpisodeFile]) -> String {
    let mut parts = std::collections::BTreeMap::<&str, (u64, u64, usize)>::new();
    for file in files {
        let (first, last, count) = parts.entry(&file.part).or_insert((u64::MAX, 0, 0));
        (*first, *last, *count) = ((*first).min(file.step), (*last).max(file.step), *count + 1);
    }
    let say = |(part, (first, last, count)): (&str, (u64, u64, usize))| {
        if first == last {
            format!("{part} of step {first}")
        } else {
            format!("{part} of {count} steps from {first} to {last}")
        }
    };
    parts.into_iter().map(say).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_one_or_a_range() {
        let read = |text: &str| text.parse::<Steps>().map(|steps| (steps.first, steps.last));
        assert_eq!(read("12"), Ok((12, 12)));
        assert_eq!(read("3..10"), Ok((3, 10)));
        assert_eq!(read("3.."), Ok((3, u64::MAX)));
        assert_eq!(read("..10"), Ok((0, 10)));
        assert_eq!(read(".."), Ok((0, u64::MAX)));
        for bad in ["", "x", "-1", "3...10", "10..3", "1.5", "99999999999999999999"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_there_is_named() {
        let file = |step, part: &str| EpisodeFile { step, part: part.into(), path: PathBuf::new() };
        let files = [file(0, "train"), file(4, "train"), file(2, "valid")];
        assert_eq!(there(&files), "train of 2 steps from 0 to 4, valid of step 2");
    }
}
