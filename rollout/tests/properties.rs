//! What holds for every text and every workflow.

mod common;

use common::card;
use conductor_configs::schema;
use conductor_rollout::generate::random_workflow;
use conductor_rollout::parse::{ParseRules, parse};
use conductor_rollout::pool::check_capabilities;
use conductor_rollout::render::render;
use conductor_types::seed::SplitMix;
use conductor_types::{AccessKind, Step, WorkerCapability, Workflow};
use proptest::prelude::*;

const KINDS: [AccessKind; 3] = [AccessKind::Binary, AccessKind::ByModel, AccessKind::ByStep];

fn rules(access: AccessKind) -> ParseRules {
    ParseRules { access, max_steps: 5, workers: 4 }
}

/// Text made of the pieces that the parser reacts to.
fn labelled_noise() -> impl Strategy<Value = String> {
    let pieces = vec![
        "model_id",
        "Model ID",
        "subtasks",
        "access_list",
        "access",
        ":",
        "=",
        " ",
        "\n",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ",",
        "\"",
        "'",
        "\"\"\"",
        "\\",
        "\\u12",
        "\\x",
        "`",
        "<think>",
        "</think>",
        "- ",
        "0",
        "1",
        "9",
        "-",
        "None",
        "null",
        "all",
        "#",
        "é",
        "“",
        "’",
        "😀",
        "r",
        "b",
        "_",
        "1e5",
        "model_id: [0, 1]",
        "subtasks: [\"a\", 'b']",
        "access_list: [[], \"all\"]",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..80).prop_map(|parts| parts.concat())
}

/// Workflows of one to five steps over four workers, with any text as subtask and any access to earlier steps.
fn workflows() -> impl Strategy<Value = Workflow> {
    let subtask = prop_oneof![any::<String>(), labelled_noise(), "[ -~]{0,40}",];
    prop::collection::vec((0..4_usize, subtask, any::<u8>()), 1..=5).prop_map(|steps| Workflow {
        steps: steps
            .into_iter()
            .enumerate()
            .map(|(index, (worker, subtask, bits))| {
                Step::new(
                    worker,
                    subtask,
                    (0..index).filter(|earlier| bits >> earlier & 1 == 1).collect(),
                )
            })
            .collect(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>(), noise in labelled_noise()) {
        for kind in KINDS {
            for text in [&text, &noise] {
                if let Ok(workflow) = parse(text, &rules(kind)) {
                    prop_assert!((1..=5).contains(&workflow.steps.len()));
                    for (index, step) in workflow.steps.iter().enumerate() {
                        prop_assert!(step.worker < 4);
                        prop_assert!(step.access.iter().all(|&earlier| earlier < index));
                        prop_assert!(step.access.windows(2).all(|pair| pair[0] < pair[1]));
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_written_is_read_back(workflow in workflows()) {
        prop_assert!(render(&workflow, AccessKind::ByStep).is_ok());
        for kind in KINDS {
            if let Ok(text) = render(&workflow, kind) {
                prop_assert_eq!(parse(&text, &rules(kind)), Ok(workflow.clone()), "{}", text);
            }
        }
    }

    #[test]
    fn what_is_written_is_json(workflow in workflows()) {
        let text = render(&workflow, AccessKind::ByStep).unwrap();
        for (line, label) in text.lines().zip(["model_id: ", "subtasks: ", "access_list: "]) {
            let list = line.strip_prefix(label).expect("the label");
            let list: Vec<serde_json::Value> = serde_json::from_str(list).expect("a JSON list");
            prop_assert_eq!(list.len(), workflow.steps.len());
        }
    }

    #[test]
    fn random_workflows_are_valid(
        seed in any::<u64>(),
        kind in prop::sample::select(KINDS.to_vec()),
        max_steps in 1..=16_u32,
        share in 0.0..=1.0_f64,
        capabilities in prop::collection::vec(
            prop::sample::select(vec![
                WorkerCapability::General,
                WorkerCapability::FromScratch,
                WorkerCapability::Combines,
            ]),
            0..6,
        ),
        first in prop::sample::select(vec![
            WorkerCapability::General,
            WorkerCapability::FromScratch,
        ]),
    ) {
        let cards: Vec<_> =
            capabilities.into_iter().chain([first]).map(|capability| card("w", capability)).collect();
        let config = schema::Workflow { access: kind, max_steps, ..schema::Workflow::default() };
        let workflow = random_workflow(&mut SplitMix::new(seed), &cards, &config, share);
        prop_assert!((1..=max_steps as usize).contains(&workflow.steps.len()));
        prop_assert_eq!(check_capabilities(&workflow, &cards), Ok(()));
        let text = render(&workflow, kind).unwrap();
        let rules =
            ParseRules { access: kind, max_steps: max_steps as usize, workers: cards.len() };
        prop_assert_eq!(parse(&text, &rules), Ok(workflow));
    }
}

#[test]
fn random_workflows_follow_the_share_and_use_every_worker() {
    let cards = [
        card("a", WorkerCapability::FromScratch),
        card("b", WorkerCapability::FromScratch),
        card("vote", WorkerCapability::Combines),
    ];
    let config = schema::Workflow { max_steps: 4, ..schema::Workflow::default() };
    let mut rng = SplitMix::new(5);
    let drawn: Vec<Workflow> =
        (0..4000).map(|_| random_workflow(&mut rng, &cards, &config, 0.25)).collect();
    let with =
        |steps: usize| drawn.iter().filter(|w| w.steps.len() == steps).count() as f64 / 4000.0;
    for steps in 1..=4 {
        assert!(
            (with(steps) - 0.25).abs() < 0.03,
            "{} of the workflows have {steps} steps",
            with(steps)
        );
    }
    // Workers that read nothing but the task are always told the same.
    let told: std::collections::HashSet<_> = drawn
        .iter()
        .flat_map(|w| w.steps.iter().filter(|step| step.worker < 2))
        .map(|step| &step.subtask)
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    for worker in 0..3 {
        assert!(drawn.iter().any(|w| w.steps.iter().any(|step| step.worker == worker)));
    }
    assert_eq!(
        random_workflow(&mut SplitMix::new(9), &cards, &config, 0.25),
        random_workflow(&mut SplitMix::new(9), &cards, &config, 0.25)
    );
}

#[test]
fn binary_random_workflows_use_both_kinds_of_access() {
    let cards = [card("a", WorkerCapability::General)];
    let config = schema::Workflow::default();
    let mut rng = SplitMix::new(1);
    let drawn: Vec<Workflow> =
        (0..200).map(|_| random_workflow(&mut rng, &cards, &config, 0.0)).collect();
    let later = || drawn.iter().flat_map(|w| w.steps.iter().skip(1));
    assert!(
        later().any(|step| step.access.is_empty()) && later().any(|step| !step.access.is_empty())
    );
    let subtasks: std::collections::HashSet<_> =
        drawn.iter().flat_map(|w| &w.steps).map(|step| &step.subtask).collect();
    assert!(subtasks.len() >= 20, "{} different subtasks", subtasks.len());
}
