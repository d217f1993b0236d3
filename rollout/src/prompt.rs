//! The prompt that asks the policy for a workflow.
//!
//! What is the same for every question stands first and the question stands last, so that sampling and training
//! compute the common part once. The same inputs give the same bytes.

mod examples;

use std::fmt::Write;

use conductor_configs::schema::{self, PromptShow};
use conductor_types::{AccessKind, ChatMessage, Task, WorkerCapability};

pub use examples::built_in_examples;

use crate::card::WorkerCard;

/// A system turn and a user turn. `workers` are listed by bare ordinals from 0, with what `config.show` adds; worked
/// examples use only these workers, within what they can do and within `config.max_steps`.
/// The short form has no worked examples.
pub fn messages(
    config: &schema::Workflow,
    workers: &[WorkerCard],
    task: &Task,
) -> Vec<ChatMessage> {
    if config.short_instructions {
        short(config, workers, task)
    } else {
        long(config, workers, task)
    }
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
    user.push_str(task.prompt.trim_end());
    vec![ChatMessage::system("You assign work to workers."), ChatMessage::user(user)]
}

fn long(config: &schema::Workflow, workers: &[WorkerCard], task: &Task) -> Vec<ChatMessage> {
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
    user.push_str(&worker_list(config, workers));
    user.push_str(&examples::section(config, workers));
    user.push_str("\n# The question\n");
    user.push_str(task.prompt.trim_end());
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
        let facts: Vec<String> = config.show.iter().filter_map(|show| fact(*show, card)).collect();
        writeln!(list, "Worker {number}: {}", facts.join("; "))
            .expect("writing to a string cannot fail");
    }
    list
}

fn fact(show: PromptShow, card: &WorkerCard) -> Option<String> {
    match show {
        PromptShow::Name => Some(card.name.clone()),
        // A line break in a description would look like a new section.
        PromptShow::Description => card
            .description
            .as_ref()
            .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")),
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
