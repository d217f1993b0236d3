//! Starting a process for one program: namespaces where the kernel grants them, limits always.

use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::process::Stdio;
use std::{io, ptr};

use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use super::{Isolation, Limits};

const SHIM: &str = include_str!("shim.py");

/// Largest file that a program may write, and the size of its folder where that is a file system of its own.
const FILE_BYTES: u64 = 64 << 20;
const OPEN_FILES: u64 = 256;
const PROCESSES: u64 = 64;

/// A started process. Dropping it kills every process of its group, and with them (under namespaces) all others.
pub(super) struct Process {
    pub child: Child,
    pub control: UnixStream,
    pub group: libc::pid_t,
}

impl Process {
    /// Kills the process and its group; safe to call again.
    pub fn kill(&self) {
        // Once the child has been waited for there is no id, and the number may be another's.
        if self.child.id().is_some() {
            kill_group(self.group);
        }
    }
}

/// Kills every process of a group.
pub(super) fn kill_group(group: libc::pid_t) {
    // SAFETY: no memory is passed; a group that is gone is reported and ignored.
    unsafe { libc::killpg(group, libc::SIGKILL) };
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts the interpreter on the shim in `folder`, with one end of a socket as its standard input.
pub(super) fn spawn(
    python: &Path,
    isolation: &Isolation,
    limits: &Limits,
    folder: &Path,
) -> io::Result<Process> {
    let (ours, theirs) = StdUnixStream::pair()?;
    ours.set_nonblocking(true)?;
    if let Some(id) = isolation.user {
        std::os::unix::fs::chown(folder, Some(id), Some(id))?;
    }
    let setup = Setup::new(isolation, limits, folder)?;
    let mut command = Command::new(python);
    command
        // -s -S: no site packages. The environment is empty but for what follows, so -E is not needed and a fixed
        // hash seed reaches the interpreter: the same program takes the same way through its sets.
        .args(["-s", "-S", "-B", "-X", "utf8", "-W", "ignore", "-c", SHIM])
        .env_clear()
        .env("PYTHONHASHSEED", "0")
        .env("HOME", folder)
        .env("TMPDIR", folder)
        .env("LC_ALL", "C.UTF-8")
        .current_dir(folder)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    // SAFETY: `enter` makes system calls on memory prepared above and neither allocates nor locks.
    unsafe { command.pre_exec(move || setup.enter()) };
    let child = command.spawn()?;
    let id = child.id().ok_or_else(|| io::Error::other("the process ended before it began"))?;
    Ok(Process { child, control: UnixStream::from_std(ours)?, group: id as libc::pid_t })
}

/// What the child needs between fork and exec, allocated before the fork.
struct Setup {
    namespaces: bool,
    user: Option<u32>,
    uid_map: CString,
    gid_map: CString,
    folder: CString,
    mount_options: CString,
    resources: Vec<(Resource, u64, u64)>,
}

type Resource = libc::__rlimit_resource_t;

/// The user inside the namespace. Never 0, so that the interpreter loses every capability when it is started.
const INNER_ID: u32 = 65_534;

impl Setup {
    fn new(isolation: &Isolation, limits: &Limits, folder: &Path) -> io::Result<Self> {
        // SAFETY: these calls cannot fail and touch no memory.
        let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
        let (uid, gid) = isolation.user.map_or((uid, gid), |id| (id, id));
        let cpu = limits.time.as_secs() + 2;
        let mut resources = vec![
            (libc::RLIMIT_CORE, 0, 0),
            (libc::RLIMIT_CPU, cpu, cpu + 1),
            (libc::RLIMIT_FSIZE, FILE_BYTES, FILE_BYTES),
            (libc::RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES),
            (libc::RLIMIT_AS, limits.memory_bytes, limits.memory_bytes),
        ];
        // The count is of all processes of a user: outside a namespace it would include ours.
        if isolation.namespaces || isolation.user.is_some() {
            resources.push((libc::RLIMIT_NPROC, PROCESSES, PROCESSES));
        }
        Ok(Self {
            namespaces: isolation.namespaces,
            user: isolation.user,
            uid_map: CString::new(format!("{INNER_ID} {uid} 1"))?,
            gid_map: CString::new(format!("{INNER_ID} {gid} 1"))?,
            folder: CString::new(folder.as_os_str().as_bytes())?,
            mount_options: CString::new(format!("size={FILE_BYTES},nr_inodes=4096,mode=700"))?,
            resources,
        })
    }

    /// Runs in the child between fork and exec.
    fn enter(&self) -> io::Result<()> {
        // SAFETY: plain system calls; every pointer is to a live C string or is null where that is allowed.
        unsafe {
            // Whatever the parent left open is closed at exec.
            check(libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC))?;
            if let Some(id) = self.user {
                check(libc::setgroups(0, ptr::null()))?;
                check(libc::setresgid(id, id, id))?;
                check(libc::setresuid(id, id, id))?;
                // Changing the user took our own /proc entries away, and the maps are written there.
                check(libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0))?;
            }
            if self.namespaces {
                self.unshare()?;
            }
            go_behind_guard()?;
            if self.namespaces {
                self.mount()?;
            }
            check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
            for (resource, soft, hard) in &self.resources {
                let limit = libc::rlimit { rlim_cur: *soft, rlim_max: *hard };
                check(libc::setrlimit(*resource, &raw const limit))?;
            }
        }
        Ok(())
    }

    /// Leaves the parent's namespaces; the next process forked is the first one inside.
    unsafe fn unshare(&self) -> io::Result<()> {
        // SAFETY: as in `enter`.
        unsafe {
            let flags = libc::CLONE_NEWUSER
                | libc::CLONE_NEWPID
                | libc::CLONE_NEWNS
                | libc::CLONE_NEWNET
                | libc::CLONE_NEWIPC
                | libc::CLONE_NEWUTS;
            check(libc::unshare(flags))?;
            write_file(c"/proc/self/setgroups", c"deny")?;
            write_file(c"/proc/self/uid_map", &self.uid_map)?;
            write_file(c"/proc/self/gid_map", &self.gid_map)
        }
    }

    /// Everything is read-only, but for the program's folder; other processes are out of sight.
    unsafe fn mount(&self) -> io::Result<()> {
        // SAFETY: as in `enter`.
        unsafe {
            let none = ptr::null();
            let private = libc::MS_REC | libc::MS_PRIVATE;
            check(libc::mount(none, c"/".as_ptr(), none, private, none.cast()))?;
            let read_only =
                MountAttributes { set: MOUNT_ATTR_RDONLY, clear: 0, propagation: 0, userns_fd: 0 };
            check(libc::syscall(
                libc::SYS_mount_setattr,
                -1,
                c"/".as_ptr(),
                libc::AT_RECURSIVE,
                &raw const read_only,
                size_of::<MountAttributes>(),
            ))?;
            let tmpfs = c"tmpfs".as_ptr();
            let flags = libc::MS_NOSUID | libc::MS_NODEV;
            let options = self.mount_options.as_ptr().cast();
            check(libc::mount(tmpfs, self.folder.as_ptr(), tmpfs, flags, options))?;
            let empty = c"size=4096,mode=555".as_ptr().cast();
            check(libc::mount(tmpfs, c"/proc".as_ptr(), tmpfs, flags | libc::MS_RDONLY, empty))?;
            check(libc::chdir(self.folder.as_ptr()))?;
        }
        Ok(())
    }
}

