//! One job from its program to its ending: which process gets which test, and what it means that it ended.

mod commands;

use std::io;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use conductor_configs::schema::SandboxCommand;
use conductor_types::WrongCause;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::job::{Ending, Form, Input, Job, Mode, Output, Program, Ran};
use crate::plain::Plain;
use crate::session::{Clock, Event, Exited, START, Session, Start};
use crate::wire::{Open, What};

/// What all jobs of a sandbox share.
pub(crate) struct Ways<'a> {
    pub server: &'a OwnedFd,
    pub warm: bool,
    /// Programs at once for each core, at least 1.
    pub crowding: f64,
    /// Of a command.
    pub command: Option<&'a SandboxCommand>,
    /// What limits the programs that run at once. Cells and interpreters are made ready before.
    pub gate: &'a Semaphore,
}

/// Takes outputs in order.
pub(crate) type Judge<'a> = &'a mut (dyn FnMut(usize, Output) -> ControlFlow<()> + Send);

/// Room for what a machine with other work does to a clock on the wall.
const SLACK: Duration = Duration::from_secs(1);
/// How many times that a program may take to which the machine gives no core.
const STARVED: u32 = 4;

/// Runs a job. The cell is still there when this returns: [`Session::close`] takes it away and says what was used.
pub(crate) async fn run(ways: &Ways<'_>, job: &Job, judge: Judge<'_>) -> (Ran, Option<Session>) {
    let mut wall = Duration::ZERO;
    let (ending, session) = match Session::open(ways.server, open(job), job.limits.output_bytes) {
        Err(error) => (broken(format!("the server of the sandbox cannot be asked: {error}")), None),
        Ok(session) => {
            let mut driver = Driver { ways, job, session, test: None, running: None };
            let ending = match driver.drive(judge).await {
                Ok(ending) | Err(ending) => ending,
            };
            if let Some((_, begun)) = driver.running {
                wall = begun.elapsed();
            }
            (ending, Some(driver.session))
        }
    };
    (Ran { ending, wall, cpu: Duration::ZERO, peak_bytes: None }, session)
}

fn open(job: &Job) -> Open {
    let run_own = matches!(job.program.form, Form::Command { .. });
    Open { memory_bytes: job.limits.memory_bytes, run_own }
}

struct Driver<'a> {
    ways: &'a Ways<'a>,
    job: &'a Job,
    session: Session,
    /// The test that runs.
    test: Option<usize>,
    /// Once the program may run: since when.
    running: Option<(SemaphorePermit<'a>, Instant)>,
}

/// What a process was that took a test.
enum Took {
    /// It is ready for another.
    Output(Output),
    /// It is used up: the next test needs another process.
    Last(Output),
}

fn broken(detail: impl Into<String>) -> Ending {
    Ending::Broken { detail: detail.into() }
}

