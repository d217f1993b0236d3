//! Following a program from hand-over to verdict. Everything it sends is hostile: capped, in order, and taken once.

use std::future::pending;
use std::io;
use std::time::Duration;

use conductor_types::WrongCause;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};

use super::launch::{Process, kill_group};
use super::{Ending, Limits, Program, START};

/// Longest frame that we listen to; the shim sends less.
const LONGEST_FRAME: u32 = 8192;

/// How long a process may take to be gone after it was killed, or to say its last after it ended.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Runs the program and waits until its processes are gone.
pub(super) async fn follow(mut process: Process, program: &Program<'_>, limits: &Limits) -> Ending {
    let stdout = process.child.stdout.take();
    let stderr = process.child.stderr.take();
    let mut talk = Talk { program, limits, started: false };
    let ending = {
        let Process { child, control, group } = &mut process;
        tokio::select! {
            biased;
            ending = talk.run(control) => ending,
            () = flooded(stdout, stderr, limits.output_bytes) => wrong(
                WrongCause::OutputLimit,
                format!("more than {} KiB were written", limits.output_bytes >> 10),
            ),
            status = ended(child, *group) => status,
        }
    };
    process.kill();
    // A process that cannot be waited for is left to the runtime, which reaps it later.
    let waited = tokio::time::timeout(LAST_WORDS * 4, process.child.wait()).await;
    drop(waited);
    if talk.started { ending } else { as_our_fault(ending) }
}

/// Before the shim has said hello, nothing of the program has run.
fn as_our_fault(ending: Ending) -> Ending {
    match ending {
        Ending::Wrong { detail, .. } => {
            Ending::Failed { detail: format!("the interpreter did not come up: {detail}") }
        }
        other => other,
    }
}

struct Talk<'a> {
    program: &'a Program<'a>,
    limits: &'a Limits,
    started: bool,
}

impl Talk<'_> {
    async fn run(&mut self, control: &mut UnixStream) -> Ending {
        let deadline = Instant::now() + START;
        match timeout_at(deadline, hear(control)).await {
            Ok(Ok(frame)) if frame == b"H" => self.started = true,
            Ok(Ok(_)) => {
                return Ending::Failed { detail: "the interpreter spoke out of turn".into() };
            }
            Ok(Err(_)) => return closed_early().await,
            Err(_) => {
                return Ending::Failed {
                    detail: format!("no interpreter within {} s", START.as_secs()),
                };
            }
        }
        let deadline = Instant::now() + self.limits.time;
        match timeout_at(deadline, self.exchange(control)).await {
            Ok(Ok(ending)) => ending,
            // The socket is closed: by the end of the process, whose status says more, or by the program's own hand.
            Ok(Err(_)) => {
                tokio::time::sleep(LAST_WORDS).await;
                wrong(
                    WrongCause::RuntimeError,
                    "the program closed the connection to the grader".into(),
                )
            }
            Err(_) => wrong(
                WrongCause::TimeLimit,
                format!("more than {} s", self.limits.time.as_secs_f64()),
            ),
        }
    }

    async fn exchange(&self, control: &mut UnixStream) -> io::Result<Ending> {
        let Program { prelude, answer, tests, entry_point } = self.program;
        for text in [entry_point, prelude, answer] {
            tell(control, text.as_bytes()).await?;
        }
        if let Some(ending) = expect(&hear(control).await?, b"R") {
            return Ok(ending);
        }
        tell(control, tests.as_bytes()).await?;
        if let Some(ending) = expect(&hear(control).await?, b"D") {
            return Ok(ending);
        }
        let word = random_word()?;
        tell(control, &word).await?;
        let echo = hear(control).await?;
        let passed = echo.first() == Some(&b'N') && echo[1..] == word;
        Ok(if passed { Ending::Passed } else { expect(&echo, b"N").unwrap_or_else(out_of_turn) })
    }
}

