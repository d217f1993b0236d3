//! Running workflows: at the same time where possible, in order where needed, refused before anyone is paid.

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::{Scripted, last_word, task};
use conductor_rollout::execute::{RoundBefore, RunOptions, run};
use conductor_rollout::parse::{ParseRules, parse, parse_later};
use conductor_rollout::pool::{CallFuture, Vote, Worker};
use conductor_rollout::{Pool, WorkerCard};
use conductor_types::{
    Answer, Outcome, Step, Usage, WorkerCapability, WorkerError, WorkerErrorKind, WorkerRequest,
    Workflow, WorkflowErrorKind,
};

const TRAINING: RunOptions<'static> =
    RunOptions { part: "test", seed: 3, sample: 0, last_nonempty: false, before: None };
const EVALUATION: RunOptions<'static> =
    RunOptions { part: "test", seed: 3, sample: 0, last_nonempty: true, before: None };

fn pool(workers: Vec<Arc<dyn Worker>>) -> Pool {
    Pool::from_workers(workers).unwrap()
}

fn workflow(steps: &[(usize, &str, &[usize])]) -> Workflow {
    Workflow {
        steps: steps
            .iter()
            .map(|&(worker, subtask, access)| Step::new(worker, subtask, access.to_vec()))
            .collect(),
    }
}

