//! `[tasks]`.

use super::{Facts, Finding};
use crate::schema::{TaskSource, WorkerKind};

/// The shares are shares of one whole.
pub(super) fn shares_sum_to_one(facts: &Facts<'_>) -> Vec<Finding> {
    let split = &facts.config.tasks.split;
    let sum = split.train + split.valid + split.test;
    if (sum - 1.0).abs() < 1e-6 {
        return Vec::new();
    }
    let keys = ["tasks.split.train", "tasks.split.valid", "tasks.split.test"];
    // The one that was written is the one to look at first.
    let (given, rest): (Vec<&str>, Vec<&str>) = keys.into_iter().partition(|k| (facts.given)(k));
    let message = format!("the shares of the splits sum to {}, not 1", (sum * 1e6).round() / 1e6);
    vec![Finding::new(
        given.into_iter().chain(rest),
        message,
        "give all three, so that they sum to 1",
    )]
}

/// Training needs tasks to train on.
pub(super) fn training_has_tasks(facts: &Facts<'_>) -> Vec<Finding> {
    let config = facts.config;
    let steps = if config.train.steps > 0 {
        "train.steps"
    } else if config.warm_start.steps > 0 {
        "warm_start.steps"
    } else {
        return Vec::new();
    };
    if config.tasks.split.train > 0.0 {
        return Vec::new();
    }
    let message = format!("no task is left for training, while `{steps}` is above 0");
    let help = format!("give `tasks.split.train` a share, or set `{steps}` to 0 to only evaluate");
    vec![Finding::new(["tasks.split.train", steps], message, help)]
}

/// Evaluation during training looks at the validation split.
pub(super) fn validation_has_tasks(facts: &Facts<'_>) -> Vec<Finding> {
    let config = facts.config;
    if config.eval.every_steps.is_none() || config.tasks.split.valid > 0.0 {
        return Vec::new();
    }
    let message = "no task is left for the evaluation during training";
    let help = "give `tasks.split.valid` a share, or leave `eval.every_steps` out";
    vec![Finding::new(["tasks.split.valid", "eval.every_steps"], message, help)]
}

/// Ids are unique over all sources, so a file cannot be read twice.
pub(super) fn sources_differ(facts: &Facts<'_>) -> Vec<Finding> {
    let sources = &facts.config.tasks.sources;
    let mut findings = Vec::new();
    for (i, later) in sources.iter().enumerate() {
        if let Some(j) = sources[..i].iter().position(|earlier| overlap(earlier, later)) {
            findings.push(Finding::new(
                [format!("tasks.sources[{i}].path"), format!("tasks.sources[{j}].path")],
                format!(
                    "{} is read twice, so its tasks would have the same ids",
                    later.path().display()
                ),
                "leave one of the two out, or let them name different `datasets`",
            ));
        }
    }
    findings
}

/// Whether two entries are bound to give the same ids. Entries of one file that keep different parts of it are left to the reading,
/// which names the first id that comes twice.
fn overlap(a: &TaskSource, b: &TaskSource) -> bool {
    let datasets = |s: &TaskSource| match s {
        TaskSource::ReasoningGym { datasets, .. } => datasets.clone(),
        _ => None,
    };
    match (datasets(a), datasets(b)) {
        (Some(x), Some(y)) => a.path() == b.path() && x.iter().any(|d| y.contains(d)),
        _ if a.kind() == "reasoning_gym" => a.path() == b.path() && a.kind() == b.kind(),
        _ => a == b,
    }
}

/// Without a recording there is nothing that tasks could be missing from.
pub(super) fn only_recorded_needs_a_recording(facts: &Facts<'_>) -> Vec<Finding> {
    let config = facts.config;
    let recorded = |w: &crate::schema::Worker| matches!(w.kind, WorkerKind::Recorded(_));
    if !config.tasks.only_recorded || config.pool.workers.iter().any(recorded) {
        return Vec::new();
    }
    let message = "only recorded tasks are asked for, and no worker of the pool is `recorded`";
    let help =
        "set `tasks.only_recorded` to false, or give the pool a worker with `kind = \"recorded\"`";
    vec![Finding::new(["tasks.only_recorded", "pool.workers"], message, help)]
}

#[cfg(test)]
mod tests {
    use crate::checks::tests::conflicts;

    #[test]
    fn shares_that_are_no_whole() {
        assert_eq!(conflicts(&["tasks.split.train=0.7"]), ["tasks.split.train"]);
        assert_eq!(conflicts(&["tasks.split.test=0"]), ["tasks.split.test"]);
        let thirds = ["train=0.333333333", "valid=0.333333333", "test=0.333333334"];
        assert!(
            conflicts(&thirds.map(|t| format!("tasks.split.{t}")).each_ref().map(String::as_str))
                .is_empty()
        );
    }

    #[test]
    fn a_split_that_is_needed_and_empty() {
        let no_train = ["tasks.split={train=0,valid=0.5,test=0.5}"];
        assert_eq!(conflicts(&no_train), ["tasks.split.train"]);
        assert!(conflicts(&[no_train[0], "train.steps=0"]).is_empty());
        assert_eq!(
            conflicts(&[no_train[0], "train.steps=0", "warm_start.steps=1"]),
            ["tasks.split.train"]
        );

        let no_valid = ["tasks.split={train=0.5,valid=0,test=0.5}"];
        assert!(conflicts(&no_valid).is_empty());
        assert_eq!(conflicts(&[no_valid[0], "eval.every_steps=5"]), ["tasks.split.valid"]);
    }

    #[test]
    fn a_file_that_is_read_twice() {
        let twice = r#"tasks.sources=[{kind="jsonl",path="a"},{kind="jsonl",path="a"}]"#;
        assert_eq!(conflicts(&[twice]), ["tasks.sources[1].path"]);
        let gym = |a: &str, b: &str| {
            format!(
                r#"tasks.sources=[{{kind="reasoning_gym",path="a",datasets={a}}},{{kind="reasoning_gym",path="a",datasets={b}}}]"#
            )
        };
        assert!(conflicts(&[&gym(r#"["x"]"#, r#"["y"]"#)]).is_empty());
        assert_eq!(conflicts(&[&gym(r#"["x"]"#, r#"["y","x"]"#)]), ["tasks.sources[1].path"]);
    }

    #[test]
    fn recorded_tasks_without_a_recording() {
        let live = r#"pool.workers=[{name="a",kind="openai",base_url="http://h/v1",model="m"}]"#;
        assert_eq!(conflicts(&[live, "tasks.only_recorded=true"]), ["tasks.only_recorded"]);
        assert!(conflicts(&["tasks.only_recorded=true"]).is_empty());
    }
}
