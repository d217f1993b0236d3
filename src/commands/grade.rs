//! `conductor grade`: verdicts on answers, from anywhere.

use std::io::{BufWriter, IsTerminal as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use conductor_configs::schema::{RequiredLevel, SandboxLevel};
use conductor_configs::{Config, ENV_PREFIX, LoadRequest};
use conductor_reward::Judging;
use conductor_sandbox::Mode;
use indicatif::{ProgressBar, ProgressStyle};

use crate::exit::Exit;
use crate::grade::{Options, grade_all};
use crate::problem::Problem;
use crate::ui;

/// Judge answers, one case a line.
#[derive(Debug, Args)]
#[command(
    after_help = "A case is {\"id\", \"task\": {\"kind\", …}, \"answer\": \"…\"}; a verdict is {\"id\", \"verdict\": \"right\", \"wrong\" or \
    \"unscorable\", \"score\", \"cause\", \"detail\", \"wall_ms\", \"cpu_ms\", \"peak_mib\"}. Verdicts come in the order of the cases, one for \
    each; a line that is no case is unscorable with the cause bad_test_data. docs/formats.md has every kind with its \
    fields.\n\nPrograms are run in the sandbox alone: where this machine does not offer the required level, the first program ends \
    the command with exit code 4.\n\nExamples:\n  conductor grade --jsonl cases.jsonl > verdicts.jsonl\n  zcat cases.jsonl.gz | conductor grade --jsonl \
    --mode lcb_official\n  conductor grade --jsonl cases.jsonl --set sandbox.parallel=8 --set sandbox.time_secs=10"
)]
pub struct Grade {
    /// The cases; absent or `-` means standard input.
    #[arg(value_name = "FILE")]
    input: Option<PathBuf>,
    /// One JSON object a line, in and out. The only form there is.
    #[arg(long)]
    jsonl: bool,
    /// By whose rules programs are found, run and compared.
    #[arg(long, value_enum, default_value = "native")]
    mode: ModeArg,
    /// Run programs at this level of the sandbox and no other; without it, at the strongest that this machine offers.
    #[arg(long, value_enum)]
    level: Option<LevelArg>,
    /// Most characters of a program's output that a detail quotes.
    #[arg(long, value_name = "N", default_value_t = 200)]
    quote_chars: usize,
    /// Override a value of [sandbox] or [reward]; may be repeated. The value is TOML, or else a string.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    sets: Vec<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum ModeArg {
    /// A real program with real files; for training.
    Native,
    /// LiveCodeBench's evaluator, quirks included; for scores that are compared with reported ones.
    LcbOfficial,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LevelArg {
    /// Namespaces, and a control group for memory and processes.
    #[value(name = "A")]
    A,
    /// Namespaces without a control group.
    #[value(name = "B")]
    B,
    /// No namespaces: Landlock, a filter of system calls, and limits.
    #[value(name = "C")]
    C,
}

/// Runs the verb.
pub fn run(verb: Grade) -> anyhow::Result<Exit> {
    ui::output::expect_open()?;
    let Config { sandbox, reward, .. } = config(&verb)?;
    let mode = match verb.mode {
        ModeArg::Native => Mode::Native,
        ModeArg::LcbOfficial => Mode::LcbOfficial,
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let parallel = sandbox.parallel.map_or(cores, |count| count as usize);
    let judging = Judging { mode, longest_quote: verb.quote_chars };
    let options = Options { sandbox, reward, judging, parallel };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let bar = progress();
    let mut out = BufWriter::new(std::io::stdout().lock());
    let graded =
        runtime.block_on(grade_all(verb.input, &mut out, options, |count| bar.set_position(count)));
    bar.finish_and_clear();
    // Lines that are still being read or judged are nobody's any more.
    runtime.shutdown_background();
    graded?;
    Ok(Exit::Done)
}

/// A configuration whose `[sandbox]` and `[reward]` are those of the environment and the arguments.
fn config(verb: &Grade) -> anyhow::Result<Config> {
    /// What a configuration must have and grading does not read.
    const REST: &str = "tasks.sources = [{ kind = \"jsonl\", path = \"-\" }]\npolicy.model = \"-\"\n\
        pool.workers = [{ name = \"-\", kind = \"simulated\" }]\n";
    const SECTIONS: [&str; 2] = ["sandbox", "reward"];
    let other = verb.sets.iter().find(|set| {
        let section = set.trim_start().split('.').next().unwrap_or_default();
        !SECTIONS.contains(&section)
    });
    if let Some(other) = other {
        let problem =
            Problem::usage(format!("--set {other}: expected a key of [sandbox] or [reward]"));
        return Err(problem.next("`conductor config reference` lists them").into());
    }
    let ours = |name: &str| {
        let section = name.strip_prefix(ENV_PREFIX).and_then(|key| key.split("__").next());
        section.is_some_and(|section| SECTIONS.contains(&section.to_ascii_lowercase().as_str()))
    };
    let env = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| ours(name))
        .collect();
    let request = LoadRequest { env, sets: verb.sets.clone(), ..LoadRequest::default() };
    let mut config = conductor_configs::load_text("conductor grade", REST, &request)?.config;
    if let Some(level) = verb.level {
        (config.sandbox.level, config.sandbox.require) = match level {
            LevelArg::A => (SandboxLevel::A, RequiredLevel::A),
            LevelArg::B => (SandboxLevel::B, RequiredLevel::B),
            LevelArg::C => (SandboxLevel::C, RequiredLevel::C),
        };
    }
    Ok(config)
}

/// A count on a terminal that shows nothing else; nothing elsewhere.
fn progress() -> ProgressBar {
    if !std::io::stderr().is_terminal() || std::io::stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {pos} cases graded, {per_sec}");
    let bar = ProgressBar::new_spinner();
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
