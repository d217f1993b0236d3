//! Random valid workflows, from which warm start teaches the form. Workers, steps and access are drawn at random, so
//! nothing is taught about which worker to choose.

use conductor_configs::schema;
use conductor_types::seed::SplitMix;
use conductor_types::{Access, AccessKind, Step, WorkerCapability, Workflow};

use crate::card::WorkerCard;

/// For workers that read nothing but the task: what they are told changes nothing, so there is one way to say it, and a policy
/// need not learn that the words do not matter.
const UNREAD: [&str; 1] = ["Solve the task."];

const FROM_SCRATCH: [&str; 10] = [
    "Solve the question.",
    "Answer the question on your own.",
    "Think step by step, then answer.",
    "Work out the answer and state it clearly.",
    "Find the answer; keep to the asked form.",
    "Solve it with care for the details.",
    "Give a complete solution.",
    "Reason briefly, then give the answer.",
    "Read the question twice, then solve it.",
    "Try the most direct way to the answer.",
];

const AFTER_OTHERS: [&str; 10] = [
    "Check the earlier work and correct it.",
    "Use the earlier answers to solve the question.",
    "Look for mistakes above, then answer.",
    "Improve on the answers so far.",
    "Verify each step, then give the final answer.",
    "Compare with your own solution, then answer.",
    "Take the best idea so far and finish it.",
    "Test the earlier result and fix what fails.",
    "Settle any disagreement and answer.",
    "Complete what is missing and answer.",
];

const COMBINING: [&str; 6] = [
    "Choose the most common answer.",
    "Give the answer that most of them agree on.",
    "Vote among the answers.",
    "Pick the majority answer.",
    "Decide by majority.",
    "Return the answer given most often.",
];

/// Draws a workflow that the parser accepts and the workers can run: from-scratch steps see nothing, combining steps
/// see at least one earlier step, general steps see anything the access kind can say.
///
/// With probability `single_step_share` it has one step; otherwise the number is spread evenly over 2 to
/// `config.max_steps`.
///
/// # Panics
/// Where no card can take a first step; [`crate::Pool`] is never opened like that.
pub fn random_workflow(
    rng: &mut SplitMix,
    cards: &[WorkerCard],
    config: &schema::Workflow,
    single_step_share: f64,
) -> Workflow {
    let first: Vec<usize> = (0..cards.len())
        .filter(|&worker| cards[worker].capability != WorkerCapability::Combines)
        .collect();
    assert!(!first.is_empty(), "a workflow needs a worker that can take its first step");
    let max_steps = config.max_steps as usize;
    let count = if max_steps < 2 || rng.next_unit() < single_step_share {
        1
    } else {
        2 + rng.below(max_steps - 1)
    };
    let mut steps: Vec<Step> = Vec::with_capacity(count);
    for index in 0..count {
        let worker =
            if index == 0 { first[rng.below(first.len())] } else { rng.below(cards.len()) };
        let capability = cards[worker].capability;
        let access = match capability {
            WorkerCapability::FromScratch => Access::new(),
            WorkerCapability::General => random_access(rng, &steps, config.access, false),
            WorkerCapability::Combines => random_access(rng, &steps, config.access, true),
        };
        let phrases: &[&str] = match capability {
            WorkerCapability::Combines => &COMBINING,
            WorkerCapability::FromScratch => &UNREAD,
            WorkerCapability::General if access.is_empty() => &FROM_SCRATCH,
            WorkerCapability::General => &AFTER_OTHERS,
        };
        steps.push(Step::new(worker, phrases[rng.below(phrases.len())], access));
    }
    Workflow { steps }
}

/// A random set of earlier steps that `kind` can say; `some` asks for one at least (there must be an earlier step).
fn random_access(rng: &mut SplitMix, earlier: &[Step], kind: AccessKind, some: bool) -> Access {
    if earlier.is_empty() {
        return Access::new();
    }
    match kind {
        AccessKind::Binary => {
            if some || rng.below(2) == 1 {
                (0..earlier.len()).collect()
            } else {
                Access::new()
            }
        }
        AccessKind::ByStep => {
            let chosen = random_subset(rng, earlier.len(), some);
            (0..earlier.len()).filter(|&step| chosen[step]).collect()
        }
        AccessKind::ByModel => {
            let mut workers: Vec<usize> = earlier.iter().map(|step| step.worker).collect();
            workers.sort_unstable();
            workers.dedup();
            let chosen = random_subset(rng, workers.len(), some);
            let seen = |worker| workers.binary_search(&worker).is_ok_and(|place| chosen[place]);
            (0..earlier.len()).filter(|&step| seen(earlier[step].worker)).collect()
        }
    }
}

fn random_subset(rng: &mut SplitMix, items: usize, some: bool) -> Vec<bool> {
    let mut chosen: Vec<bool> = (0..items).map(|_| rng.below(2) == 1).collect();
    if some && !chosen.contains(&true) {
        chosen[rng.below(items)] = true;
    }
    chosen
}
