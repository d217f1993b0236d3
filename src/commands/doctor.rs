//! `conductor doctor`: what this machine offers, and what is missing.

use clap::Args;
use conductor_configs::schema::Reward;
use conductor_policy::device;
use conductor_reward::Grader;
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
    let checks = [libtorch(), gpu(), precision(), python()?];
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
    let threads = tch::get_num_threads();
    let product = tch::no_grad(|| {
        let ones = tch::Tensor::ones([8, 8], (tch::Kind::Float, tch::Device::Cpu));
        ones.matmul(&ones).sum(tch::Kind::Float).double_value(&[])
    });
    let ok = (product - 512.0).abs() < 1e-6;
    Check { name: "libtorch", ok, detail: format!("loaded, {threads} threads") }
}

fn gpu() -> Check {
    match device::cuda_problem() {
        None => {
            Check { name: "GPU", ok: true, detail: format!("{} found", tch::Cuda::device_count()) }
        }
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

fn python() -> anyhow::Result<Check> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(match runtime.block_on(Grader::new(&Reward::default())) {
        Err(error) => Check { name: "programs", ok: false, detail: error.to_string() },
        Ok(grader) => {
            let unenforced = grader.unenforced();
            let detail = if unenforced.is_empty() {
                "every limit on programs under test is enforced".to_owned()
            } else {
                unenforced.join(" ")
            };
            Check { name: "programs", ok: unenforced.is_empty(), detail }
        }
    })
}
