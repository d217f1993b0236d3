//! Python programs under test: a child process for each, with limits, and a protocol that a program does not pass by
//! ending early, by printing, or by guessing.
//!
//! The tests run in the program's own process. What is proven is that the tests ran to their end: they are handed over
//! only once the answer's body has finished, and the word that means "passed" only once they have returned. Leaving
//! the process, raising, writing verdicts to any output, replacing builtins, and returning objects that equal
//! everything do not pass. A program written against this very protocol (walking up the call stack to the control
//! socket) still could: comparing in another process is the cure, and belongs to a full sandbox.

mod isolation;
mod launch;
mod protocol;

use std::path::{Path, PathBuf};
use std::time::Duration;

use conductor_configs::schema::PythonLimits;
use conductor_types::WrongCause;

pub(crate) use isolation::Isolation;

/// An interpreter that was tried, and what can be enforced on it.
#[derive(Debug, Clone)]
pub(crate) struct Python {
    executable: PathBuf,
    isolation: Isolation,
    limits: Limits,
}

/// Limits of one program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Wall-clock time from the hand-over of the answer to the end of its tests.
    pub time: Duration,
    /// Address space of each process, bytes.
    pub memory_bytes: u64,
    /// Bytes written to standard output and error together.
    pub output_bytes: u64,
}

/// Everything that one run needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program<'a> {
    pub prelude: &'a str,
    pub answer: &'a str,
    pub tests: &'a str,
    pub entry_point: &'a str,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The tests ran to their end.
    Passed,
    /// Through the program's fault.
    Wrong { cause: WrongCause, detail: String },
    /// The tests do not compile.
    BadTests { detail: String },
    /// Through our own fault: no process, or no interpreter in it.
    Failed { detail: String },
}

/// Time for a process to start and an interpreter to come up on a busy machine; not the program's time.
pub(crate) const START: Duration = Duration::from_secs(20);

impl Python {
    /// Finds the interpreter and the strongest isolation that this machine allows.
    pub(crate) async fn start(limits: &PythonLimits) -> Result<Self, String> {
        let interpreter = &limits.interpreter;
        let enforced = Limits {
            time: Duration::from_secs_f64(limits.time_secs),
            memory_bytes: limits.memory_mib.saturating_mul(1 << 20),
            output_bytes: limits.output_kib.saturating_mul(1 << 10),
        };
        isolation::start(enforced, interpreter).await
    }

    /// What is not enforced here, a sentence each.
    pub(crate) fn unenforced(&self) -> Vec<String> {
        self.isolation.unenforced()
    }

    /// Longest time that a run can take, start and end included.
    pub(crate) fn longest(&self) -> Duration {
        START + self.limits.time + Duration::from_secs(5)
    }

    /// Runs an answer and its tests. Dropping the future kills the process and all its children.
    pub(crate) async fn run(&self, program: &Program<'_>) -> Ending {
        let ending = self.run_once(program).await;
        let Ending::BadTests { detail } = ending else { return ending };
        // The program had the word before its tests were compiled, and may have said this itself.
        if self.tests_compile(program.tests).await {
            let detail =
                "the program reported that its tests do not compile, and they do".to_owned();
            return Ending::Wrong { cause: WrongCause::RuntimeError, detail };
        }
        Ending::BadTests { detail }
    }

    async fn run_once(&self, program: &Program<'_>) -> Ending {
        let folder = match tempfile::Builder::new().prefix("conductor-").tempdir() {
            Ok(folder) => folder,
            Err(error) => {
                return Ending::Failed { detail: format!("no folder to run in: {error}") };
            }
        };
        match launch::spawn(&self.executable, &self.isolation, &self.limits, folder.path()) {
            Ok(process) => protocol::follow(process, program, &self.limits).await,
            Err(error) => Ending::Failed {
                detail: format!("{} cannot be started: {error}", self.executable.display()),
            },
        }
    }

    async fn tests_compile(&self, tests: &str) -> bool {
        // JSON's string literals are Python's.
        let literal = serde_json::Value::from(tests).to_string();
        let check = format!("compile({literal}, '<tests>', 'exec', dont_inherit=True)");
        let program = Program { prelude: "", answer: "", tests: &check, entry_point: "" };
        matches!(self.run_once(&program).await, Ending::Passed)
    }

    fn with(executable: &Path, isolation: Isolation, limits: Limits) -> Self {
        Self { executable: executable.to_owned(), isolation, limits }
    }
}
