//! The place that cells are made in: namespaces with nothing in them but the interpreter, and a process outside that waits
//! to clean up.

use std::fs;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::sys;
use crate::wire::Setup;

use super::groups::Leftovers;

/// The folder that a program may write to, under namespaces.
pub(super) const BOX: &str = "/box";
/// The user and group inside a cell. Never 0, so that no program starts with a capability.
pub(super) const INNER_ID: u32 = 65_534;
/// Where our code for the interpreter lies, under namespaces.
const SHIM: &str = "/conductor/shim.pyc";

/// Where this server is.
pub(super) struct Place {
    /// The procfs of the machine.
    pub proc: OwnedFd,
    /// The namespace of processes that this server is in; `None` without namespaces.
    pub own_pid_ns: Option<OwnedFd>,
    /// Our code for the interpreter.
    pub shim: PathBuf,
    /// The folders that programs may write to, a slot each; `None` under namespaces.
    pub scratch: Option<PathBuf>,
    /// The first user for programs, a slot each; `None` where we cannot become another user.
    pub first_uid: Option<u32>,
}

/// Goes on in a new process in that place. The calling one stays behind, waits, and takes away what is left over.
pub(super) fn enter(
    setup: &Setup,
    shim: &OwnedFd,
    leftovers: Option<&Leftovers>,
    main: &OwnedFd,
) -> io::Result<Place> {
    let outside = std::process::id();
    let entered = go_in(setup, shim, leftovers, main);
    // Inside, whoever stayed behind does this.
    if entered.is_err()
        && std::process::id() == outside
        && let Some(leftovers) = leftovers
    {
        leftovers.remove();
    }
    entered
}

fn go_in(
    setup: &Setup,
    shim: &OwnedFd,
    leftovers: Option<&Leftovers>,
    main: &OwnedFd,
) -> io::Result<Place> {
    let proc = sys::open_at(None, "/proc", libc::O_PATH | libc::O_DIRECTORY)?;
    let (uid, gid) = sys::user();
    let mut first_uid = if uid == 0 { free_users(setup.number) } else { None };
    if first_uid.is_some() {
        // Groups that this user is in as well would stay with every program.
        // SAFETY: an empty list needs no pointer.
        sys::check(unsafe { libc::setgroups(0, std::ptr::null()) })?;
    }
    if !setup.namespaces && first_uid.is_some() {
        open_to_all(setup)?;
    }
    let scratch = if setup.namespaces { None } else { Some(scratch_folder(setup, first_uid)?) };
    // Root needs no user namespace for this, unless it is root without its rights, as in many containers.
    if setup.namespaces && (first_uid.is_none() || unshare(libc::CLONE_NEWPID).is_err()) {
        first_uid = None;
        named("a user namespace", || own_user_namespace(&proc, uid, gid))?;
        named("a namespace of processes", || unshare(libc::CLONE_NEWPID))?;
    }
    match sys::clone_process(0)? {
        Some(server) => stay_behind(&server, leftovers, scratch.as_deref(), main),
        None => sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong)?,
    }
    let own_pid_ns = if setup.namespaces {
        let own = sys::open_at(Some(proc.as_fd()), "self/ns/pid", libc::O_RDONLY)?;
        named("namespaces", || {
            unshare(
                libc::CLONE_NEWNS | libc::CLONE_NEWNET | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS,
            )
        })?;
        named("a root of its own", || new_root(setup, shim))?;
        Some(own)
    } else {
        None
    };
    let shim = match &scratch {
        None => PathBuf::from(SHIM),
        Some(folder) => {
            let path = folder.join("shim.pyc");
            copy_in(shim, &path, 0o444)?;
            path
        }
    };
    Ok(Place { proc, own_pid_ns, shim, scratch, first_uid })
}

fn named<T>(what: &str, make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    make().map_err(|error| io::Error::new(error.kind(), format!("{what} cannot be made: {error}")))
}

fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: no pointers; this process has a single thread.
    sys::check(unsafe { libc::unshare(flags) })?;
    Ok(())
}

fn own_user_namespace(proc: &OwnedFd, uid: u32, gid: u32) -> io::Result<()> {
    unshare(libc::CLONE_NEWUSER)?;
    sys::write_at(proc.as_fd(), "self/setgroups", "deny")?;
    sys::write_at(proc.as_fd(), "self/uid_map", &format!("0 {uid} 1"))?;
    sys::write_at(proc.as_fd(), "self/gid_map", &format!("0 {gid} 1"))
}

