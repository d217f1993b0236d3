//! What connects us with a process in a cell. What comes over it is hostile: capped, and taken in order.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe;

use crate::session::{Event, Exited};
use crate::sys;

/// Longest frame that is no output.
const LONGEST_FRAME: usize = 8 << 10;
/// How much of standard error is kept for a reader: its end.
const KEPT_OF_STDERR: usize = 2 << 10;

/// What connects us with a process.
pub(crate) struct Link {
    pub pid: Option<i32>,
    /// What a script reads, written anew for each test, and how long it is.
    pub input: Option<(File, usize)>,
    pub teller: Option<pipe::Sender>,
    pub control: Option<AsyncFd<OwnedFd>>,
    pub heard: Vec<u8>,
    pub out: Option<Outlet>,
    pub err: Option<Outlet>,
    pub stdout: Vec<u8>,
    pub keep_stdout: bool,
    pub stderr: Vec<u8>,
    /// Bytes of both since the last test began.
    pub written: u64,
    /// It has ended, which is to be told once everything that it said before has been.
    pub exited: Option<Exited>,
}

/// An output of a process. Most tests are over before anything but their end needs to be heard of, so that the runtime is told of
/// an output only when the process takes longer: to be woken for each costs more than such a test.
pub(crate) enum Outlet {
    /// Looked at when something else was heard.
    Quiet(OwnedFd),
    /// The runtime says when there is something.
    Heard(AsyncFd<OwnedFd>),
}

impl Outlet {
    fn is_heard(&self) -> bool {
        matches!(self, Self::Heard(_))
    }

    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Quiet(fd) => sys::read(fd.as_fd(), room),
            Self::Heard(fd) => sys::read(fd.get_ref().as_fd(), room),
        }
    }

    /// Waits until there is something to read; for ever, where nobody listens.
    pub async fn readable(outlet: Option<&Self>) {
        match outlet {
            Some(Self::Heard(fd)) => readable(fd).await,
            Some(Self::Quiet(_)) | None => std::future::pending().await,
        }
    }
}

/// Waits until the runtime has heard of something to read. It is to be read then, and again before the next wait: what the runtime
/// was told once it does not tell again.
pub(crate) async fn readable(fd: &AsyncFd<OwnedFd>) {
    // An error is one of the runtime's end, which reading finds too.
    if let Ok(mut ready) = fd.readable().await {
        ready.clear_ready();
    }
}

/// Whether a frame of this kind carries what the program made.
fn is_output(kind: u8) -> bool {
    matches!(kind, b'V' | b'S')
}

pub(crate) enum Read {
    /// There may be more.
    Some,
    /// As much as there was.
    All,
    Nothing,
    TooMuch,
}

impl Read {
    /// Of so many bytes where there was room for so many: a pipe gives less only where it is empty then.
    fn of(count: usize, room: &[u8]) -> Self {
        if count < room.len() { Self::All } else { Self::Some }
    }
}

impl Link {
    /// Whether the runtime is told of the outputs, as far as they are open.
    pub fn listens(&self) -> bool {
        [&self.out, &self.err].into_iter().flatten().all(Outlet::is_heard)
    }

    /// Has the runtime be told of them from now on.
    pub fn listen(&mut self) -> io::Result<()> {
        for outlet in [&mut self.out, &mut self.err] {
            if let Some(Outlet::Quiet(fd)) = outlet {
                // SAFETY: the descriptor is owned by what is registered, which gives it away to nobody.
                let heard = unsafe { AsyncFd::register(fd.try_clone()?)? };
                *outlet = Some(Outlet::Heard(heard));
            }
        }
        Ok(())
    }

    /// Takes in what is on the control socket, a bounded piece at a time.
    pub fn read_control(&mut self, room: &mut [u8], most: u64) {
        let Some(control) = &self.control else { return };
        // More is read once this has been taken out.
        while !self.has_frame() && (self.heard.len() < 2 * room.len() || self.wants_more(most)) {
            match sys::read(control.get_ref().as_fd(), room) {
                Ok(0) => {
                    self.control = None;
                    return;
                }
                Ok(count) => self.heard.extend(&room[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.control = None;
                    return;
                }
            }
        }
    }

    fn head(&self) -> Option<(u8, usize)> {
        let (kind, rest) = self.heard.split_first()?;
        let length = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?);
        Some((*kind, length as usize))
    }

    /// Whether a whole frame has been heard; what is behind it can wait.
    fn has_frame(&self) -> bool {
        self.head().is_some_and(|(_, length)| self.heard.len() - 5 >= length)
    }

    /// Whether a frame of a length that is allowed has begun and is not whole yet.
    fn wants_more(&self, most: u64) -> bool {
        self.head().is_some_and(|(kind, length)| {
            let most = if is_output(kind) { most } else { LONGEST_FRAME as u64 };
            length as u64 <= most && self.heard.len() < 5 + length
        })
    }

    /// The next whole frame.
    pub fn frame(&mut self, most: u64) -> Result<Option<(u8, Vec<u8>)>, Event> {
        let Some((kind, length)) = self.head() else { return Ok(None) };
        let output = is_output(kind);
        if output && length as u64 > most {
            return Err(Event::TooMuch);
        }
        if !output && length > LONGEST_FRAME {
            // Of a kind that nobody waits for.
            self.heard.clear();
            self.control = None;
            return Ok(Some((b'?', Vec::new())));
        }
        if self.heard.len() < 5 + length {
            return Ok(None);
        }
        let rest = self.heard.split_off(5 + length);
        let mut frame = std::mem::replace(&mut self.heard, rest);
        frame.drain(..5);
        Ok(Some((kind, frame)))
    }

    pub fn read_out(&mut self, room: &mut [u8], most: u64) -> Read {
        let Some(out) = &self.out else { return Read::Nothing };
        match out.read(room) {
            Ok(0) => {
                self.out = None;
                Read::Nothing
            }
            Ok(count) => {
                self.written += count as u64;
                if self.written > most {
                    return Read::TooMuch;
                }
                if self.keep_stdout {
                    self.stdout.extend(&room[..count]);
                }
                Read::of(count, room)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Read::Nothing,
            Err(_) => {
                self.out = None;
                Read::Nothing
            }
        }
    }

    pub fn read_err(&mut self, room: &mut [u8], most: u64) -> Read {
        let Some(err) = &self.err else { return Read::Nothing };
        match err.read(room) {
            Ok(0) => {
                self.err = None;
                Read::Nothing
            }
            Ok(count) => {
                self.written += count as u64;
                self.stderr.extend(&room[..count]);
                let extra = self.stderr.len().saturating_sub(KEPT_OF_STDERR);
                self.stderr.drain(..extra);
                if self.written > most { Read::TooMuch } else { Read::of(count, room) }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Read::Nothing,
            Err(_) => {
                self.err = None;
                Read::Nothing
            }
        }
    }
}
