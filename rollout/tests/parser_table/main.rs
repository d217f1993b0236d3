//! A table of completions, each with the workflow or the named error that it must give. All rules: four workers,
//! five steps at most.

mod access;
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
}

/// The usual three lines.
fn lines(ids: &str, subtasks: &str, access: &str) -> String {
    format!("model_id: {ids}\nsubtasks: {subtasks}\naccess_list: {access}")
}

#[test]
fn every_completion_gives_its_workflow_or_its_named_error() {
    let cases: Vec<Case> = [
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
    ]
    .into_iter()
    .flatten()
    .collect();
    assert!(cases.len() >= 120, "the table has {} cases", cases.len());
    let names: std::collections::HashSet<_> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "two cases share a name");

    let mut wrong = Vec::new();
    for case in &cases {
        let rules = ParseRules { access: case.access, max_steps: 5, workers: 4 };
        let found = parse(&case.text, &rules);
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
