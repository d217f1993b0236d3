//! Programs judged by test cases, in LiveCodeBench's form.
//!
//! The sandbox runs the program; what it should have written or returned stays here, and the comparison is made on plain bytes
//! and plain data. All tests run in order, those that the question shows first, and the first failure ends it.

mod cases;
mod json;
mod pickle;
mod prepare;
mod room;
mod text;
mod value;

use std::ops::ControlFlow;
use std::time::Duration;

use conductor_configs::schema;
use conductor_sandbox::{Ending, Form, Job, Limits, Mode, Output, Program, Ran, Sandbox};
use conductor_types::{CodeMetadata, Graded, TestCases, Unscorable, Verdict, WrongCause};

use crate::extract;
use crate::graders::{unscorable, wrong};
use prepare::{Expected, Prepared};
use room::Tests;
use text::Difference;
use value::Tuples;

/// A question with test cases.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) public_test_cases: &'a TestCases,
    pub(crate) private_test_cases: &'a TestCases,
    pub(crate) metadata: &'a CodeMetadata,
    pub(crate) time_limit_secs: Option<f64>,
    pub(crate) memory_limit_mib: Option<u64>,
}

/// How programs are run and told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judging {
    /// By whose rules programs are found in answers, run, and compared.
    pub mode: Mode,
    /// Most characters of a program's output that a detail quotes.
    pub longest_quote: usize,
}

impl Default for Judging {
    fn default() -> Self {
        Self { mode: Mode::Native, longest_quote: 200 }
    }
}

/// By which rules programs are run and judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// What a program may use where the question does not say.
    limits: Limits,
    mode: Mode,
    longest_quote: usize,
}

/// What a program used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resources {
    /// From the hand-over of the program to its end.
    pub wall: Duration,
    /// Processor time of the program.
    pub cpu: Duration,
    /// Most memory held at once, where the system tells it.
    pub peak_bytes: Option<u64>,
}

/// The official evaluator's limit on a test.
const OFFICIAL_TIME: Duration = Duration::from_secs(6);
/// Longest time and least memory of a test that a question may name.
const LONGEST_SECS: f64 = 3600.0;
const LEAST_MEMORY_MIB: u64 = 16;
const MOST_MEMORY_MIB: u64 = 1 << 20;

impl Rules {
    /// The rules of a configuration.
    pub(crate) fn new(options: &schema::Sandbox, judging: Judging) -> Self {
        let Judging { mode, longest_quote } = judging;
        let time = match mode {
            Mode::Native => Duration::try_from_secs_f64(options.time_secs).unwrap_or(OFFICIAL_TIME),
            Mode::LcbOfficial => OFFICIAL_TIME,
        };
        let limits = Limits {
            time,
            memory_bytes: options.memory_mib.saturating_mul(1 << 20),
            output_bytes: options.output_kib.saturating_mul(1 << 10),
        };
        Self { limits, mode, longest_quote }
    }

    /// What a program may use whose task names nothing.
    pub(crate) fn limits_of_all(&self) -> Limits {
        self.limits
    }

    fn limits(&self, question: &Question<'_>) -> Result<Limits, String> {
        let mut limits = self.limits;
        if let Some(secs) = question.time_limit_secs {
            let given = Duration::try_from_secs_f64(secs).ok();
            limits.time =
                given.filter(|d| !d.is_zero() && secs <= LONGEST_SECS).ok_or_else(|| {
                    format!(
                        "time_limit_secs = {secs}: expected more than 0 and at most {LONGEST_SECS}"
                    )
                })?;
        }
        if let Some(mib) = question.memory_limit_mib {
            if !(LEAST_MEMORY_MIB..=MOST_MEMORY_MIB).contains(&mib) {
                return Err(format!(
                    "memory_limit_mib = {mib}: expected {LEAST_MEMORY_MIB} to {MOST_MEMORY_MIB}"
                ));
            }
            limits.memory_bytes = mib << 20;
        }
        Ok(limits)
    }
}

/// Finds the program in an answer, runs it on the question's tests, and judges what it made of them.
pub(crate) async fn grade(
    sandbox: &Sandbox,
    rules: &Rules,
    question: &Question<'_>,
    answer: &str,
) -> (Graded, Option<Resources>) {
    let bad = |detail: String| (unscorable(Unscorable::BadTestData, detail), None);
    let limits = match rules.limits(question) {
        Ok(limits) => limits,
        Err(detail) => return bad(detail),
    };
    let tests = Tests::of(question);
    let (prepared, _share) = match tests.prepared().await {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(error)) => return bad(error.to_string()),
        Err(error) => {
            let detail = format!("unpacking the tests ended early: {error}");
            return (unscorable(Unscorable::Cancelled, detail), None);
        }
    };
    let source = match found(answer, &prepared.form, rules.mode) {
        Ok(source) => source,
        Err(failure) => return (wrong(None, WrongCause::NoCode, failure.to_string()), None),
    };
    let Prepared { form, inputs, expected, public } = prepared;
    let program = Program { source: source.clone(), form };
    let job = Job { program, inputs, limits, mode: rules.mode };
    let mut judge = Judge { rules: *rules, expected, public, right: 0, failure: None };
    let ran = sandbox.run(&job, &mut |test, output| judge.see(test, output)).await;
    let resources = Resources { wall: ran.wall, cpu: ran.cpu, peak_bytes: ran.peak_bytes };
    (Graded { extracted: Some(source), verdict: judge.verdict(ran) }, Some(resources))
}

