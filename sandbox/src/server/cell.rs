//! One cell: made for one program, gone with it.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd};
use std::path::PathBuf;

use crate::sys::{self, Exited, Process};
use crate::wire::{self, Open, Reply, Request, Spawn, What};

use super::outer::BOX;
use super::warm::Warm;
use super::{World, init, spawn};

/// The namespaces of a cell, beside those of the place that it is made in. That place's network is empty and no program
/// can open a socket, so that one for each cell would cost more than it gives.
pub(super) const NAMESPACES: libc::c_int = libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// A descriptor of a cell.
#[derive(Clone, Copy)]
pub(super) enum Part {
    /// The trainer's requests.
    Job,
    /// What the first process of the cell reports of its set-up.
    Setup,
    /// The end of the first process.
    Init,
    /// What a program reports before it is one.
    Report,
    /// The end of a program.
    Program,
}

pub(super) struct Cell {
    pub id: u64,
    pub slot: usize,
    job: OwnedFd,
    /// The trainer has said its last.
    deaf: bool,
    open: Option<Open>,
    init: Option<Process>,
    setup: Option<OwnedFd>,
    pub rules: Option<OwnedFd>,
    ready: bool,
    pending: VecDeque<(Spawn, Vec<OwnedFd>)>,
    program: Running,
    dying: bool,
    kills_before: u64,
}

/// The process in it.
enum Running {
    None,
    /// A child of ours.
    Cold {
        process: Process,
        report: Option<OwnedFd>,
    },
    /// Asked for, from the warm interpreter.
    Asked,
    /// A child of the warm interpreter.
    Warm {
        process: Process,
    },
}

