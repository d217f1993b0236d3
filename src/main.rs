//! `conductor`: trains a policy that routes questions through a pool of workers.
//!
//! The binary reads arguments, calls the libraries and shows what they say. What a command does is in
//! `commands/`, how it looks in `ui/`, how it ends in `exit`.

mod bench;
mod cli;
mod commands;
mod exit;
mod grade;
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
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| match panic.payload().downcast_ref::<String>() {
        // libtorch's operations panic where memory runs out.
        Some(message) if ui::error::memory_advice(message).is_some() => {
            eprintln!("error: {}", conductor_policy::without_frames(message));
        }
        _ => usual(panic),
    }));
    let exit = match std::panic::catch_unwind(|| commands::run(arguments.command)) {
        Ok(Ok(exit)) => exit,
        Ok(Err(error)) if ui::output::is_closed_pipe(&error) => Exit::Done,
        Ok(Err(error)) => {
            eprint!("{}", ui::error::render(&error, ui::Style::stderr()));
            Exit::of(&error)
        }
        // The panic's own message is on standard error already.
        Err(panic) => {
            eprintln!("{}", after_panic(panic.downcast_ref::<String>().map_or("", String::as_str)));
            Exit::Failure
        }
    };
    exit.into()
}

/// What to do about a panic. One of libtorch's where memory runs out is no fault of the program.
fn after_panic(message: &str) -> String {
    ui::error::memory_advice(message).map_or_else(
        || {
            "This is a fault of conductor itself. Please report the lines above with the command."
                .into()
        },
        |advice| format!("  next: {advice}"),
    )
}

#[cfg(test)]
mod tests {
    use super::after_panic;

    #[test]
    fn a_lack_of_memory_is_told_from_a_fault() {
        assert!(
            after_panic("CUDA out of memory. Tried to allocate 2 GiB")
                .contains("micro_batch_tokens")
        );
        assert!(after_panic("index out of bounds").contains("report"));
    }
}
