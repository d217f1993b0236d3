//! What holds for every input of the workflow parser. The fuzz target and the test over the kept inputs
//! (`rollout/tests/fuzz_corpus.rs`) run the same function.

use std::time::{Duration, Instant};

use conductor_rollout::parse::{ParseRules, parse};
use conductor_rollout::render::render;
use conductor_types::{AccessKind, Workflow, WorkflowError, WorkflowErrorKind};

/// A text that is timed is repeated until it has so many bytes.
const TIMED_BYTES: usize = 64 << 10;
/// A hundred times what an instrumented build needs for them, and less than quadratic time would need.
const MOST_TIME: Duration = Duration::from_secs(1);
/// A message names what was found and quotes at most a few dozen characters of it.
const MOST_MESSAGE_BYTES: usize = 1000;

/// One input, taken apart.
#[derive(Debug, PartialEq)]
pub struct Input {
    /// What the text is held against.
    pub rules: ParseRules,
    /// Whether the text is also repeated and timed.
    pub timed: bool,
    /// The completion.
    pub text: String,
}

impl Input {
    /// Three bytes for the rules, then the text. `4b5` are four workers, binary access and five steps; `m` and `s` are
    /// access by model and by step.
    pub fn of(data: &[u8]) -> Option<Self> {
        let (&[workers, access, steps], text) = data.split_first_chunk()?;
        let access = match access % 4 {
            1 => AccessKind::ByModel,
            3 => AccessKind::ByStep,
            _ => AccessKind::Binary,
        };
        let number = |byte: u8| usize::from(byte % 16).max(1);
        Some(Self {
            rules: ParseRules { access, max_steps: number(steps), workers: number(workers) },
            timed: steps >= 0xf0,
            text: String::from_utf8_lossy(text).into_owned(),
        })
    }
}

/// Parses the input and panics where the parser breaks one of its promises.
pub fn check(data: &[u8]) -> Option<Result<Workflow, WorkflowError>> {
    let Input { rules, timed, text } = Input::of(data)?;
    if timed && !text.is_empty() {
        takes_linear_time(&text, &rules);
    }
    let outcome = parse(&text, &rules);
    match &outcome {
        Ok(workflow) => {
            is_within_the_rules(workflow, &rules);
            is_read_the_same_under_wider_rules(workflow, &text, &rules);
            is_written_and_read_back(workflow, &rules);
        }
        Err(error) => is_a_named_error(error, &rules),
    }
    Some(outcome)
}

fn is_within_the_rules(workflow: &Workflow, rules: &ParseRules) {
    let steps = &workflow.steps;
    assert!((1..=rules.max_steps).contains(&steps.len()), "{} steps", steps.len());
    for (index, step) in steps.iter().enumerate() {
        assert!(step.worker < rules.workers, "step {index}: {step:?}");
        assert!(step.access.iter().all(|&earlier| earlier < index), "step {index}: {step:?}");
        assert!(step.access.windows(2).all(|pair| pair[0] < pair[1]), "step {index}: {step:?}");
    }
}

fn is_read_the_same_under_wider_rules(workflow: &Workflow, text: &str, rules: &ParseRules) {
    let wider = ParseRules { max_steps: rules.max_steps + 1, workers: rules.workers + 1, ..*rules };
    assert_eq!(parse(text, &wider).as_ref(), Ok(workflow), "under {wider:?}");
}

/// Under its own access kind, and under the one that can say everything.
fn is_written_and_read_back(workflow: &Workflow, rules: &ParseRules) {
    for access in [rules.access, AccessKind::ByStep] {
        let text = render(workflow, access).expect("what was read can be written");
        let rules = ParseRules { access, ..*rules };
        assert_eq!(parse(&text, &rules).as_ref(), Ok(workflow), "written as {text}");
    }
}

fn is_a_named_error(error: &WorkflowError, rules: &ParseRules) {
    use WorkflowErrorKind::{AccessFuture, WorkerRefuses};
    assert!(WorkflowErrorKind::ALL.contains(&error.kind), "{error:?}");
    // The one is found by the pool; under binary access nothing names a later step.
    assert_ne!(error.kind, WorkerRefuses, "{error:?}");
    assert!(error.kind != AccessFuture || rules.access != AccessKind::Binary, "{error:?}");
    let message = &error.message;
    assert!(!message.is_empty() && !message.contains(['\n', '\r']), "{message:?}");
    assert!(message.len() <= MOST_MESSAGE_BYTES, "{} bytes: {message}", message.len());
}

/// The best of three: another process on the machine must not fail this.
fn takes_linear_time(text: &str, rules: &ParseRules) {
    let long = text.repeat(TIMED_BYTES / text.len() + 1);
    let quick = (0..3).any(|_| {
        let start = Instant::now();
        let _ = parse(&long, rules);
        start.elapsed() < MOST_TIME
    });
    assert!(quick, "{} bytes took more than {MOST_TIME:?} three times", long.len());
}