impl Cell {
    pub fn new(slot: usize, job: OwnedFd) -> Self {
        use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            id: NEXT.fetch_add(1, Relaxed),
            slot,
            job,
            deaf: false,
            open: None,
            init: None,
            setup: None,
            rules: None,
            ready: false,
            pending: VecDeque::new(),
            program: Running::None,
            dying: false,
            kills_before: 0,
        }
    }

    /// What to wait for.
    pub fn parts(&self) -> impl Iterator<Item = (Part, RawFd)> + '_ {
        let job = (!self.deaf).then(|| (Part::Job, self.job.as_raw_fd()));
        let setup = self.setup.as_ref().map(|fd| (Part::Setup, fd.as_raw_fd()));
        let init = self.init.as_ref().map(|init| (Part::Init, init.pidfd.as_raw_fd()));
        let (report, program) = match &self.program {
            Running::Cold { process, report } => (
                report.as_ref().map(|fd| (Part::Report, fd.as_raw_fd())),
                Some((Part::Program, process.pidfd.as_raw_fd())),
            ),
            _ => (None, None),
        };
        // A program's report before its end, since both come at once where it could not be started.
        [job, setup, report, program, init].into_iter().flatten()
    }

    /// Whether nothing of it is left.
    pub fn is_gone(&self) -> bool {
        self.dying && self.init.is_none() && matches!(self.program, Running::None)
    }

    /// Tells the trainer, and gives the slot back.
    pub fn finish(self, world: &World) -> usize {
        let peak_bytes = world.groups.as_ref().and_then(|groups| groups.peak(self.slot));
        self.say(&Reply::Gone { peak_bytes });
        self.slot
    }

    /// Ends every process in it. They are gone once [`Cell::is_gone`] says so.
    pub fn kill(&mut self) {
        self.dying = true;
        self.pending.clear();
        if let Some(init) = &self.init {
            init.kill();
        }
        match &self.program {
            Running::Cold { process, .. } | Running::Warm { process } => process.kill(),
            Running::Asked | Running::None => {}
        }
    }

    /// One of its descriptors has something to say.
    pub fn hear(&mut self, part: Part, world: &World, warm: &mut Option<Warm>) {
        let outcome = match part {
            Part::Job => self.hear_job(world),
            Part::Setup => self.hear_setup(),
            Part::Init => self.hear_init(),
            Part::Report => self.hear_report(),
            Part::Program => {
                self.hear_program(world);
                Ok(())
            }
        };
        match outcome {
            Ok(()) => self.go_on(world, warm),
            Err(error) => self.broken(&error.to_string()),
        }
    }

    fn say(&self, reply: &Reply) {
        // A trainer that listens no more needs no answer.
        drop(wire::send(self.job.as_fd(), reply, &[]));
    }

    fn broken(&mut self, detail: &str) {
        if !self.dying {
            self.say(&Reply::Broken { detail: detail.to_owned() });
        }
        self.kill();
    }

    fn hear_job(&mut self, world: &World) -> io::Result<()> {
        match wire::receive(self.job.as_fd()) {
            Ok(Some((Request::Open(open), _))) if self.open.is_none() => self.make(world, open),
            Ok(Some((Request::Spawn(spawn), fds))) if !self.dying => {
                self.pending.push_back((spawn, fds));
                Ok(())
            }
            Ok(Some(_)) => Ok(()),
            Ok(None) | Err(_) => {
                self.deaf = true;
                self.kill();
                Ok(())
            }
        }
    }

    fn make(&mut self, world: &World, open: Open) -> io::Result<()> {
        if let Some(groups) = &world.groups {
            // The interpreter itself is not the program's doing.
            self.kills_before = groups.prepare(self.slot, open.memory_bytes + (32 << 20))?;
        }
        if world.setup.namespaces {
            let (ours, theirs) = sys::socket_pair(libc::SOCK_SEQPACKET)?;
            let Some(init) = sys::clone_process(NAMESPACES)? else {
                drop(ours);
                init::init(&theirs, world, &open)
            };
            let slot = self.slot;
            self.init = Some(init);
            init::map_users(world, self.init.as_ref(), slot)?;
            sys::send(ours.as_fd(), b"m", &[])?;
            self.setup = Some(ours);
        } else {
            let scratch = self.scratch(world);
            self.rules = init::bare_rules(world, &scratch)?;
            self.ready = true;
        }
        self.open = Some(open);
        Ok(())
    }

    /// The folder that the program may write to.
    pub fn scratch(&self, world: &World) -> PathBuf {
        world
            .place
            .scratch
            .as_ref()
            .map_or_else(|| PathBuf::from(BOX), |folder| folder.join(self.slot.to_string()))
    }

    fn hear_setup(&mut self) -> io::Result<()> {
        let Some(setup) = self.setup.take() else { return Ok(()) };
        let mut room = [0; 512];
        let (count, mut fds) = sys::receive(setup.as_fd(), &mut room)?;
        match room[..count].split_first() {
            Some((b'r', _)) => {
                self.rules = fds.pop();
                self.ready = true;
                Ok(())
            }
            Some((_, told)) => Err(io::Error::other(String::from_utf8_lossy(told).into_owned())),
            None if self.dying => Ok(()),
            None => {
                Err(io::Error::other("the first process of the cell ended before it was set up"))
            }
        }
    }

    fn hear_init(&mut self) -> io::Result<()> {
        if let Some(init) = &self.init
            && init.reap().is_some()
        {
            self.init = None;
            if !self.dying {
                // Nothing in the cell can end it, so that the machine is short of memory, or someone outside did.
                return Err(io::Error::other(
                    "the first process of the cell was ended from outside",
                ));
            }
        }
        Ok(())
    }

    fn hear_report(&mut self) -> io::Result<()> {
        let Running::Cold { report, .. } = &mut self.program else { return Ok(()) };
        let Some(report) = report.take() else { return Ok(()) };
        let told = sys::read_pipe(report.as_fd())?;
        // Closed by the exec that succeeded, or at the end of a process that had nothing to say.
        if told.is_empty() { Ok(()) } else { Err(io::Error::other(told)) }
    }

    fn hear_program(&mut self, world: &World) {
        if let Running::Cold { process, .. } = &self.program
            && let Some(exited) = process.reap()
        {
            self.exited(world, exited);
        }
    }

    /// The program has ended.
    pub fn exited(&mut self, world: &World, exited: Exited) {
        self.program = Running::None;
        let kills = world.groups.as_ref().map_or(0, |groups| groups.kills(self.slot));
        self.say(&Reply::Exited {
            status: exited.status,
            cpu_us: exited.cpu_us,
            peak_kib: exited.peak_kib,
            out_of_memory: kills > self.kills_before,
        });
    }

    /// The warm interpreter has forked for this cell, or could not.
    pub fn forked(&mut self, world: &World, process: io::Result<Process>) {
        match process {
            Ok(process) => {
                self.spawned(world, &process);
                if self.dying {
                    process.kill();
                }
                self.program = Running::Warm { process };
            }
            Err(error) => {
                self.program = Running::None;
                self.broken(&format!("the warm interpreter cannot fork: {error}"));
            }
        }
    }

    /// Whether the warm interpreter's child of this number is the program.
    pub fn is_warm(&self, pid: libc::pid_t) -> bool {
        matches!(&self.program, Running::Warm { process } if process.pid == pid)
    }

    /// Whether the server itself has made this process, for this cell.
    pub fn is_parent_of(&self, pid: libc::pid_t) -> bool {
        let cold = matches!(&self.program, Running::Cold { process, .. } if process.pid == pid);
        cold || self.init.as_ref().is_some_and(|init| init.pid == pid)
    }

    /// The warm interpreter is gone, and its children with it or after it.
    pub fn orphaned(&mut self) {
        if matches!(self.program, Running::Warm { .. } | Running::Asked) {
            self.kill();
            self.program = Running::None;
            self.say(&Reply::Broken { detail: "the warm interpreter ended".into() });
        }
    }

    fn spawned(&self, world: &World, process: &Process) {
        let pid = sys::pid_in(world.place.proc.as_fd(), process.pidfd.as_fd()).ok();
        self.say(&Reply::Spawned { pid });
    }

    /// Starts what waits, where the cell is ready for it.
    fn go_on(&mut self, world: &World, warm: &mut Option<Warm>) {
        if !self.ready || self.dying || !matches!(self.program, Running::None) {
            return;
        }
        let Some((spawn, fds)) = self.pending.pop_front() else { return };
        let wanted = matches!(spawn.what, What::Python { warm: true });
        if let (true, Some(warm)) = (wanted, warm) {
            match warm.ask(world, self, &spawn, &fds) {
                Ok(()) => self.program = Running::Asked,
                Err(error) => {
                    self.broken(&format!("the warm interpreter cannot be asked: {error}"));
                }
            }
            return;
        }
        match spawn::cold(world, self, &spawn, fds) {
            Ok((process, report)) => {
                self.spawned(world, &process);
                self.program = Running::Cold { process, report: Some(report) };
            }
            Err(error) => self.broken(&format!("no process can be started: {error}")),
        }
    }

    /// The first process, whose namespaces programs join; `None` without namespaces.
    pub fn init(&self) -> Option<&Process> {
        self.init.as_ref()
    }
}
