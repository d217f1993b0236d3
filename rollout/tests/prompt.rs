//! The prompt: stable bytes, the question last, examples that the parser accepts.

mod common;

use common::{card, task};
use conductor_configs::schema::{self, PromptShow};
use conductor_rollout::parse::{ParseRules, parse};
use conductor_rollout::pool::check_capabilities;
use conductor_rollout::prompt::{built_in_examples, messages};
use conductor_rollout::{Price, WorkerCard};
use conductor_types::{AccessKind, Role, WorkerCapability};

const KINDS: [AccessKind; 3] = [AccessKind::Binary, AccessKind::ByModel, AccessKind::ByStep];

fn team(capabilities: &[WorkerCapability]) -> Vec<WorkerCard> {
    capabilities.iter().map(|&capability| card("hidden-name", capability)).collect()
}

fn user_turn(config: &schema::Workflow, workers: &[WorkerCard], id: &str) -> String {
    let turns = messages(config, workers, &task(id));
    assert_eq!(turns.iter().map(|turn| turn.role).collect::<Vec<_>>(), [Role::System, Role::User]);
    turns[1].content.clone()
}

#[test]
fn there_are_three_examples_for_each_access_kind() {
    for kind in KINDS {
        assert!(built_in_examples(kind) >= 3, "{kind:?}");
    }
}

#[test]
fn every_example_is_a_workflow_that_the_team_can_run() {
    use WorkerCapability::{Combines, FromScratch, General};
    let teams = [
        team(&[General; 4]),
        team(&[General]),
        team(&[FromScratch, FromScratch, FromScratch, Combines]),
        team(&[FromScratch, FromScratch]),
        team(&[Combines, General, FromScratch]),
    ];
    for kind in KINDS {
        for workers in &teams {
            for max_steps in 1..=5 {
                let config = schema::Workflow {
                    access: kind,
                    max_steps,
                    examples: 16,
                    ..schema::Workflow::default()
                };
                let text = user_turn(&config, workers, "t1");
                let rules = ParseRules {
                    access: kind,
                    max_steps: max_steps as usize,
                    workers: workers.len(),
                };
                let examples: Vec<&str> = text.split("# Example ").skip(1).collect();
                assert!(!examples.is_empty(), "{kind:?} {max_steps} {workers:?}");
                for example in examples {
                    let lists = example.split("# The question").next().unwrap();
                    let workflow = parse(lists, &rules).unwrap_or_else(|e| panic!("{e}: {lists}"));
                    assert_eq!(check_capabilities(&workflow, workers), Ok(()), "{lists}");
                }
            }
        }
    }
}

#[test]
fn the_number_of_examples_follows_the_configuration() {
    for wanted in 0..=3 {
        let config = schema::Workflow { examples: wanted, ..schema::Workflow::default() };
        let text = user_turn(&config, &team(&[WorkerCapability::General; 3]), "t1");
        assert_eq!(text.matches("# Example ").count(), wanted as usize);
    }
}

#[test]
fn questions_share_everything_up_to_the_question() {
    for short_instructions in [false, true] {
        let config = schema::Workflow { short_instructions, ..schema::Workflow::default() };
        let workers = team(&[WorkerCapability::General; 3]);
        let (one, two) = (user_turn(&config, &workers, "one"), user_turn(&config, &workers, "two"));
        let (one_question, two_question) = (task("one").prompt, task("two").prompt);
        assert!(one.ends_with(&one_question) && two.ends_with(&two_question));
        assert_eq!(
            one.strip_suffix(&one_question),
            two.strip_suffix(&two_question),
            "the part before the question differs"
        );
        assert_eq!(one, user_turn(&config, &workers, "one"), "the bytes are not stable");
    }
}

#[test]
fn workers_are_bare_numbers_unless_more_is_shown() {
    let mut workers = team(&[WorkerCapability::General, WorkerCapability::Combines]);
    workers[0].description = Some("Small\nand quick".into());
    workers[0].price = Some(Price::flat(0.15, 0.6));
    workers[1].price = Some(Price::FREE);
    for short_instructions in [false, true] {
        let bare = schema::Workflow { short_instructions, ..schema::Workflow::default() };
        let text = user_turn(&bare, &workers, "t");
        assert!(text.contains("Workers: 0, 1\n") && !text.contains("hidden-name"), "{text}");
        let show = vec![
            PromptShow::Name,
            PromptShow::Description,
            PromptShow::Price,
            PromptShow::Capability,
        ];
        let text = user_turn(&schema::Workflow { show, ..bare }, &workers, "t");
        for part in [
            "Worker 0: hidden-name; Small and quick; $0.15 in, $0.6 out per million tokens; does any step\n",
            "Worker 1: hidden-name; free; picks the most common earlier answer, must see some\n",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}

#[test]
fn the_short_form_is_short() {
    for kind in KINDS {
        let config = schema::Workflow {
            access: kind,
            short_instructions: true,
            ..schema::Workflow::default()
        };
        let turns = messages(&config, &team(&[WorkerCapability::General; 5]), &task("t"));
        let question = task("t").prompt.len();
        let characters: usize =
            turns.iter().map(|turn| turn.content.len()).sum::<usize>() - question;
        // English in byte-pair encodings: a token for three characters at the very least.
        assert!(characters / 3 <= 90, "{kind:?}: {characters} characters");
    }
}

#[test]
fn each_access_kind_is_explained() {
    for (kind, words) in [
        (AccessKind::Binary, "\"all\""),
        (AccessKind::ByModel, "worker numbers"),
        (AccessKind::ByStep, "earlier step numbers"),
    ] {
        for short_instructions in [false, true] {
            let config = schema::Workflow {
                access: kind,
                short_instructions,
                ..schema::Workflow::default()
            };
            let text = user_turn(&config, &team(&[WorkerCapability::General; 2]), "t");
            assert!(text.contains(words), "{kind:?}: {text}");
        }
    }
}
