//! `conductor data fetch`: bring a benchmark from the Hugging Face hub.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::Args;
use conductor_datasets::hub::{
    self, BENCHMARKS, Fetched, HubError, HubSettings, MANIFEST, Manifest, Plan, Request,
};
use indicatif::DecimalBytes;
use serde_json::json;

use crate::exit::Exit;
use crate::interrupt;
use crate::ui::fetching::Fetching;
use crate::ui::{self, Page, Style, Table, plain};

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct Fetch {
    /// The benchmark (`--list` names them).
    #[arg(value_name = "NAME", required_unless_present = "list")]
    name: Option<String>,
    /// Which of its releases; absent means the first that `--list` names.
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
    /// A branch, tag or commit of the hub; absent means the newest.
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,
    /// The folder to write; absent means data/NAME, or data/NAME-RELEASE for another than the first release.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Fetch anew and replace what an earlier fetch wrote there.
    #[arg(long)]
    force: bool,
    /// Say what would be fetched, with sizes, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// List the benchmarks and their releases; nothing is asked of the hub.
    #[arg(long, conflicts_with_all = ["name", "release", "revision", "out", "force", "dry_run"])]
    list: bool,
    /// Print the manifest, the plan or the list as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(args: &Fetch) -> anyhow::Result<Exit> {
    let Some(name) = &args.name else {
        list(args.json)?;
        return Ok(Exit::Done);
    };
    let settings = HubSettings::from_env(&|name| std::env::var_os(name))?;
    let request = Request {
        name: name.clone(),
        release: args.release.clone(),
        revision: args.revision.clone(),
        out: args.out.clone(),
        force: args.force,
    };
    let stop =
        interrupt::watch("what was fetched is kept, and the same command goes on from there")?;
    let mut watch = Fetching::new(&stop);
    if args.dry_run {
        let plan = hub::plan(&settings, &request, &mut watch);
        watch.end();
        show_plan(&plan?, args.json)?;
        return Ok(Exit::Done);
    }
    let fetched = hub::fetch(&settings, &request, &mut watch);
    watch.end();
    match fetched {
        Ok(fetched) => report(&fetched, args.json)?,
        Err(HubError::Stopped) if stop.load(Ordering::SeqCst) => return Ok(Exit::Interrupted),
        Err(error) => return Err(error.into()),
    }
    Ok(Exit::Done)
}

fn list(as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let benchmarks = BENCHMARKS.iter().map(|benchmark| {
            let releases = benchmark.releases.iter().map(|release| {
                json!({
                    "name": release.name, "bytes": release.bytes,
                    "files": release.files.iter().map(|file| {
                        json!({ "name": format!("{}.parquet", file.name), "rows": file.rows })
                    }).collect::<Vec<_>>(),
                })
            });
            json!({
                "name": benchmark.name, "about": benchmark.about, "repository": benchmark.repository,
                "source": benchmark.source, "gated": benchmark.gated, "license": benchmark.license,
                "releases": releases.collect::<Vec<_>>(),
            })
        });
        return ui::print_json(&benchmarks.collect::<Vec<_>>());
    }
    let mut table = Table::new(&["name", "release", "#rows", "#about", "repository", "what it is"]);
    for benchmark in BENCHMARKS {
        for (at, release) in benchmark.releases.iter().enumerate() {
            let rows: u64 = release.files.iter().map(|file| file.rows).sum();
            let first = |text: &str| if at == 0 { text.to_owned() } else { String::new() };
            table.row([
                first(benchmark.name),
                release.name.to_owned(),
                rows.to_string(),
                DecimalBytes(release.bytes).to_string(),
                first(&format!(
                    "{}{}",
                    benchmark.repository,
                    if benchmark.gated { " (gated)" } else { "" }
                )),
                first(benchmark.about),
            ]);
        }
    }
    ui::print(&table.render(Style::stdout()))
}