/// `None` where the frame is the one that is due.
fn expect(frame: &[u8], due: &[u8]) -> Option<Ending> {
    if frame == due {
        return None;
    }
    let detail = String::from_utf8_lossy(frame.get(1..).unwrap_or_default()).into_owned();
    Some(match frame.first() {
        Some(b'C') => wrong(WrongCause::CompileError, detail),
        Some(b'E') => {
            wrong(WrongCause::RuntimeError, "the function asked for is not defined".into())
        }
        Some(b'X') => wrong(WrongCause::RuntimeError, detail),
        Some(b'A') => wrong(WrongCause::WrongAnswer, detail),
        Some(b'M') => wrong(WrongCause::MemoryLimit, detail),
        Some(b'T') => Ending::BadTests { detail },
        _ => out_of_turn(),
    })
}

fn out_of_turn() -> Ending {
    wrong(WrongCause::RuntimeError, "the program spoke to the grader out of turn".into())
}

fn wrong(cause: WrongCause, detail: String) -> Ending {
    Ending::Wrong { cause, detail }
}

async fn tell(control: &mut UnixStream, data: &[u8]) -> io::Result<()> {
    let length = u32::try_from(data.len()).map_err(io::Error::other)?;
    control.write_all(&length.to_be_bytes()).await?;
    control.write_all(data).await
}

async fn hear(control: &mut UnixStream) -> io::Result<Vec<u8>> {
    let length = control.read_u32().await?;
    if length > LONGEST_FRAME {
        return Ok(Vec::new());
    }
    let mut frame = vec![0; length as usize];
    control.read_exact(&mut frame).await?;
    Ok(frame)
}

/// Leaves the report to the branch that waits for the process, which is about to end; an ending for where it does not.
async fn closed_early() -> Ending {
    tokio::time::sleep(LAST_WORDS).await;
    wrong(WrongCause::RuntimeError, "the connection was closed".into())
}

/// Ready once both outputs together have brought more than `most` bytes.
async fn flooded(
    stdout: Option<impl AsyncRead + Unpin>,
    stderr: Option<impl AsyncRead + Unpin>,
    most: u64,
) {
    let total = std::sync::atomic::AtomicU64::new(0);
    tokio::select! {
        () = drained(stdout, &total, most) => {}
        () = drained(stderr, &total, most) => {}
    }
}

async fn drained(
    output: Option<impl AsyncRead + Unpin>,
    total: &std::sync::atomic::AtomicU64,
    most: u64,
) {
    use std::sync::atomic::Ordering::Relaxed;
    let mut buffer = vec![0; 16 << 10];
    if let Some(mut output) = output {
        while let Ok(count @ 1..) = output.read(&mut buffer).await {
            if total.fetch_add(count as u64, Relaxed) + count as u64 > most {
                return;
            }
        }
    }
    pending::<()>().await;
}

/// The end of the process, with a little time for what it said before.
async fn ended(child: &mut tokio::process::Child, group: libc::pid_t) -> Ending {
    use std::os::unix::process::ExitStatusExt as _;
    let status = child.wait().await;
    // Its children may live on and hold the outputs open. The number was the child's until a moment ago.
    kill_group(group);
    tokio::time::sleep(LAST_WORDS / 5).await;
    let Ok(status) = status else {
        return wrong(WrongCause::RuntimeError, "the process was lost".into());
    };
    // The guard reports a signal the way shells do.
    let signal =
        status.signal().or_else(|| status.code().filter(|code| *code > 128).map(|code| code - 128));
    match signal {
        Some(libc::SIGXCPU) => wrong(WrongCause::TimeLimit, "the limit on processor time".into()),
        Some(signal) => wrong(
            WrongCause::RuntimeError,
            format!("killed by signal {signal} before the tests had run"),
        ),
        None => {
            let code = status.code().unwrap_or_default();
            wrong(
                WrongCause::RuntimeError,
                format!("ended with exit status {code} before the tests had run"),
            )
        }
    }
}

/// 32 bytes that nobody could know.
fn random_word() -> io::Result<[u8; 32]> {
    let mut word = [0u8; 32];
    // SAFETY: the pointer and length are the array's own.
    let got = unsafe { libc::getrandom(word.as_mut_ptr().cast(), word.len(), 0) };
    if got == word.len() as isize { Ok(word) } else { Err(io::Error::last_os_error()) }
}