fn found(answer: &str, form: &Form, mode: Mode) -> Result<String, extract::Failure> {
    match (mode, form) {
        (Mode::LcbOfficial, _) => extract::official_program(answer),
        (Mode::Native, Form::Function { name }) => extract::program(answer, Some(name)),
        (Mode::Native, _) => extract::program(answer, None),
    }
}

/// Holds outputs against what is expected; the only place that knows it.
struct Judge {
    rules: Rules,
    expected: Vec<Expected>,
    public: usize,
    /// Tests passed, which are the first ones.
    right: usize,
    failure: Option<Failure>,
}

struct Failure {
    cause: WrongCause,
    detail: String,
}

impl Judge {
    fn see(&mut self, test: usize, output: Output) -> ControlFlow<()> {
        // Outputs come in order, one a test; the sandbox's word for it is not taken.
        let Some(expected) = self.expected.get(test).filter(|_| test == self.right) else {
            return ControlFlow::Break(());
        };
        let difference = match (expected, output) {
            (Expected::Stdout(expected), Output::Stdout(output)) => {
                text::compare(&output, expected).err().map(|difference| {
                    (self.cause(&difference), self.told_text(&difference, &output))
                })
            }
            (Expected::Value(expected), Output::Value(value)) => {
                let tuples = match self.rules.mode {
                    Mode::Native => Tuples::Anywhere,
                    Mode::LcbOfficial => Tuples::Outermost,
                };
                (!value::equal(&value, expected, tuples)).then(|| {
                    let shown = value::shown(&value, self.rules.longest_quote);
                    (WrongCause::WrongAnswer, format!("returned {shown}"))
                })
            }
            _ => return ControlFlow::Break(()),
        };
        if let Some((cause, detail)) = difference {
            self.failure =
                Some(Failure { cause, detail: format!("{}: {detail}", self.name(test)) });
            return ControlFlow::Break(());
        }
        self.right += 1;
        ControlFlow::Continue(())
    }

    fn cause(&self, difference: &Difference) -> WrongCause {
        match (difference, self.rules.mode) {
            (Difference::Signals(_), Mode::LcbOfficial) => WrongCause::RuntimeError,
            _ => WrongCause::WrongAnswer,
        }
    }

    /// The difference with the output, from the differing line on where the whole is too long.
    fn told_text(&self, difference: &Difference, output: &[u8]) -> String {
        let output = String::from_utf8_lossy(output);
        let longest = self.rules.longest_quote;
        let from = match difference {
            Difference::Line(number) | Difference::Signals(number) if output.len() > longest => {
                output.trim_start().splitn(*number, '\n').last().unwrap_or_default()
            }
            _ => &output,
        };
        format!("{difference}; wrote {}", quoted(from, longest))
    }

    /// "test 3 of 20", counted from 1.
    fn name(&self, test: usize) -> String {
        let shown = if test < self.public { " (public)" } else { "" };
        format!("test {} of {}{shown}", test + 1, self.expected.len())
    }

    fn verdict(self, ran: Ran) -> Verdict {
        if let Some(Failure { cause, detail }) = self.failure {
            return Verdict::Wrong { cause, detail };
        }
        let all = self.expected.len();
        let sandbox = |detail| Verdict::Unscorable { cause: Unscorable::SandboxError, detail };
        match ran.ending {
            Ending::Finished if self.right == all && all > 0 => Verdict::Right { score: 1.0 },
            Ending::Finished | Ending::Stopped => {
                sandbox(format!("the sandbox gave the outputs of {} of {all} tests", self.right))
            }
            Ending::Fault { cause, detail, test: Some(test) } => {
                Verdict::Wrong { cause, detail: format!("{}: {detail}", self.name(test)) }
            }
            Ending::Fault { cause, detail, test: None } => Verdict::Wrong { cause, detail },
            Ending::BadTests { detail } => {
                Verdict::Unscorable { cause: Unscorable::BadTestData, detail }
            }
            Ending::Broken { detail } => sandbox(detail),
        }
    }
}

/// The first `longest` characters in quotes, with a mark where there are more.
fn quoted(text: &str, longest: usize) -> String {
    let end = text.char_indices().nth(longest).map_or(text.len(), |(end, _)| end);
    let more = if end < text.len() { "…" } else { "" };
    format!("{:?}{more}", &text[..end])
}

#[cfg(test)]
mod tests;
