//! The prompt that asks the policy for a workflow.
//!
//! What is the same for every question stands first and the question stands last, so that sampling and training
//! compute the common part once: a list of workers that differs from question to question stands right before the question.
//! The same inputs give the same bytes.

mod examples;

use std::fmt::Write;

use conductor_configs::schema::{self, PromptShow};
use conductor_types::{AccessKind, ChatMessage, Task, WorkerCapability};

pub use examples::built_in_examples;

use crate::card::WorkerCard;
use crate::listing::{Lister, Listing};

/// A system turn and a user turn for one fixed list of workers. They are listed by bare ordinals from 0, with what
/// `config.show` adds; worked examples use only these workers, within what they can do and within `config.max_steps`.
/// The short form has no worked examples.
pub fn messages(
    config: &schema::Workflow,
    workers: &[WorkerCard],
    task: &Task,
) -> Vec<ChatMessage> {
    build(config, Workers::Fixed(workers), task)
}

/// The same for a question's own list, which `lister` drew. Each worked example has a list of its own then, the same for
/// every question, so that examples stay part of what questions share. Where lists do not vary, these are the bytes of
/// [`messages`].
pub fn messages_of(
    config: &schema::Workflow,
    lister: &Lister,
    listing: &Listing,
    task: &Task,
) -> Vec<ChatMessage> {
    let workers = if lister.varies() {
        Workers::Drawn(lister, listing)
    } else {
        Workers::Fixed(listing.cards())
    };
    build(config, workers, task)
}

/// The list that makes prompts longest, for limits that every list must keep.
pub fn longest_listing(config: &schema::Workflow, lister: &Lister) -> Listing {
    lister.longest(|card| facts(config, card).len())
}

/// The workers of a prompt.
#[derive(Clone, Copy)]
enum Workers<'a> {
    /// The same for every question.
    Fixed(&'a [WorkerCard]),
    /// This question's.
    Drawn(&'a Lister, &'a Listing),
}

impl<'a> Workers<'a> {
    fn cards(self) -> &'a [WorkerCard] {
        match self {
            Self::Fixed(cards) => cards,
            Self::Drawn(_, listing) => listing.cards(),
        }
    }
}

fn build(config: &schema::Workflow, workers: Workers<'_>, task: &Task) -> Vec<ChatMessage> {
    if config.short_instructions {
        short(config, workers.cards(), task)
    } else {
        long(config, workers, task)
    }
}

/// What the user asks, and what of the way to the answer: the latter is for whoever assigns the work, and no worker reads it.
fn question(task: &Task) -> String {
    // A mark stands where a part is no text: the policy reads that there is an image, and sends workers who can look at it.
    let mut text = task.question().trim_end().to_owned();
    if let Some(constraint) = &task.constraint {
        text.push('\n');
        text.push_str(&one_line(&constraint.text));
    }
    text
}

/// Characters of a round's answer that the policy is shown; the rest is cut in the middle.
const SHOWN_ANSWER_CHARS: usize = 3000;

/// The turn that shows the policy what its workflow came to and asks for another one, or for none.
pub fn next_round(answer: &str) -> ChatMessage {
    ChatMessage::user(format!(
        "The team carried out your plan, and this is its answer:\n<answer>\n{}\n</answer>\nIf it should go to the user as \
         it is, write three empty lists:\nmodel_id: []\nsubtasks: []\naccess_list: []\nOtherwise write another plan in \
         the same form. A step that sees earlier steps also sees those of the plan before, with their answers.",
        shortened(answer.trim(), SHOWN_ANSWER_CHARS)
    ))
}

/// Begin and end of a long text.
fn shortened(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let half = most / 2;
    let start: String = text.chars().take(half).collect();
    let end: String = text.chars().skip(length - half).collect();
    format!("{start}\n[…]\n{end}")
}

fn short(config: &schema::Workflow, workers: &[WorkerCard], task: &Task) -> Vec<ChatMessage> {
    let access = match config.access {
        AccessKind::Binary => "\"\" or \"all\"",
        AccessKind::ByModel => "lists of worker numbers",
        AccessKind::ByStep => "lists of earlier step numbers",
    };
    let mut user = format!(
        "Plan 1 to {} steps. Write\nmodel_id: [worker numbers]\nsubtasks: [texts]\naccess_list: [{access}]\n\
         The last step answers.\n",
        config.max_steps
    );
    user.push_str(&worker_list(config, workers));
    user.push_str("\nQuestion:\n");
    user.push_str(&question(task));
    vec![ChatMessage::system("You assign work to workers."), ChatMessage::user(user)]
}

