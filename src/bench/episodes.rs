//! Episodes drawn at random: one to five steps, with questions as long as real ones.

use conductor_configs::schema;
use conductor_rollout::WorkerCard;
use conductor_rollout::generate::random_workflow;
use conductor_types::seed::{SplitMix, derive};
use conductor_types::{AccessKind, Grading, Task, Workflow};
use serde_json::{Value, json};

/// Bytes of a question beyond its number; some 250 tokens.
pub(super) const TEXT_BYTES: usize = 1000;
const SENTENCE: &str =
    "Each of the boxes holds as many marbles as the one before it and a few more. ";

/// One episode to be run.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// The question.
    pub task: Task,
    /// How it is to be answered.
    pub workflow: Workflow,
    /// Its seed.
    pub seed: u64,
}

/// Draws so many episodes for the worker of these cards. Each number of steps is as likely as any other; a third of the
/// episodes are chains, in a third no step sees another, and in a third each step sees any of those before it.
pub fn draw(count: usize, cards: &[WorkerCard], seed: u64) -> Vec<Drawn> {
    let form = schema::Workflow { access: AccessKind::ByStep, ..schema::Workflow::default() };
    let single = 1.0 / f64::from(form.max_steps);
    (0..count)
        .map(|number| {
            let seed = derive(seed, "bench episode", &[&number.to_string()]);
            let mut rng = SplitMix::new(seed);
            let mut workflow = random_workflow(&mut rng, cards, &form, single);
            let kind = rng.below(3);
            for (index, step) in workflow.steps.iter_mut().enumerate() {
                match kind {
                    0 => step.access = index.checked_sub(1).into_iter().collect(),
                    1 => step.access.clear(),
                    _ => {}
                }
            }
            Drawn { task: task(number), workflow, seed }
        })
        .collect()
}

impl Drawn {
    /// The episode as `bench/peers/` reads it.
    pub fn for_peer(&self) -> Value {
        json!({ "steps": self.workflow.steps.len(), "message": self.task.prompt })
    }
}

/// Text of about this length, without meaning.
pub(super) fn filler(bytes: usize) -> String {
    SENTENCE.repeat(bytes / SENTENCE.len() + 1)
}

fn task(number: usize) -> Task {
    Task {
        id: format!("bench/{number}"),
        domain: "bench".into(),
        prompt: format!("Question {number}. {}How many are there?", filler(TEXT_BYTES)),
        grading: Grading::Exact { gold: String::new() },
        parts: Vec::new(),
        constraint: None,
    }
}

#[cfg(test)]
mod tests {
    use conductor_types::WorkerCapability;

    use super::*;

    #[test]
    fn numbers_of_steps_are_even_and_every_kind_of_graph_is_there() {
        let cards = [WorkerCard::new("w", WorkerCapability::General)];
        let drawn = draw(1000, &cards, 0);
        let mut counts = [0; 6];
        let (mut chains, mut independent) = (0, 0);
        for Drawn { workflow, .. } in &drawn {
            counts[workflow.steps.len()] += 1;
            if workflow.steps.len() == 5 {
                chains += usize::from(workflow.depth() == 5);
                independent += usize::from(workflow.depth() == 1);
            }
        }
        assert!(counts[0] == 0 && counts[1..].iter().all(|count| (160..240).contains(count)));
        for share in [chains, independent] {
            assert!(share * 5 > counts[5] && share * 2 < counts[5], "{share} of {}", counts[5]);
        }
        assert_ne!(drawn[0].task.prompt, drawn[1].task.prompt);
        assert_eq!(draw(5, &cards, 0)[4].workflow, drawn[4].workflow);
    }
}
