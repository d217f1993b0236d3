//! A table of completions, each with the workflow or the named error that it must give. All rules: four workers,
//! five steps at most.

mod access;
#[path = "../../../fuzz/fuzz_targets/workflow_parse/check.rs"]
mod check;
mod ids;
mod labels;
mod structure;
mod subtasks;

use conductor_rollout::parse::{ParseRules, parse};
use conductor_types::{AccessKind, WorkflowErrorKind};

/// Worker, subtask, access of one expected step.
type ExpectedStep = (usize, &'static str, Vec<usize>);

struct Case {
    name: &'static str,
    access: AccessKind,
    text: String,
    expected: Result<Vec<ExpectedStep>, WorkflowErrorKind>,
}

/// A case under binary access.
fn reads(name: &'static str, text: impl Into<String>, steps: Vec<ExpectedStep>) -> Case {
    Case { name, access: AccessKind::Binary, text: text.into(), expected: Ok(steps) }
}

/// A case under binary access that gives an error.
fn fails(name: &'static str, text: impl Into<String>, kind: WorkflowErrorKind) -> Case {
    Case { name, access: AccessKind::Binary, text: text.into(), expected: Err(kind) }
}

impl Case {
    fn under(self, access: AccessKind) -> Self {
        Self { access, ..self }
    }

    fn rules(&self) -> ParseRules {
        ParseRules { access: self.access, max_steps: 5, workers: 4 }
    }

    /// The case as the fuzz target takes it.
    fn fuzz_input(&self) -> Vec<u8> {
        let rules = match self.access {
            AccessKind::Binary => "4b5",
            AccessKind::ByModel => "4m5",
            AccessKind::ByStep => "4s5",
        };
        format!("{rules}{}", self.text).into_bytes()
    }
}

/// The usual three lines.
fn lines(ids: &str, subtasks: &str, access: &str) -> String {
    format!("model_id: {ids}\nsubtasks: {subtasks}\naccess_list: {access}")
}

fn cases() -> Vec<Case> {
    let parts = [
        labels::spellings(),
        labels::surroundings(),
        labels::missing(),
        structure::cases(),
        structure::cut_off(),
        ids::cases(),
        subtasks::cases(),
        access::binary(),
        access::by_model(),
        access::by_step(),
    ];
    parts.into_iter().flatten().collect()
}

#[test]
fn every_completion_gives_its_workflow_or_its_named_error() {
    let cases = cases();
    assert!(cases.len() >= 120, "the table has {} cases", cases.len());
    let names: std::collections::HashSet<_> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "two cases share a name");

    let mut wrong = Vec::new();
    for case in &cases {
        let found = parse(&case.text, &case.rules());
        let same = match (&found, &case.expected) {
            (Ok(workflow), Ok(expected)) => {
                workflow.steps.len() == expected.len()
                    && workflow.steps.iter().zip(expected).all(
                        |(step, (worker, subtask, access))| {
                            step.worker == *worker
                                && step.subtask == *subtask
                                && step.access == *access
                        },
                    )
            }
            (Err(error), Err(kind)) => error.kind == *kind && !error.message.is_empty(),
            _ => false,
        };
        if !same {
            wrong.push(format!(
                "{}\n--- text\n{}\n--- expected {:?}\n--- found {found:?}",
                case.name, case.text, case.expected
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n\n{}", wrong.len(), cases.len(), wrong.join("\n\n"));
}

/// With the name of a folder in `FUZZ_SEEDS`, the table is also written there, as inputs to begin fuzzing with.
#[test]
fn every_completion_is_an_input_of_the_fuzz_target() {
    let folder = std::env::var_os("FUZZ_SEEDS").map(std::path::PathBuf::from);
    if let Some(folder) = &folder {
        std::fs::create_dir_all(folder).expect("a folder for the inputs");
    }
    for (number, case) in cases().into_iter().enumerate() {
        let data = case.fuzz_input();
        if let Some(folder) = &folder {
            std::fs::write(folder.join(format!("{number:03}")), &data).expect("an input");
        }
        let found = check::check(&data).expect("an input").map_err(|error| error.kind);
        assert_eq!(found.err(), case.expected.as_ref().err().copied(), "{}", case.name);
        let input = check::Input { rules: case.rules(), timed: false, text: case.text };
        assert_eq!(check::Input::of(&data), Some(input), "{}", case.name);
    }
}