/// Waits for the server's end, then removes what only someone outside can remove.
fn stay_behind(
    server: &sys::Process,
    leftovers: Option<&Leftovers>,
    scratch: Option<&Path>,
    main: &OwnedFd,
) -> ! {
    // The trainer's end of the socket must see the server go, and the server the trainer.
    // SAFETY: this process uses the descriptor no more.
    unsafe { libc::close(main.as_raw_fd()) };
    drop(sys::wait_readable(&[server.pidfd.as_raw_fd()], None));
    server.reap();
    if let Some(leftovers) = leftovers {
        leftovers.remove();
    }
    if let Some(scratch) = scratch {
        drop(fs::remove_dir_all(scratch));
    }
    sys::leave(0)
}

/// Users that nobody is: far above what systems give out, and apart for each server. `None` where this user namespace has
/// no room for them.
fn free_users(number: u32) -> Option<u32> {
    const EACH: u32 = 256;
    let map = fs::read_to_string("/proc/self/uid_map").ok()?;
    let ranges = map.lines().filter_map(|line| {
        let mut words = line.split_whitespace().map(str::parse::<u64>);
        Some((words.next()?.ok()?, words.nth(1)?.ok()?))
    });
    let (start, count) = ranges.max_by_key(|range| range.1)?;
    // The upper half of the largest range.
    let blocks = count / 2 / u64::from(EACH);
    if blocks == 0 {
        return None;
    }
    let block = u64::from(number) % blocks.min(1 << 22);
    u32::try_from(start + count / 2 + block * u64::from(EACH)).ok()
}

/// Without namespaces the interpreter is where it is, and programs run as a user that nobody is.
fn open_to_all(setup: &Setup) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let python = &setup.python;
    let mode = |path: &Path| fs::metadata(path).map(|meta| meta.permissions().mode());
    for path in python.standard.iter().chain(&python.libraries).chain([&python.executable]) {
        for part in path.ancestors() {
            let needed = if part.is_dir() { 0o001 } else { 0o004 };
            if mode(part)? & needed == 0 {
                return Err(io::Error::other(format!(
                    "programs run as a user of their own, which cannot read {}; name an interpreter that every user can \
                     read with sandbox.interpreter",
                    part.display()
                )));
            }
        }
    }
    Ok(())
}

fn scratch_folder(setup: &Setup, first_uid: Option<u32>) -> io::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!(
        "conductor-cells-{}-{}",
        std::process::id(),
        setup.number
    ));
    fs::DirBuilder::new().mode(0o711).create(&folder)?;
    for slot in 0..setup.slots {
        let own = folder.join(slot.to_string());
        fs::DirBuilder::new().mode(0o700).create(&own)?;
        if let Some(first) = first_uid {
            let id = Some(first + slot as u32);
            std::os::unix::fs::chown(&own, id, id)?;
        }
    }
    Ok(folder)
}

/// A root with the interpreter and nothing else. The old one is out of reach afterwards.
fn new_root(setup: &Setup, shim: &OwnedFd) -> io::Result<()> {
    const ROOT: &str = "/tmp";
    let root = Path::new(ROOT);
    sys::mount("", "/", "", libc::MS_REC | libc::MS_PRIVATE, "")?;
    // Seen through, before something is put over it.
    let shown = Shown::new(setup)?;
    sys::mount("tmpfs", root, "tmpfs", libc::MS_NOSUID, "size=256m,mode=755")?;
    for folder in ["box", "dev", "conductor"] {
        fs::DirBuilder::new().mode(0o755).create(root.join(folder))?;
    }
    for device in ["null", "zero", "urandom"] {
        let target = root.join("dev").join(device);
        fs::File::create(&target)?;
        shown.bind(&Path::new("/dev").join(device), &target)?;
        // Devices are written to all the same; their times and modes are the machine's.
        sys::set_mount(&target, sys::MOUNT_RDONLY | sys::MOUNT_NOSUID | sys::MOUNT_NOEXEC)?;
    }
    shown.fill(root)?;
    copy_in(shim, &root.join("conductor/shim.pyc"), 0o444)?;
    // Programs look for a place for temporary files here; unless something that is shown lies there.
    let place = root.join("tmp");
    if !place.exists() {
        std::os::unix::fs::symlink(BOX, place)?;
    }
    // Semaphores of the C library, which locks and queues between processes are made of.
    std::os::unix::fs::symlink(BOX, root.join("dev/shm"))?;
    std::env::set_current_dir(root)?;
    // SAFETY: both are C strings. The new root goes over the old one, which is then taken away below it.
    sys::check(unsafe { libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()) })?;
    // SAFETY: as above.
    sys::check(unsafe { libc::umount2(c".".as_ptr(), libc::MNT_DETACH) })?;
    std::env::set_current_dir("/")?;
    // The root itself: what is mounted below has its own attributes.
    sys::mount(
        "",
        "/",
        "",
        libc::MS_REMOUNT | libc::MS_BIND | libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV,
        "",
    )
}

