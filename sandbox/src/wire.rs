//! What the trainer and a cell server say to each other: one message of JSON each, with descriptors beside it.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::python::Python;
use crate::sys;

/// The argument that makes a process a server. Its socket is its standard input.
pub(crate) const ARGUMENT: &str = "--conductor-cell-server";

/// Longest message.
const LONGEST: usize = 128 << 10;

/// Trainer to server, once. With it: our code for the interpreter, as a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Setup {
    /// With namespaces; without them otherwise.
    pub namespaces: bool,
    /// Try to use control groups.
    pub cgroup: bool,
    pub python: Python,
    /// Files and folders that other languages need.
    pub also_read_only: Vec<PathBuf>,
    /// Fork programs from an interpreter that is up, if possible.
    pub warm: bool,
    /// Programs after which it is replaced.
    pub warm_programs: u32,
    pub scratch_bytes: u64,
    /// Cells at once; more have to wait.
    pub slots: usize,
    /// Distinguishes users of programs between servers of one machine.
    pub number: u32,
}

/// Server to trainer, once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Started {
    /// Programs can come.
    Ready(Facts),
    /// This machine does not offer what was asked for.
    Refused(String),
}

/// What a server found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// `None` where control groups are in use, else why not.
    pub no_cgroup: Option<String>,
    /// Which control groups; "v1" or "v2".
    pub cgroup_version: Option<String>,
    /// Version of Landlock; 0 where there is none.
    pub landlock: i64,
    /// Programs run as users of their own.
    pub own_user: bool,
    /// `None` where the warm interpreter is up, else why not.
    pub not_warm: Option<String>,
}

/// Trainer to server, on the socket of one job. The first is `Open`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Request {
    Open(Open),
    /// With it the descriptors 0, 1, 2, …, and last the source where there is one.
    Spawn(Spawn),
}

/// A cell.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Open {
    pub memory_bytes: u64,
    /// Programs may be run from the cell's folder.
    pub run_own: bool,
}

/// A process in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Spawn {
    pub what: What,
    pub memory_bytes: u64,
    pub cpu_secs: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum What {
    /// The interpreter with our code: standard input, outputs and control pipes are its descriptors.
    Python {
        /// From the warm one, where there is one.
        warm: bool,
    },
    /// A command: standard input and outputs are its descriptors.
    Command {
        argv: Vec<String>,
        env: Vec<(String, String)>,
        /// Name of a file to be made first, from the last descriptor.
        source: Option<String>,
        /// It may start processes, although the level forbids that to programs.
        may_fork: bool,
    },
}

/// Server to trainer, on the socket of one job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// A process is there. Its number, where the server could find it out.
    Spawned { pid: Option<i32> },
    /// It has ended.
    Exited { status: i32, cpu_us: u64, peak_kib: u64, out_of_memory: bool },
    /// The cell is gone.
    Gone { peak_bytes: Option<u64> },
    /// Our own fault.
    Broken { detail: String },
}

/// Sends one message.
pub(crate) fn send<T: Serialize>(
    socket: BorrowedFd<'_>,
    message: &T,
    fds: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    if bytes.len() > LONGEST {
        return Err(io::Error::other("a message to the server of the sandbox is too long"));
    }
    sys::send(socket, &bytes, fds)?;
    Ok(())
}

/// Receives one message; `None` where the other side is closed.
pub(crate) fn receive<T: DeserializeOwned>(
    socket: BorrowedFd<'_>,
) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    thread_local! {
        static ROOM: std::cell::RefCell<Vec<u8>> = std::cell::RefCell::new(vec![0; LONGEST]);
    }
    ROOM.with_borrow_mut(|room| {
        let (count, fds) = sys::receive(socket, room)?;
        if count == 0 {
            return Ok(None);
        }
        Ok(Some((serde_json::from_slice(&room[..count])?, fds)))
    })
}