fn ran(outcome: &Outcome) -> (&str, f64) {
    match outcome {
        Outcome::Ran { answer, critical_path_ms, .. } => (answer, *critical_path_ms),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn steps_that_do_not_see_each_other_run_at_the_same_time() {
    let slow = Scripted::new("slow", 150, |_| Ok("4".into()));
    let quick = Scripted::new("quick", 20, |request| Ok(format!("saw {}", request.seen.len())));
    let pool = pool(vec![slow.clone(), quick.clone()]);
    let workflow = workflow(&[
        (0, "a", &[]),
        (0, "b", &[]),
        (0, "c", &[]),
        (1, "d", &[0, 1, 2]),
        (1, "e", &[]),
    ]);
    let outcome = run(&pool, &task("t"), workflow, TRAINING).await;
    let (answer, critical_path_ms) = ran(&outcome);
    assert_eq!(answer, "saw 0");
    assert!((critical_path_ms - 170.0).abs() < 1e-6, "{critical_path_ms}");
    assert_eq!(slow.most_running.load(Ordering::SeqCst), 3);
    let steps: Vec<usize> = outcome.calls().iter().map(|call| call.step).collect();
    assert_eq!(steps, [0, 1, 2, 3, 4]);
    assert!((outcome.usage().cost_usd - 1.25).abs() < 1e-9);
}

/// Answers once another worker has been called often enough; fails where that never happens.
struct Waits {
    card: WorkerCard,
    other: Arc<Scripted>,
    until: usize,
}

impl Worker for Waits {
    fn card(&self) -> &WorkerCard {
        &self.card
    }

    fn call<'a>(&'a self, _request: WorkerRequest<'a>) -> CallFuture<'a> {
        Box::pin(async move {
            for _ in 0..5000 {
                if self.other.calls.load(Ordering::SeqCst) >= self.until {
                    let usage = Usage { latency_ms: 200.0, ..Usage::default() };
                    return Ok(Answer { text: "at last".into(), usage, recorded_score: None });
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Err(WorkerError {
                worker: self.card.name.clone(),
                kind: WorkerErrorKind::Timeout,
                message: "the chain that this worker does not see never got on".into(),
            })
        })
    }
}

/// A chain must not wait for a slow step that it does not see, even step by step.
#[tokio::test]
async fn a_step_starts_the_moment_its_inputs_are_there() {
    let quick = Scripted::new("quick", 5, |_| Ok("quick".into()));
    let card = common::card("slow", WorkerCapability::General);
    let slow = Arc::new(Waits { card, other: Arc::clone(&quick), until: 3 });
    let pool = pool(vec![slow, quick]);
    let workflow = workflow(&[(0, "a", &[]), (1, "b", &[]), (1, "c", &[1]), (1, "d", &[2])]);
    let outcome = run(&pool, &task("t"), workflow, TRAINING).await;
    let (answer, critical_path_ms) = ran(&outcome);
    assert_eq!(answer, "quick");
    assert!((critical_path_ms - 200.0).abs() < 1e-6);
}

#[tokio::test]
async fn a_call_says_how_long_the_chain_is_that_begins_with_it() {
    let echo = Scripted::new("echo", 0, |request| Ok(format!("chain {}", request.chain)));
    let workflow = workflow(&[
        (0, "a", &[]),
        (0, "b", &[]),
        (0, "c", &[1]),
        (0, "d", &[0]),
        (0, "e", &[1, 2]),
        (0, "f", &[]),
    ]);
    let outcome = run(&pool(vec![echo]), &task("t"), workflow, TRAINING).await;
    let chains: Vec<&str> = outcome.calls().iter().map(|call| call.answer.as_str()).collect();
    assert_eq!(chains, ["chain 2", "chain 3", "chain 2", "chain 1", "chain 1", "chain 1"]);
}

#[tokio::test]
async fn a_worker_is_told_what_it_may_see() {
    let echo = Scripted::new("echo", 0, |request| Ok(request.message.to_owned()));
    let workflow =
        workflow(&[(0, "first part", &[]), (0, "second part", &[]), (0, "last part", &[1])]);
    let outcome = run(&pool(vec![echo]), &task("t"), workflow, TRAINING).await;
    let message = ran(&outcome).0;
    assert!(message.contains("What is the answer to t?") && message.contains("second part"));
    assert!(!message.contains("first part"), "{message}");
}

#[tokio::test]
async fn what_cannot_run_is_refused_before_anyone_is_paid() {
    let worker = Scripted::new("w", 0, |_| Ok("4".into()));
    let vote = Arc::new(Vote::new(common::card("vote", WorkerCapability::Combines), last_word()));
    let pool = pool(vec![worker.clone(), vote]);
    for (steps, kind) in [
        (workflow(&[(0, "a", &[]), (1, "b", &[])]), WorkflowErrorKind::WorkerRefuses),
        (workflow(&[(0, "a", &[]), (2, "b", &[])]), WorkflowErrorKind::WorkerOutOfRange),
    ] {
        match run(&pool, &task("t"), steps, TRAINING).await {
            Outcome::Malformed(error) => assert_eq!(error.kind, kind, "{error}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(worker.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_vote_decides_among_what_it_sees() {
    let texts = Scripted::new("w", 0, |request| {
        let odd = request.message.ends_with("odd");
        Ok(if odd { "I say 5" } else { "clearly 4" }.into())
    });
    let pool = pool(vec![
        texts,
        Arc::new(Vote::new(common::card("vote", WorkerCapability::Combines), last_word())),
    ]);
    let steps = workflow(&[(0, "odd", &[]), (0, "x", &[]), (0, "y", &[]), (1, "vote", &[0, 1, 2])]);
    assert_eq!(ran(&run(&pool, &task("t"), steps, TRAINING).await).0, "clearly 4");
    let steps = workflow(&[(0, "odd", &[]), (0, "x", &[]), (1, "vote", &[0, 1])]);
    assert_eq!(ran(&run(&pool, &task("t"), steps, TRAINING).await).0, "I say 5");
}

#[tokio::test]
async fn the_last_answer_counts_or_the_last_that_is_not_empty() {
    let worker = Scripted::new("w", 0, |request| {
        Ok(if request.message.ends_with("say nothing") { " \n" } else { "4" }.into())
    });
    let pool = pool(vec![worker]);
    let steps = workflow(&[(0, "say something", &[]), (0, "say nothing", &[])]);
    assert_eq!(ran(&run(&pool, &task("t"), steps.clone(), TRAINING).await).0, " \n");
    assert_eq!(ran(&run(&pool, &task("t"), steps, EVALUATION).await).0, "4");
    let silent = workflow(&[(0, "say nothing", &[])]);
    assert_eq!(ran(&run(&pool, &task("t"), silent, EVALUATION).await).0, " \n");
}

/// The failure ends the episode; a running call is finished and kept; what would follow is never asked.
#[tokio::test]
async fn a_failed_worker_makes_no_verdict() {
    let failing = Scripted::new("failing", 10, |_| Err(WorkerErrorKind::Timeout));
    let fine = Scripted::new("fine", 60, |_| Ok("4".into()));
    let pool = pool(vec![failing, fine.clone()]);
    let steps = workflow(&[(1, "a", &[]), (0, "b", &[]), (1, "c", &[0]), (1, "d", &[1])]);
    match run(&pool, &task("t"), steps, TRAINING).await {
        Outcome::Failed { calls, error, .. } => {
            assert_eq!((error.worker.as_str(), error.kind), ("failing", WorkerErrorKind::Timeout));
            assert_eq!(calls.iter().map(|call| call.step).collect::<Vec<_>>(), [0, 1]);
            assert_eq!(calls[0].answer, "4");
            assert_eq!(calls[1].error.as_deref(), Some("scripted failure"));
            assert!((calls[0].usage.cost_usd - 0.25).abs() < 1e-9);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(fine.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_later_round_shows_the_one_before_to_steps_that_see_anything() {
    let rules =
        ParseRules { access: conductor_types::AccessKind::Binary, max_steps: 5, workers: 2 };
    let text = "model_id: [0, 1]\nsubtasks: [\"a\", \"b\"]\naccess_list: [\"\", \"all\"]";
    let later = parse_later(text, &rules).unwrap();
    let seen: Vec<bool> = later.steps.iter().map(|step| step.earlier_round).collect();
    assert_eq!(seen, [false, true]);
    let first = parse_later("model_id: [0]\nsubtasks: [\"a\"]\naccess_list: [\"all\"]", &rules);
    assert!(first.unwrap().steps[0].earlier_round, "even a first step sees it");
    // In a first round there is nothing before.
    assert!(!parse(text, &rules).unwrap().steps[1].earlier_round);

    let before = RoundBefore {
        steps: vec![("Guess.".into(), "Seven.".into(), None)],
        answer: "Seven.".into(),
        recorded_score: None,
    };
    let kept = parse_later("model_id: []\nsubtasks: []\naccess_list: []", &rules).unwrap();
    let options = RunOptions { before: Some(&before), ..TRAINING };
    let pool = pool(vec![Scripted::new("echo", 1, |request| Ok(request.message.to_owned()))]);
    let task = task("t");
    let Outcome::Ran { answer, calls, .. } = run(&pool, &task, kept, options).await else {
        panic!("it stands");
    };
    assert_eq!((answer.as_str(), calls.len()), ("Seven.", 0));
    let mut shown = later.clone();
    shown.steps[1].worker = 0;
    let Outcome::Ran { calls, .. } = run(&pool, &task, shown, options).await else {
        panic!("it runs");
    };
    assert!(!calls[0].answer.contains("Seven."), "{}", calls[0].answer);
    assert!(calls[1].answer.contains("Seven."), "{}", calls[1].answer);
}
