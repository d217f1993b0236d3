//! Values that are valid on their own and cannot work together. Each check is a function of its own;
//! a finding names every key that takes part, the one to change first.

mod budget;
mod constraints;
mod pool;
mod reward;
mod run;
mod tasks;
mod train;
mod workflow;

pub use workflow::built_in_examples;

use crate::schema::Config;

/// What a check may look at.
pub(crate) struct Facts<'a> {
    pub config: &'a Config,
    /// Whether some layer gave that key, as opposed to its default.
    pub given: &'a dyn Fn(&str) -> bool,
}

/// A conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The keys that take part.
    pub keys: Vec<String>,
    /// Why they cannot work together.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl Finding {
    fn new<K: Into<String>>(
        keys: impl IntoIterator<Item = K>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            keys: keys.into_iter().map(Into::into).collect(),
            message: message.into(),
            help: help.into(),
        }
    }
}

type Check = fn(&Facts<'_>) -> Vec<Finding>;

const CHECKS: &[Check] = &[
    run::name_is_a_folder_name,
    tasks::shares_sum_to_one,
    tasks::training_has_tasks,
    tasks::validation_has_tasks,
    tasks::sources_differ,
    tasks::dates_fit_the_split,
    tasks::weights_are_all_or_none,
    tasks::only_recorded_needs_a_recording,
    constraints::shares_fit_together,
    constraints::each_has_a_rule,
    constraints::tags_are_some_workers,
    constraints::somebody_may_begin,
    pool::names_differ,
    pool::vote_needs_others,
    pool::listed_are_there,
    pool::prices_come_in_pairs,
    pool::unlisted_are_live,
    pool::address_is_http,
    pool::key_variable_is_a_name,
    pool::key_has_one_place,
    budget::a_budget_needs_the_store,
    budget::limits_nest,
    pool::extra_body_leaves_settings_alone,
    pool::context_holds_an_answer,
    workflow::vote_needs_steps,
    workflow::examples_are_built_in,
    workflow::shown_facts_exist,
    reward::weights_have_a_size,
    reward::something_is_weighed,
    reward::plain_losses_survive_scaling,
    reward::correctness_apart_leaves_nothing_joint,
    reward::cost_form_has_what_it_scales,
    reward::steps_can_differ,
    reward::latency_takes_time,
    reward::cost_has_a_price,
    reward::judge_is_there,
    reward::judge_does_not_sample,
    train::groups_can_differ,
];

/// Runs every check.
pub(crate) fn run(facts: &Facts<'_>) -> Vec<Finding> {
    CHECKS.iter().flat_map(|check| check(facts)).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::{ErrorKind, load_str};

    /// A file that is right, with `{section.key}` lines to be put in by a test.
    const BASE: &str = r#"
[tasks]
sources = [{ kind = "jsonl", path = "tasks.jsonl" }]
[policy]
model = "model"
[pool]
workers = [
  { name = "a", kind = "recorded", recording = "r.parquet" },
  { name = "vote", kind = "vote" },
]
"#;

    /// The conflicts of a right file with some keys set to something else.
    pub fn conflicts(sets: &[&str]) -> Vec<String> {
        let request = crate::LoadRequest {
            file: None,
            sets: sets.iter().map(|s| (*s).to_owned()).collect(),
            ..Default::default()
        };
        match crate::load::load_text("base.toml", BASE, &request) {
            Ok(_) => Vec::new(),
            Err(errors) => errors
                .iter()
                .map(|e| {
                    assert_eq!(e.kind, ErrorKind::Conflict, "{errors}");
                    assert!(e.help.is_some(), "{errors}");
                    e.key.clone()
                })
                .collect(),
        }
    }

    #[test]
    fn the_base_of_these_tests_is_right() {
        assert!(load_str("base.toml", BASE).is_ok());
        assert_eq!(conflicts(&[]), [""; 0]);
    }
}
