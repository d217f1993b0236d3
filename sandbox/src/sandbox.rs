//! The handle: finds the level, starts the servers, and queues jobs.

use std::ops::ControlFlow;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use conductor_configs::schema::{self, SandboxLevel};
use tokio::sync::Semaphore;

use crate::drive::{self, Ways};
use crate::error::StartError;
use crate::job::{Ending, Form, Job, Limits, Mode, Output, Program, Ran};
use crate::level::{Level, Report};
use crate::promises;
use crate::python::Python;
use crate::server;
use crate::sys;
use crate::wire::{self, Facts, Setup, Started};

/// Longest that a server may take to come up.
const START: Duration = Duration::from_mins(1);

/// Serves cells and ends the process where this process was started for that; returns otherwise. First thing in `main`.
pub fn serve_if_asked() {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == wire::ARGUMENT) {
        server::serve();
    }
}

/// In test programs, whose `main` is not theirs: the same, before it.
#[cfg(feature = "serve-before-main")]
mod before_main {
    extern "C" fn serve() {
        super::serve_if_asked();
    }

    #[used]
    // SAFETY: the C library calls the functions of this section before `main`; Rust's own, which sets up the arguments,
    // stands in one that comes earlier.
    #[unsafe(link_section = ".init_array")]
    static SERVE: extern "C" fn() = serve;
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

/// A process that makes cells.
#[derive(Debug)]
struct Server {
    socket: OwnedFd,
    child: Option<Child>,
}

impl Drop for Server {
    fn drop(&mut self) {
        // SAFETY: no pointers.
        unsafe { libc::shutdown(self.socket.as_raw_fd(), libc::SHUT_RDWR) };
        if let Some(mut child) = self.child.take() {
            // It takes its cells away first, which nobody needs to wait for.
            std::thread::spawn(move || child.wait());
        }
    }
}

impl Sandbox {
    /// Finds the strongest level that this machine offers, tests it on hostile programs, and starts what runs programs. Must be
    /// called within a tokio runtime.
    pub async fn start(options: &schema::Sandbox) -> Result<Self, StartError> {
        Self::start_with(options, Path::new("/proc/self/exe")).await
    }

    /// [`Sandbox::start`] with another program for the servers, whose `main` begins with [`serve_if_asked`].
    pub async fn start_with(options: &schema::Sandbox, server: &Path) -> Result<Self, StartError> {
        let sandbox = Self::untested(options, server).await?;
        sandbox.test_itself().await
    }