fn long(config: &schema::Workflow, workers: Workers<'_>, task: &Task) -> Vec<ChatMessage> {
    let system = "You lead a team of workers. For each question you write a plan that says which worker does what, \
                  and the team carries it out. You are judged by the team's final answer and by what it cost, so \
                  use as many steps as the question needs and no more.";
    let mut user = format!(
        "# Your task\n\
         Read the question at the end and write a plan of 1 to {} steps. Each step is done by one worker, who sees \
         the whole question, your words for that step, and those earlier steps that you let it see. The answer of \
         the last step is given to the user as it is.\n\n",
        config.max_steps
    );
    user.push_str("# Form\nThink first if you like. Then write three lists of the same length, one entry a step:\n");
    user.push_str("model_id: the number of the worker for each step\n");
    user.push_str("subtasks: what that worker is told, as a quoted text\n");
    user.push_str(match config.access {
        AccessKind::Binary => {
            "access_list: \"all\" where the worker sees every earlier step with its answer, \"\" where it sees none\n"
        }
        AccessKind::ByModel => {
            "access_list: for each step a list of worker numbers; it sees every earlier step of those workers, and \
             none with []\n"
        }
        AccessKind::ByStep => {
            "access_list: for each step a list of earlier step numbers, counted from 0, that it sees; [] for none\n"
        }
    });
    user.push_str("Steps that do not see each other run at the same time.\n\n# Workers\n");
    match workers {
        Workers::Fixed(cards) => {
            user.push_str(&worker_list(config, cards));
            user.push_str(&examples::section(config, workers));
        }
        Workers::Drawn(_, listing) => {
            user.push_str(
                "Every question has a list of workers of its own, and a number means a worker of that list only.\n",
            );
            user.push_str(&examples::section(config, workers));
            user.push_str("\n# The workers of your question\n");
            user.push_str(&worker_list(config, listing.cards()));
        }
    }
    user.push_str("\n# The question\n");
    user.push_str(&question(task));
    vec![ChatMessage::system(system), ChatMessage::user(user)]
}

/// One line where only the numbers are shown, else one line a worker.
fn worker_list(config: &schema::Workflow, workers: &[WorkerCard]) -> String {
    if config.show.is_empty() {
        let numbers: Vec<String> = (0..workers.len()).map(|number| number.to_string()).collect();
        return format!("Workers: {}\n", numbers.join(", "));
    }
    let mut list = String::new();
    for (number, card) in workers.iter().enumerate() {
        writeln!(list, "Worker {number}: {}", facts(config, card))
            .expect("writing to a string cannot fail");
    }
    list
}

fn facts(config: &schema::Workflow, card: &WorkerCard) -> String {
    let facts: Vec<String> = config.show.iter().filter_map(|show| fact(*show, card)).collect();
    facts.join("; ")
}

/// A line break in a text of others would look like a new section.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn fact(show: PromptShow, card: &WorkerCard) -> Option<String> {
    match show {
        PromptShow::Name => Some(card.name.clone()),
        PromptShow::Description => card.description.as_deref().map(one_line),
        PromptShow::Size => card.size.as_deref().map(one_line),
        PromptShow::Tags => {
            (!card.tags.is_empty()).then(|| format!("tags: {}", one_line(&card.tags.join(", "))))
        }
        PromptShow::Price => Some(match card.price {
            Some(price) if price.of(1, 1) == 0.0 => "free".into(),
            Some(price) => format!(
                "${} in, ${} out per million tokens",
                price.input_usd_per_million, price.output_usd_per_million
            ),
            None => "price unknown".into(),
        }),
        PromptShow::Capability => Some(
            match card.capability {
                WorkerCapability::General => "does any step",
                WorkerCapability::FromScratch => "answers alone, sees no earlier step",
                WorkerCapability::Combines => "picks the most common earlier answer, must see some",
            }
            .into(),
        ),
    }
}
