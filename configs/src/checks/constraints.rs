//! `[[tasks.constraints]]`.

use super::{Facts, Finding};
use crate::schema::WorkerKind;

/// No question carries two constraints, so their shares are parts of one whole.
pub(super) fn shares_fit_together(facts: &Facts<'_>) -> Vec<Finding> {
    let constraints = &facts.config.tasks.constraints;
    let sum: f64 = constraints.iter().map(|constraint| constraint.share).sum();
    if sum <= 1.0 + 1e-9 {
        return Vec::new();
    }
    let keys = (0..constraints.len()).rev().map(|i| format!("tasks.constraints[{i}].share"));
    let message =
        format!("the shares of the constraints sum to {}, more than 1", (sum * 1e6).round() / 1e6);
    vec![Finding::new(keys, message, "lower them: no question carries two constraints")]
}

/// Words without a rule could not be held against anything.
pub(super) fn each_has_a_rule(facts: &Facts<'_>) -> Vec<Finding> {
    let constraints = facts.config.tasks.constraints.iter().enumerate();
    constraints
        .filter_map(|(i, constraint)| {
            let (expected, given) = constraint.constraint().fault()?;
            Some(Finding::new(
                [format!("tasks.constraints[{i}].text")],
                format!("a constraint needs {expected}, got {given}"),
                "give the words in `text` and beside them what they mean, for example `tags = [\"open\"]`",
            ))
        })
        .collect()
}

/// A tag that no worker has is misspelt, or asks for what no workflow can do.
pub(super) fn tags_are_some_workers(facts: &Facts<'_>) -> Vec<Finding> {
    let workers = &facts.config.pool.workers;
    let known = |tag: &str| workers.iter().any(|worker| worker.tags.iter().any(|own| own == tag));
    let mut findings = Vec::new();
    for (i, constraint) in facts.config.tasks.constraints.iter().enumerate() {
        for (key, tags) in [("tags", &constraint.tags), ("without_tags", &constraint.without_tags)]
        {
            for tag in tags.iter().filter(|tag| !known(tag)) {
                findings.push(Finding::new(
                    [format!("tasks.constraints[{i}].{key}"), "pool.workers".to_owned()],
                    format!("no worker has the tag \"{tag}\""),
                    "correct the tag, or give it to the workers that it is true of (`pool.workers[…].tags`)",
                ));
            }
        }
    }
    findings
}

/// A workflow begins with a worker that answers by itself: one of those must be allowed.
pub(super) fn somebody_may_begin(facts: &Facts<'_>) -> Vec<Finding> {
    let workers = &facts.config.pool.workers;
    let constraints = facts.config.tasks.constraints.iter().enumerate();
    constraints
        .filter(|(_, constraint)| {
            !workers.iter().any(|worker| {
                !matches!(worker.kind, WorkerKind::Vote(_))
                    && constraint.constraint().allows_tags(&worker.tags)
            })
        })
        .map(|(i, _)| {
            Finding::new(
                [format!("tasks.constraints[{i}].tags"), "pool.workers".to_owned()],
                "no worker that can take a first step has the tags that this constraint asks for, so no workflow can obey",
                "change the constraint, or the workers' `tags`",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::checks::tests::conflicts;

    const POOL: &str = r#"pool.workers=[{name="a",kind="recorded",recording="r",tags=["open"]},{name="b",kind="recorded",recording="r",tags=["closed"]},{name="v",kind="vote",tags=["free"]}]"#;

    fn with(constraints: &str) -> Vec<String> {
        conflicts(&[POOL, &format!("tasks.constraints=[{constraints}]")])
    }

    #[test]
    fn constraints_that_can_be_obeyed() {
        let all = r#"{text="Open only.",tags=["open"],share=0.5},{text="Nothing closed.",without_tags=["closed"],share=0.25},{text="Cheap.",max_usd=0.01,share=0.125},{text="One step.",max_steps=1,share=0.125}"#;
        assert!(with(all).is_empty());
    }

    #[test]
    fn shares_above_the_whole() {
        let two = r#"{text="a",max_steps=1,share=0.7},{text="b",max_steps=2,share=0.7}"#;
        assert_eq!(with(two), ["tasks.constraints[1].share"]);
    }

    #[test]
    fn words_without_a_rule() {
        assert_eq!(with(r#"{text="Be kind.",share=0.5}"#), ["tasks.constraints[0].text"]);
        let both = r#"{text="a",tags=["open"],without_tags=["open"],share=0.5}"#;
        assert!(with(both).contains(&"tasks.constraints[0].text".to_owned()));
    }

    #[test]
    fn tags_that_nobody_has_and_tags_that_nobody_can_begin_with() {
        let unknown = r#"{text="a",tags=["opne"],share=0.5}"#;
        assert_eq!(with(unknown), ["tasks.constraints[0].tags"; 2]);
        let unknown = r#"{text="a",without_tags=["clsoed"],share=0.5}"#;
        assert_eq!(with(unknown), ["tasks.constraints[0].without_tags"]);
        // Only the vote has it, and a vote cannot be the first.
        let nobody = r#"{text="a",tags=["free"],share=0.5}"#;
        assert_eq!(with(nobody), ["tasks.constraints[0].tags"]);
    }
}
