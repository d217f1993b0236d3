//! `[workflow]`.

use conductor_types::AccessKind;

use super::{Facts, Finding};
use crate::schema::{PromptShow, WorkerKind};

/// Worked examples that are built into the prompt for each access kind; with a small pool fewer may fit.
pub fn built_in_examples(access: AccessKind) -> u32 {
    match access {
        // One of the seven looks at some earlier steps and not at others.
        AccessKind::Binary => 6,
        AccessKind::ByModel | AccessKind::ByStep => 7,
    }
}

/// A vote sees earlier steps, and a single step has none before it.
pub(super) fn vote_needs_steps(facts: &Facts<'_>) -> Vec<Finding> {
    if facts.config.workflow.max_steps > 1 {
        return Vec::new();
    }
    facts
        .config
        .pool
        .workers
        .iter()
        .enumerate()
        .filter(|(_, w)| matches!(w.kind, WorkerKind::Vote(_)))
        .map(|(i, worker)| {
            let message = format!(
                "worker \"{}\" votes on earlier steps, and a workflow has only one",
                worker.name
            );
            let help = "raise `workflow.max_steps`, or take the worker out of the pool";
            Finding::new(
                ["workflow.max_steps".to_owned(), format!("pool.workers[{i}].kind")],
                message,
                help,
            )
        })
        .collect()
}

/// No more worked examples than there are.
pub(super) fn examples_are_built_in(facts: &Facts<'_>) -> Vec<Finding> {
    let workflow = &facts.config.workflow;
    let (asked, there) = (workflow.examples, built_in_examples(workflow.access));
    if asked <= there {
        return Vec::new();
    }
    let message = format!(
        "{asked} worked examples are asked for, and {there} are built in for this access kind"
    );
    let help = format!("set it to at most {there}");
    vec![Finding::new(["workflow.examples", "workflow.access"], message, help)]
}

/// Descriptions that the prompt shows must exist.
pub(super) fn shown_descriptions_exist(facts: &Facts<'_>) -> Vec<Finding> {
    let config = facts.config;
    if !config.workflow.show.contains(&PromptShow::Description)
        || config.pool.workers.iter().any(|w| w.description.is_some())
    {
        return Vec::new();
    }
    let message = "the prompt is to show descriptions, and no worker has one";
    let help = "give the workers a `description`, or take it out of `workflow.show`";
    vec![Finding::new(["workflow.show", "pool.workers"], message, help)]
}

#[cfg(test)]
mod tests {
    use crate::checks::tests::conflicts;

    #[test]
    fn a_vote_in_workflows_of_one_step() {
        for access in ["binary", "by_model", "by_step"] {
            let access = format!("workflow.access={access}");
            assert_eq!(conflicts(&["workflow.max_steps=1", &access]), ["workflow.max_steps"]);
            assert!(conflicts(&["workflow.max_steps=2", &access]).is_empty());
        }
    }

    #[test]
    fn more_examples_than_there_are() {
        assert_eq!(conflicts(&["workflow.examples=7"]), ["workflow.examples"]);
        assert!(conflicts(&["workflow.examples=6"]).is_empty());
        assert!(conflicts(&["workflow.examples=7", "workflow.access=by_step"]).is_empty());
        assert_eq!(conflicts(&["workflow.examples=8", "workflow.access=by_step"]).len(), 1);
    }

    #[test]
    fn descriptions_that_nobody_wrote() {
        assert_eq!(conflicts(&[r#"workflow.show=["description"]"#]), ["workflow.show"]);
        let workers = r#"pool.workers=[{name="a",description="d",kind="recorded",recording="r"}]"#;
        assert!(conflicts(&[r#"workflow.show=["description"]"#, workers]).is_empty());
    }
}
