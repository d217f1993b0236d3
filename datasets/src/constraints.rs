//! Which questions carry a constraint that the configuration gives out.

use conductor_configs::schema::TaskConstraint;
use conductor_types::seed;

/// The constraint that is drawn for a task without one of its own, if any: shares are stacked in their order, and a number in 0..1 that
/// follows from `seed` and the task's id falls into one of them or above all. So no task carries two, adding tasks changes
/// none, and a constraint appended at the end takes none from the others.
pub fn drawn(id: &str, constraints: &[TaskConstraint], seed: u64) -> Option<usize> {
    let at = seed::unit(seed, "constraint", &[id]);
    let mut end = 0.0;
    constraints.iter().position(|constraint| {
        end += constraint.share;
        at < end
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constraint(text: &str, share: f64) -> TaskConstraint {
        TaskConstraint {
            text: text.into(),
            share,
            tags: Vec::new(),
            without_tags: Vec::new(),
            max_usd: None,
            max_steps: Some(1),
        }
    }

    #[test]
    fn shares_are_met_and_a_draw_hangs_on_seed_and_id_alone() {
        let both = [constraint("a", 0.2), constraint("b", 0.5)];
        let count = |constraints: &[TaskConstraint], seed, text: &str| {
            (0..4000)
                .filter_map(|i| drawn(&format!("task/{i}"), constraints, seed))
                .filter(|&place| constraints[place].text == text)
                .count()
        };
        assert!(count(&both, 1, "a").abs_diff(800) < 100);
        assert!(count(&both, 1, "b").abs_diff(2000) < 130);
        assert_eq!(count(&both, 1, "a"), count(&both[..1], 1, "a"), "one appended took some");
        assert_ne!(count(&both, 1, "a"), count(&both, 2, "a"));
        assert_eq!(count(&[constraint("c", 1.0)], 3, "c"), 4000);
        assert_eq!(drawn("x", &both, 1), drawn("x", &both, 1));
    }
}
