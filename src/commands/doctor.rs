//! `conductor doctor`: what this machine offers, and what is missing.

use clap::Args;
use conductor_configs::schema::{RequiredLevel, Sandbox as Options};
use conductor_policy::device;
use conductor_sandbox::{Level, Sandbox, State};
use serde_json::json;

use crate::exit::Exit;
use crate::ui::{self, Page, Style};

/// Say what this machine offers and what is missing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  conductor doctor\n  conductor doctor --json\n")]
pub struct Doctor {
    /// Print {checks: [{name, ok, detail}]} as JSON.
    #[arg(long)]
    json: bool,
}

struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
}

pub fn run(arguments: &Doctor) -> anyhow::Result<Exit> {
    let mut checks = vec![libtorch(), memory(), gpu(), precision()];
    checks.extend(programs()?);
    if arguments.json {
        let list: Vec<_> = checks
            .iter()
            .map(|check| json!({ "name": check.name, "ok": check.ok, "detail": check.detail }))
            .collect();
        ui::print_json(&json!({ "checks": list }))?;
    } else {
        let style = Style::stdout();
        let mut page = Page::default();
        for check in &checks {
            let mark = if check.ok { style.good("ok  ") } else { style.warn("note") };
            page.line(format!("{mark}  {:<18} {}", check.name, check.detail));
        }
        page.print()?;
    }
    Ok(Exit::Done)
}

fn libtorch() -> Check {
    let detail = format!("loaded, {} threads", device::threads());
    Check { name: "libtorch", ok: device::computes(), detail }
}

fn memory() -> Check {
    // What the quick start takes at its peak.
    const WANTED_GIB: f64 = 6.0;
    let available = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    });
    let (ok, detail) = match available.map(|kib| kib / (1024.0 * 1024.0)) {
        Some(gib) if gib < WANTED_GIB => (
            false,
            format!(
                "{gib:.1} GiB free; the quick start takes up to {WANTED_GIB:.0} GiB, so close other programs"
            ),
        ),
        Some(gib) => (true, format!("{gib:.1} GiB free")),
        None => (false, "unknown: /proc/meminfo cannot be read".to_owned()),
    };
    Check { name: "memory", ok, detail }
}

fn gpu() -> Check {
    match device::cuda_problem() {
        None => Check { name: "GPU", ok: true, detail: format!("{} found", device::gpu_count()) },
        Some(problem) => Check { name: "GPU", ok: false, detail: problem },
    }
}

fn precision() -> Check {
    let ok = device::cpu_has_bfloat16();
    let detail = if ok {
        "the processor multiplies bfloat16, which policy.dtype = \"auto\" uses"
    } else {
        "the processor has no bfloat16 arithmetic; policy.dtype = \"auto\" uses float32 on it"
    };
    Check { name: "bfloat16", ok, detail: detail.into() }
}

/// The level of the sandbox, and each promise of docs/sandbox.md that it does or does not hold here.
fn programs() -> anyhow::Result<Vec<Check>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // Whatever there is, so that it can be told.
    let options = Options { require: RequiredLevel::C, ..Options::default() };
    let sandbox = match runtime.block_on(Sandbox::start(&options)) {
        Ok(sandbox) => sandbox,
        Err(error) => {
            return Ok(vec![Check { name: "programs", ok: false, detail: error.to_string() }]);
        }
    };
    let report = sandbox.report();
    let enough = report.level <= Level::from(RequiredLevel::default());
    let mut detail = format!(
        "run at level {} of the sandbox; {} hostile programs were held at start",
        report.level, report.self_tests
    );
    if !enough {
        detail.push_str("; training asks for level B unless sandbox.require says otherwise");
    }
    for reason in &report.why_not_stronger {
        detail.push(' ');
        detail.push_str(reason);
    }
    let mut checks = vec![Check { name: "programs", ok: enough, detail }];
    checks.extend(report.promises.iter().map(|promise| match &promise.state {
        State::Held { by } => {
            Check { name: "promise", ok: true, detail: format!("{}: {by}", promise.what) }
        }
        State::NotHeld { why } => Check {
            name: "promise",
            ok: false,
            detail: format!("not held: {}: {why}", promise.what),
        },
    }));
    Ok(checks)
}
