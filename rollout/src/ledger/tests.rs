use std::path::Path;
use std::time::Duration;

use super::*;
use crate::store::AnswerKey;

fn ledger(path: &Path, budget: Budget) -> Arc<Ledger> {
    let store = Arc::new(AnswerStore::open(path).unwrap());
    Arc::new(Ledger::open(store, Account { id: "run-1", budget: &budget }).unwrap())
}

async fn reserve(
    ledger: &Arc<Ledger>,
    part: &str,
    task: &str,
    usd: f64,
) -> Result<Reservation, Wall> {
    let key = AnswerKey::of("w", task, None);
    let asked = Asked { part, task, worker: "w", key: &key, most_usd: usd };
    Ok(ledger.hold(asked).await?.keep().await.unwrap())
}

fn paid(usd: f64) -> Settlement {
    Settlement::Paid { usd, estimated: false }
}

fn wall(refusal: Result<Reservation, Wall>) -> Wall {
    refusal.expect_err("there is room")
}

#[tokio::test]
async fn money_is_put_aside_at_the_most_and_settled_at_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sqlite");
    let ledger = ledger(&path, Budget { run_usd: Some(1.0), ..Budget::default() });
    let first = reserve(&ledger, "train/0", "t", 0.6).await.unwrap();
    first.settle(paid(0.1), None).await.unwrap();
    let second = reserve(&ledger, "train/0", "t", 0.6).await.unwrap();
    second.settle(Settlement::Refused, None).await.unwrap();
    let third = reserve(&ledger, "train/1", "u", 0.6).await.unwrap();
    third.settle(Settlement::Unknown, None).await.unwrap();
    let spent = ledger.spent();
    assert!((spent.paid_usd - 0.1).abs() < 1e-12 && (spent.unsettled_usd - 0.6).abs() < 1e-12);
    assert_eq!((spent.calls, spent.unsettled_calls), (1, 1));
    // 0.1 paid and 0.6 that may have been: 0.3 are left, and no more.
    drop(reserve(&ledger, "train/1", "u", 0.3).await.unwrap());
    let wall = wall(reserve(&ledger, "train/1", "u", 0.31).await);
    assert_eq!(wall.scope, Scope::Run);
    assert!(wall.to_string().starts_with("budget.run_usd = 1 dollars is reached: $0.7"), "{wall}");
    assert_eq!(ledger.wall().as_ref(), Some(&wall));
    // Nothing is sent after that, however cheap.
    self::wall(reserve(&ledger, "train/1", "v", 0.0).await);

    let statement = statement(&path, "run-1").unwrap();
    assert!((statement.paid_usd - 0.1).abs() < 1e-12 && statement.calls == 1);
    assert_eq!(statement.lines.len(), 2);
    assert_eq!((statement.lines[0].calls, statement.lines[0].refused), (1, 1));
    let states: Vec<&str> = statement.unsettled.iter().map(|one| one.state.as_str()).collect();
    assert_eq!(states, ["unknown", "open"]);
}

#[tokio::test]
async fn a_kill_leaves_its_reservations_and_they_still_count() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sqlite");
    let budget = Budget { run_usd: Some(1.0), run_calls: Some(3), ..Budget::default() };
    {
        let ledger = ledger(&path, budget);
        let done = reserve(&ledger, "train/0", "t", 0.2).await.unwrap();
        done.settle(paid(0.05), None).await.unwrap();
        drop(reserve(&ledger, "train/0", "t", 0.9).await.unwrap());
    }
    let ledger = ledger(&path, budget);
    let spent = ledger.spent();
    assert!((spent.paid_usd - 0.05).abs() < 1e-12 && (spent.unsettled_usd - 0.9).abs() < 1e-12);
    assert_eq!(statement(&path, "run-1").unwrap().unsettled[0].state, "lost");
    wall(reserve(&ledger, "train/0", "t", 0.06).await);
    // Another account has money of its own.
    let store = Arc::new(AnswerStore::open(&path).unwrap());
    let other = Ledger::open(store, Account { id: "run-2", budget: &budget }).unwrap();
    drop(reserve(&Arc::new(other), "train/0", "t", 0.9).await.unwrap());
}

#[tokio::test]
async fn steps_and_questions_have_limits_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let budget = Budget { question_calls: Some(1), step_usd: Some(0.5), ..Budget::default() };
    let ledger = ledger(&folder.path().join("a.sqlite"), budget);
    for task in ["t", "u"] {
        let one = reserve(&ledger, "train/0", task, 0.2).await.unwrap();
        one.settle(paid(0.2), None).await.unwrap();
    }
    let question = wall(reserve(&ledger, "train/0", "t", 0.0).await);
    assert_eq!(question.scope, Scope::Question);
    assert!(question.to_string().contains("in train/0, question t"), "{question}");
    assert_eq!(ledger.wall(), None, "the run goes on");
    drop(reserve(&ledger, "train/1", "t", 0.2).await.unwrap());
    let step = wall(reserve(&ledger, "train/0", "v", 0.2).await);
    assert_eq!((step.scope, step.what.as_str()), (Scope::Step, "train/0"));
    assert_eq!(ledger.wall(), Some(step));
}

#[tokio::test(start_paused = true)]
async fn near_the_limit_requests_wait_for_those_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let budget = Budget { run_usd: Some(1.0), ..Budget::default() };
    let ledger = ledger(&folder.path().join("a.sqlite"), budget);
    let first = reserve(&ledger, "train/0", "t", 0.7).await.unwrap();
    let waiting = tokio::spawn({
        let ledger = Arc::clone(&ledger);
        async move { reserve(&ledger, "train/0", "t", 0.7).await }
    });
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(!waiting.is_finished());
    first.settle(paid(0.2), None).await.unwrap();
    drop(waiting.await.unwrap().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_at_once_never_overspend() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sqlite");
    let ledger = ledger(&path, Budget { run_usd: Some(1.0), ..Budget::default() });
    let calls: Vec<_> = (0..400)
        .map(|n| {
            let ledger = Arc::clone(&ledger);
            tokio::spawn(async move {
                let Ok(one) = reserve(&ledger, "train/0", &format!("t{}", n % 7), 0.013).await
                else {
                    return 0;
                };
                let thousandths = 3 + 10 * (n % 2);
                one.settle(paid(f64::from(thousandths) / 1000.0), None).await.unwrap();
                thousandths
            })
        })
        .collect();
    // Whole thousandths, as the calls can come to the limit exactly: dollars in floating point
    // then pass it by a rounding, in an order of addition that is not the ledger's.
    let mut thousandths = 0;
    for call in calls {
        thousandths += call.await.unwrap();
    }
    assert!((988..=1000).contains(&thousandths), "{thousandths}");
    let sum = f64::from(thousandths) / 1000.0;
    let spent = ledger.spent();
    assert!((spent.paid_usd - sum).abs() < 1e-9, "{} and {sum}", spent.paid_usd);
    let statement = statement(&path, "run-1").unwrap();
    assert!((statement.paid_usd - sum).abs() < 1e-9 && statement.unsettled.is_empty());
}

#[tokio::test]
async fn room_that_is_not_used_is_free_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sqlite");
    let ledger = ledger(&path, Budget { run_usd: Some(1.0), ..Budget::default() });
    let key = AnswerKey::of("w", "t", None);
    let asked = Asked { part: "p", task: "t", worker: "w", key: &key, most_usd: 1.0 };
    drop(ledger.hold(asked).await.unwrap());
    drop(ledger.hold(asked).await.unwrap().keep().await.unwrap());
    assert_eq!(statement(&path, "run-1").unwrap().unsettled.len(), 1);
}
