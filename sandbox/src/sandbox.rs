//! The handle: finds the level, starts the servers, and queues jobs.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use conductor_configs::schema::{self, SandboxLevel};
use tokio::sync::Semaphore;

use crate::drive::{self, Ways};
use crate::error::StartError;
use crate::job::{Ending, Form, Job, Limits, Mode, Output, Program, Ran};
use crate::launch::{self, Server};
use crate::level::{Level, Report};
use crate::promises;
use crate::python::Python;
use crate::wire::Setup;

/// In every program that is linked with this crate: where it was started as a server of cells, it serves and ends, before the
/// initialisers of its libraries run. A server forks once for each cell, and what those initialisers allocate (of libtorch some
/// 50 MB) would be copied, page table by page table, every time.
mod before_everything {
    use std::ffi::CStr;

    use libc::{c_char, c_int};

    use crate::{server, wire};

    extern "C" fn serve(count: c_int, arguments: *const *const c_char) {
        if count < 2 {
            return;
        }
        // SAFETY: the C library hands over as many pointers to texts that end with a zero.
        let asked = unsafe { CStr::from_ptr(*arguments.add(1)) };
        if asked.to_bytes() == wire::ARGUMENT.as_bytes() {
            server::serve();
        }
    }

    #[used]
    // SAFETY: the dynamic linker calls the functions of this section of an executable once everything is loaded and relocated,
    // before any initialiser. The standard library needs none of its own but for the arguments, which are handed over.
    #[unsafe(link_section = ".preinit_array")]
    static SERVE: extern "C" fn(c_int, *const *const c_char) = serve;
}

/// Runs programs under test. Cheap to clone; clones share the limit on programs at once. Once the last clone is dropped, every
/// process of the sandbox ends.
#[derive(Debug, Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    servers: Vec<Server>,
    next: AtomicUsize,
    /// Of programs that run.
    gate: Semaphore,
    /// Of programs that run or are made ready to.
    permits: Semaphore,
    report: Report,
    options: schema::Sandbox,
    warm: bool,
    crowding: f64,
}

impl Sandbox {
    /// Finds the strongest level that this machine offers, tests it on hostile programs, and starts what runs programs. Must be
    /// called within a tokio runtime.
    pub async fn start(options: &schema::Sandbox) -> Result<Self, StartError> {
        Self::start_with(options, Path::new("/proc/self/exe")).await
    }

    /// [`Sandbox::start`] with another program for the servers, which is linked with this crate too.
    pub async fn start_with(options: &schema::Sandbox, server: &Path) -> Result<Self, StartError> {
        let sandbox = Self::untested(options, server).await?;
        sandbox.test_itself().await
    }

    async fn untested(options: &schema::Sandbox, server: &Path) -> Result<Self, StartError> {
        launch::check(options)?;
        let (python, shim) =
            Python::find(&options.interpreter, options.site_packages).await.map_err(|reason| {
                StartError::Interpreter { interpreter: options.interpreter.clone(), reason }
            })?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let parallel = options.parallel.map_or(cores, |count| count as usize);
        let servers = cores.div_ceil(4).min(parallel);
        let setup = Setup {
            namespaces: options.level != SandboxLevel::C,
            cgroup: options.cgroup && options.level != SandboxLevel::B,
            also_read_only: options.commands.values().flat_map(|c| c.read_only.clone()).collect(),
            warm: options.warm,
            warm_programs: options.warm_programs,
            scratch_bytes: options.scratch_mib << 20,
            // Cells that are going away keep their places for a moment.
            slots: (parallel.div_ceil(servers) * 3 + 2).min(250),
            number: 0,
            python,
        };
        let (started, facts, reasons) =
            launch::choose(options, setup, &shim, server, servers).await?;
        let level = promises::level(started[0].1, &facts);
        let report = promises::report(level, &facts, reasons, options);
        Ok(Self {
            inner: Arc::new(Inner {
                servers: started.into_iter().map(|(server, _)| server).collect(),
                next: AtomicUsize::new(0),
                gate: Semaphore::new(parallel),
                permits: Semaphore::new(2 * parallel),
                report,
                options: options.clone(),
                warm: facts.not_warm.is_none(),
                crowding: parallel as f64 / cores as f64,
            }),
        })
    }

