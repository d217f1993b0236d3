//! Programs that start from nothing: a fork of the server becomes a process of the cell.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use crate::filter;
use crate::sys::{self, Process};
use crate::wire::{Spawn, What};

use super::World;
use super::cell::{Cell, NAMESPACES};
use super::groups::PROCESSES;
use super::outer::INNER_ID;

/// Most files that a process may have open.
const OPEN_FILES: u64 = 256;
/// Largest first stack.
const STACK: u64 = 512 << 20;
/// What the interpreter takes before the program does anything.
const INTERPRETER: u64 = 64 << 20;

/// "As it is."
pub(super) const SAME: u32 = u32::MAX;
/// No limit.
pub(super) const NO_LIMIT: u64 = u64::MAX;

/// The limits of one process.
pub(super) struct Limits {
    pub memory: u64,
    pub stack: u64,
    pub cpu: u64,
    pub file: u64,
    pub files: u64,
    pub processes: u64,
}

impl Limits {
    pub fn new(world: &World, spawn: &Spawn) -> Self {
        // The group is the limit where there is one. Address space that is never touched, such as stacks of threads, is not
        // the program's memory.
        let room = if world.groups.is_some() { 256 << 20 } else { INTERPRETER };
        let own_count = world.setup.namespaces || world.place.first_uid.is_some();
        Self {
            memory: spawn.memory_bytes.saturating_add(room),
            stack: spawn.memory_bytes.min(STACK),
            cpu: spawn.cpu_secs,
            file: world.setup.scratch_bytes,
            files: OPEN_FILES,
            processes: if own_count { PROCESSES } else { shared_count() },
        }
    }
}

/// Where the count is of all processes of our own user: what there is now, and room for one program.
fn shared_count() -> u64 {
    let uid = sys::user().0;
    let of_user = |entry: &std::fs::DirEntry| {
        use std::os::unix::fs::MetadataExt as _;
        entry.metadata().is_ok_and(|meta| meta.uid() == uid)
    };
    let tasks = |entry: std::fs::DirEntry| -> u64 {
        let number = entry.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok());
        if !number || !of_user(&entry) {
            return 0;
        }
        std::fs::read_dir(entry.path().join("task")).map_or(0, |tasks| tasks.count() as u64)
    };
    std::fs::read_dir("/proc")
        .map_or(NO_LIMIT, |all| all.flatten().map(tasks).sum::<u64>() + 2 * PROCESSES)
}

