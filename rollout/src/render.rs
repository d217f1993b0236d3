//! Writes a workflow in the canonical form: the text that warm start teaches and that the parser reads back.

use std::fmt::Write;

use conductor_types::{AccessKind, Step, Workflow};

/// Why a workflow has no text under an access kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The access kind cannot say what this step sees.
    #[error(
        "step {step} sees steps {access:?}, which access kind {kind:?} cannot say: {possible}; \
         use by_step, or choose other access"
    )]
    Inexpressible {
        /// The step, from 0.
        step: usize,
        /// What it sees.
        access: Vec<usize>,
        /// The access kind asked for.
        kind: AccessKind,
        /// What this kind can say.
        possible: &'static str,
    },
    /// A step sees itself or a later one, or its list is not ascending.
    #[error("step {step} sees steps {access:?}; expected ascending indices below {step}")]
    NotEarlier {
        /// The step, from 0.
        step: usize,
        /// What it sees.
        access: Vec<usize>,
    },
}

/// Three lines, `model_id: […]`, `subtasks: […]` and `access_list: […]`, each both a Python literal and JSON.
/// What is written is read back as the same workflow under the same access kind.
pub fn render(workflow: &Workflow, kind: AccessKind) -> Result<String, RenderError> {
    let mut ids = Vec::with_capacity(workflow.steps.len());
    let mut subtasks = Vec::with_capacity(workflow.steps.len());
    let mut entries = Vec::with_capacity(workflow.steps.len());
    for (index, step) in workflow.steps.iter().enumerate() {
        let ascending = step.access.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || step.access.last().is_some_and(|&last| last >= index) {
            return Err(RenderError::NotEarlier { step: index, access: step.access.clone() });
        }
        ids.push(step.worker.to_string());
        subtasks.push(quoted(&step.subtask));
        entries.push(access_entry(&workflow.steps, index, kind)?);
    }
    Ok(format!(
        "model_id: [{}]\nsubtasks: [{}]\naccess_list: [{}]",
        ids.join(", "),
        subtasks.join(", "),
        entries.join(", ")
    ))
}

fn access_entry(steps: &[Step], index: usize, kind: AccessKind) -> Result<String, RenderError> {
    let access = &steps[index].access;
    let inexpressible = |possible| RenderError::Inexpressible {
        step: index,
        access: access.clone(),
        kind,
        possible,
    };
    match kind {
        AccessKind::Binary if access.is_empty() => Ok("\"\"".into()),
        AccessKind::Binary if access.len() == index => Ok("\"all\"".into()),
        AccessKind::Binary => Err(inexpressible("all earlier steps or none")),
        AccessKind::ByStep => Ok(list(access)),
        AccessKind::ByModel => {
            let mut workers: Vec<usize> =
                access.iter().map(|&earlier| steps[earlier].worker).collect();
            workers.sort_unstable();
            workers.dedup();
            let shown = (0..index).filter(|&earlier| workers.contains(&steps[earlier].worker));
            if shown.eq(access.iter().copied()) {
                Ok(list(&workers))
            } else {
                Err(inexpressible("every earlier step of a worker or none"))
            }
        }
    }
}

fn list(numbers: &[usize]) -> String {
    let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    format!("[{}]", texts.join(", "))
}

/// A string that Python and JSON read alike, and in which the parser finds nothing to take away.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for (at, c) in text.char_indices() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '`' | '\u{2018}'..='\u{201f}' | '\0'..='\u{1f}' => escape(&mut out, c),
            '<' if opens_thought(&text[at..]) => escape(&mut out, c),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

fn escape(out: &mut String, c: char) {
    write!(out, "\\u{:04x}", u32::from(c)).expect("writing to a string cannot fail");
}

fn opens_thought(text: &str) -> bool {
    ["<think>", "</think>"]
        .iter()
        .any(|tag| text.get(..tag.len()).is_some_and(|head| head.eq_ignore_ascii_case(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(worker: usize, subtask: &str, access: &[usize]) -> Step {
        Step::new(worker, subtask, access.to_vec())
    }

    #[test]
    fn three_lines() {
        let workflow = Workflow {
            steps: vec![step(2, "Solve \"it\".", &[]), step(0, "Check `x`\n“now”.", &[0])],
        };
        assert_eq!(
            render(&workflow, AccessKind::Binary).unwrap(),
            "model_id: [2, 0]\nsubtasks: [\"Solve \\\"it\\\".\", \
             \"Check \\u0060x\\u0060\\n\\u201cnow\\u201d.\"]\naccess_list: [\"\", \"all\"]"
        );
        assert!(render(&workflow, AccessKind::ByModel).unwrap().ends_with("[[], [2]]"));
        assert!(render(&workflow, AccessKind::ByStep).unwrap().ends_with("[[], [0]]"));
    }

    #[test]
    fn what_a_kind_cannot_say_is_an_error() {
        let workflow =
            Workflow { steps: vec![step(1, "a", &[]), step(1, "b", &[]), step(0, "c", &[1])] };
        assert!(render(&workflow, AccessKind::ByStep).is_ok());
        for kind in [AccessKind::Binary, AccessKind::ByModel] {
            let error = render(&workflow, kind).unwrap_err();
            assert!(matches!(error, RenderError::Inexpressible { step: 2, .. }), "{error}");
            assert!(error.to_string().contains("by_step"), "{error}");
        }
    }

    #[test]
    fn a_look_ahead_has_no_text() {
        for access in [vec![0], vec![1], vec![0, 0]] {
            let workflow = Workflow { steps: vec![step(0, "a", &access)] };
            assert!(matches!(
                render(&workflow, AccessKind::ByStep),
                Err(RenderError::NotEarlier { step: 0, .. })
            ));
        }
    }
}
