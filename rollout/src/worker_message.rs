//! The one user message that a worker gets in a step.

use std::fmt::Write;

use conductor_types::{Task, WorkerCapability};

/// An earlier step that the worker is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenStep<'a> {
    /// Its index in the workflow, from 0.
    pub index: usize,
    /// What its worker was told.
    pub subtask: &'a str,
    /// What its worker answered.
    pub answer: &'a str,
}

/// What `capability` is told in a step: its role, the whole question, each visible earlier step, its own subtask.
/// `before` are the steps of the round before, `seen` earlier ones of this workflow; those with empty answers are left out. A worker that only answers from scratch gets the question exactly
/// as it stands, which is also what it was sent when it was recorded.
pub fn worker_message(
    capability: WorkerCapability,
    task: &Task,
    subtask: &str,
    (before, seen): (&[SeenStep<'_>], &[SeenStep<'_>]),
) -> String {
    if capability == WorkerCapability::FromScratch {
        return task.prompt.clone();
    }
    let mut message = String::from(
        "You are one of several experts who work on a question together. Do the part that is given to you below, \
         and keep to the answer form that the question asks for.\n\n<question>\n",
    );
    message.push_str(task.prompt.trim_end());
    message.push_str("\n</question>\n");
    let shown = |steps: &[SeenStep<'_>]| steps.iter().any(|step| !step.answer.trim().is_empty());
    if shown(before) {
        message.push_str("\n<earlier_attempt>");
        push_steps(&mut message, before);
        message.push_str("</earlier_attempt>\n");
    }
    push_steps(&mut message, seen);
    message.push_str("\nYour part: ");
    message.push_str(if subtask.trim().is_empty() {
        "Answer the question."
    } else {
        subtask.trim()
    });
    message
}

fn push_steps(message: &mut String, steps: &[SeenStep<'_>]) {
    for step in steps.iter().filter(|step| !step.answer.trim().is_empty()) {
        // The tags mark where others' words begin and end; they are not trusted to be right.
        write!(
            message,
            "\n<earlier_step number=\"{}\">\n<its_part>\n{}\n</its_part>\n<its_answer>\n{}\n</its_answer>\n\
             </earlier_step>\n",
            step.index,
            step.subtask.trim(),
            step.answer.trim()
        )
        .expect("writing to a string cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use conductor_types::Grading;

    use super::*;

    fn task() -> Task {
        Task {
            id: "t".into(),
            domain: "d".into(),
            prompt: "How many? \n".into(),
            grading: Grading::Recorded,
            parts: Vec::new(),
            constraint: None,
        }
    }

    #[test]
    fn from_scratch_is_the_prompt_itself() {
        let message = worker_message(WorkerCapability::FromScratch, &task(), "ignored", (&[], &[]));
        assert_eq!(message, task().prompt);
    }

    #[test]
    fn earlier_steps_are_marked_and_empty_answers_left_out() {
        let seen = [
            SeenStep { index: 0, subtask: "Plan it.", answer: "Count twice." },
            SeenStep { index: 2, subtask: "Think.", answer: " \n" },
        ];
        let message = worker_message(WorkerCapability::General, &task(), "Count.", (&[], &seen));
        let question = message.find("How many?").unwrap();
        let earlier = message.find("Count twice.").unwrap();
        assert!(question < earlier && message.ends_with("Your part: Count."), "{message}");
        assert!(message.contains("Plan it.") && message.contains("number=\"0\""), "{message}");
        assert!(!message.contains("Think.") && !message.contains("number=\"2\""), "{message}");
    }

    #[test]
    fn an_empty_subtask_asks_for_the_answer() {
        let message = worker_message(WorkerCapability::General, &task(), "  ", (&[], &[]));
        assert!(message.ends_with("Your part: Answer the question."), "{message}");
    }

    #[test]
    fn the_round_before_stands_apart_and_first() {
        let before = [SeenStep { index: 0, subtask: "Guess.", answer: "Seven." }];
        let now = [SeenStep { index: 0, subtask: "Check.", answer: "No." }];
        let message = worker_message(WorkerCapability::General, &task(), "Count.", (&before, &now));
        let [open, seven, close, no] =
            ["<earlier_attempt>", "Seven.", "</earlier_attempt>", "No."].map(|w| message.find(w));
        assert!(open.is_some() && open < seven && seven < close && close < no, "{message}");
    }
}
