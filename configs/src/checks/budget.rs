//! `[budget]`.

use super::{Facts, Finding};
use crate::schema::WorkerKind;

/// What was spent is kept in the store, so that a limit holds over kills and resumes.
pub(super) fn a_budget_needs_the_store(facts: &Facts<'_>) -> Vec<Finding> {
    let pool = &facts.config.pool;
    let live = pool.workers.iter().any(|worker| matches!(worker.kind, WorkerKind::Openai(_)));
    if !live || pool.store.is_some() || !facts.config.budget.is_set() {
        return Vec::new();
    }
    let message = "a budget is kept in the store of answers, and there is none";
    vec![Finding::new(
        ["pool.store", "budget"],
        message,
        "give `pool.store` a path, or take the budget out",
    )]
}

/// A limit on a part that is above the limit on the whole can never be reached.
pub(super) fn limits_nest(facts: &Facts<'_>) -> Vec<Finding> {
    let budget = &facts.config.budget;
    let above = |part: Option<f64>, whole: Option<f64>| matches!((part, whole), (Some(p), Some(w)) if p > w);
    let calls = |calls: Option<u64>| calls.map(|calls| calls as f64);
    [
        (budget.step_usd, budget.run_usd, "step_usd", "run_usd"),
        (budget.question_usd, budget.step_usd, "question_usd", "step_usd"),
        (budget.question_usd, budget.run_usd, "question_usd", "run_usd"),
        (calls(budget.step_calls), calls(budget.run_calls), "step_calls", "run_calls"),
        (calls(budget.question_calls), calls(budget.step_calls), "question_calls", "step_calls"),
        (calls(budget.question_calls), calls(budget.run_calls), "question_calls", "run_calls"),
    ]
    .into_iter()
    .filter(|&(part, whole, ..)| above(part, whole))
    .map(|(_, _, part, whole)| {
        let message = format!("budget.{part} is above budget.{whole}, so it can never be reached");
        let help = format!("lower `{part}` or raise `{whole}`");
        Finding::new([format!("budget.{part}"), format!("budget.{whole}")], message, help)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use crate::checks::tests::conflicts;

    #[test]
    fn a_budget_without_a_store() {
        let live = r#"pool.workers=[{name="l",kind="openai",model="m",base_url="http://h/v1"}]"#;
        let none = r#"pool.store="""#;
        assert_eq!(conflicts(&[live, none, "budget.run_usd=1"]), ["pool.store"]);
        assert!(conflicts(&[live, none]).is_empty());
        assert!(conflicts(&[live, "budget.run_usd=1"]).is_empty());
        assert!(conflicts(&[none, "budget.run_usd=1"]).is_empty(), "nothing is paid");
    }

    #[test]
    fn a_part_above_the_whole() {
        let found = conflicts(&["budget.run_usd=1", "budget.step_usd=2"]);
        assert_eq!(found, ["budget.step_usd"]);
        let found = conflicts(&["budget.run_calls=10", "budget.question_calls=11"]);
        assert_eq!(found, ["budget.question_calls"]);
        assert!(conflicts(&["budget.run_usd=1", "budget.question_usd=1"]).is_empty());
    }
}
