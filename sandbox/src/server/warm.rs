//! The interpreter that is up already: programs are forks of it. It runs none itself.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use crate::filter;
use crate::sys::{self, Exited, Process};
use crate::wire::Spawn;

use super::World;
use super::cell::{Cell, NAMESPACES};
use super::outer::BOX;
use super::spawn::{self, Image, Limits};

/// Longest that an interpreter may take to come up.
const START: Duration = Duration::from_secs(30);

pub(super) struct Warm {
    process: Process,
    link: OwnedFd,
    /// Cells that wait for their fork, in the order in which they asked.
    asked: VecDeque<u64>,
    /// Programs so far.
    pub started: u32,
    /// Whether it is up.
    pub up: bool,
}

impl Warm {
    /// Starts one and waits until it is up.
    pub fn start(world: &World) -> io::Result<Self> {
        let mut warm = Self::launch(world)?;
        let ready = sys::wait_readable(&[warm.link.as_raw_fd()], Some(START))?;
        let mut room = [0; 8];
        let up = ready[0] && matches!(sys::receive(warm.link.as_fd(), &mut room), Ok((1, _)));
        if !up {
            warm.process.kill();
            warm.wait();
            return Err(io::Error::other("it does not come up"));
        }
        warm.up = true;
        Ok(warm)
    }

    /// Starts one; it says by a first message that it is up.
    pub fn launch(world: &World) -> io::Result<Self> {
        let (link, theirs) = sys::socket_pair(libc::SOCK_SEQPACKET)?;
        let null = || sys::open_at(None, "/dev/null", libc::O_RDWR);
        let mut fds = vec![null()?, null()?, null()?, theirs];
        if let Some(own) = &world.place.own_pid_ns {
            fds.push(own.try_clone()?);
        }
        // Without namespaces each program has a folder of its own, which its fork is told.
        let scratch = std::path::Path::new(if world.setup.namespaces { BOX } else { "/" });
        let argv = spawn::python_argv(world, "warm");
        let image = Image::new(&argv, &spawn::python_env(world, scratch))?;
        let Some(process) = sys::clone_process(0)? else {
            let enter = || -> io::Result<()> {
                sys::place_fds(&fds)?;
                spawn::room_for_stack()?;
                sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong)
            };
            if enter().is_ok() {
                drop(image.exec());
            }
            sys::leave(127);
        };
        let warm = Self { process, link, asked: VecDeque::new(), started: 0, up: false };
        sys::send(warm.link.as_fd(), &config(world), &[])?;
        Ok(warm)
    }

    pub fn pid(&self) -> libc::pid_t {
        self.process.pid
    }

    pub fn fd(&self) -> RawFd {
        self.link.as_raw_fd()
    }

    /// Asks for a fork in a cell. The answer comes later, to [`Cell::forked`].
    pub fn ask(
        &mut self,
        world: &World,
        cell: &Cell,
        spawn: &Spawn,
        outputs: &[OwnedFd],
    ) -> io::Result<()> {
        let entrances = match &world.groups {
            Some(groups) => groups.entrances(cell.slot)?,
            None => Vec::new(),
        };
        let init = cell.init();
        let (uid, gid) = spawn::program_user(world, cell.slot);
        let flags = u8::from(cell.rules.is_some()) | u8::from(init.is_some()) << 1;
        let mut message = vec![flags];
        message.extend(uid.to_ne_bytes());
        message.extend(gid.to_ne_bytes());
        message.extend(Limits::new(world, spawn).bytes());
        message.extend(cell.scratch(world).as_os_str().as_encoded_bytes());
        let mut fds: Vec<BorrowedFd<'_>> = outputs.iter().map(|fd| fd.as_fd()).collect();
        fds.extend(cell.rules.as_ref().map(|rules| rules.as_fd()));
        fds.extend(init.map(|init| init.pidfd.as_fd()));
        fds.extend(entrances.iter().map(|fd| fd.as_fd()));
        sys::send(self.link.as_fd(), &message, &fds)?;
        self.asked.push_back(cell.id);
        self.started += 1;
        Ok(())
    }

    /// Takes one of its messages; `false` where it is gone.
    pub fn hear(&mut self, world: &World, cells: &mut [Cell]) -> bool {
        let mut room = [0; 64];
        let (count, mut fds) = match sys::receive(self.link.as_fd(), &mut room) {
            Ok((0, _)) | Err(_) => {
                self.gone(cells);
                return false;
            }
            Ok(received) => received,
        };
        let message = &room[1..count];
        let number = |at: usize| {
            message.get(at..at + 4).and_then(|b| Some(i32::from_ne_bytes(b.try_into().ok()?)))
        };
        let long = |at: usize| {
            message.get(at..at + 8).and_then(|b| Some(u64::from_ne_bytes(b.try_into().ok()?)))
        };
        match room[0] {
            b'U' => self.up = true,
            b'P' => {
                let id = self.asked.pop_front();
                let cell = cells.iter_mut().find(|cell| Some(cell.id) == id);
                let process = match (number(0), fds.pop()) {
                    (Some(pid), Some(pidfd)) if pid > 0 => Ok(Process { pid, pidfd }),
                    (Some(error), _) => Err(io::Error::from_raw_os_error(-error)),
                    (None, _) => Err(io::Error::other("a message is cut off")),
                };
                if let Some(cell) = cell {
                    cell.forked(world, process);
                }
            }
            _ => {
                if let (Some(pid), Some(status), Some(cpu_us), Some(peak_kib)) =
                    (number(0), number(4), long(8), long(16))
                    && let Some(cell) = cells.iter_mut().find(|cell| cell.is_warm(pid))
                {
                    cell.exited(world, Exited { status, cpu_us, peak_kib });
                }
            }
        }
        true
    }

    fn gone(&mut self, cells: &mut [Cell]) {
        self.process.kill();
        // Which of the cells run its forks is not known here; those of another interpreter are of other numbers.
        for cell in cells.iter_mut().filter(|cell| self.asked.contains(&cell.id)) {
            cell.orphaned();
        }
    }

    /// Takes no more programs; it ends once those that run have ended.
    pub fn retire(self) -> Self {
        // SAFETY: no pointers.
        unsafe { libc::shutdown(self.link.as_raw_fd(), libc::SHUT_WR) };
        self
    }

    /// Ends it now.
    pub fn end(self) -> Process {
        self.process.kill();
        self.wait();
        self.process
    }

    fn wait(&self) {
        drop(sys::wait_readable(&[self.process.pidfd.as_raw_fd()], Some(Duration::from_secs(5))));
        self.process.reap();
    }
}

/// What the interpreter must know once: see `Config` in start.py.
fn config(world: &World) -> Vec<u8> {
    let namespaces = (NAMESPACES & !libc::CLONE_NEWPID) as u32;
    let own_pid_ns: i32 = if world.place.own_pid_ns.is_some() { 4 } else { -1 };
    let mut message = Vec::new();
    message.extend(namespaces.to_ne_bytes());
    message.extend(own_pid_ns.to_ne_bytes());
    message.extend((libc::SYS_capset as u32).to_ne_bytes());
    for part in world.inherited.each_ref().map(filter::bytes) {
        message.extend((part.len() as u32).to_ne_bytes());
        message.extend(part);
    }
    message
}
