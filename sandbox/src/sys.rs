//! System calls that no library on board has, in safe clothes.

use std::ffi::CString;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr;
use std::time::Duration;

/// The outcome of a system call as a result.
pub(crate) fn check(returned: impl Into<i64>) -> io::Result<i64> {
    let returned = returned.into();
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}

/// A path, or any text, as the system takes it.
pub(crate) fn c_string(text: impl AsRef<Path>) -> io::Result<CString> {
    Ok(CString::new(text.as_ref().as_os_str().as_bytes())?)
}

/// A descriptor that a system call made.
fn owned(fd: i64) -> OwnedFd {
    // SAFETY: every caller passes a number that the system has just given to it alone.
    unsafe { OwnedFd::from_raw_fd(fd as RawFd) }
}

/// Two connected sockets. `kind` is `SOCK_STREAM` or `SOCK_SEQPACKET`.
pub(crate) fn socket_pair(kind: libc::c_int) -> io::Result<(OwnedFd, OwnedFd)> {
    let mut pair = [0; 2];
    // SAFETY: the array has room for two descriptors.
    check(unsafe {
        libc::socketpair(libc::AF_UNIX, kind | libc::SOCK_CLOEXEC, 0, pair.as_mut_ptr())
    })?;
    Ok((owned(pair[0].into()), owned(pair[1].into())))
}

/// The reading and the writing end of a pipe.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut pair = [0; 2];
    // SAFETY: the array has room for two descriptors.
    check(unsafe { libc::pipe2(pair.as_mut_ptr(), libc::O_CLOEXEC) })?;
    Ok((owned(pair[0].into()), owned(pair[1].into())))
}

/// Reads and writes that would wait return at once from now on.
pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: system calls without pointers on a live descriptor.
    unsafe {
        let flags = check(libc::fcntl(fd.as_raw_fd(), libc::F_GETFL))? as libc::c_int;
        check(libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK))?;
    }
    Ok(())
}

/// Opens a file or folder, close-on-exec.
pub(crate) fn open_at(
    folder: Option<BorrowedFd<'_>>,
    path: impl AsRef<Path>,
    flags: libc::c_int,
) -> io::Result<OwnedFd> {
    let folder = folder.map_or(libc::AT_FDCWD, |fd| fd.as_raw_fd());
    let path = c_string(path)?;
    // SAFETY: the path is a C string.
    let fd = check(unsafe { libc::openat(folder, path.as_ptr(), flags | libc::O_CLOEXEC, 0o600) })?;
    Ok(owned(fd))
}

/// Writes all of `content` to a small kernel file in one call.
pub(crate) fn write_at(folder: BorrowedFd<'_>, path: &str, content: &str) -> io::Result<()> {
    let file = open_at(Some(folder), path, libc::O_WRONLY)?;
    // SAFETY: the pointer and the length are the text's own.
    check(unsafe { libc::write(file.as_raw_fd(), content.as_ptr().cast(), content.len()) } as i64)?;
    Ok(())
}

/// Reads a small kernel file from its beginning.
pub(crate) fn read_start(file: BorrowedFd<'_>) -> io::Result<String> {
    let mut bytes = [0u8; 4096];
    // SAFETY: the pointer and the length are the array's own.
    let count =
        check(unsafe { libc::pread(file.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len(), 0) }
            as i64)?;
    Ok(String::from_utf8_lossy(&bytes[..count as usize]).into_owned())
}

/// What is in `path` below `folder`, up to 4 KiB.
pub(crate) fn read_at(folder: BorrowedFd<'_>, path: &str) -> io::Result<String> {
    read_start(open_at(Some(folder), path, libc::O_RDONLY)?.as_fd())
}

/// Writes bytes in one call.
pub(crate) fn write_fd(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: the pointer and the length are the slice's own.
    check(unsafe { libc::write(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) } as i64)?;
    Ok(())
}

/// Reads once.
pub(crate) fn read(fd: BorrowedFd<'_>, room: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length are the slice's own.
    let count = unsafe { libc::read(fd.as_raw_fd(), room.as_mut_ptr().cast(), room.len()) };
    Ok(check(count as i64)? as usize)
}

/// What is in a pipe now, up to 1 KiB.
pub(crate) fn read_pipe(fd: BorrowedFd<'_>) -> io::Result<String> {
    let mut bytes = [0u8; 1024];
    let count = read(fd, &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes[..count]).into_owned())
}

