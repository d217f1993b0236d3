//! Worked examples: questions made up for this prompt, none from a benchmark. Each is a shape whose steps are cast
//! with the workers at hand, so that an example never asks of a worker what it cannot do.

use std::fmt::Write;

use conductor_configs::schema;
use conductor_types::{AccessKind, Step, WorkerCapability, Workflow};

use super::{Workers, worker_list};
use crate::card::WorkerCard;
use crate::render::render;

/// What a step of an example needs of its worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Solves from scratch.
    Solve,
    /// Reads earlier answers.
    Read,
    /// Chooses among earlier answers.
    Choose,
}

struct Example {
    question: &'static str,
    thought: &'static str,
    steps: &'static [(Need, &'static str, &'static [usize])],
}

const EXAMPLES: &[Example] = &[
    Example {
        question: "A florist ties 14 bunches of 9 tulips each and has 5 tulips left over. How many tulips were there?",
        thought: "One short calculation; a single worker will do.",
        steps: &[(Need::Solve, "Work out the number of tulips.", &[])],
    },
    Example {
        question: "Write an SQL query that lists every customer who has never placed an order.",
        thought: "A draft and then a review with fresh eyes should catch slips.",
        steps: &[
            (Need::Solve, "Write the query; state the tables that you assume.", &[]),
            (
                Need::Read,
                "Review the query for customers without orders, fix it, give the final query.",
                &[0],
            ),
        ],
    },
    Example {
        question: "On which weekday does the 100th day after a Tuesday fall?",
        thought: "Easy to slip by one, so three workers count on their own and the most common answer wins.",
        steps: &[
            (Need::Solve, "Count the weekdays and name the day.", &[]),
            (Need::Solve, "Use the remainder of 100 by 7 and name the day.", &[]),
            (Need::Solve, "Name the day, then check it by going back 100 days.", &[]),
            (Need::Choose, "Give the day that most of them found.", &[0, 1, 2]),
        ],
    },
    Example {
        question: "Which is larger, 7/12 or 11/19?",
        thought: "A direct comparison; one worker is enough.",
        steps: &[(Need::Solve, "Compare the fractions by a common denominator.", &[])],
    },
    Example {
        question: "A hiker walks 18 km at 4 km/h, rests for 30 minutes and walks back at 6 km/h. How long is she away?",
        thought: "Two ways to the same number, then a choice between them.",
        steps: &[
            (Need::Solve, "Add up the three times.", &[]),
            (Need::Solve, "Work with the average speed and add the rest.", &[]),
            (Need::Choose, "Give the time that they agree on.", &[0, 1]),
        ],
    },
    Example {
        question: "Explain in one paragraph why bread dough must rest, for a reader of twelve.",
        thought: "Facts first, then the wording, then a last look.",
        steps: &[
            (Need::Solve, "List the facts about gluten and yeast that matter here.", &[]),
            (Need::Read, "Write the paragraph from these facts in plain words.", &[0]),
            (Need::Read, "Check facts and wording; give the final paragraph.", &[0, 1]),
        ],
    },
    Example {
        question: "A town library lends 240 books a week and a third come back late. Is a fine of 20 cents a late book \
                   enough to pay a helper 15 dollars a week?",
        thought: "Income and cost can be worked out side by side; only the last step needs both.",
        steps: &[
            (Need::Solve, "Work out the weekly income from fines.", &[]),
            (Need::Read, "Check the income by another way of counting.", &[0]),
            (Need::Read, "Compare the checked income with 15 dollars and answer.", &[1]),
        ],
    },
];

/// How many worked examples there are for an access kind, given a team that can do everything.
pub fn built_in_examples(access: AccessKind) -> usize {
    let general = WorkerCard::new("", WorkerCapability::General);
    let team = vec![general; 4];
    EXAMPLES
        .iter()
        .filter(|example| {
            let workflow = cast(example, 0, &team);
            workflow.is_some_and(|workflow| render(&workflow, access).is_ok())
        })
        .count()
}

/// Draws of a list for one example before it is left out.
const DRAWS: usize = 16;

/// The section with up to `config.examples` examples; empty where none is wanted or fits the workers. Where lists vary, each
/// example begins with the list that it is for.
pub(super) fn section(config: &schema::Workflow, workers: Workers<'_>) -> String {
    let mut section = String::new();
    let mut shown = 0;
    for (place, example) in EXAMPLES.iter().enumerate() {
        if shown >= config.examples || example.steps.len() > config.max_steps as usize {
            continue;
        }
        let plan = |cards: &[WorkerCard]| {
            let workflow = cast(example, place, cards)?;
            render(&workflow, config.access).ok()
        };
        let written = match workers {
            Workers::Fixed(cards) => plan(cards).map(|text| (String::new(), text)),
            Workers::Drawn(lister, _) => (0..DRAWS).find_map(|draw| {
                let listing = lister.example(place * DRAWS + draw);
                Some((worker_list(config, listing.cards()), plan(listing.cards())?))
            }),
        };
        let Some((list, text)) = written else { continue };
        shown += 1;
        write!(
            section,
            "\n# Example {shown}\n{list}Question: {}\nPlan: {}\n{text}\n",
            example.question, example.thought
        )
        .expect("writing to a string cannot fail");
    }
    section
}

/// The example with a worker for each step; they rotate, so that no worker is shown more often than another.
fn cast(example: &Example, place: usize, workers: &[WorkerCard]) -> Option<Workflow> {
    let mut steps = Vec::with_capacity(example.steps.len());
    for (index, &(need, subtask, access)) in example.steps.iter().enumerate() {
        let able: Vec<usize> =
            (0..workers.len()).filter(|&worker| can(workers[worker].capability, need)).collect();
        let worker = *able.get((place + index) % able.len().max(1))?;
        steps.push(Step::new(worker, subtask, access.to_vec()));
    }
    Some(Workflow { steps })
}

fn can(capability: WorkerCapability, need: Need) -> bool {
    match capability {
        WorkerCapability::General => true,
        WorkerCapability::FromScratch => need == Need::Solve,
        WorkerCapability::Combines => need == Need::Choose,
    }
}
