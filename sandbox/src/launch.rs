//! Starting servers: at the strongest level that may be and can be.

use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use conductor_configs::schema::{self, SandboxLevel};

use crate::error::StartError;
use crate::level::Level;
use crate::promises;
use crate::sys;
use crate::wire::{self, Facts, Setup, Started};

/// Longest that a server may take to come up.
const START: Duration = Duration::from_mins(1);

/// A process that makes cells.
#[derive(Debug)]
pub(crate) struct Server {
    pub socket: OwnedFd,
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

/// Values that nothing can run under.
pub(crate) fn check(options: &schema::Sandbox) -> Result<(), StartError> {
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

pub(crate) type Chosen = (Vec<(Server, bool)>, Facts, Vec<String>);

/// Starts servers at the strongest level that may be and can be.
pub(crate) async fn choose(
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
        Ok(Ok(None)) => Err(fault(format!("{} ended without an answer", program.display()))),
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