/// A file in memory with this content, that nobody can change.
pub(crate) fn sealed_memfd(content: &[u8]) -> io::Result<OwnedFd> {
    let mut file = memfd()?;
    io::Write::write_all(&mut file, content)?;
    io::Seek::rewind(&mut file)?;
    let seals = libc::F_SEAL_SEAL | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE;
    // SAFETY: no pointers.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) })?;
    Ok(file.into())
}

/// An empty file in memory.
pub(crate) fn memfd() -> io::Result<std::fs::File> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is a C string.
    let fd = check(unsafe { libc::memfd_create(c"stdin".as_ptr(), flags) })?;
    let file = std::fs::File::from(owned(fd));
    // Where there is a /proc, who has it for reading could open it anew by that.
    // SAFETY: no pointers.
    check(unsafe { libc::fchmod(file.as_raw_fd(), 0o400) })?;
    Ok(file)
}

/// The same file, opened anew for reading only: who has this cannot change it, and has a position of its own.
pub(crate) fn reader_of(file: &std::fs::File) -> io::Result<OwnedFd> {
    open_at(None, format!("/proc/self/fd/{}", file.as_raw_fd()), libc::O_RDONLY)
}

/// Most descriptors that come with one message.
pub(crate) const MOST_FDS: usize = 12;

/// Room for the descriptors of a message, aligned as the system wants it.
#[repr(align(8))]
struct Ancillary([u8; 128]);

/// Sends one message with descriptors. Returns how many bytes went out.
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    fds: &[BorrowedFd<'_>],
) -> io::Result<usize> {
    let raw: Vec<RawFd> = fds.iter().map(std::os::fd::AsRawFd::as_raw_fd).collect();
    let payload = size_of::<RawFd>() * raw.len();
    let mut room = Ancillary([0; 128]);
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: zeroes are a valid message header; every pointer below is to memory that outlives the call; the control
    // buffer has room for `MOST_FDS` descriptors with their header.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        if !raw.is_empty() {
            assert!(raw.len() <= MOST_FDS, "at most {MOST_FDS} descriptors a message");
            message.msg_control = room.0.as_mut_ptr().cast();
            message.msg_controllen = libc::CMSG_SPACE(payload as u32) as _;
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(payload as u32) as _;
            ptr::copy_nonoverlapping(raw.as_ptr().cast::<u8>(), libc::CMSG_DATA(header), payload);
        }
        let flags = libc::MSG_NOSIGNAL;
        let sent = check(libc::sendmsg(socket.as_raw_fd(), &raw const message, flags) as i64)?;
        Ok(sent as usize)
    }
}

/// Receives one message with its descriptors; no bytes mean that the other side is closed.
pub(crate) fn receive(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut room = Ancillary([0; 128]);
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: as in `send`; descriptors that arrive are ours alone.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = room.0.as_mut_ptr().cast();
        message.msg_controllen = room.0.len() as _;
        let flags = libc::MSG_CMSG_CLOEXEC;
        let count = check(libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) as i64)?;
        let mut fds = Vec::new();
        let mut header = libc::CMSG_FIRSTHDR(&raw const message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
                let bytes = (*header).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                for index in 0..bytes / size_of::<RawFd>() {
                    let mut raw: RawFd = -1;
                    let from = libc::CMSG_DATA(header).add(index * size_of::<RawFd>());
                    ptr::copy_nonoverlapping(from, (&raw mut raw).cast(), size_of::<RawFd>());
                    fds.push(OwnedFd::from_raw_fd(raw));
                }
            }
            header = libc::CMSG_NXTHDR(&raw const message, header);
        }
        if message.msg_flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0 {
            return Err(io::Error::other("a message is longer than expected"));
        }
        Ok((count as usize, fds))
    }
}

/// Waits until one of the descriptors has something to read or is closed; says which have.
pub(crate) fn wait_readable(fds: &[RawFd], timeout: Option<Duration>) -> io::Result<Vec<bool>> {
    let mut polled: Vec<libc::pollfd> =
        fds.iter().map(|fd| libc::pollfd { fd: *fd, events: libc::POLLIN, revents: 0 }).collect();
    let millis = timeout.map_or(-1, |t| i32::try_from(t.as_millis()).unwrap_or(i32::MAX));
    // SAFETY: the pointer and the count are the vector's own.
    let ready = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, millis) };
    match check(ready) {
        Ok(_) => Ok(polled.iter().map(|p| p.revents != 0).collect()),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(vec![false; fds.len()]),
        Err(error) => Err(error),
    }
}

