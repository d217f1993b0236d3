//! The one user message that a worker gets in a step.

use std::fmt::Write;

use conductor_types::{Part, Task, WorkerCapability};

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

/// The message of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerMessage {
    /// For who reads only text.
    pub text: String,
    /// Our words, the question's content parts as they were given, and our words again; empty where the question is text alone.
    pub parts: Vec<Part>,
}

/// What `capability` is told in a step: its role, the whole question, each visible earlier step, its own subtask.
/// `before` are the steps of the round before, `seen` earlier ones of this workflow; those with empty answers are left out. A worker that only answers from scratch gets the question exactly
/// as it stands, which is also what it was sent when it was recorded.
pub fn worker_message(
    capability: WorkerCapability,
    task: &Task,
    subtask: &str,
    (before, seen): (&[SeenStep<'_>], &[SeenStep<'_>]),
) -> WorkerMessage {
    let question = task.question();
    if capability == WorkerCapability::FromScratch {
        return WorkerMessage { text: question.into_owned(), parts: task.parts.clone() };
    }
    let opening = "You are one of several experts who work on a question together. Do the part that is given to you below, \
         and keep to the answer form that the question asks for.\n\n<question>\n";
    let rest = after_the_question(subtask, before, seen);
    let parts = if task.parts.is_empty() {
        Vec::new()
    } else {
        let (first, last) = (Part::of_text(opening), Part::of_text(rest.as_str()));
        std::iter::once(first).chain(task.parts.iter().cloned()).chain([last]).collect()
    };
    WorkerMessage { text: format!("{opening}{}{rest}", question.trim_end()), parts }
}

fn after_the_question(subtask: &str, before: &[SeenStep<'_>], seen: &[SeenStep<'_>]) -> String {
    let mut message = String::from("\n</question>\n");
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
        assert_eq!(message, WorkerMessage { text: task().prompt, parts: Vec::new() });
    }

    #[test]
    fn earlier_steps_are_marked_and_empty_answers_left_out() {
        let seen = [
            SeenStep { index: 0, subtask: "Plan it.", answer: "Count twice." },
            SeenStep { index: 2, subtask: "Think.", answer: " \n" },
        ];
        let message =
            worker_message(WorkerCapability::General, &task(), "Count.", (&[], &seen)).text;
        let question = message.find("How many?").unwrap();
        let earlier = message.find("Count twice.").unwrap();
        assert!(question < earlier && message.ends_with("Your part: Count."), "{message}");
        assert!(message.contains("Plan it.") && message.contains("number=\"0\""), "{message}");
        assert!(!message.contains("Think.") && !message.contains("number=\"2\""), "{message}");
    }

    #[test]
    fn an_empty_subtask_asks_for_the_answer() {
        let message = worker_message(WorkerCapability::General, &task(), "  ", (&[], &[])).text;
        assert!(message.ends_with("Your part: Answer the question."), "{message}");
    }

    #[test]
    fn the_round_before_stands_apart_and_first() {
        let before = [SeenStep { index: 0, subtask: "Guess.", answer: "Seven." }];
        let now = [SeenStep { index: 0, subtask: "Check.", answer: "No." }];
        let message =
            worker_message(WorkerCapability::General, &task(), "Count.", (&before, &now)).text;
        let [open, seven, close, no] =
            ["<earlier_attempt>", "Seven.", "</earlier_attempt>", "No."].map(|w| message.find(w));
        assert!(open.is_some() && open < seven && seven < close && close < no, "{message}");
    }

    fn pictured() -> Task {
        let parts = r#"[{"type": "text", "text": "Which is larger?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "http://h/b.png"}}]"#;
        Task { parts: serde_json::from_str(parts).unwrap(), ..task() }
    }

    #[test]
    fn a_question_with_images_stands_between_our_words_as_it_was_given() {
        let seen = [SeenStep { index: 0, subtask: "Look.", answer: "The first." }];
        let of =
            |task: &Task| worker_message(WorkerCapability::General, task, "Check.", (&[], &seen));
        let (message, plain) = (of(&pictured()), of(&task()));
        assert_eq!(plain.parts, []);
        let [first, given @ .., last] = &message.parts[..] else { panic!("{message:?}") };
        assert_eq!(given, pictured().parts);
        let (first, last) = (first.text().unwrap(), last.text().unwrap());
        // Our words are those of a question of text alone.
        assert_eq!(format!("{first}{}{last}", task().prompt.trim_end()), plain.text);
        assert!(last.starts_with("\n</question>") && last.contains("The first."), "{last}");
        let marked = "Which is larger?\n[image 1]\n[image 2]";
        assert_eq!(message.text, format!("{first}{marked}{last}"));
    }

    #[test]
    fn from_scratch_are_the_parts_themselves() {
        let task = pictured();
        let message = worker_message(WorkerCapability::FromScratch, &task, "ignored", (&[], &[]));
        assert_eq!(message.parts, task.parts);
        assert_eq!(message.text, "Which is larger?\n[image 1]\n[image 2]");
    }
}