/// What the new root shows of the old one, opened before anything is put over it.
struct Shown {
    /// Files that are copied: few and small.
    copied: Vec<(fs::File, PathBuf, u32)>,
    /// Folders and files that are mounted, and what is hidden in them.
    mounted: Vec<(OwnedFd, PathBuf, bool)>,
    hidden: Vec<PathBuf>,
    devices: Vec<(OwnedFd, PathBuf)>,
}

impl Shown {
    fn new(setup: &Setup) -> io::Result<Self> {
        let python = &setup.python;
        let told = |path: &Path, error: io::Error| {
            io::Error::new(error.kind(), format!("{} cannot be opened: {error}", path.display()))
        };
        let open_path =
            |path: &Path| sys::open_at(None, path, libc::O_PATH).map_err(|e| told(path, e));
        let mut copied = Vec::new();
        for file in python.libraries.iter().chain([&python.executable]) {
            copied.push((fs::File::open(file).map_err(|e| told(file, e))?, file.clone(), 0o555));
        }
        let mut mounted = Vec::new();
        for path in python.standard.iter().chain(&python.packages).chain(&setup.also_read_only) {
            mounted.push((open_path(path)?, path.clone(), path.is_dir()));
        }
        let devices = ["null", "zero", "urandom"].map(|name| Path::new("/dev").join(name));
        let devices = devices
            .into_iter()
            .map(|path| Ok((open_path(&path)?, path)))
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self { copied, mounted, hidden: python.hidden.clone(), devices })
    }

    fn bind(&self, device: &Path, target: &Path) -> io::Result<()> {
        let opened = self.devices.iter().find(|(_, path)| path == device).map(|(fd, _)| fd);
        opened.map_or(Ok(()), |fd| bind(fd, target))
    }

    fn fill(&self, root: &Path) -> io::Result<()> {
        for (from, at, mode) in &self.copied {
            let target = below(root, at);
            if target.exists() {
                continue;
            }
            make_folders(target.parent())?;
            let mut to =
                fs::OpenOptions::new().write(true).create_new(true).mode(*mode).open(&target)?;
            io::copy(&mut &*from, &mut to)?;
        }
        for (from, at, folder) in &self.mounted {
            let target = below(root, at);
            if *folder {
                make_folders(Some(&target))?;
            } else {
                make_folders(target.parent())?;
                if !target.exists() {
                    fs::File::create(&target)?;
                }
            }
            bind(from, &target)?;
            sys::set_mount(&target, sys::MOUNT_RDONLY | sys::MOUNT_NOSUID | sys::MOUNT_NODEV)?;
        }
        for hidden in &self.hidden {
            let flags = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
            sys::mount("tmpfs", below(root, hidden), "tmpfs", flags, "size=4k,mode=555")?;
        }
        Ok(())
    }
}

/// An absolute path as one below `root`.
fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn make_folders(folder: Option<&Path>) -> io::Result<()> {
    folder.map_or(Ok(()), |folder| fs::DirBuilder::new().recursive(true).mode(0o755).create(folder))
}

/// Shows an opened file or folder at another place.
fn bind(from: &OwnedFd, target: &Path) -> io::Result<()> {
    let source = format!("/proc/self/fd/{}", from.as_raw_fd());
    sys::mount(&source, target, "", libc::MS_BIND | libc::MS_REC, "").map_err(|error| {
        io::Error::new(error.kind(), format!("{} cannot be mounted: {error}", target.display()))
    })
}

fn copy_in(from: &OwnedFd, to: &Path, mode: u32) -> io::Result<()> {
    let mut from = fs::File::from(from.try_clone()?);
    io::Seek::rewind(&mut from)?;
    let mut to = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(to)?;
    io::copy(&mut from, &mut to)?;
    Ok(())
}
