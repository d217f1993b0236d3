//! `[sandbox]`: how programs under test are kept apart.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How programs under test are kept apart, and what they may use. docs/sandbox.md says what each level promises.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sandbox {
    /// The level to run at; `auto` takes the strongest that this machine offers.
    pub level: SandboxLevel,
    /// The weakest level to run at. Where this machine offers less, nothing is started (exit code 4).
    pub require: RequiredLevel,
    /// The Python that runs programs under test: a name on the path, or a path.
    #[schemars(length(min = 1))]
    pub interpreter: String,
    /// Whether programs see the interpreter's installed packages, for tasks that need numeric libraries.
    pub site_packages: bool,
    /// Time of one test, where the task names none: processor time, and wall-clock time with some room on a busy machine.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub time_secs: f64,
    /// Memory of one program, where the task names none.
    #[schemars(range(min = 64))]
    pub memory_mib: u64,
    /// Most that a program may write to its outputs in one test.
    #[schemars(range(min = 1))]
    pub output_kib: u64,
    /// Size of the folder that a program may write to; it is gone with the program.
    #[schemars(range(min = 1))]
    pub scratch_mib: u64,
    /// Programs under test at once; absent means as many as there are cores.
    #[schemars(range(min = 1))]
    pub parallel: Option<u32>,
    /// Whether programs start from an interpreter that is up already, instead of one of their own.
    pub warm: bool,
    /// Programs after which that interpreter is replaced by a fresh one.
    #[schemars(range(min = 1))]
    pub warm_programs: u32,
    /// Whether control groups are used where they can be: the difference between levels A and B.
    pub cgroup: bool,
    /// Languages beside Python, by name: programs that read standard input, compiled and run by these commands.
    pub commands: BTreeMap<String, SandboxCommand>,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self {
            level: SandboxLevel::default(),
            require: RequiredLevel::default(),
            interpreter: "python3".into(),
            site_packages: false,
            time_secs: 6.0,
            memory_mib: 1024,
            output_kib: 16 << 10,
            scratch_mib: 64,
            parallel: None,
            warm: true,
            warm_programs: 500,
            cgroup: true,
            commands: BTreeMap::new(),
        }
    }
}

/// The level to run at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum SandboxLevel {
    /// The strongest that this machine offers.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// Namespaces, and a control group for memory and processes.
    A,
    /// Namespaces without a control group: one process a program.
    B,
    /// No namespaces: Landlock, a filter of system calls, and limits.
    C,
}

/// The weakest level to run at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum RequiredLevel {
    /// Namespaces, and a control group for memory and processes.
    A,
    /// Namespaces without a control group: one process a program.
    #[default]
    B,
    /// No namespaces: Landlock, a filter of system calls, and limits.
    C,
}

/// How programs of a language are compiled and run. `{source}` in a command stands for the file with the program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SandboxCommand {
    /// Name of the file that holds the program, for example `main.c`.
    #[schemars(length(min = 1))]
    pub source: String,
    /// The command that compiles it, in the program's folder; empty where there is nothing to compile.
    #[serde(default)]
    pub compile: Vec<String>,
    /// Time that compiling may take.
    #[serde(default = "default_compile_secs")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub compile_secs: f64,
    /// The command that runs it; its first word is a path.
    #[schemars(length(min = 1))]
    pub run: Vec<String>,
    /// Files and folders that the commands need: shown to programs at the same place, read-only.
    #[serde(default)]
    pub read_only: Vec<PathBuf>,
    /// Environment variables of the commands; there are no others.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

fn default_compile_secs() -> f64 {
    20.0
}
