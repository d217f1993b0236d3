//! The first process of a cell, and what it furnishes the cell with.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use crate::rules::{self, Allowed};
use crate::sys::{self, Process};
use crate::wire::Open;

use super::World;
use super::outer::{BOX, INNER_ID};

/// Says who the users of a cell are outside.
pub(super) fn map_users(world: &World, init: Option<&Process>, slot: usize) -> io::Result<()> {
    let Some(init) = init else { return Ok(()) };
    let proc = world.place.proc.as_fd();
    let pid = sys::pid_in(proc, init.pidfd.as_fd())?;
    let outside = world.place.first_uid.map_or(0, |first| first + slot as u32);
    sys::write_at(proc, &format!("{pid}/setgroups"), "deny")?;
    sys::write_at(proc, &format!("{pid}/uid_map"), &format!("{INNER_ID} {outside} 1"))?;
    sys::write_at(proc, &format!("{pid}/gid_map"), &format!("{INNER_ID} {outside} 1"))
}

/// The first process of a cell: furnishes it, then does nothing but be there. Everything in the cell ends with it.
pub(super) fn init(report: &OwnedFd, world: &World, open: &Open) -> ! {
    match furnish(report, world, open) {
        Ok(rules) => {
            let fds: Vec<_> = rules.iter().map(std::os::fd::AsFd::as_fd).collect();
            drop(sys::send(report.as_fd(), b"r", &fds));
        }
        Err(error) => {
            drop(sys::send(
                report.as_fd(),
                format!("ethe cell cannot be set up: {error}").as_bytes(),
                &[],
            ));
            sys::leave(1);
        }
    }
    let quiet = || -> io::Result<()> {
        sys::close_from(0)?;
        sys::drop_capabilities()?;
        sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1)
    };
    if quiet().is_err() {
        sys::leave(1);
    }
    loop {
        // Orphans of the program come to the first process.
        // SAFETY: null pointers are allowed; without children the second call waits for a signal.
        unsafe {
            if libc::waitpid(-1, std::ptr::null_mut(), 0) < 0 {
                libc::poll(std::ptr::null_mut(), 0, 1000);
            }
        }
    }
}

fn furnish(report: &OwnedFd, world: &World, open: &Open) -> io::Result<Option<OwnedFd>> {
    sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong)?;
    // Until the server has said who we are.
    let (count, _) = sys::receive(report.as_fd(), &mut [0; 8])?;
    if count == 0 {
        sys::leave(1);
    }
    sys::become_user(INNER_ID, INNER_ID)?;
    let noexec = if open.run_own { 0 } else { libc::MS_NOEXEC };
    let options = format!("size={},nr_inodes=4096,mode=700", world.setup.scratch_bytes);
    sys::mount("tmpfs", BOX, "tmpfs", libc::MS_NOSUID | libc::MS_NODEV | noexec, &options)?;
    let name = "cell";
    // SAFETY: the pointer and the length are the text's own.
    sys::check(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) })?;
    if !world.landlock {
        return Ok(None);
    }
    let root = (Path::new("/"), Allowed::Read);
    let own = (Path::new(BOX), Allowed::Own { run: open.run_own });
    let null = (Path::new("/dev/null"), Allowed::Device);
    rules::rules([root, own, null])
}

/// Without namespaces the rules alone keep a program from the machine's files.
pub(super) fn bare_rules(world: &World, scratch: &Path) -> io::Result<Option<OwnedFd>> {
    let python = &world.setup.python;
    let mut allowed: Vec<(PathBuf, Allowed)> = Vec::new();
    for folder in &python.standard {
        let hidden = python.hidden.iter().any(|hidden| hidden.starts_with(folder));
        if !hidden {
            allowed.push((folder.clone(), Allowed::Read));
            continue;
        }
        allowed.push((folder.clone(), Allowed::List));
        for entry in std::fs::read_dir(folder)?.flatten() {
            if !python.hidden.contains(&entry.path()) {
                allowed.push((entry.path(), Allowed::Read));
            }
        }
    }
    let files = python.libraries.iter().chain([&python.executable, &world.place.shim]);
    let more = files.chain(&python.packages).chain(&world.setup.also_read_only);
    allowed.extend(more.map(|path| (path.clone(), Allowed::Read)));
    for device in ["/dev/zero", "/dev/urandom"] {
        allowed.push((device.into(), Allowed::Read));
    }
    allowed.push(("/dev/null".into(), Allowed::Device));
    allowed.push((scratch.to_owned(), Allowed::Nameless));
    rules::rules(allowed.iter().map(|(path, what)| (path.as_path(), *what)))
}