/// The arguments of `clone3(2)` up to what Linux 5.3 knows.
#[repr(C)]
#[derive(Default)]
struct CloneArguments {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
}

/// A process and the descriptor that stands for it.
#[derive(Debug)]
pub(crate) struct Process {
    /// Its number, as this process sees it.
    pub pid: libc::pid_t,
    /// Readable once it has ended.
    pub pidfd: OwnedFd,
}

impl Process {
    /// Kills it; one that is gone already stays gone.
    pub fn kill(&self) {
        // SAFETY: no pointers but a null one, which is allowed.
        unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.pidfd.as_raw_fd(),
                libc::SIGKILL,
                ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
    }

    /// Its status and what it used, where it has ended; `None` where it has not.
    pub fn reap(&self) -> Option<Exited> {
        reap(self.pid)
    }
}

/// Takes the status of a child, where it has ended.
pub(crate) fn reap(pid: libc::pid_t) -> Option<Exited> {
    let mut status = 0;
    let mut used = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are to live memory of the right type, and zeroes are a valid rusage.
    let (got, used) = unsafe {
        let got = libc::wait4(pid, &raw mut status, libc::WNOHANG, used.as_mut_ptr());
        (got, used.assume_init())
    };
    let micros = |t: libc::timeval| t.tv_sec as u64 * 1_000_000 + t.tv_usec as u64;
    (got > 0).then(|| Exited {
        status,
        cpu_us: micros(used.ru_utime) + micros(used.ru_stime),
        peak_kib: used.ru_maxrss as u64,
    })
}

/// A child that has ended and waits to be reaped, if there is one; it stays one.
pub(crate) fn dead_child() -> Option<libc::pid_t> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the pointer is to live memory of the right type; zeroes are a valid answer, and mean that there is none.
    let pid = unsafe {
        let got = libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), flags);
        if got < 0 { 0 } else { info.assume_init().si_pid() }
    };
    (pid > 0).then_some(pid)
}

/// How a process ended and what it used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exited {
    /// As `wait(2)` tells it.
    pub status: i32,
    pub cpu_us: u64,
    pub peak_kib: u64,
}

/// Forks, with new namespaces by `flags`; `None` in the child. Only for processes with a single thread.
pub(crate) fn clone_process(flags: libc::c_int) -> io::Result<Option<Process>> {
    let mut pidfd: RawFd = -1;
    let arguments = CloneArguments {
        flags: u64::from((flags | libc::CLONE_PIDFD) as u32),
        pidfd: (&raw mut pidfd) as u64,
        exit_signal: libc::SIGCHLD as u64,
        ..CloneArguments::default()
    };
    // SAFETY: the structure is of the size given; without CLONE_VM the child has a copy of everything, as after fork.
    let pid = check(unsafe {
        libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<CloneArguments>())
    })?;
    if pid == 0 {
        return Ok(None);
    }
    Ok(Some(Process { pid: pid as libc::pid_t, pidfd: owned(pidfd.into()) }))
}

/// Joins namespaces of the process that `of` stands for, or the namespace that it is.
pub(crate) fn set_ns(of: BorrowedFd<'_>, flags: libc::c_int) -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::setns(of.as_raw_fd(), flags) })?;
    Ok(())
}

/// The number of a process as the procfs that `proc` opens has it.
pub(crate) fn pid_in(proc: BorrowedFd<'_>, pidfd: BorrowedFd<'_>) -> io::Result<libc::pid_t> {
    let info = read_at(proc, &format!("self/fdinfo/{}", pidfd.as_raw_fd()))?;
    info.lines()
        .find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok())
        .filter(|pid| *pid > 0)
        .ok_or_else(|| io::Error::other("the process has no number in the mounted /proc"))
}

/// Closes every descriptor from `first` on.
pub(crate) fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: no pointers; callers own nothing that lives on with a closed descriptor.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) })?;
    Ok(())
}