    async fn untested(options: &schema::Sandbox, server: &Path) -> Result<Self, StartError> {
        check(options)?;
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
        let (started, facts, reasons) = choose(options, setup, &shim, server, servers).await?;
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

/// Values that nothing can run under.
fn check(options: &schema::Sandbox) -> Result<(), StartError> {
    let out_of = |key: &str, given: String, expected: &str| {
        Err(StartError::Value { key: key.into(), given, expected: expected.into() })
    };
    // Written so that what is not a number fails too.
    if !(options.time_secs > 0.0 && options.time_secs <= 3600.0) {
        let expected = "more than 0 and at most 3600 seconds";
        return out_of("time_secs", options.time_secs.to_string(), expected);
    }
    for (key, value, least, most) in [
        ("memory_mib", options.memory_mib, 64, 1 << 20),
        ("output_kib", options.output_kib, 1, 1 << 20),
        ("scratch_mib", options.scratch_mib, 1, 1 << 20),
        ("parallel", options.parallel.map_or(1, u64::from), 1, 4096),
        ("warm_programs", u64::from(options.warm_programs), 1, 1 << 30),
    ] {
        if !(least..=most).contains(&value) {
            return out_of(key, value.to_string(), &format!("{least} to {most}"));
        }
    }
    for (name, command) in &options.commands {
        let key = |field: &str| format!("commands.{name}.{field}");
        if command.source.is_empty() || command.source.contains('/') {
            return out_of(&key("source"), format!("{:?}", command.source), "the name of a file");
        }
        let programs = [("run", &command.run), ("compile", &command.compile)];
        for (field, words) in programs {
            let missing = words.is_empty() && field == "run";
            let relative =
                words.first().is_some_and(|word| !word.starts_with('/') && !word.starts_with("./"));
            if missing || relative {
                let expected = "a command whose first word is a path (/… or ./…)";
                return out_of(&key(field), format!("{words:?}"), expected);
            }
        }
        if !(command.compile_secs > 0.0 && command.compile_secs <= 3600.0) {
            let expected = "more than 0 and at most 3600 seconds";
            return out_of(&key("compile_secs"), command.compile_secs.to_string(), expected);
        }
    }
    Ok(())
}

type Chosen = (Vec<(Server, bool)>, Facts, Vec<String>);

/// Starts servers at the strongest level that may be and can be.
async fn choose(
    options: &schema::Sandbox,
    setup: Setup,
    shim: &[u8],
    program: &Path,
    count: usize,
) -> Result<Chosen, StartError> {
    let required = match options.level {
        SandboxLevel::Auto => options.require.into(),
        SandboxLevel::A => Level::A,
        SandboxLevel::B => Level::B.min(options.require.into()),
        SandboxLevel::C => Level::from(options.require),
    };
    let mut reasons = Vec::new();
    let plans: &[bool] = match options.level {
        SandboxLevel::Auto => &[true, false],
        SandboxLevel::A | SandboxLevel::B => &[true],
        SandboxLevel::C => &[false],
    };
    if options.level == SandboxLevel::C {
        reasons.push("sandbox.level is \"C\".".to_owned());
    }
    for namespaces in plans {
        let setup = Setup { namespaces: *namespaces, ..setup.clone() };
        let (first, facts) = match launch(program, &setup, shim).await? {
            Ok(started) => started,
            Err(reason) => {
                let level = if *namespaces { "A and B" } else { "C" };
                reasons.push(format!("Levels {level}: {reason}."));
                continue;
            }
        };
        if !namespaces && facts.landlock < promises::LEAST_LANDLOCK {
            reasons.push(format!(
                "Level C needs Landlock version {} (Linux 6.2), and this kernel has {}.",
                promises::LEAST_LANDLOCK,
                facts.landlock
            ));
            continue;
        }
        let offered = promises::level(*namespaces, &facts);
        if let (Level::B, Some(reason)) = (offered, &facts.no_cgroup) {
            reasons.push(format!("Level A: {reason}."));
        }
        if offered > required {
            return Err(StartError::Level { offered: Some(offered), required, reasons });
        }
        let mut servers = vec![(first, *namespaces)];
        for _ in 1..count {
            match launch(program, &setup, shim).await? {
                Ok((server, _)) => servers.push((server, *namespaces)),
                Err(reason) => return Err(StartError::Server { reason }),
            }
        }
        return Ok((servers, facts, reasons));
    }
    Err(StartError::Level { offered: None, required, reasons })
}

/// Starts one server. The inner error says why this machine refuses.
async fn launch(
    program: &Path,
    setup: &Setup,
    shim: &[u8],
) -> Result<Result<(Server, Facts), String>, StartError> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let fault = |reason: String| StartError::Server { reason };
    let number = std::process::id().wrapping_mul(64).wrapping_add(NUMBER.fetch_add(1, Relaxed));
    let setup = Setup { number, ..setup.clone() };
    let shim = sys::sealed_memfd(shim).map_err(|error| fault(error.to_string()))?;
    let (ours, theirs) =
        sys::socket_pair(libc::SOCK_SEQPACKET).map_err(|error| fault(error.to_string()))?;
    let mut command = Command::new(program);
    command
        .arg0("conductor-cell")
        .arg(wire::ARGUMENT)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // Where the program finds its own libraries; not a secret, and not handed on to programs under test.
    if let Some(path) = std::env::var_os("LD_LIBRARY_PATH") {
        command.env("LD_LIBRARY_PATH", path);
    }
    let child = spawn(command)
        .map_err(|error| fault(format!("{} cannot be started: {error}", program.display())))?;
    let server = Server { socket: ours, child: Some(child) };
    let send = wire::send(server.socket.as_fd(), &setup, &[shim.as_fd()]);
    send.map_err(|error| fault(error.to_string()))?;
    // Seldom and short, so that a thread of the runtime may wait for it.
    let socket = server.socket.try_clone().map_err(|error| fault(error.to_string()))?;
    let answer = tokio::task::spawn_blocking(move || {
        let ready = sys::wait_readable(&[socket.as_raw_fd()], Some(START))?;
        if !ready[0] {
            return Err(std::io::Error::other(format!("no answer within {} s", START.as_secs())));
        }
        wire::receive::<Started>(socket.as_fd())
    })
    .await;
    match answer {
        Ok(Ok(Some((Started::Ready(facts), _)))) => Ok(Ok((server, facts))),
        Ok(Ok(Some((Started::Refused(reason), _)))) => Ok(Err(reason)),
        Ok(Ok(None)) => Err(fault(format!(
            "{} ended without an answer; a program that uses the sandbox calls serve_if_asked first",
            program.display()
        ))),
        Ok(Err(error)) => Err(fault(error.to_string())),
        Err(error) => Err(fault(error.to_string())),
    }
}

/// Starts it with no descriptor but the first three, whatever libraries have left open without care.
fn spawn(mut command: Command) -> std::io::Result<Child> {
    // SAFETY: between fork and exec a single system call without pointers.
    unsafe {
        command.pre_exec(|| {
            let flags = libc::CLOSE_RANGE_CLOEXEC;
            sys::check(libc::syscall(libc::SYS_close_range, 3, u32::MAX, flags))?;
            Ok(())
        });
    }
    command.spawn()
}
