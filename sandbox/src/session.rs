//! The trainer's end of one cell: its processes, their outputs, the control socket, and the clock. Everything that comes in
//! is hostile: capped, taken in order, and never waited for beyond a deadline.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe;
use tokio::time::Instant;

use crate::link::{Link, Outlet, Read, readable};
use crate::wire::{self, Open, Reply, Request, Spawn, What};
use crate::{sys, waiting};

/// Time for a cell to be made and an interpreter to come up on a busy machine; not the program's time.
pub(crate) const START: Duration = Duration::from_secs(30);

/// How long a process may take before its outputs are listened to. Meanwhile one that writes more than a pipe holds has to wait.
const PATIENCE: Duration = Duration::from_millis(10);

/// Something that happened in a cell.
#[derive(Debug)]
pub(crate) enum Event {
    /// A frame on the control socket.
    Frame(u8, Vec<u8>),
    /// The process has ended.
    Exited(Exited),
    /// More output than allowed.
    TooMuch,
    /// More time than allowed.
    TooLong,
    /// Our own fault.
    Broken(String),
}

/// How a process ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exited {
    pub status: i32,
    pub out_of_memory: bool,
}

/// When a program has had enough time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    begun: Instant,
    /// Processor time that the process had used by then.
    cpu_before: Duration,
    /// Most processor time.
    cpu: Duration,
    /// Most time by the clock on the wall.
    wall: Duration,
    /// Most of that where the machine gives the process no core.
    hard: Duration,
}

/// A cell and the process in it.
pub(crate) struct Session {
    job: AsyncFd<OwnedFd>,
    /// The server has said its last.
    over: bool,
    process: Option<Link>,
    /// Where bytes arrive before they are sorted.
    room: Box<[u8]>,
    output_bytes: u64,
    /// Sums over the processes that have ended.
    cpu: Duration,
    peak: Option<u64>,
    /// The same of cells before this one.
    earlier_peak: Option<u64>,
}

/// What a new process is to be.
pub(crate) struct Start<'a> {
    /// What is on standard input from the beginning.
    pub input: &'a [u8],
    pub what: What,
    pub cpu_secs: u64,
    pub memory_bytes: u64,
    /// Of commands, the source, where it is to be made a file.
    pub source: Option<OwnedFd>,
    /// Whether standard output is wanted, or only counted.
    pub keep_stdout: bool,
}

impl Session {
    /// Asks a server for a cell. It is made while we go on.
    pub fn open(server: &OwnedFd, open: Open, output_bytes: u64) -> io::Result<Self> {
        Ok(Self {
            job: ask(server, open)?,
            over: false,
            process: None,
            room: vec![0; 64 << 10].into(),
            output_bytes,
            cpu: Duration::ZERO,
            peak: None,
            earlier_peak: None,
        })
    }

    /// Asks for a process. What it has to say comes from [`Session::next`].
    pub fn spawn(&mut self, start: Start<'_>) -> io::Result<()> {
        let (out, their_out) = sys::pipe()?;
        let (err, their_err) = sys::pipe()?;
        let input = sys::memfd()?;
        input.write_all_at(start.input, 0)?;
        let mut fds = vec![sys::reader_of(&input)?, their_out, their_err];
        let (mut teller, mut control) = (None, None);
        if matches!(start.what, What::Python { .. }) {
            let (their_orders, orders) = sys::pipe()?;
            let (reports, their_reports) = sys::pipe()?;
            fds.extend([their_orders, their_reports]);
            sys::set_nonblocking(orders.as_fd())?;
            sys::set_nonblocking(reports.as_fd())?;
            teller = Some(pipe::Sender::from_owned_fd(orders)?);
            // SAFETY: the descriptor is owned by what is registered, which gives it away to nobody.
            control = Some(unsafe { AsyncFd::register(reports)? });
        }
        fds.extend(start.source);
        let request = Request::Spawn(Spawn {
            what: start.what,
            memory_bytes: start.memory_bytes,
            cpu_secs: start.cpu_secs,
        });
        let borrowed: Vec<_> = fds.iter().map(|fd| fd.as_fd()).collect();
        wire::send(self.job.get_ref().as_fd(), &request, &borrowed)?;
        drop(fds);
        sys::set_nonblocking(out.as_fd())?;
        sys::set_nonblocking(err.as_fd())?;
        self.process = Some(Link {
            pid: None,
            input: Some((input, start.input.len())),
            teller,
            control,
            heard: Vec::new(),
            out: Some(Outlet::Quiet(out)),
            err: Some(Outlet::Quiet(err)),
            stdout: Vec::new(),
            keep_stdout: start.keep_stdout,
            stderr: Vec::new(),
            written: 0,
            exited: None,
        });
        Ok(())
    }

    /// Puts bytes on the process's standard input, in the place of what was there.
    pub fn put_input(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(Link { input: Some((input, length)), .. }) = &mut self.process else {
            return Ok(());
        };
        input.write_all_at(bytes, 0)?;
        if bytes.len() < *length {
            input.set_len(bytes.len() as u64)?;
        }
        *length = bytes.len();
        Ok(())
    }