impl Driver<'_> {
    async fn drive(&mut self, judge: Judge<'_>) -> Result<Ending, Ending> {
        match &self.job.program.form {
            Form::Asserted { tests, .. } => return self.asserted(tests).await,
            Form::Command { .. } => return self.commands(judge).await,
            Form::Stdin | Form::Function { .. } => {}
        }
        let mut up = false;
        for (index, input) in self.job.inputs.iter().enumerate() {
            if !up {
                if self.test.is_some() {
                    self.fresh_cell().await?;
                }
                self.python().await?;
                self.test = Some(index);
                up = true;
            }
            self.test = Some(index);
            let output = match self.one_test(input).await? {
                Took::Output(output) => output,
                Took::Last(output) => {
                    up = false;
                    output
                }
            };
            if judge(index, output).is_break() {
                return Ok(Ending::Stopped);
            }
        }
        if self.job.inputs.is_empty() {
            // There is still something to be said of a program that does not compile.
            self.python().await?;
        }
        Ok(Ending::Finished)
    }

    /// Waits for the turn of this program.
    async fn turn(&mut self) -> Result<(), Ending> {
        if self.running.is_none() {
            let permit = self.ways.gate.acquire().await;
            let permit = permit.map_err(|_| broken("the sandbox is closed"))?;
            self.running = Some((permit, Instant::now()));
        }
        Ok(())
    }

    /// Time of one test.
    fn clock(&self) -> Clock {
        let time = self.job.limits.time;
        match self.job.mode {
            Mode::LcbOfficial => self.session.clock(time, time, time),
            Mode::Native => self.fair_clock(time),
        }
    }

    /// A clock that a machine with other work does not let run out.
    fn fair_clock(&self, time: Duration) -> Clock {
        let wall = time.mul_f64(self.ways.crowding.max(1.0)) + SLACK;
        self.session.clock(time, wall, wall * STARVED)
    }

    fn cpu_secs(&self) -> u64 {
        // A last resort, should nobody watch any more: the clock of each test is what counts.
        let tests = self.job.inputs.len().max(1) as u32 + 2;
        (self.job.limits.time * tests).as_secs() + 10
    }

    /// Another cell in the place of one whose process is used up, so that nothing which that process left, its children and files
    /// among them, meets the next.
    async fn fresh_cell(&mut self) -> Result<(), Ending> {
        let renewed = self.session.renew(self.ways.server, open(self.job)).await;
        renewed
            .map_err(|error| broken(format!("the server of the sandbox cannot be asked: {error}")))
    }

    /// Starts an interpreter and gives it the program.
    async fn python(&mut self) -> Result<(), Ending> {
        let start = Start {
            input: &[],
            what: What::Python { warm: self.ways.warm },
            cpu_secs: self.cpu_secs(),
            memory_bytes: self.job.limits.memory_bytes,
            source: None,
            keep_stdout: matches!(self.job.program.form, Form::Stdin)
                && self.job.mode == Mode::Native,
        };
        self.session.spawn(start).map_err(|error| broken(error.to_string()))?;
        let starting = self.session.clock(START, START, START);
        match self.session.next(&starting).await {
            Event::Frame(b'H', _) => {}
            Event::Frame(b'B', detail) => return Err(broken(text(&detail))),
            Event::Broken(detail) => return Err(broken(detail)),
            // Nothing of the program has run so far.
            Event::Exited(exited) => {
                return Err(broken(format!(
                    "the interpreter did not come up ({}): {}",
                    status(exited),
                    self.session.stderr()
                )));
            }
            other => return Err(broken(format!("the interpreter did not come up: {other:?}"))),
        }
        self.turn().await?;
        let clock = self.clock();
        let program = fields(&self.job.program, self.job.mode);
        self.tell(b'J', &program, &clock).await?;
        match self.session.next(&clock).await {
            Event::Frame(b'R', _) => Ok(()),
            event => Err(self.fault(event, "before it was asked anything")),
        }
    }

    async fn tell(&mut self, kind: u8, data: &[u8], clock: &Clock) -> Result<(), Ending> {
        match self.session.tell(kind, data, clock).await {
            Ok(()) => Ok(()),
            Err(event) => Err(self.fault(event, "before it was asked anything")),
        }
    }

    fn put_input(&mut self, bytes: &[u8]) -> Result<(), Ending> {
        self.session
            .put_input(bytes)
            .map_err(|error| broken(format!("no file for standard input: {error}")))
    }

    async fn one_test(&mut self, input: &Input) -> Result<Took, Ending> {
        self.session.begin_output();
        let clock = self.clock();
        match input {
            Input::Stdin(bytes) if self.job.mode == Mode::LcbOfficial => {
                self.tell(b'O', bytes, &clock).await?;
            }
            Input::Stdin(bytes) => {
                self.put_input(bytes)?;
                self.tell(b'I', &[], &clock).await?;
            }
            Input::Call(arguments) => self.tell(b'A', arguments.as_bytes(), &clock).await?,
        }
        let event = self.session.next(&clock).await;
        let call = matches!(input, Input::Call(_));
        let script = !call && self.job.mode == Mode::Native;
        match event {
            Event::Frame(b'D', flag) if script => {
                let output = self.stdout()?;
                if flag.first() == Some(&1) {
                    self.gone(&clock).await?;
                    return Ok(Took::Last(output));
                }
                Ok(Took::Output(output))
            }
            // A script that ended by itself in the midst of things has ended all the same.
            Event::Exited(Exited { status: 0, .. }) if script => Ok(Took::Last(self.stdout()?)),
            Event::Frame(b'S', bytes) if !script && !call => {
                Ok(Took::Output(Output::Stdout(bytes)))
            }
            Event::Frame(b'V', bytes) if call => {
                let value = Plain::decode(&bytes).map_err(|what| {
                    self.because(
                        WrongCause::RuntimeError,
                        format!("what it returned is no value: {what}"),
                    )
                })?;
                Ok(Took::Output(Output::Value(value)))
            }
            event => Err(self.fault(event, "before it had answered")),
        }
    }

    /// Waits for a process that has said that it is used up to be gone, so that its end is not taken for the next one's.
    async fn gone(&mut self, clock: &Clock) -> Result<(), Ending> {
        self.session.hang_up();
        match self.session.next(clock).await {
            Event::Exited(_) => Ok(()),
            event => Err(self.fault(event, "")),
        }
    }

    fn stdout(&mut self) -> Result<Output, Ending> {
        let taken = self.session.take_stdout();
        taken.map(Output::Stdout).map_err(|event| self.fault(event, ""))
    }

    fn because(&self, cause: WrongCause, detail: impl Into<String>) -> Ending {
        Ending::Fault { cause, detail: detail.into(), test: self.test }
    }

    /// What an event means that is not the one that was due.
    fn fault(&self, event: Event, when: &str) -> Ending {
        match event {
            Event::Broken(detail) => broken(detail),
            Event::TooLong => self.because(
                WrongCause::TimeLimit,
                format!("more than {} s", self.job.limits.time.as_secs_f64()),
            ),
            Event::TooMuch => self.because(
                WrongCause::OutputLimit,
                format!("more than {} KiB were written", self.job.limits.output_bytes >> 10),
            ),
            Event::Exited(exited) => self.ended(exited, when),
            Event::Frame(kind, detail) => self.told(kind, &detail),
        }
    }

    fn ended(&self, exited: Exited, when: &str) -> Ending {
        if exited.out_of_memory {
            let most = self.job.limits.memory_bytes >> 20;
            return self.because(WrongCause::MemoryLimit, format!("more than {most} MiB"));
        }
        if libc::WIFSIGNALED(exited.status) && libc::WTERMSIG(exited.status) == libc::SIGXCPU {
            return self.because(WrongCause::TimeLimit, "the limit on processor time");
        }
        let stderr = self.session.stderr();
        let last = stderr.lines().last().unwrap_or_default();
        let said = if last.is_empty() { String::new() } else { format!(": {last}") };
        self.because(WrongCause::RuntimeError, format!("{} {when}{said}", status(exited)))
    }

    /// A frame that was not due: a failure that the program's side reports, or nonsense.
    fn told(&self, kind: u8, detail: &[u8]) -> Ending {
        let detail = text(detail);
        match kind {
            b'C' => self.because(WrongCause::CompileError, detail),
            b'E' => self.because(WrongCause::RuntimeError, "the function asked for is not defined"),
            b'X' | b'Q' => self.because(WrongCause::RuntimeError, detail),
            b'M' => self.because(WrongCause::MemoryLimit, detail),
            b'O' => self.because(WrongCause::OutputLimit, detail),
            b'A' => self.because(WrongCause::WrongAnswer, detail),
            _ => self.because(WrongCause::RuntimeError, "the program spoke out of turn"),
        }
    }

    // --- tests that raise -------------------------------------------------------------------------------------------

    async fn asserted(&mut self, tests: &str) -> Result<Ending, Ending> {
        self.python().await?;
        self.test = Some(0);
        let clock = self.clock();
        self.tell(b'T', tests.as_bytes(), &clock).await?;
        match self.session.next(&clock).await {
            Event::Frame(b'D', _) => {}
            // The program had the word before, and may have said so itself: the caller looks again.
            Event::Frame(b'Y', detail) => return Ok(Ending::BadTests { detail: text(&detail) }),
            event => return Err(self.fault(event, "before the tests had run")),
        }
        let word = random_word().map_err(|error| broken(error.to_string()))?;
        self.tell(b'W', &word, &clock).await?;
        match self.session.next(&clock).await {
            Event::Frame(b'N', echo) if echo == word => Ok(Ending::Finished),
            event => Err(self.fault(event, "before the tests had run")),
        }
    }
}

