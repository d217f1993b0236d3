//! The prompt: stable bytes, the question last, examples that the parser accepts.

mod common;

use std::fmt::Write;

use common::{card, task};
use conductor_configs::schema::{self, PromptShow};
use conductor_rollout::parse::{ParseRules, parse};
use conductor_rollout::pool::check_capabilities;
use conductor_rollout::prompt::{built_in_examples, longest_listing, messages, messages_of};
use conductor_rollout::{Lister, Price, WorkerCard};
use conductor_types::{AccessKind, Constraint, Role, WorkerCapability};

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

/// What every run with one fixed list of workers shows: recordings of policies and their warm starts hang on it.
#[test]
fn prompts_of_a_fixed_list_are_byte_for_byte_what_they_were() {
    use PromptShow::{Capability, Description, Name, Price as Dollars};
    use WorkerCapability::{Combines, FromScratch, General};
    let mut workers = team(&[General, FromScratch, Combines]);
    workers[0].description = Some("Small\nand quick".into());
    workers[0].price = Some(Price::flat(0.15, 0.6));
    workers[2].price = Some(Price::FREE);
    let mut all = String::new();
    for access in KINDS {
        for show in [vec![], vec![Name, Description, Dollars, Capability]] {
            for short_instructions in [false, true] {
                let show = show.clone();
                let config =
                    schema::Workflow { access, show, short_instructions, ..Default::default() };
                for turn in messages(&config, &workers, &task("t")) {
                    write!(all, "[{:?}]\n{}\n\n", turn.role, turn.content).unwrap();
                }
            }
        }
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/prompts.txt");
    if std::env::var_os("UPDATE_PROMPTS").is_some() {
        std::fs::write(&path, &all).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(
        kept == all,
        "{} is not what the code makes; `UPDATE_PROMPTS=1 cargo test -p conductor-rollout --test prompt` writes it anew",
        path.display()
    );
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

fn lister(workers: &[WorkerCard], listed: Option<u32>, permute: bool) -> Lister {
    let pool: schema::Pool = serde_json::from_str(r#"{"workers": []}"#).unwrap();
    Lister::new(&schema::Pool { listed, permute, ..pool }, workers)
}

fn described(capabilities: &[WorkerCapability]) -> Vec<WorkerCard> {
    let named = |(i, &capability): (usize, &WorkerCapability)| WorkerCard {
        description: Some(format!("worker called {i}")),
        ..card(&i.to_string(), capability)
    };
    capabilities.iter().enumerate().map(named).collect()
}

#[test]
fn a_list_that_does_not_vary_leaves_the_prompt_as_it_is() {
    let workers = described(&[WorkerCapability::General, WorkerCapability::Combines]);
    for short_instructions in [false, true] {
        let config = schema::Workflow { short_instructions, ..schema::Workflow::default() };
        for listed in [None, Some(2)] {
            let lister = lister(&workers, listed, false);
            let listing = lister.draw(9, None);
            let varied = messages_of(&config, &lister, &listing, &task("t"));
            assert_eq!(varied, messages(&config, &workers, &task("t")));
        }
    }
}

#[test]
fn what_lists_have_in_common_stands_before_them() {
    let capabilities = [WorkerCapability::General; 5];
    let workers = described(&capabilities);
    let lister = lister(&workers, Some(3), true);
    for short_instructions in [false, true] {
        let config = schema::Workflow {
            short_instructions,
            show: vec![PromptShow::Description],
            ..schema::Workflow::default()
        };
        let text = |seed, id: &str| {
            let listing = lister.draw(seed, None);
            let turns = messages_of(&config, &lister, &listing, &task(id));
            let mut list = String::new();
            for (number, place) in listing.places().iter().enumerate() {
                writeln!(list, "Worker {number}: worker called {place}").unwrap();
            }
            let user = turns[1].content.clone();
            let (before, after) = user.rsplit_once(&list).expect("the list as it was drawn");
            assert!(after.ends_with(&task(id).prompt) && !after.contains("Worker "), "{user}");
            (before.to_owned(), user.len())
        };
        let (before, length) = text(0, "one");
        for seed in 1..20 {
            assert_eq!(text(seed, "two").0, before);
        }
        assert_eq!(before.matches("# Example ").count(), if short_instructions { 0 } else { 3 });
        assert!(short_instructions || before.len() * 10 > length * 8, "little is shared");
    }
}

#[test]
fn examples_of_changing_pools_fit_the_lists_that_they_show() {
    use WorkerCapability::{Combines, FromScratch, General};
    for kind in KINDS {
        for capabilities in [
            &[General, General, General, Combines][..],
            &[FromScratch, FromScratch, FromScratch, Combines],
            &[Combines, General, FromScratch, Combines, Combines],
        ] {
            for listed in 1..=3 {
                let workers = described(capabilities);
                let lister = lister(&workers, Some(listed), true);
                let show = vec![PromptShow::Description];
                let config =
                    schema::Workflow { access: kind, examples: 16, show, ..Default::default() };
                let turns = messages_of(&config, &lister, &lister.draw(1, None), &task("t"));
                let examples: Vec<&str> = turns[1].content.split("# Example ").skip(1).collect();
                assert!(!examples.is_empty(), "{kind:?} {capabilities:?} {listed}");
                for example in examples {
                    let example = example.split("# The workers").next().unwrap();
                    let shown: Vec<WorkerCard> = example
                        .lines()
                        .filter_map(|line| line.split_once("worker called "))
                        .map(|(_, place)| workers[place.parse::<usize>().unwrap()].clone())
                        .collect();
                    assert_eq!(shown.len(), listed as usize, "{example}");
                    let rules = ParseRules { access: kind, max_steps: 5, workers: shown.len() };
                    let workflow =
                        parse(example, &rules).unwrap_or_else(|e| panic!("{e}: {example}"));
                    assert_eq!(check_capabilities(&workflow, &shown), Ok(()), "{example}");
                }
            }
        }
    }
}

#[test]
fn numbers_of_a_permuted_list_are_read_as_access_by_model() {
    let workers = described(&[WorkerCapability::General; 4]);
    let listing = lister(&workers, Some(3), true).draw(11, None);
    let rules = ParseRules { access: AccessKind::ByModel, max_steps: 5, workers: 3 };
    let text = "model_id: [2, 0, 2, 1]\nsubtasks: [\"a\", \"b\", \"c\", \"d\"]\naccess_list: [[], [2], [0], [2, 0]]";
    let workflow = listing.in_pool(parse(text, &rules).unwrap());
    let access: Vec<_> = workflow.steps.iter().map(|step| step.access.clone()).collect();
    assert_eq!(access, [vec![], vec![0], vec![1], vec![0, 1, 2]]);
    let places = listing.places();
    let found: Vec<_> = workflow.steps.iter().map(|step| step.worker).collect();
    assert_eq!(found, [places[2], places[0], places[2], places[1]]);
    assert_ne!(places, [0, 1, 2], "this draw tests nothing");
    assert!(parse(&text.replace("2, 0, 2, 1", "3, 0, 3, 1"), &rules).is_err(), "three are listed");
}

#[test]
fn size_and_tags_are_shown_where_a_worker_has_them() {
    let mut workers = team(&[WorkerCapability::General; 2]);
    workers[0].size = Some("1.5B\nactive".into());
    workers[0].tags = vec!["open".into(), "local".into()];
    let show = vec![PromptShow::Capability, PromptShow::Size, PromptShow::Tags];
    let config = schema::Workflow { show, ..schema::Workflow::default() };
    let text = user_turn(&config, &workers, "t");
    assert!(
        text.contains(
            "Worker 0: does any step; 1.5B active; tags: open, local\nWorker 1: does any step\n"
        ),
        "{text}"
    );
}

#[test]
fn a_constraint_stands_behind_the_question_on_a_line_of_its_own() {
    let workers = team(&[WorkerCapability::General; 2]);
    let text = "Use open models only.".to_owned();
    let constraint = Some(Constraint { text, max_steps: Some(1), ..Constraint::default() });
    let constrained = conductor_types::Task { constraint, ..task("t") };
    for short_instructions in [false, true] {
        let config = schema::Workflow { short_instructions, ..schema::Workflow::default() };
        let free = user_turn(&config, &workers, "t");
        let bound = messages(&config, &workers, &constrained)[1].content.clone();
        assert_eq!(bound, format!("{free}\nUse open models only."));
    }
    let message = conductor_rollout::worker_message::worker_message(
        WorkerCapability::General,
        &constrained,
        "Solve it.",
        (&[], &[]),
    )
    .text;
    assert!(!message.contains("open models"), "{message}");
}

#[test]
fn what_is_no_text_is_a_mark_in_its_place() {
    let workers = team(&[WorkerCapability::General; 2]);
    let parts = r#"[{"type": "text", "text": "Left:"}, {"type": "image_url", "image_url": {"url": "data:,SECRET"}},
        {"type": "text", "text": "Right:"}, {"type": "image_url", "image_url": {"url": "data:,SECRET"}}]"#;
    let parts = serde_json::from_str(parts).expect("parts");
    let pictured = conductor_types::Task { parts, ..task("t") };
    for short_instructions in [false, true] {
        let config = schema::Workflow { short_instructions, ..schema::Workflow::default() };
        let plain = user_turn(&config, &workers, "t");
        let turn = messages(&config, &workers, &pictured)[1].content.clone();
        let shown = "Left:\n[image 1]\nRight:\n[image 2]";
        assert_eq!(turn, plain.replace(&task("t").prompt, shown));
    }
}

#[test]
fn the_longest_list_bounds_every_prompt() {
    let mut workers = team(&[WorkerCapability::General; 5]);
    for (i, worker) in workers.iter_mut().enumerate() {
        worker.description = Some("long ".repeat([3, 1, 40, 7, 20][i]));
    }
    let lister = lister(&workers, Some(2), true);
    let show = vec![PromptShow::Description];
    let config = schema::Workflow { show, ..schema::Workflow::default() };
    let length = |listing| messages_of(&config, &lister, &listing, &task("t"))[1].content.len();
    let longest = length(longest_listing(&config, &lister));
    assert!((0..200).all(|seed| length(lister.draw(seed, None)) <= longest));
}
