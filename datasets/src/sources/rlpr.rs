//! RLPR (arXiv 2506.18254): questions of many fields with a short free answer, as prompt messages with the right answer beside them.

use std::path::Path;

use conductor_types::Grading;
use serde::Deserialize;

use super::records::Rows;
use super::{Emit, check, draft, prompts};
use crate::error::{DataError, excerpt};

const EXPECTED: &str =
    "an RLPR row {\"prompt\": [{\"role\", \"content\"}], \"reward_model\": {\"ground_truth\"}}";

#[derive(Deserialize)]
struct Row {
    prompt: Vec<Message>,
    reward_model: RewardModel,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: String,
}

#[derive(Deserialize)]
struct RewardModel {
    ground_truth: String,
}

pub(super) fn read(path: &Path, max_gold_chars: usize, emit: &mut Emit) -> Result<(), DataError> {
    Rows::new(path, &["prompt", "reward_model"], EXPECTED).for_each(|at, row: Row| {
        let gold = row.reward_model.ground_truth.trim();
        if gold.chars().nth(max_gold_chars).is_some() {
            return Ok(());
        }
        check::filled(&at.place, "reward_model.ground_truth", gold)?;
        let question = question(&row.prompt).ok_or_else(|| {
            let roles: Vec<&str> = row.prompt.iter().map(|message| message.role.as_str()).collect();
            at.fail("`prompt` with a message of the user", excerpt(&roles.join(", ")))
        })?;
        check::filled(&at.place, "prompt", &question)?;
        let id = format!("rlpr/{}", at.index);
        let prompt = prompts::short(&question);
        let grading = Grading::Fuzzy { gold: gold.to_string() };
        emit(at.place, draft::task(id, "rlpr".into(), prompt, grading))
    })
}

/// What the user says. The system's words ask for another form of answer than ours and are left out; a talk of several turns is
/// told with who speaks.
fn question(messages: &[Message]) -> Option<String> {
    let turns: Vec<&Message> = messages.iter().filter(|message| message.role != "system").collect();
    match turns[..] {
        [only] if only.role == "user" => Some(only.content.clone()),
        [.., last] if last.role == "user" => {
            let told = turns.iter().map(|turn| format!("{}: {}", turn.role, turn.content.trim()));
            Some(told.collect::<Vec<_>>().join("\n\n"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(turns: &[(&str, &str)]) -> Vec<Message> {
        let message = |(role, content): &(&str, &str)| Message {
            role: (*role).into(),
            content: (*content).into(),
        };
        turns.iter().map(message).collect()
    }

    #[test]
    fn the_question_is_what_the_user_says() {
        let one = messages(&[("system", "Think."), ("user", "Why?")]);
        assert_eq!(question(&one).as_deref(), Some("Why?"));
        let three = messages(&[("user", "Why?"), ("assistant", "What?"), ("user", "This.")]);
        assert_eq!(
            question(&three).as_deref(),
            Some("user: Why?\n\nassistant: What?\n\nuser: This.")
        );
        for none in [&[("system", "Think.")][..], &[("user", "a"), ("assistant", "b")], &[]] {
            assert_eq!(question(&messages(none)), None);
        }
    }
}
