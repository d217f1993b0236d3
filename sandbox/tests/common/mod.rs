//! What the tests of this crate share.
#![allow(dead_code, reason = "every test program compiles this for itself and uses a part of it")]

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use conductor_configs::schema::{RequiredLevel, Sandbox as Options, SandboxLevel};
use conductor_sandbox::{
    Ending, Form, Input, Job, Limits, Mode, Output, Plain, Program, Ran, Sandbox, StartError,
};

pub const LIMITS: Limits =
    Limits { time: Duration::from_secs(3), memory_bytes: 256 << 20, output_bytes: 1 << 20 };

pub fn options(level: SandboxLevel, warm: bool) -> Options {
    Options { level, warm, require: RequiredLevel::C, ..Options::default() }
}

pub async fn start(options: &Options) -> Result<Sandbox, StartError> {
    Sandbox::start_with(options, Path::new(env!("CARGO_BIN_EXE_conductor-cell"))).await
}

/// A sandbox at every level that this machine offers, warm and cold. What cannot be had is told.
pub async fn everywhere() -> Vec<(String, Sandbox)> {
    let mut all = Vec::new();
    for level in [SandboxLevel::A, SandboxLevel::B, SandboxLevel::C] {
        for warm in [false, true] {
            let name = format!("level {level:?}, {}", if warm { "warm" } else { "cold" });
            match start(&options(level, warm)).await {
                Ok(sandbox) => all.push((name, sandbox)),
                Err(error @ (StartError::Level { .. } | StartError::Interpreter { .. })) => {
                    eprintln!("skipped: {name}: {error}");
                }
                Err(error) => panic!("{name}: {error}"),
            }
        }
    }
    assert!(!all.is_empty(), "some level is on offer");
    all
}

pub fn stdin_job(source: &str, inputs: &[&str]) -> Job {
    let inputs = inputs.iter().map(|input| Input::Stdin(input.as_bytes().into())).collect();
    let program = Program { source: source.into(), form: Form::Stdin };
    Job { program, inputs, limits: LIMITS, mode: Mode::Native }
}

pub fn call_job(source: &str, calls: &[serde_json::Value]) -> Job {
    let inputs = calls.iter().map(|call| Input::Call(call.to_string().into())).collect();
    let form = Form::Function { name: "solve".into() };
    let program = Program { source: source.into(), form };
    Job { program, inputs, limits: LIMITS, mode: Mode::Native }
}

/// Everything that a program made of its inputs.
pub async fn run(sandbox: &Sandbox, job: &Job) -> (Ran, Vec<Output>) {
    let mut outputs = Vec::new();
    let ran = sandbox
        .run(job, &mut |test, output| {
            assert_eq!(test, outputs.len(), "outputs come in order");
            outputs.push(output);
            ControlFlow::Continue(())
        })
        .await;
    (ran, outputs)
}

/// The outputs of a script as texts.
pub async fn texts(sandbox: &Sandbox, job: &Job) -> (Ending, Vec<String>) {
    let (ran, outputs) = run(sandbox, job).await;
    let text = |output| match output {
        Output::Stdout(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Output::Value(value) => panic!("a script returns no value: {value:?}"),
    };
    (ran.ending, outputs.into_iter().map(text).collect())
}

pub async fn values(sandbox: &Sandbox, job: &Job) -> (Ending, Vec<Plain>) {
    let (ran, outputs) = run(sandbox, job).await;
    let value = |output| match output {
        Output::Value(value) => value,
        Output::Stdout(bytes) => panic!("a call writes nothing: {bytes:?}"),
    };
    (ran.ending, outputs.into_iter().map(value).collect())
}

/// The cause of a fault, or how else it ended.
pub fn cause(ending: &Ending) -> &'static str {
    match ending {
        Ending::Finished => "finished",
        Ending::Stopped => "stopped",
        Ending::Fault { cause, .. } => cause.as_str(),
        Ending::BadTests { .. } => "bad_tests",
        Ending::Broken { .. } => "broken",
    }
}
