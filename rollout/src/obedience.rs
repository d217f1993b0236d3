//! Whether a workflow keeps to what its user asked.

use conductor_types::{Constraint, Usage, Workflow};

use crate::card::WorkerCard;

/// Whether `workflow` obeys: the tags of every worker that it uses, its number of steps, and what all of its calls cost
/// together (`usage`; the price counts, whether it was paid now or before). `cards` are the pool's, and the workflow
/// names places in the pool.
pub fn obeys(
    constraint: &Constraint,
    workflow: &Workflow,
    cards: &[WorkerCard],
    usage: &Usage,
) -> bool {
    // Sums of prices carry rounding; a limit that is just met is kept.
    let within = |usd: f64| usage.cost_usd <= usd * (1.0 + 1e-9);
    workflow
        .steps
        .iter()
        .all(|step| cards.get(step.worker).is_some_and(|card| constraint.allows_tags(&card.tags)))
        && constraint.max_steps.is_none_or(|most| workflow.steps.len() <= most as usize)
        && constraint.max_usd.is_none_or(within)
}

#[cfg(test)]
mod tests {
    use conductor_types::{Step, WorkerCapability};

    use super::*;

    #[test]
    fn what_obeys_and_what_does_not() {
        let cards = [("open,small", 0), ("open", 1), ("closed", 2), ("", 3)].map(|(tags, name)| {
            WorkerCard {
                tags: tags.split(',').filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
                ..WorkerCard::new(name.to_string(), WorkerCapability::General)
            }
        });
        let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
        let none = Constraint { text: "x".into(), ..Constraint::default() };
        let open = Constraint { tags: tags(&["open"]), ..none.clone() };
        let open_small = Constraint { tags: tags(&["open", "small"]), ..none.clone() };
        let not_closed = Constraint { without_tags: tags(&["closed"]), ..none.clone() };
        let cent = Constraint { max_usd: Some(0.01), ..none.clone() };
        let two_steps = Constraint { max_steps: Some(2), ..none.clone() };
        let all = Constraint { max_steps: Some(1), max_usd: Some(0.01), ..open.clone() };
        for (constraint, workers, usd, expected) in [
            (&none, &[0, 1, 2, 3][..], 9.0, true),
            (&open, &[0, 1, 1], 9.0, true),
            (&open, &[0, 2], 0.0, false),
            (&open, &[3], 0.0, false),
            (&open_small, &[0], 0.0, true),
            (&open_small, &[1], 0.0, false),
            (&not_closed, &[0, 1, 3], 0.0, true),
            (&not_closed, &[0, 2], 0.0, false),
            (&cent, &[2, 2], 0.01, true),
            (&cent, &[2, 2], 0.005 + 0.003 + 0.002, true),
            (&cent, &[2], 0.0101, false),
            (&two_steps, &[0, 0], 0.0, true),
            (&two_steps, &[0, 0, 0], 0.0, false),
            (&all, &[0], 0.01, true),
            (&all, &[0], 0.02, false),
            (&all, &[0, 0], 0.01, false),
            (&all, &[2], 0.01, false),
            (&none, &[4], 0.0, false),
        ] {
            let steps = workers.iter().map(|&worker| Step::new(worker, "", Vec::new())).collect();
            // What was saved counts as well: the limit is on the price.
            let usage = Usage { cost_usd: usd, saved_usd: usd, ..Usage::default() };
            let found = obeys(constraint, &Workflow { steps }, &cards, &usage);
            assert_eq!(found, expected, "{constraint:?} {workers:?} {usd}");
        }
    }
}