    async fn test_itself(self) -> Result<Self, StartError> {
        let inner = &self.inner;
        let way = format!("{:?} {:?}", inner.report, inner.options);
        let count = crate::selftest::run(&self, way).await?;
        let Self { inner } = self;
        let mut inner = Arc::try_unwrap(inner)
            .map_err(|_| StartError::Server { reason: "a self-test is still running".into() })?;
        inner.report.self_tests = count;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The level that programs run at.
    pub fn level(&self) -> Level {
        self.inner.report.level
    }

    /// What holds here, and by what.
    pub fn report(&self) -> &Report {
        &self.inner.report
    }

    /// The limits of the configuration, for tasks that name none.
    pub fn limits(&self) -> Limits {
        let options = &self.inner.options;
        Limits {
            time: Duration::from_secs_f64(options.time_secs),
            memory_bytes: options.memory_mib << 20,
            output_bytes: options.output_kib << 10,
        }
    }

    /// Runs a program on its inputs, and gives what it made of each to `judge`, in order, until that has seen enough. The judge is
    /// the only one who knows what is expected: nothing of it ever reaches the program's process. Waits while as many programs
    /// run as may at once. Dropping the future ends the program and everything that it started.
    pub async fn run(
        &self,
        job: &Job,
        judge: &mut (dyn FnMut(usize, Output) -> ControlFlow<()> + Send),
    ) -> Ran {
        let (ran, bad_tests) = self.run_once(job, judge).await;
        let (Some(detail), Form::Asserted { tests, .. }) = (bad_tests, &job.program.form) else {
            return ran;
        };
        // The program had the word before its tests were compiled, and may have said this itself.
        let ending = if self.compiles(tests, job.limits).await {
            Ending::Fault {
                cause: conductor_types::WrongCause::RuntimeError,
                detail: "the program reported that its tests do not compile, and they do".into(),
                test: None,
            }
        } else {
            Ending::BadTests { detail }
        };
        Ran { ending, ..ran }
    }

    async fn run_once(
        &self,
        job: &Job,
        judge: &mut (dyn FnMut(usize, Output) -> ControlFlow<()> + Send),
    ) -> (Ran, Option<String>) {
        let inner = &*self.inner;
        let nothing = |detail: &str| Ran {
            ending: Ending::Broken { detail: detail.into() },
            wall: Duration::ZERO,
            cpu: Duration::ZERO,
            peak_bytes: None,
        };
        let Ok(permit) = inner.permits.acquire().await else {
            return (nothing("the sandbox is closed"), None);
        };
        let command = match &job.program.form {
            Form::Command { language } => inner.options.commands.get(language),
            _ => None,
        };
        if command.is_some() && self.level() == Level::C {
            return (nothing("languages beside Python need level A or B of the sandbox"), None);
        }
        let at = inner.next.fetch_add(1, Relaxed) % inner.servers.len();
        let ways = Ways {
            server: &inner.servers[at].socket,
            warm: inner.warm,
            crowding: inner.crowding,
            command,
            gate: &inner.gate,
        };
        let (mut ran, session) = drive::run(&ways, job, judge).await;
        // The verdict is known; that the cell goes away takes no core.
        drop(permit);
        if let Some(session) = session {
            (ran.cpu, ran.peak_bytes) = session.close().await;
        }
        let bad_tests = match &ran.ending {
            Ending::BadTests { detail } => Some(detail.clone()),
            _ => None,
        };
        (ran, bad_tests)
    }

    async fn compiles(&self, tests: &str, limits: Limits) -> bool {
        // JSON's string literals are Python's.
        let literal = serde_json::Value::from(tests).to_string();
        let form = Form::Asserted {
            prelude: String::new(),
            tests: format!("compile({literal}, '<tests>', 'exec', dont_inherit=True)"),
            entry_point: String::new(),
        };
        let program = Program { source: String::new(), form };
        let job = Job { program, inputs: Vec::new(), limits, mode: Mode::Native };
        let (ran, _) = self.run_once(&job, &mut |_, _| ControlFlow::Continue(())).await;
        ran.ending == Ending::Finished
    }
}