fn show_plan(plan: &Plan, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let files = plan.files.iter().map(|file| {
            json!({ "path": file.path, "bytes": file.bytes, "cached_bytes": file.kept, "sum": file.sum.to_string() })
        });
        return ui::print_json(&json!({
            "name": plan.benchmark.name, "release": plan.release.name, "repository": plan.benchmark.repository,
            "revision": plan.revision, "license": plan.license, "out": plan.out, "bytes": plan.bytes(),
            "bytes_to_fetch": plan.to_fetch(), "files": files.collect::<Vec<_>>(),
        }));
    }
    let mut page = Page::default();
    page.line(format!(
        "{} {} of {} at {}\n{}\n",
        plan.benchmark.name,
        plan.release.name,
        plan.benchmark.repository,
        plan.revision,
        licence(plan.license.as_deref(), plan.benchmark.license)
    ));
    let mut table = Table::new(&["file", "#size", "#cached", "stored in"]);
    for file in &plan.files {
        table.row([
            plain(&file.path).into_owned(),
            DecimalBytes(file.bytes).to_string(),
            DecimalBytes(file.kept).to_string(),
            plan.out
                .join(format!("{}.parquet", plan.release.files[file.stored].name))
                .display()
                .to_string(),
        ]);
    }
    page.line(table.render(Style::stdout()));
    page.line(format!(
        "\n{} would be fetched; nothing was written.",
        DecimalBytes(plan.to_fetch())
    ));
    page.print()
}

fn report(fetched: &Fetched, as_json: bool) -> anyhow::Result<()> {
    let (Fetched::Present(out, manifest) | Fetched::Stored(out, manifest)) = fetched;
    let present = matches!(fetched, Fetched::Present(..));
    if as_json {
        return ui::print_json(&json!({ "out": out, "present": present, "manifest": manifest }));
    }
    let mut page = Page::default();
    let (name, release) = (&manifest.name, &manifest.release);
    let style = Style::stdout();
    page.line(if present {
        format!(
            "{} holds {name} {release} already, fetched {} and unchanged since; --force fetches it anew.",
            out.display(),
            manifest.fetched_at
        )
    } else {
        format!("{} {name} {release} in {}", style.good("stored"), out.display())
    });
    let mut table = Table::new(&["file", "#rows", "#size"]);
    for file in &manifest.files {
        table.row([file.path.clone(), file.rows.to_string(), DecimalBytes(file.bytes).to_string()]);
    }
    page.line(table.render(style));
    page.line(format!(
        "from {} at {}; all of it in {}\n{}\n{} {}",
        manifest.repository,
        manifest.revision,
        out.join(MANIFEST).display(),
        licence(manifest.license.as_deref(), &manifest.license_note),
        style.strong("[tasks]"),
        sources(out, manifest)
    ));
    page.print()
}

/// The line of `[tasks]` that reads what was stored.
fn sources(out: &Path, manifest: &Manifest) -> String {
    let (kind, path) = (&manifest.source, to_read(out, manifest));
    // The rows themselves do not say that they are of another part than the usual one.
    let part = match (kind.as_str(), manifest.release.as_str()) {
        ("mmlu", part @ "auxiliary_train") => format!(", part = \"{part}\""),
        _ => String::new(),
    };
    format!("sources = [{{ kind = \"{kind}\", path = \"{}\"{part} }}]", path.display())
}

/// What the hub says, and what its authors ask: the label alone would hide that.
fn licence(label: Option<&str>, note: &str) -> String {
    format!("licence: {} (the hub's label); {note}", plain(label.unwrap_or("none")))
}

/// What a task source is pointed to first: the whole of LiveCodeBench, whose releases are files, else what is for
/// testing.
fn to_read(out: &Path, manifest: &Manifest) -> PathBuf {
    if manifest.source == "livecodebench" {
        return out.to_path_buf();
    }
    let mut files = manifest.files.iter().map(|file| &file.path);
    let test = files.clone().find(|path| *path == "test.parquet");
    test.or_else(|| files.next()).map_or_else(|| out.to_path_buf(), |path| out.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_to_copy_names_what_the_rows_do_not_say() {
        let manifest = |release: &str, file: &str| -> Manifest {
            let json = json!({
                "format": "conductor.dataset", "version": 1, "name": "mmlu", "release": release, "source": "mmlu",
                "repository": "cais/mmlu", "revision": "a", "requested_revision": "main", "license": null,
                "license_note": "MIT", "gated": false, "fetched_at": "2026-01-01T00:00:00Z", "sources": [],
                "files": [{ "path": file, "rows": 1, "bytes": 1, "sha256": "a", "columns": [] }],
            });
            serde_json::from_value(json).unwrap()
        };
        assert_eq!(
            sources(Path::new("d"), &manifest("all", "test.parquet")),
            "sources = [{ kind = \"mmlu\", path = \"d/test.parquet\" }]"
        );
        assert_eq!(
            sources(Path::new("d"), &manifest("auxiliary_train", "train.parquet")),
            "sources = [{ kind = \"mmlu\", path = \"d/train.parquet\", part = \"auxiliary_train\" }]"
        );
    }
}
