//! `[tasks]`.

use super::{Facts, Finding};
use crate::schema::{SplitKind, SplitShares, TaskSource, WorkerKind};

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
    if config.tasks.split.train > 0.0 || config.tasks.split.kind == SplitKind::Date {
        return Vec::new();
    }
    let message = format!("no task is left for training, while `{steps}` is above 0");
    let help = format!("give `tasks.split.train` a share, or set `{steps}` to 0 to only evaluate");
    vec![Finding::new(["tasks.split.train", steps], message, help)]
}

/// Evaluation during training looks at the validation split.
pub(super) fn validation_has_tasks(facts: &Facts<'_>) -> Vec<Finding> {
    let config = facts.config;
    let split = &config.tasks.split;
    if config.eval.every_steps.is_none() || split.valid > 0.0 || split.kind == SplitKind::Date {
        return Vec::new();
    }
    let message = "no task is left for the evaluation during training";
    let help = "give `tasks.split.valid` a share, or leave `eval.every_steps` out";
    vec![Finding::new(["tasks.split.valid", "eval.every_steps"], message, help)]
}

/// Days are days, and stand only where they decide.
pub(super) fn dates_fit_the_split(facts: &Facts<'_>) -> Vec<Finding> {
    let SplitShares { kind, valid_from, test_from, .. } = &facts.config.tasks.split;
    let days = [("tasks.split.valid_from", valid_from), ("tasks.split.test_from", test_from)];
    let given = || days.into_iter().filter_map(|(key, day)| Some((key, day.as_deref()?)));
    if *kind != SplitKind::Date {
        return given()
            .map(|(key, _)| {
                let message = "a day has no part in a split that is not by date";
                let help = "set `tasks.split.kind` to \"date\", or leave the day out";
                Finding::new([key, "tasks.split.kind"], message, help)
            })
            .collect();
    }
    if let Some((key, day)) = given().find(|(_, day)| !is_day(day)) {
        let message = format!("expected a day as \"2024-08-31\", got {day:?}");
        return vec![Finding::new([key], message, "write year, month and day")];
    }
    match (valid_from, test_from) {
        (None, None) => {
            let message = "a split by date has no day to split at";
            let help = "give `tasks.split.test_from` the first day of the test split, and \
                        `tasks.split.valid_from` that of the validation split";
            vec![Finding::new(["tasks.split.kind", "tasks.split.test_from"], message, help)]
        }
        (Some(valid), Some(test)) if valid > test => {
            let message =
                format!("the validation split would begin ({valid}) after the test split ({test})");
            let keys = ["tasks.split.valid_from", "tasks.split.test_from"];
            vec![Finding::new(keys, message, "give `valid_from` the earlier day")]
        }
        _ => Vec::new(),
    }
}

/// A day of the Gregorian calendar as `YYYY-MM-DD`.
fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    let number = |part: &str, width: usize| -> Option<u32> {
        (part.len() == width && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse().ok())?
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2))
    else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// Weights only mean something beside one another.
pub(super) fn weights_are_all_or_none(facts: &Facts<'_>) -> Vec<Finding> {
    let sources = &facts.config.tasks.sources;
    let without = sources.iter().position(|source| source.weight.is_none());
    let with = sources.iter().position(|source| source.weight.is_some());
    let (Some(without), Some(with)) = (without, with) else { return Vec::new() };
    let keys =
        [format!("tasks.sources[{without}].weight"), format!("tasks.sources[{with}].weight")];
    let message = format!("source {without} has no `weight`, and source {with} has one");
    vec![Finding::new(keys, message, "give every source a weight, or none")]
}

/// Ids are unique over all sources, so a file cannot be read twice.
pub(super) fn sources_differ(facts: &Facts<'_>) -> Vec<Finding> {
    let sources = &facts.config.tasks.sources;
    let mut findings = Vec::new();
    for (i, later) in sources.iter().enumerate() {
        if let Some(j) =
            sources[..i].iter().position(|earlier| overlap(&earlier.reads, &later.reads))
        {
            findings.push(Finding::new(
                [format!("tasks.sources[{i}].path"), format!("tasks.sources[{j}].path")],
                format!(
                    "{} is read twice, so its tasks would have the same ids",
                    later.reads.path().display()
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
    fn days_that_decide_nothing_or_are_none() {
        let by_date = |rest: &str| conflicts(&[&format!("tasks.split={{kind=\"date\"{rest}}}")]);
        assert!(by_date(r#",test_from="2024-10-01""#).is_empty());
        assert!(by_date(r#",valid_from="2024-02-29",test_from="2024-10-01""#).is_empty());
        assert_eq!(by_date(""), ["tasks.split.kind"]);
        for day in [
            "2023-02-29",
            "2024-13-01",
            "2024-1-01",
            "2024-10-32",
            "today",
            "2024-10-00",
            "+024-10-01",
        ] {
            assert_eq!(
                by_date(&format!(",test_from=\"{day}\"")),
                ["tasks.split.test_from"],
                "{day}"
            );
        }
        assert_eq!(
            by_date(r#",valid_from="2024-10-02",test_from="2024-10-01""#),
            ["tasks.split.valid_from"]
        );
        assert_eq!(
            conflicts(&[r#"tasks.split={test_from="2024-10-01"}"#]),
            ["tasks.split.test_from"]
        );
        // Shares of nothing are no matter where days decide.
        let none = r#"tasks.split={kind="date",test_from="2024-10-01",train=0,valid=0,test=1}"#;
        assert!(conflicts(&[none]).is_empty());
    }

    #[test]
    fn a_weight_beside_none() {
        let of = |a: &str, b: &str| {
            conflicts(&[&format!(
                r#"tasks.sources=[{{kind="jsonl",path="a"{a}}},{{kind="jsonl",path="b"{b}}}]"#
            )])
        };
        assert!(of("", "").is_empty());
        assert!(of(",weight=1,cap=240", ",weight=0.5").is_empty());
        assert_eq!(of("", ",weight=0.5"), ["tasks.sources[0].weight"]);
        assert_eq!(of(",weight=2", ""), ["tasks.sources[1].weight"]);
    }

    #[test]
    fn recorded_tasks_without_a_recording() {
        let live = r#"pool.workers=[{name="a",kind="openai",base_url="http://h/v1",model="m"}]"#;
        assert_eq!(conflicts(&[live, "tasks.only_recorded=true"]), ["tasks.only_recorded"]);
        assert!(conflicts(&["tasks.only_recorded=true"]).is_empty());
    }
}
