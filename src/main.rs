//! `conductor`: trains a policy that routes questions through a pool of workers.
//!
//! The binary reads arguments, calls the libraries and shows what they say. What a command does is in
//! `commands/`, how it looks in `ui/`, how it ends in `exit`.

mod cli;
mod commands;
mod exit;
mod interrupt;
mod problem;
mod threads;
mod ui;

use std::process::ExitCode;

use clap::Parser as _;

use exit::Exit;

fn main() -> ExitCode {
    let arguments = cli::Cli::parse();
    if arguments.command.computes() {
        threads::settle();
    }
    let exit = match std::panic::catch_unwind(|| commands::run(arguments.command)) {
        Ok(Ok(exit)) => exit,
        Ok(Err(error)) if ui::output::is_closed_pipe(&error) => Exit::Done,
        Ok(Err(error)) => {
            eprint!("{}", ui::error::render(&error, ui::Style::stderr()));
            Exit::of(&error)
        }
        // The panic's own message is on standard error already.
        Err(_) => {
            eprintln!(
                "This is a fault of conductor itself. Please report the lines above with the command."
            );
            Exit::Failure
        }
    };
    exit.into()
}
