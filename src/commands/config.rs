//! `conductor config`: show, check and document configurations.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use conductor_configs::{ConfigErrors, PRESETS};
use serde_json::json;

use crate::cli::ConfigArgs;
use crate::exit::Exit;
use crate::ui::{self, Style, Table};

/// Show, check and document configurations.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Print every value of a run with its origin.
    #[command(
        after_help = "Examples:\n  conductor config show quickstart\n  conductor config show run.toml \
        --set train.group_size=16\n  conductor config show run.toml --toml > resolved.toml"
    )]
    Show(Show),
    /// Check a configuration and report everything that is wrong with it at once.
    #[command(
        after_help = "Examples:\n  conductor config check run.toml\n  conductor config check run.toml --json\n\n\
        Exits with 0 where the configuration is fine, with 2 where it is not."
    )]
    Check(Check),
    /// Print the JSON schema of configurations, for editors.
    #[command(after_help = "Examples:\n  conductor config schema > schema.json")]
    Schema,
    /// Print the reference of every key, as Markdown.
    #[command(after_help = "Examples:\n  conductor config reference | less")]
    Reference,
    /// List the configurations that come with the program.
    #[command(
        after_help = "Examples:\n  conductor config presets\n  conductor config presets paper-7b > mine.toml"
    )]
    Presets(Presets),
}

#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print a list of {key, value, origin} as JSON.
    #[arg(long, conflicts_with = "toml")]
    json: bool,
    /// Print TOML that loads back to the same configuration.
    #[arg(long)]
    toml: bool,
}

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print {valid, errors} as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Presets {
    /// Print this preset's TOML text instead of the list.
    name: Option<String>,
    /// Print a list of {name, about} as JSON.
    #[arg(long, conflicts_with = "name")]
    json: bool,
}

/// Runs the verb.
pub fn run(verb: Config) -> anyhow::Result<Exit> {
    match verb {
        Config::Show(args) => show(&args)?,
        Config::Check(args) => return check(&args),
        Config::Schema => ui::print_line(&conductor_configs::schema_json())?,
        Config::Reference => ui::print_line(&conductor_configs::reference())?,
        Config::Presets(args) => presets(&args)?,
    }
    Ok(Exit::Done)
}

fn show(args: &Show) -> anyhow::Result<()> {
    let resolved = args.config.resolve()?;
    if args.toml {
        return ui::print_line(&resolved.to_toml());
    }
    if args.json {
        return ui::print_json(&resolved.table());
    }
    let mut table = Table::new(&["key", "value", "origin"]);
    for row in resolved.table() {
        table.row([row.key.clone(), row.text(), row.origin.to_string()]);
    }
    ui::print(&table.render(Style::stdout()))
}

fn check(args: &Check) -> anyhow::Result<Exit> {
    let result = args.config.resolve();
    if !args.json {
        result?;
        ui::print_line(&format!("{}: no errors", args.config.file))?;
        return Ok(Exit::Done);
    }
    match result {
        Ok(_) => {
            ui::print_json(&json!({ "valid": true, "errors": [] }))?;
            Ok(Exit::Done)
        }
        Err(error) => {
            let errors =
                error.downcast::<ConfigErrors>().context("cannot check the configuration")?;
            ui::print_json(&json!({ "valid": false, "errors": errors }))?;
            Ok(Exit::Usage)
        }
    }
}

fn presets(args: &Presets) -> anyhow::Result<()> {
    if let Some(name) = &args.name {
        let preset = conductor_configs::preset(name).ok_or_else(|| {
            let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
            crate::problem::Problem::usage(format!("there is no preset {name:?}"))
                .next(format!("choose one of {}", names.join(", ")))
        })?;
        return ui::print_line(preset.text);
    }
    if args.json {
        let list: Vec<_> =
            PRESETS.iter().map(|p| json!({ "name": p.name, "about": p.about() })).collect();
        return ui::print_json(&list);
    }
    let style = Style::stdout();
    let mut text = String::new();
    for preset in PRESETS {
        text.push_str(&style.strong(preset.name));
        for line in preset.about().lines() {
            text.push_str("\n  ");
            text.push_str(line);
        }
        text.push_str("\n\n");
    }
    ui::print_line(text.trim_end())
}