/// `struct mount_attr` of `mount_setattr(2)`.
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

const MOUNT_ATTR_RDONLY: u64 = 1;

/// Goes on in a child, while this process stays behind as a guard that only waits. The end of the guard is the end
/// of the child, and under namespaces of everything in them; and a program that ends its parent ends the guard.
unsafe fn go_behind_guard() -> io::Result<()> {
    // SAFETY: system calls only, without pointers.
    unsafe {
        let inner = check(libc::fork())?;
        if inner != 0 {
            guard(inner as libc::pid_t);
        }
        check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0))?;
    }
    Ok(())
}

/// Waits for the process inside and ends as it ended. It shares the parent's memory, so it runs nothing else.
unsafe fn guard(inner: libc::pid_t) -> ! {
    // SAFETY: system calls only; this process never returns to code that owns anything.
    unsafe {
        libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0);
        libc::syscall(libc::SYS_close_range, 0, u32::MAX, 0);
        let mut status = 0;
        while libc::waitpid(inner, &raw mut status, 0) < 0 {
            if *libc::__errno_location() != libc::EINTR {
                libc::_exit(255);
            }
        }
        let code = if libc::WIFSIGNALED(status) {
            128 + libc::WTERMSIG(status)
        } else {
            libc::WEXITSTATUS(status)
        };
        libc::_exit(code)
    }
}

unsafe fn write_file(path: &std::ffi::CStr, content: &std::ffi::CStr) -> io::Result<()> {
    // SAFETY: both are C strings, and the length is the content's own.
    unsafe {
        let file =
            check(libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC))? as libc::c_int;
        let length = content.to_bytes().len();
        let written = libc::write(file, content.as_ptr().cast(), length);
        let outcome =
            if written == length as isize { Ok(()) } else { Err(io::Error::last_os_error()) };
        libc::close(file);
        outcome
    }
}

/// The result of a system call, or the error that it set.
fn check(result: impl Into<i64>) -> io::Result<i64> {
    match result.into() {
        -1 => Err(io::Error::last_os_error()),
        value => Ok(value),
    }
}
