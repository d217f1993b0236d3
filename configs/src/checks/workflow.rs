//! `[workflow]`.

use conductor_types::AccessKind;

use super::{Facts, Finding};
use crate::schema::{PromptShow, Worker, WorkerKind};

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

/// What the prompt shows of workers must be there for one of them at least.
pub(super) fn shown_facts_exist(facts: &Facts<'_>) -> Vec<Finding> {
    let config = facts.config;
    let given = |f: &dyn Fn(&Worker) -> bool| config.pool.workers.iter().any(f);
    let missing = |show: &PromptShow| match show {
        PromptShow::Description => {
            (!given(&|w| w.description.is_some())).then_some(("descriptions", "description"))
        }
        PromptShow::Size => (!given(&|w| w.size.is_some())).then_some(("sizes", "size")),
        PromptShow::Tags => (!given(&|w| !w.tags.is_empty())).then_some(("tags", "tags")),
        PromptShow::Name | PromptShow::Price | PromptShow::Capability => None,
    };
    let shown = config.workflow.show.iter().filter_map(missing);
    shown
        .map(|(what, key)| {
            let message = format!("the prompt is to show {what}, and no worker has any");
            let help = format!("give the workers their `{key}`, or take it out of `workflow.show`");
            Finding::new(["workflow.show", "pool.workers"], message, help)
        })
        .collect()
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
    fn facts_that_nobody_wrote() {
        for (fact, value) in [("description", "\"d\""), ("size", "\"7B\""), ("tags", "[\"open\"]")]
        {
            let show = format!("workflow.show=[\"{fact}\"]");
            assert_eq!(conflicts(&[&show]), ["workflow.show"]);
            let workers = format!(
                "pool.workers=[{{name=\"a\",{fact}={value},kind=\"recorded\",recording=\"r\"}}]"
            );
            assert!(conflicts(&[&show, &workers]).is_empty());
        }
        assert!(conflicts(&[r#"workflow.show=["name","price","capability"]"#]).is_empty());
    }
}