    /// Starts a clock for what the process does from now on: so much processor time, so much time by the clock on the wall, and
    /// so much where it waits for a core.
    pub fn clock(&self, cpu: Duration, wall: Duration, hard: Duration) -> Clock {
        Clock { begun: Instant::now(), cpu_before: self.cpu_now(), cpu, wall, hard }
    }

    /// How long the process has waited for a core since it began, which is cheaper to know than since the test began. A program
    /// that starts others makes itself wait, so that it is told none.
    fn waited_now(&self) -> Duration {
        let pid = self.process.as_ref().and_then(|link| link.pid);
        pid.and_then(waiting::waited_for_core).unwrap_or_default()
    }

    /// Whether the process has had enough time.
    fn over(&self, clock: &Clock) -> bool {
        let wall = clock.begun.elapsed();
        if wall < clock.cpu.min(clock.wall) {
            return false;
        }
        let used = self.cpu_now().saturating_sub(clock.cpu_before);
        if used >= clock.cpu || wall >= clock.hard {
            return true;
        }
        wall >= clock.wall && wall.saturating_sub(self.waited_now()) >= clock.wall
    }

    fn cpu_now(&self) -> Duration {
        let pid = self.process.as_ref().and_then(|link| link.pid);
        pid.and_then(sys::cpu_time).unwrap_or_default()
    }

    /// Forgets what was written so far; the next test begins.
    pub fn begin_output(&mut self) {
        if let Some(link) = &mut self.process {
            link.stdout.clear();
            link.written = 0;
        }
    }

    /// Everything on standard output until now; an error where it is more than allowed.
    pub fn take_stdout(&mut self) -> Result<Vec<u8>, Event> {
        let most = self.output_bytes;
        let Some(link) = &mut self.process else { return Ok(Vec::new()) };
        loop {
            match link.read_out(&mut self.room, most) {
                Read::Some => {}
                Read::TooMuch => return Err(Event::TooMuch),
                Read::All | Read::Nothing => return Ok(std::mem::take(&mut link.stdout)),
            }
        }
    }

    /// The end of what is on standard error.
    pub fn stderr(&self) -> String {
        let kept = self.process.as_ref().map_or(&[][..], |link| &link.stderr);
        String::from_utf8_lossy(kept).trim().to_owned()
    }

