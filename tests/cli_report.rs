//! What a run's logs say, as a person meets it. The logs are written here: nothing is trained.

use std::path::Path;

use conductor_datasets::episodes::write_rows;
use conductor_datasets::{EpisodeLog, EpisodeRow};
use conductor_testkit::{Outcome, Program, Workspace};
use conductor_types::{
    Completion, Episode, EpisodeId, FinishReason, RewardParts, Unscorable, Verdict, Workflow,
    WrongCause,
};
use serde_json::Value;

fn conductor(at: &Workspace, args: &[&str]) -> Outcome {
    Program::new(env!("CARGO_BIN_EXE_conductor"), at.path()).args(args).run()
}

/// An episode that ran at this price; without a score its worker failed.
fn episode(step: u64, task: &str, sample: u32, score: Option<f64>, usd: f64) -> EpisodeRow {
    let verdict = match score {
        None => Verdict::Unscorable { cause: Unscorable::WorkerFailed, detail: String::new() },
        Some(score) if score > 0.0 => Verdict::Right { score },
        Some(_) => Verdict::Wrong { cause: WrongCause::WrongAnswer, detail: String::new() },
    };
    let reward = score.map(|score| RewardParts {
        format: 0.5,
        correctness: 0.5 * score,
        cost: -10.0 * usd,
        ..RewardParts::default()
    });
    let episode = Episode {
        id: EpisodeId { step, task_id: task.into(), sample, round: 0 },
        domain: if task == "a" { "sums" } else { "words" }.into(),
        prompt: String::new(),
        completion: Completion {
            prompt_tokens: vec![1].into(),
            tokens: vec![2],
            logprobs: vec![-0.5],
            text: "x".into(),
            finish: FinishReason::Stop,
        },
        outcome: conductor_types::Outcome::Ran {
            workflow: Workflow { steps: Vec::new() },
            calls: Vec::new(),
            answer: "4".into(),
            recorded_score: None,
            critical_path_ms: 0.0,
        },
        verdict: Some(verdict),
        extracted: Some("4".into()),
        reward,
        advantage: reward.map(|_| 0.0),
    };
    EpisodeRow { cost_usd: usd, ..EpisodeRow::from(&episode) }
}

/// Steps 0 to 2 of training with two groups of two each, one of them without a verdict, and an evaluation.
fn run_folder() -> Workspace {
    let at = Workspace::new();
    let folder = at.join("runs/r/episodes");
    let _ = EpisodeLog::open(&folder).unwrap();
    let file = |step: u64, part: &str| folder.join(format!("step-{step:06}-{part}.parquet"));
    for step in 0..3 {
        let rows = [
            episode(step, "a", 0, Some(1.0), 0.09),
            episode(step, "a", 1, Some(0.0), 0.01),
            episode(step, "b", 0, Some(1.0), 0.02),
            episode(step, "b", 1, (step > 0).then_some(1.0), 0.02),
        ];
        write_rows(&file(step, "train"), rows).unwrap();
    }
    write_rows(&file(2, "valid"), [episode(2, "b", 0, Some(1.0), 0.0)]).unwrap();
    at
}

fn json(at: &Workspace, args: &[&str]) -> Value {
    let outcome = conductor(at, &[&["report", "rewards", "runs/r", "--json"], args].concat());
    serde_json::from_str(&outcome.expect_code(0).stdout).expect("JSON")
}

#[test]
fn rewards_are_described_for_people_and_programs() {
    let at = run_folder();
    let report = json(&at, &[]);
    assert_eq!(report["episodes"], 12);
    assert_eq!(report["scorable"], 11);
    assert_eq!(report["steps"], serde_json::json!([0, 2]));
    assert_eq!(report["unscorable"], serde_json::json!({ "worker_failed": 1 }));
    assert_eq!(report["dominant"], "cost");
    assert_eq!(report["groups"]["count"], 6);
    // The group that lost a member, and the two of "b" that are all right at one price.
    assert_eq!(report["groups"]["without_spread"], 3);
    let parts = report["parts"].as_array().expect("parts");
    let names: Vec<&str> = parts.iter().map(|part| part["part"].as_str().unwrap()).collect();
    assert_eq!(names, [&RewardParts::NAMES[..], &["total"]].concat());
    assert_eq!(parts[0]["all"]["mean"], 0.5);
    assert_eq!(parts[1]["by_domain"]["sums"]["zero_share"], 0.5);
    // The right answer to "a" is so dear that the wrong one earns more.
    assert_eq!(report["right_below_wrong"], serde_json::json!({ "right": 3, "below": 3 }));

    let page = conductor(&at, &["report", "rewards", "runs/r"]).expect_code(0).stdout;
    for words in [
        "12 episodes of train, steps 0 to 2",
        "without a reward: 1 worker_failed",
        "share of variance",
        "total reward",
        "█",
        "mean by domain",
        "cost explains",
        "50.0% without spread in the reward",
        "correlation +",
        "3 of 3 right answers earn less",
    ] {
        assert!(page.contains(words), "{words}:\n{page}");
    }
    assert!(page.lines().all(|line| line.chars().count() < 400), "{page}");
}

#[test]
fn steps_and_splits_are_chosen() {
    let at = run_folder();
    for (args, episodes) in [
        (&["--step", "1"][..], 4),
        (&["--step", "1.."], 8),
        (&["--step", "..0"], 4),
        (&["--step", "0..1"], 8),
        (&["--split", "valid"], 1),
        (&["--split", "valid", "--step", "2"], 1),
    ] {
        assert_eq!(json(&at, args)["episodes"], episodes, "{args:?}");
    }
    let valid = conductor(&at, &["report", "rewards", "runs/r", "--split", "valid"]);
    assert!(valid.expect_code(0).stdout.contains("1 episode of valid, step 2"));
}

#[test]
fn what_cannot_be_described_is_told_from_what_is_wrong() {
    let at = run_folder();
    let report = |args: &[&str]| conductor(&at, &[&["report", "rewards"], args].concat());
    let _ = report(&["runs/none"]).expect_code(2).expect_stderr(&["runs/none", "no run's folder"]);
    let _ = report(&["runs/r", "--step", "7"]).expect_code(2).expect_stderr(&[
        "no such episodes of train",
        "train of 3 steps from 0 to 2",
        "valid",
    ]);
    let _ =
        report(&["runs/r", "--step", "5..2"]).expect_code(2).expect_stderr(&["behind the last"]);
    let _ = report(&["runs/r", "--step", "x"]).expect_code(2).expect_stderr(&["3..10"]);
    let _ = report(&["runs/r", "--split", "test"]).expect_code(2).expect_stderr(&["of test"]);

    std::fs::create_dir_all(at.join("runs/new/episodes")).unwrap();
    let _ = report(&["runs/new"]).expect_code(2).expect_stderr(&["has no episodes yet"]);
    let empty = at.join("runs/new/episodes/step-000000-train.parquet");
    write_rows(&empty, []).unwrap();
    let _ = report(&["runs/new"]).expect_code(2).expect_stderr(&["hold no episode"]);
    let failed = [episode(0, "a", 0, None, 0.01)];
    write_rows(&empty, failed).unwrap();
    let outcome = report(&["runs/new"]).expect_code(0);
    assert!(outcome.stdout.contains("no episode has a reward"), "{outcome}");
    std::fs::write(&empty, b"PAR1 and no more").unwrap();
    let _ = report(&["runs/new"]).expect_code(1).expect_stderr(&["step-000000-train.parquet"]);
    assert!(Path::new(&empty).is_file());
}
