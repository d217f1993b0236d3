//! The cell server: a small process with one thread that makes cells and starts programs in them. It holds no secret: its
//! environment is empty, and what programs are held against never reaches it.

mod cell;
mod groups;
mod init;
mod outer;
mod slots;
mod spawn;
mod warm;

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

use crate::filter::{self, Policy};
use crate::rules;
use crate::sys::{self, Process};
use crate::wire::{self, Facts, Setup, Started};

use cell::Cell;
use groups::Groups;
use outer::Place;
use slots::Slots;
use warm::Warm;

/// Everything that holds for all cells of this server.
struct World {
    setup: Setup,
    place: Place,
    groups: Option<Groups>,
    landlock: bool,
    python: [seccompiler::BpfProgram; 2],
    /// Of the warm interpreter and its forks: see [`filter::inherited`].
    inherited: [seccompiler::BpfProgram; 3],
    command: [seccompiler::BpfProgram; 2],
    compiler: [seccompiler::BpfProgram; 2],
}

/// Runs the server to its end. Its socket is standard input.
pub(crate) fn serve() -> ! {
    // SAFETY: whoever starts a server hands the socket over as descriptor 0, and nothing else uses it.
    let main = unsafe { OwnedFd::from_raw_fd(0) };
    drop_foreign_memory();
    // Ctrl-C in a terminal is the trainer's matter.
    // SAFETY: no pointers.
    unsafe { libc::setsid() };
    drop(sys::prctl(libc::PR_SET_CHILD_SUBREAPER, 1));
    let Ok(Some((setup, fds))) = wire::receive::<Setup>(main.as_fd()) else { sys::leave(1) };
    let Some(shim) = fds.into_iter().next() else { sys::leave(1) };
    match begin(setup, &shim, &main) {
        Ok((world, warm, facts)) => {
            if wire::send(main.as_fd(), &Started::Ready(facts), &[]).is_ok() {
                let mut server = Server::new(world, warm, main);
                while server.step().is_ok() {}
                server.end();
            }
        }
        Err(error) => {
            drop(wire::send(main.as_fd(), &Started::Refused(error.to_string()), &[]));
        }
    }
    sys::leave(0)
}

fn begin(setup: Setup, shim: &OwnedFd, main: &OwnedFd) -> io::Result<(World, Option<Warm>, Facts)> {
    let landlock = rules::version();
    let (groups, no_cgroup) = if setup.cgroup && setup.namespaces {
        match Groups::new(setup.slots) {
            Ok(groups) => (Some(groups), None),
            Err(error) => (None, Some(error.to_string())),
        }
    } else {
        (None, Some("it is switched off by sandbox.cgroup or sandbox.level".to_owned()))
    };
    let leftovers = groups.as_ref().map(Groups::leftovers);
    // From here on in another process, while this one waits to clean up behind it.
    let place = outer::enter(&setup, shim, leftovers.as_ref(), main)?;
    let policy = Policy {
        fork: groups.is_some(),
        signal: setup.namespaces || landlock >= 6,
        own_files: setup.namespaces,
    };
    let world = World {
        landlock: landlock > 0,
        python: filter::filters(policy)?,
        inherited: filter::inherited(policy)?,
        command: filter::filters(policy)?,
        compiler: filter::filters(Policy { fork: true, ..policy })?,
        groups,
        place,
        setup,
    };
    let (warm, not_warm) = if !world.setup.warm {
        (None, Some("sandbox.warm is false".to_owned()))
    } else if !world.setup.python.warm {
        (None, Some("the interpreter is older than Python 3.9".to_owned()))
    } else {
        match Warm::start(&world) {
            Ok(warm) => (Some(warm), None),
            Err(error) => (None, Some(error.to_string())),
        }
    };
    let facts = Facts {
        no_cgroup,
        cgroup_version: world.groups.as_ref().map(Groups::version),
        landlock,
        own_user: world.place.first_uid.is_some(),
        not_warm,
    };
    Ok((world, warm, facts))
}

/// Forks of this process need nothing of the libraries that the program is linked with and that a server does not use; not to
/// copy their pages makes every cell cheaper.
fn drop_foreign_memory() {
    const OURS: [&str; 6] =
        ["/libc.", "/libm.", "/libgcc_s.", "/ld-linux", "/libpthread.", "/libdl."];
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else { return };
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (Some(range), Some(path)) = (words.next(), words.nth(4)) else { continue };
        let foreign = path.contains(".so") && !OURS.iter().any(|ours| path.contains(ours));
        let bounds = range.split_once('-').and_then(|(from, to)| {
            Some((usize::from_str_radix(from, 16).ok()?, usize::from_str_radix(to, 16).ok()?))
        });
        if let (true, Some((from, to))) = (foreign, bounds) {
            // SAFETY: children never run code of these libraries; this process keeps them.
            unsafe { libc::madvise(from as *mut libc::c_void, to - from, libc::MADV_DONTFORK) };
        }
    }
}

/// Interpreters that may fail to take over before we give up on them, beside one for every ten programs.
const MOST_LAUNCHES: u64 = 5;

struct Server {
    world: World,
    main: OwnedFd,
    warm: Option<Warm>,
    /// One that comes up, to take over from it.
    next: Option<Warm>,
    /// Whether there was a warm interpreter at the start.
    was_warm: bool,
    /// Interpreters that were launched to take over, and programs that came to their end.
    launches: u64,
    done: u64,
    /// Warm interpreters that take no more programs, but still have some that run.
    retired: Vec<Warm>,
    cells: Vec<Cell>,
    slots: Slots,
    /// Jobs that wait for a slot.
    waiting: VecDeque<OwnedFd>,
}