    /// Sends a frame to the process. The error is what happened instead of its reading it.
    pub async fn tell(&mut self, kind: u8, data: &[u8], clock: &Clock) -> Result<(), Event> {
        let length = u32::try_from(data.len())
            .map_err(|_| Event::Broken("an input is longer than 4 GiB".into()))?;
        let mut frame = vec![kind];
        frame.extend(length.to_be_bytes());
        frame.extend(data);
        let mut rest = frame.as_slice();
        while !rest.is_empty() {
            let Some(Link { teller: Some(teller), .. }) = &self.process else {
                return Err(self.next(clock).await);
            };
            match teller.try_write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // A program that does not read must not keep us.
                    tokio::select! {
                        biased;
                        ready = teller.writable() => drop(ready),
                        () = tokio::time::sleep_until(clock.begun + clock.hard) => {
                            return Err(Event::TooLong);
                        }
                    }
                }
                // It listens no more, and has something to say for itself.
                Err(_) => return Err(self.next(clock).await),
            }
        }
        Ok(())
    }

    /// What happens next.
    pub async fn next(&mut self, clock: &Clock) -> Event {
        let mut check = clock.begun + clock.cpu.min(clock.wall);
        let patience = Instant::now() + PATIENCE;
        loop {
            if let Some(event) = self.ready(clock) {
                return event;
            }
            let Some(link) = &self.process else {
                return Event::Broken("there is no process".into());
            };
            tokio::select! {
                biased;
                () = readable_control(link) => {}
                () = Outlet::readable(link.out.as_ref()) => {}
                () = Outlet::readable(link.err.as_ref()) => {}
                ready = self.job.readable(), if !self.over => {
                    // Whether it is truly ready is seen when it is read.
                    if let Ok(mut ready) = ready
                        && !self.job_has_more()
                    {
                        ready.clear_ready();
                        continue;
                    }
                    if let Some(event) = self.hear_server() {
                        return event;
                    }
                }
                () = tokio::time::sleep_until(patience), if !link.listens() => {
                    if let Err(error) = self.listen() {
                        return Event::Broken(error.to_string());
                    }
                }
                () = tokio::time::sleep_until(check) => {
                    if self.over(clock) {
                        return Event::TooLong;
                    }
                    // Several threads use more than a second a second.
                    let used = self.cpu_now().saturating_sub(clock.cpu_before);
                    let pause = clock.cpu.saturating_sub(used) / 2;
                    let left = clock.wall.saturating_sub(clock.begun.elapsed());
                    let longest = left.max(Duration::from_millis(50));
                    check = Instant::now() + pause.max(Duration::from_millis(5)).min(longest);
                }
            }
        }
    }

    fn listen(&mut self) -> io::Result<()> {
        self.process.as_mut().map_or(Ok(()), Link::listen)
    }

    /// An event that needs no waiting.
    fn ready(&mut self, clock: &Clock) -> Option<Event> {
        let most = self.output_bytes;
        let link = self.process.as_mut()?;
        link.read_control(&mut self.room, most);
        match link.frame(most) {
            Err(event) => return Some(event),
            Ok(Some((kind, data))) => {
                // Time is judged where a program comes to an end in time by the clock alone, too.
                if self.over(clock) {
                    return Some(Event::TooLong);
                }
                return Some(Event::Frame(kind, data));
            }
            Ok(None) => {}
        }
        if !link.listens() && link.exited.is_none() {
            return None;
        }
        if matches!(link.read_out(&mut self.room, most), Read::TooMuch) {
            return Some(Event::TooMuch);
        }
        loop {
            match link.read_err(&mut self.room, most) {
                Read::Some if link.exited.is_some() => {}
                Read::Some | Read::All | Read::Nothing => break,
                Read::TooMuch => return Some(Event::TooMuch),
            }
        }
        link.exited.take().map(Event::Exited)
    }

    /// Whether a message of the server is there.
    fn job_has_more(&self) -> bool {
        use std::os::fd::AsRawFd as _;
        let fd = self.job.get_ref().as_raw_fd();
        sys::wait_readable(&[fd], Some(Duration::ZERO)).is_ok_and(|ready| ready[0])
    }

    /// Takes one message of the server.
    fn hear_server(&mut self) -> Option<Event> {
        let received = wire::receive::<Reply>(self.job.get_ref().as_fd());
        match received {
            Ok(Some((Reply::Spawned { pid }, _))) => {
                if let Some(link) = &mut self.process {
                    link.pid = pid;
                }
                None
            }
            Ok(Some((Reply::Exited { status, cpu_us, peak_kib, out_of_memory }, _))) => {
                self.cpu += Duration::from_micros(cpu_us);
                self.peak = self.peak.max(Some(peak_kib << 10));
                if let Some(link) = &mut self.process {
                    link.pid = None;
                    link.exited = Some(Exited { status, out_of_memory });
                }
                None
            }
            Ok(Some((Reply::Gone { peak_bytes }, _))) => {
                self.over = true;
                self.peak = peak_bytes.or(self.peak);
                Some(Event::Broken("the cell was taken away".into()))
            }
            Ok(Some((Reply::Broken { detail }, _))) => Some(Event::Broken(detail)),
            Ok(None) => {
                self.over = true;
                Some(Event::Broken("the server of the sandbox ended".into()))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => {
                self.over = true;
                Some(Event::Broken(error.to_string()))
            }
        }
    }

    /// Listens no more to what the process says of itself, only to its end.
    pub fn hang_up(&mut self) {
        if let Some(link) = &mut self.process {
            link.control = None;
            link.heard.clear();
        }
    }

    /// Ends the cell, waits until it is gone, and says what all of its processes used. Dropping a session ends the cell too.
    pub async fn close(mut self) -> (Duration, Option<u64>) {
        self.end().await;
        (self.cpu, self.peak.max(self.earlier_peak))
    }

    /// Another cell in the place of this one, which is gone before this one's is asked for.
    pub async fn renew(&mut self, server: &OwnedFd, open: Open) -> io::Result<()> {
        self.end().await;
        self.process = None;
        self.earlier_peak = self.peak.take().max(self.earlier_peak);
        self.job = ask(server, open)?;
        self.over = false;
        Ok(())
    }

    /// Ends the cell and waits until it is gone.
    async fn end(&mut self) {
        use std::os::fd::AsRawFd as _;
        // What a process that is killed had used is known only while it is there.
        let running = self.cpu_now();
        // SAFETY: no pointers.
        unsafe { libc::shutdown(self.job.get_ref().as_raw_fd(), libc::SHUT_WR) };
        let deadline = Instant::now() + Duration::from_secs(5);
        let before = self.cpu;
        while !self.over {
            if !self.job_has_more() {
                let ready = tokio::time::timeout_at(deadline, self.job.readable()).await;
                match ready {
                    Ok(Ok(mut ready)) => {
                        ready.clear_ready();
                        if !self.job_has_more() {
                            continue;
                        }
                    }
                    _ => break,
                }
            }
            self.hear_server();
        }
        if self.cpu == before {
            self.cpu += running;
        }
    }
}

/// The socket of a cell that was asked for.
fn ask(server: &OwnedFd, open: Open) -> io::Result<AsyncFd<OwnedFd>> {
    let (ours, theirs) = sys::socket_pair(libc::SOCK_SEQPACKET)?;
    wire::send(ours.as_fd(), &Request::Open(open), &[])?;
    sys::send(server.as_fd(), b"job", &[theirs.as_fd()])?;
    sys::set_nonblocking(ours.as_fd())?;
    // SAFETY: the descriptor is owned by what is registered, which gives it away to nobody.
    Ok(unsafe { AsyncFd::register(ours)? })
}

async fn readable_control(link: &Link) {
    match &link.control {
        Some(control) => readable(control).await,
        None => std::future::pending().await,
    }
}