/// The variables of an interpreter; there are no others.
pub(super) fn python_env(world: &World, scratch: &Path) -> Vec<(String, String)> {
    let scratch = scratch.display().to_string();
    [
        // The same program takes the same way through its sets.
        ("PYTHONHASHSEED", "0".to_owned()),
        ("HOME", scratch.clone()),
        ("TMPDIR", scratch),
        ("LC_ALL", "C.UTF-8".to_owned()),
        ("LD_LIBRARY_PATH", world.setup.python.library_path()),
        // Numeric libraries would start a thread a core.
        ("OMP_NUM_THREADS", "1".to_owned()),
        ("OPENBLAS_NUM_THREADS", "1".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// The interpreter on our code: -s -S for no packages of the site, -B for no writing; the hash seed reaches it since -E is
/// not among them.
pub(super) fn python_argv(world: &World, mode: &str) -> Vec<String> {
    let python = &world.setup.python;
    let executable = python.executable.display().to_string();
    let options = ["-s", "-S", "-B", "-X", "utf8", "-W", "ignore"].map(str::to_owned);
    let mut argv = vec![executable];
    argv.extend(options);
    argv.extend([world.place.shim.display().to_string(), mode.to_owned()]);
    argv.extend(python.packages.iter().map(|folder| folder.display().to_string()));
    argv
}

/// A command as the system takes it.
pub(super) struct Image {
    argv: Vec<CString>,
    env: Vec<CString>,
}

impl Image {
    pub fn new(argv: &[String], env: &[(String, String)]) -> io::Result<Self> {
        let argv = argv.iter().map(sys::c_string).collect::<io::Result<Vec<_>>>()?;
        let env = env
            .iter()
            .map(|(name, value)| sys::c_string(format!("{name}={value}")))
            .collect::<io::Result<Vec<_>>>()?;
        if argv.is_empty() {
            return Err(io::Error::other("the command is empty"));
        }
        Ok(Self { argv, env })
    }

    /// Becomes it; returns only where that fails.
    pub fn exec(&self) -> io::Error {
        let pointers = |texts: &[CString]| -> Vec<*const libc::c_char> {
            texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
        };
        let (argv, env) = (pointers(&self.argv), pointers(&self.env));
        // SAFETY: both arrays end with a null pointer and point to live C strings.
        unsafe { libc::execve(argv[0], argv.as_ptr(), env.as_ptr()) };
        io::Error::last_os_error()
    }
}

/// Starts a program. Returns it with the pipe on which it reports why it is none, which closes once it is one.
pub(super) fn cold(
    world: &World,
    cell: &Cell,
    spawn: &Spawn,
    mut fds: Vec<OwnedFd>,
) -> io::Result<(Process, OwnedFd)> {
    let scratch = cell.scratch(world);
    let mut source = None;
    let image = match &spawn.what {
        What::Python { .. } => {
            Image::new(&python_argv(world, "cold"), &python_env(world, &scratch))?
        }
        What::Command { argv, env, source: name, .. } => {
            if let Some(name) = name {
                source = fds.pop().map(|fd| (name.as_str(), fd));
            }
            Image::new(argv, env)?
        }
    };
    let (report, theirs) = sys::pipe()?;
    let entrances = match &world.groups {
        Some(groups) => groups.entrances(cell.slot)?,
        None => Vec::new(),
    };
    let limits = Limits::new(world, spawn);
    let in_cell = cell.init().map(|init| init.pidfd.as_fd());
    enter_pids(world, in_cell)?;
    let child = sys::clone_process(0);
    if let Ok(None) = child {
        let mut become_it =
            Become { world, cell, spawn, limits, image, source, in_cell, entrances };
        let error = become_it.run(fds, theirs);
        drop(error);
        sys::leave(127);
    }
    leave_pids(world)?;
    let process = child?.ok_or_else(|| io::Error::other("a child went on as its parent"))?;
    Ok((process, report))
}

/// The next child is born in the cell's namespace of processes.
pub(super) fn enter_pids(world: &World, in_cell: Option<BorrowedFd<'_>>) -> io::Result<()> {
    match (in_cell, &world.place.own_pid_ns) {
        (Some(init), Some(_)) => sys::set_ns(init, libc::CLONE_NEWPID),
        _ => Ok(()),
    }
}

fn leave_pids(world: &World) -> io::Result<()> {
    match &world.place.own_pid_ns {
        Some(own) => sys::set_ns(own.as_fd(), libc::CLONE_NEWPID),
        None => Ok(()),
    }
}

/// The way of a fork into a cell.
struct Become<'a> {
    world: &'a World,
    cell: &'a Cell,
    spawn: &'a Spawn,
    limits: Limits,
    image: Image,
    source: Option<(&'a str, OwnedFd)>,
    in_cell: Option<BorrowedFd<'a>>,
    entrances: Vec<OwnedFd>,
}

impl Become<'_> {
    /// Returns only where it fails; the reason has been reported then.
    fn run(&mut self, mut fds: Vec<OwnedFd>, report: OwnedFd) -> io::Result<()> {
        // Where the report is after the descriptors have found their places.
        let mut at = report.as_raw_fd();
        let count = fds.len();
        let rules = match &self.cell.rules {
            Some(rules) => {
                fds.push(rules.try_clone()?);
                true
            }
            None => false,
        };
        fds.push(report);
        let error = match self.inside(&fds, rules, count, &mut at) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let told = error.to_string();
        // SAFETY: the pointer and the length are the text's own.
        unsafe { libc::write(at, told.as_ptr().cast(), told.len()) };
        // Descriptors have moved, so that nothing may close them by their old numbers.
        std::mem::forget(fds);
        Err(error)
    }

    fn inside(
        &mut self,
        fds: &[OwnedFd],
        rules: bool,
        count: usize,
        report: &mut i32,
    ) -> io::Result<()> {
        let step = |what: &'static str| {
            move |error: io::Error| io::Error::other(format!("{what}: {error}"))
        };
        for entrance in &self.entrances {
            sys::write_fd(entrance.as_fd(), b"0").map_err(step("control group"))?;
        }
        if let Some(init) = self.in_cell {
            sys::set_ns(init, NAMESPACES & !libc::CLONE_NEWPID).map_err(step("namespaces"))?;
        }
        // SAFETY: no pointers.
        sys::check(unsafe { libc::setsid() }).map_err(step("session"))?;
        become_user(self.world, self.cell.slot).map_err(step("user"))?;
        std::env::set_current_dir(self.cell.scratch(self.world)).map_err(step("folder"))?;
        if let Some((name, from)) = self.source.take() {
            write_source(name, from).map_err(step("source"))?;
        }
        sys::place_fds(fds).map_err(step("descriptors"))?;
        *report = fds.len() as i32 - 1;
        // SAFETY: no pointers.
        sys::check(unsafe { libc::fcntl(*report, libc::F_SETFD, libc::FD_CLOEXEC) })?;
        self.limits.set().map_err(step("limits"))?;
        sys::drop_capabilities().map_err(step("capabilities"))?;
        sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong)?;
        sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1).map_err(step("no_new_privs"))?;
        if rules {
            // SAFETY: no pointers; the rules stand where they were placed.
            sys::check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, count, 0) })
                .map_err(step("Landlock"))?;
            // SAFETY: nothing else uses it.
            sys::check(unsafe { libc::close(count as i32) })?;
        }
        filter::install(match &self.spawn.what {
            What::Python { .. } => &self.world.python,
            What::Command { may_fork: true, .. } => &self.world.compiler,
            What::Command { .. } => &self.world.command,
        })
        .map_err(step("filter of system calls"))?;
        Err(step("exec")(self.image.exec()))
    }
}