/// Whose descriptor has something to say.
#[derive(Clone, Copy)]
enum Source {
    Main,
    Warm,
    Next,
    Retired(usize),
    /// The job's socket, the init's report, the init's end, the program's report, the program's end.
    Cell(usize, cell::Part),
}

impl Server {
    fn new(world: World, warm: Option<Warm>, main: OwnedFd) -> Self {
        let slots = Slots::new(world.setup.slots);
        Self {
            world,
            main,
            was_warm: warm.is_some(),
            warm,
            next: None,
            launches: 0,
            done: 0,
            retired: Vec::new(),
            cells: Vec::new(),
            slots,
            waiting: VecDeque::new(),
        }
    }

    /// Waits for something to happen and deals with it; an error ends the server.
    fn step(&mut self) -> io::Result<()> {
        let mut sources = vec![(Source::Main, self.main.as_raw_fd())];
        sources.extend(self.warm.as_ref().map(|warm| (Source::Warm, warm.fd())));
        sources.extend(self.next.as_ref().map(|next| (Source::Next, next.fd())));
        sources.extend(
            self.retired.iter().enumerate().map(|(at, warm)| (Source::Retired(at), warm.fd())),
        );
        for (at, cell) in self.cells.iter().enumerate() {
            sources.extend(cell.parts().map(|(part, fd)| (Source::Cell(at, part), fd)));
        }
        let fds: Vec<RawFd> = sources.iter().map(|source| source.1).collect();
        let ready = sys::wait_readable(&fds, None)?;
        let mut gone = Vec::new();
        for ((source, _), ready) in sources.into_iter().zip(ready) {
            if !ready {
                continue;
            }
            match source {
                Source::Main => self.new_job()?,
                Source::Warm => self.hear_warm(),
                Source::Next => self.hear_next(),
                Source::Retired(at) => {
                    if !self.retired[at].hear(&self.world, &mut self.cells) {
                        gone.push(at);
                    }
                }
                Source::Cell(at, part) => self.cells[at].hear(part, &self.world, &mut self.warm),
            }
        }
        for at in gone.into_iter().rev() {
            self.retired.remove(at).end();
        }
        self.adopt();
        self.clear_away();
        self.renew_warm();
        Ok(())
    }

    fn new_job(&mut self) -> io::Result<()> {
        let mut byte = [0; 8];
        let (count, fds) = sys::receive(self.main.as_fd(), &mut byte)?;
        if count == 0 {
            return Err(io::Error::other("the trainer is gone"));
        }
        for job in fds {
            self.waiting.push_back(job);
        }
        Ok(())
    }

    fn hear_warm(&mut self) {
        let Some(warm) = &mut self.warm else { return };
        if !warm.hear(&self.world, &mut self.cells) {
            if let Some(dead) = self.warm.take() {
                dead.end();
            }
            // Until another is up, programs start from nothing.
            self.renew_warm();
        }
    }

    fn hear_next(&mut self) {
        let Some(next) = &mut self.next else { return };
        if !next.hear(&self.world, &mut self.cells) {
            if let Some(dead) = self.next.take() {
                dead.end();
            }
        } else if next.up {
            self.retired.extend(self.warm.take().map(Warm::retire));
            self.warm = self.next.take();
        }
    }

    /// Reaps a child that came to us when the interpreter that had forked it ended.
    fn adopt(&mut self) {
        let Some(pid) = sys::dead_child() else { return };
        let interpreters = self.warm.iter().chain(&self.next).chain(&self.retired);
        let ours = interpreters.map(Warm::pid).any(|own| own == pid)
            || self.cells.iter().any(|cell| cell.is_parent_of(pid));
        if ours {
            // Its own descriptor tells of its end.
            return;
        }
        let cell = self.cells.iter_mut().find(|cell| cell.is_warm(pid));
        if let Some(exited) = sys::reap(pid)
            && let Some(cell) = cell
        {
            cell.exited(&self.world, exited);
        }
    }

    /// Frees slots of cells that are gone, and gives them to who waits.
    fn clear_away(&mut self) {
        let mut at = 0;
        while at < self.cells.len() {
            if self.cells[at].is_gone() {
                let cell = self.cells.swap_remove(at);
                self.done += 1;
                self.slots.free(cell.finish(&self.world));
            } else {
                at += 1;
            }
        }
        while let Some(job) = self.waiting.pop_front() {
            let Some(slot) = self.slots.take() else {
                self.waiting.push_front(job);
                break;
            };
            self.cells.push(Cell::new(slot, job));
        }
    }

    /// Has a fresh interpreter take over once the warm one has started its number of programs.
    fn renew_warm(&mut self) {
        let worn = match &self.warm {
            Some(warm) => warm.started >= self.world.setup.warm_programs,
            None => self.was_warm,
        };
        if worn && self.next.is_none() && self.launches < MOST_LAUNCHES + self.done / 10 {
            self.launches += 1;
            self.next = Warm::launch(&self.world).ok();
        }
    }

    /// Ends every cell and takes away what this server made.
    fn end(mut self) {
        for cell in &mut self.cells {
            cell.kill();
        }
        let all: Vec<Process> = self
            .warm
            .take()
            .into_iter()
            .chain(self.next.take())
            .chain(self.retired)
            .map(Warm::end)
            .collect();
        drop(all);
    }
}