/// The program as the shim reads it.
fn fields(program: &Program, mode: Mode) -> Vec<u8> {
    let (form, name, before) = match &program.form {
        Form::Stdin | Form::Command { .. } => ("stdin", "", ""),
        Form::Function { name } => ("function", name.as_str(), ""),
        Form::Asserted { prelude, entry_point, .. } => {
            ("asserted", entry_point.as_str(), prelude.as_str())
        }
    };
    let mode = match mode {
        Mode::Native => "native",
        Mode::LcbOfficial => "official",
    };
    let mut bytes = Vec::new();
    for field in [form, mode, name, before, &program.source] {
        bytes.extend((field.len() as u32).to_be_bytes());
        bytes.extend(field.as_bytes());
    }
    bytes
}

fn status(exited: Exited) -> String {
    if libc::WIFSIGNALED(exited.status) {
        format!("killed by signal {}", libc::WTERMSIG(exited.status))
    } else {
        format!("it left with exit status {}", libc::WEXITSTATUS(exited.status))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// 32 bytes that nobody could know.
fn random_word() -> io::Result<[u8; 32]> {
    let mut word = [0u8; 32];
    // SAFETY: the pointer and length are the array's own.
    let got = unsafe { libc::getrandom(word.as_mut_ptr().cast(), word.len(), 0) };
    if got == word.len() as isize { Ok(word) } else { Err(io::Error::last_os_error()) }
}