/// Moves descriptors to the numbers 0, 1, 2, … and closes all others.
pub(crate) fn place_fds(fds: &[OwnedFd]) -> io::Result<()> {
    let high: Vec<RawFd> = fds
        .iter()
        .map(|fd| {
            // SAFETY: no pointers. The copy is above every place that is filled below.
            check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 64) })
                .map(|fd| fd as RawFd)
        })
        .collect::<io::Result<_>>()?;
    for (place, fd) in (0..).zip(&high) {
        // SAFETY: no pointers; what stood at this place before is not used again.
        check(unsafe { libc::dup2(*fd, place) })?;
    }
    close_from(fds.len() as u32)
}

/// Mounts. What is not needed is given as "".
pub(crate) fn mount(
    source: &str,
    target: impl AsRef<Path>,
    kind: &str,
    flags: libc::c_ulong,
    options: &str,
) -> io::Result<()> {
    let (source, target) = (c_string(source)?, c_string(target)?);
    let (kind, options) = (c_string(kind)?, c_string(options)?);
    // SAFETY: all are C strings.
    check(unsafe {
        libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, options.as_ptr().cast())
    })?;
    Ok(())
}

/// `struct mount_attr` of `mount_setattr(2)`.
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

pub(crate) const MOUNT_RDONLY: u64 = 0x1;
pub(crate) const MOUNT_NOSUID: u64 = 0x2;
pub(crate) const MOUNT_NODEV: u64 = 0x4;
pub(crate) const MOUNT_NOEXEC: u64 = 0x8;

/// Sets attributes of a mount and of all below it.
pub(crate) fn set_mount(target: impl AsRef<Path>, set: u64) -> io::Result<()> {
    let target = c_string(target)?;
    let attributes = MountAttributes { set, clear: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the path is a C string, and the size is the structure's own.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            target.as_ptr(),
            libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<MountAttributes>(),
        )
    })?;
    Ok(())
}

/// Sets a limit, for this process and what it starts.
pub(crate) fn limit(resource: libc::__rlimit_resource_t, soft: u64, hard: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: the pointer is to a live structure.
    check(unsafe { libc::setrlimit(resource, &raw const limit) })?;
    Ok(())
}

/// The most that a limit may be set to.
pub(crate) fn hard_limit(resource: libc::__rlimit_resource_t) -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a live structure.
    check(unsafe { libc::getrlimit(resource, &raw mut limit) })?;
    Ok(limit.rlim_max)
}

/// `prctl` with one argument.
pub(crate) fn prctl(option: libc::c_int, argument: libc::c_ulong) -> io::Result<()> {
    // SAFETY: the options that we use take numbers, not pointers.
    check(unsafe { libc::prctl(option, argument, 0, 0, 0) })?;
    Ok(())
}

/// Becomes a user for good: real, effective and saved.
pub(crate) fn become_user(uid: u32, gid: u32) -> io::Result<()> {
    // SAFETY: no pointers.
    unsafe {
        check(libc::setresgid(gid, gid, gid))?;
        check(libc::setresuid(uid, uid, uid))?;
    }
    Ok(())
}

/// Gives up every capability. That none comes back at an exec is `no_new_privs`' matter.
pub(crate) fn drop_capabilities() -> io::Result<()> {
    let header = [0x2008_0522_u32, 0];
    let none = [0_u32; 6];
    // SAFETY: version 3 of the call takes a header of two words and six words of sets.
    check(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr()) })?;
    Ok(())
}

/// Processor time that a process has used, by the number that this process sees; `None` where it is gone.
pub(crate) fn cpu_time(pid: libc::pid_t) -> Option<Duration> {
    /// `CPUCLOCK_SCHED` of the kernel: the sum that the scheduler keeps for a whole process.
    const SCHED: libc::clockid_t = 2;
    let clock = (!pid << 3) | SCHED;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live structure.
    let got = unsafe { libc::clock_gettime(clock, &raw mut time) };
    (got == 0).then(|| Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

/// Leaves without running anything that was registered for the end.
pub(crate) fn leave(code: libc::c_int) -> ! {
    // SAFETY: the call does not return and runs nothing of ours.
    unsafe { libc::_exit(code) }
}

/// The effective user and group.
pub(crate) fn user() -> (u32, u32) {
    // SAFETY: the calls cannot fail and touch no memory.
    unsafe { (libc::geteuid(), libc::getegid()) }
}
