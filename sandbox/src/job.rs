//! What a run is asked for, and what comes back.

use std::sync::Arc;
use std::time::Duration;

use conductor_types::WrongCause;

use crate::plain::Plain;

/// One program with everything it is run on. What is expected of it is not part of it: see [`crate::Sandbox::run`].
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The program.
    pub program: Program,
    /// One for each test, in order; none for [`Form::Asserted`].
    pub inputs: Vec<Input>,
    /// What the program may use.
    pub limits: Limits,
    /// Whose rules hold.
    pub mode: Mode,
}

/// A program under test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its text, as it was found in an answer.
    pub source: String,
    /// How it is talked to.
    pub form: Form,
}

/// How a program is talked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// A Python script: reads standard input, writes standard output.
    Stdin,
    /// A Python program that defines a function, or a class `Solution` with a method, of this name.
    Function {
        /// The name.
        name: String,
    },
    /// A Python program behind which tests run that raise where it is wrong. Program and tests share a process, so what is
    /// proven is less than in the other forms: docs/sandbox.md.
    Asserted {
        /// Source before the program: imports and helpers. Left out where it does not run by itself.
        prelude: String,
        /// Source behind it.
        tests: String,
        /// Name that the program must define; empty where none is asked for.
        entry_point: String,
    },
    /// A program of a language of `sandbox.commands`: reads standard input, writes standard output.
    Command {
        /// The language's name there.
        language: String,
    },
}

/// Whose rules hold for a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// A real program with real file descriptors.
    #[default]
    Native,
    /// LiveCodeBench's way: the program within the evaluator's process, with a standard input that is an object.
    LcbOfficial,
}

/// What one test gives to a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The bytes of standard input.
    Stdin(Arc<[u8]>),
    /// The arguments of a call: the text of one list, in JSON as Python's `json` reads it, so that integers of any length, NaN and
    /// the infinities arrive as they are. A text that is none ends the program with an error.
    Call(Arc<str>),
}

/// What a program made of one test.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Everything on standard output; hostile bytes.
    Stdout(Vec<u8>),
    /// What the function returned, as plain data.
    Value(Plain),
}

/// What a program may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time of each test.
    pub time: Duration,
    /// Memory of the program in bytes: of all of its processes at level A, of its only one at others.
    pub memory_bytes: u64,
    /// Bytes of output of each test.
    pub output_bytes: u64,
}

/// How a run went.
#[derive(Debug, Clone, PartialEq)]
pub struct Ran {
    /// How it ended.
    pub ending: Ending,
    /// From the hand-over of the program to its end.
    pub wall: Duration,
    /// Processor time of the program.
    pub cpu: Duration,
    /// Most memory held at once, where the system tells it.
    pub peak_bytes: Option<u64>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Every test was run; of [`Form::Asserted`], the tests passed.
    Finished,
    /// The judge had seen enough.
    Stopped,
    /// Through the program's own fault.
    Fault {
        /// What kind of fault.
        cause: WrongCause,
        /// For a reader; may quote the program.
        detail: String,
        /// The test in which it happened, counted from 0; `None` before the first.
        test: Option<usize>,
    },
    /// The task's own tests do not compile.
    BadTests {
        /// For a reader.
        detail: String,
    },
    /// Through our own fault: the cell could not be set up.
    Broken {
        /// For a reader.
        detail: String,
    },
}