/// Who a program is: the cell's only user, or a user of the machine that nobody else is.
fn become_user(world: &World, slot: usize) -> io::Result<()> {
    let (uid, gid) = program_user(world, slot);
    if uid == SAME {
        return Ok(());
    }
    if !world.setup.namespaces {
        // SAFETY: an empty list needs no pointer.
        sys::check(unsafe { libc::setgroups(0, std::ptr::null()) })?;
    }
    sys::become_user(uid, gid)
}

/// User and group of the programs of a slot.
pub(super) fn program_user(world: &World, slot: usize) -> (u32, u32) {
    if world.setup.namespaces {
        return (INNER_ID, INNER_ID);
    }
    let id = world.place.first_uid.map_or(SAME, |first| first + slot as u32);
    (id, id)
}

fn write_source(name: &str, from: OwnedFd) -> io::Result<()> {
    let mut from = std::fs::File::from(from);
    let mut to = std::fs::File::create_new(name)?;
    io::copy(&mut from, &mut to)?;
    Ok(())
}

impl Limits {
    fn set(&self) -> io::Result<()> {
        for (resource, value) in [
            (libc::RLIMIT_CORE, 0),
            (libc::RLIMIT_MEMLOCK, 0),
            (libc::RLIMIT_MSGQUEUE, 0),
            (libc::RLIMIT_CPU, self.cpu),
            (libc::RLIMIT_FSIZE, self.file),
            (libc::RLIMIT_NOFILE, self.files),
            (libc::RLIMIT_NPROC, self.processes),
            (libc::RLIMIT_AS, self.memory),
        ] {
            if value != NO_LIMIT {
                sys::limit(resource, value, value)?;
            }
        }
        // A program may ask for a larger first stack, as those written for judges do: memory is what bounds it.
        let most = sys::hard_limit(libc::RLIMIT_STACK)?;
        sys::limit(libc::RLIMIT_STACK, self.stack.min(most), most)
    }

    /// As the warm interpreter reads them.
    pub fn bytes(&self) -> Vec<u8> {
        [self.memory, self.stack, self.cpu, self.file, self.files, self.processes]
            .iter()
            .flat_map(|value| value.to_ne_bytes())
            .collect()
    }
}

/// Room for the first stack of the interpreter that others are forked from: the place of what lies above it is settled at
/// its exec.
pub(super) fn room_for_stack() -> io::Result<()> {
    sys::limit(libc::RLIMIT_STACK, STACK, libc::RLIM_INFINITY)
}
