//! Programs of other languages: compiled once in their cell, then a process for each test.

use std::os::fd::OwnedFd;
use std::time::Duration;

use conductor_configs::schema::SandboxCommand;
use conductor_types::WrongCause;

use super::{Driver, Judge, broken, status};
use crate::job::{Ending, Input, Output};
use crate::session::{Event, Exited, Start};
use crate::sys;
use crate::wire::What;

impl Driver<'_> {
    pub(super) async fn commands(&mut self, judge: Judge<'_>) -> Result<Ending, Ending> {
        let Some(command) = self.ways.command else {
            return Err(broken("the language of the program is not among sandbox.commands"));
        };
        self.turn().await?;
        let source = sys::sealed_memfd(self.job.program.source.as_bytes())
            .map_err(|error| broken(format!("no file for the program: {error}")))?;
        let mut source = Some(source);
        if !command.compile.is_empty() {
            self.compile(command, source.take()).await?;
        }
        for (index, input) in self.job.inputs.iter().enumerate() {
            let Input::Stdin(bytes) = input else {
                return Ok(Ending::BadTests {
                    detail: "a program of this language is tested through standard input".into(),
                });
            };
            self.test = Some(index);
            let output = self.command(command, bytes, source.take()).await?;
            if judge(index, output).is_break() {
                return Ok(Ending::Stopped);
            }
        }
        Ok(Ending::Finished)
    }

    async fn compile(
        &mut self,
        command: &SandboxCommand,
        source: Option<OwnedFd>,
    ) -> Result<(), Ending> {
        self.start_command(command, &command.compile, &[], source)?;
        let time = Duration::from_secs_f64(command.compile_secs);
        let clock = self.fair_clock(time);
        match self.session.next(&clock).await {
            Event::Exited(Exited { status: 0, .. }) => Ok(()),
            Event::Broken(detail) => Err(broken(detail)),
            Event::TooLong => {
                Err(self.because(WrongCause::CompileError, "compiling takes longer than allowed"))
            }
            event => {
                let detail = match event {
                    Event::Exited(exited) => status(exited),
                    _ => "the compiler wrote more than allowed".into(),
                };
                // What it wrote to standard error may still be on its way.
                drop(self.session.take_stdout());
                Err(self.because(
                    WrongCause::CompileError,
                    format!("{detail}: {}", self.session.stderr()),
                ))
            }
        }
    }

    async fn command(
        &mut self,
        command: &SandboxCommand,
        input: &[u8],
        source: Option<OwnedFd>,
    ) -> Result<Output, Ending> {
        self.start_command(command, &command.run, input, source)?;
        let clock = self.clock();
        match self.session.next(&clock).await {
            Event::Exited(Exited { status: 0, .. }) => self.stdout(),
            event => Err(self.fault(event, "")),
        }
    }

    fn start_command(
        &mut self,
        command: &SandboxCommand,
        argv: &[String],
        input: &[u8],
        source: Option<OwnedFd>,
    ) -> Result<(), Ending> {
        let what = What::Command {
            argv: argv.iter().map(|word| word.replace("{source}", &command.source)).collect(),
            env: command.env.clone().into_iter().collect(),
            source: source.is_some().then(|| command.source.clone()),
            // A compiler is several programs; what it makes is held to the level.
            may_fork: std::ptr::eq(argv, command.compile.as_slice()),
        };
        let start = Start {
            input,
            what,
            cpu_secs: self.cpu_secs().max(command.compile_secs as u64 + 10),
            memory_bytes: self.job.limits.memory_bytes,
            source,
            keep_stdout: true,
        };
        self.session.spawn(start).map_err(|error| broken(error.to_string()))
    }
}
