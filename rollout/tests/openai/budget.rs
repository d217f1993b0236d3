//! What the ledger says of a worker's calls: what was refused costs nothing, what broke off stays open to question, and
//! behind a limit nothing is sent.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use conductor_configs::schema::Budget;
use conductor_rollout::ledger::{Ledger, Statement, statement};
use conductor_rollout::pool::{OpenAi, Worker};
use conductor_rollout::store::AnswerKey;
use conductor_testkit::provider::{Ending, Latency, Provider, Reply, Usage};
use conductor_types::WorkerErrorKind;
use futures_util::future::join_all;

use super::{ask, ask_sample, card, good, last_request, ledger, play, serve, settings, stored};

/// The message of [`ask`] with what a template may add, and the longest answer, at the prices of [`settings`].
const WORST_USD: f64 = (12.0 + 256.0) * 2e-6 + 77.0 * 10e-6;
/// What [`good`] costs.
const GOOD_USD: f64 = 0.0004;

/// A worker with a ledger of its own.
struct Account {
    folder: tempfile::TempDir,
    ledger: Arc<Ledger>,
    worker: OpenAi,
}

impl Account {
    fn of(provider: &Provider, temperature: f64, budget: Budget) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path(), budget);
        let worker = stored(provider, temperature, &ledger);
        Self { folder, ledger, worker }
    }

    /// Without any limit.
    fn free(provider: &Provider) -> Self {
        Self::of(provider, 0.0, Budget::default())
    }

    /// The file must say what the sums in memory say.
    fn statement(&self) -> Statement {
        let statement = read(self.folder.path());
        let spent = self.ledger.spent();
        assert!(close(spent.paid_usd, statement.paid_usd), "{spent:?} {statement:?}");
        assert_eq!(spent.calls, statement.calls);
        assert!(close(spent.unsettled_usd, statement.unsettled_usd), "{spent:?} {statement:?}");
        assert_eq!(spent.unsettled_calls, statement.unsettled.len() as u64);
        statement
    }
}

fn read(folder: &Path) -> Statement {
    statement(&folder.join("a.sqlite"), "run").unwrap()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}

fn usd(run_usd: f64) -> Budget {
    Budget { run_usd: Some(run_usd), ..Budget::default() }
}

/// A statement's states, oldest first.
fn states(statement: &Statement) -> Vec<&str> {
    statement.unsettled.iter().map(|one| one.state.as_str()).collect()
}

#[tokio::test]
async fn refused_requests_cost_nothing() {
    let failing = || Reply::status(500, "down").header("Retry-After: 0.01");
    let busy = || Reply::too_many_requests().header("Retry-After: 0.01");
    let provider = serve(vec![failing(), busy(), good()]);
    let account = Account::free(&provider);
    ask(&account.worker).await.unwrap();
    let statement = account.statement();
    assert_eq!((statement.lines[0].calls, statement.lines[0].refused), (1, 2));
    assert!(close(statement.paid_usd, GOOD_USD) && statement.unsettled.is_empty());
    // Nothing but refusals: a whole call that costs nothing.
    for reply in [failing(), busy(), Reply::status(401, "no")] {
        let provider = serve(vec![reply.clone()]);
        let account = Account::free(&provider);
        ask(&account.worker).await.unwrap_err();
        let statement = account.statement();
        assert_eq!(statement.lines[0].refused, provider.asked() as u64, "{reply:?}");
        assert!(close(statement.paid_usd, 0.0) && statement.unsettled.is_empty(), "{statement:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_costs_nothing() {
    let provider = serve(vec![good()]);
    let account = Account::free(&provider);
    drop(provider);
    ask(&account.worker).await.unwrap_err();
    let statement = account.statement();
    assert!(close(statement.paid_usd, 0.0) && statement.unsettled.is_empty(), "{statement:?}");
    assert_eq!(statement.lines[0].refused, 1);
}

#[tokio::test]
async fn what_breaks_off_is_listed_with_the_most_that_it_can_have_cost() {
    let unknown = [
        good().half(Ending::Reset),
        good().half(Ending::Close),
        Reply::Nothing(Ending::Reset),
        Reply::Nothing(Ending::Stall),
        // Charged or not: an answer without text says so by its counts only.
        Reply::body("{\"choices\":[]}"),
    ];
    join_all(unknown.map(async |reply| {
        let provider = serve(vec![reply.clone(), good()]);
        let account = Account::free(&provider);
        ask(&account.worker).await.unwrap();
        let statement = account.statement();
        assert_eq!(states(&statement), ["unknown"], "{reply:?}");
        assert!(close(statement.paid_usd, GOOD_USD), "{reply:?}: {statement:?}");
        assert!(close(statement.unsettled_usd, WORST_USD), "{reply:?}: {statement:?}");
        let one = &statement.unsettled[0];
        let key = AnswerKey::of("live", &body_of(&provider), None);
        assert_eq!((one.part.as_str(), one.task.as_str()), ("test", "t"));
        assert_eq!((one.worker.as_str(), one.key.as_str()), ("live", key.as_str()));
    }))
    .await;
    // What is no chat completion at all is not asked again, and was perhaps charged.
    let provider = serve(vec![Reply::body("<html>hello</html>")]);
    let account = Account::free(&provider);
    ask(&account.worker).await.unwrap_err();
    assert_eq!(states(&account.statement()), ["unknown"]);
}

fn body_of(provider: &Provider) -> String {
    String::from_utf8(last_request(provider).body().to_vec()).unwrap()
}

#[tokio::test]
async fn an_empty_answer_with_counts_is_paid() {
    let empty = || Reply::Counted(String::new(), Usage::tokens(100, 77));
    let provider = serve(vec![empty(), good()]);
    let account = Account::free(&provider);
    // What the empty one took is part of the answer's price, now and when it is found in the store.
    for _ in 0..2 {
        let usage = ask(&account.worker).await.unwrap().usage;
        assert!(close(usage.cost_usd, provider.ledger().usd), "{usage:?}");
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (200, 97));
    }
    let statement = account.statement();
    assert_eq!((statement.calls, statement.lines[0].refused), (2, 0));
    assert!(close(statement.paid_usd, provider.ledger().usd), "{statement:?}");
    assert!(statement.paid_usd > 2.0 * GOOD_USD && statement.unsettled.is_empty());
    // Where nothing but empty answers come, the call fails and is paid all the same.
    let provider = serve(vec![empty()]);
    let account = Account::free(&provider);
    ask(&account.worker).await.unwrap_err();
    let statement = account.statement();
    assert_eq!((statement.calls, provider.ledger().charged), (3, 3));
    assert!(close(statement.paid_usd, provider.ledger().usd), "{statement:?}");
}

#[tokio::test]
async fn behind_a_limit_nothing_is_sent() {
    let provider = serve(vec![good()]);
    let account = Account::of(&provider, 0.0, usd(WORST_USD * 0.999));
    let error = ask(&account.worker).await.unwrap_err();
    assert_eq!(error.kind, WorkerErrorKind::BudgetReached);
    assert!(error.message.starts_with("budget.run_usd = "), "{error}");
    assert_eq!(provider.asked(), 0);
    assert_eq!(account.statement().lines, []);

    // Enough for the worst case of the first, and of no second one. Answers that are kept cost nothing, so they still come.
    let account = Account::of(&provider, 0.0, usd(WORST_USD + GOOD_USD * 0.9));
    ask(&account.worker).await.unwrap();
    let other = stored(&provider, 0.5, &account.ledger);
    assert_eq!(ask(&other).await.unwrap_err().kind, WorkerErrorKind::BudgetReached);
    ask(&account.worker).await.unwrap();
    assert_eq!((provider.asked(), account.statement().calls), (1, 1));
}

#[tokio::test]
async fn a_limit_on_calls_counts_those_that_may_have_been_paid() {
    let replies = vec![
        Reply::status(500, "").header("Retry-After: 0.01"),
        good().half(Ending::Close),
        good(),
    ];
    let provider = serve(replies);
    let budget = Budget { run_calls: Some(3), ..Budget::default() };
    let account = Account::of(&provider, 0.5, budget);
    for sample in 0..2 {
        ask_sample(&account.worker, sample).await.unwrap();
    }
    let error = ask_sample(&account.worker, 2).await.unwrap_err();
    assert_eq!(error.kind, WorkerErrorKind::BudgetReached);
    assert!(error.message.contains("budget.run_calls = 3 is reached"), "{error}");
    let statement = account.statement();
    assert_eq!((statement.calls, statement.unsettled.len(), statement.lines[0].refused), (2, 1, 1));
    assert_eq!(provider.asked(), 4);
}

#[tokio::test]
async fn a_limit_that_is_reached_between_two_attempts_ends_the_call() {
    let provider = serve(vec![good().half(Ending::Reset)]);
    // Room for one worst case, which the first attempt has taken for good.
    let account = Account::of(&provider, 0.0, usd(WORST_USD * 1.5));
    let error = ask(&account.worker).await.unwrap_err();
    assert_eq!((error.kind, provider.asked()), (WorkerErrorKind::BudgetReached, 1), "{error}");
    assert_eq!(states(&account.statement()), ["unknown"]);
}

#[tokio::test]
async fn a_drained_worker_leaves_no_open_reservation() {
    let replies: [fn() -> Reply; 3] = [
        || good().after(Duration::from_millis(200)),
        // In its pause when the worker is drained.
        || Reply::status(500, "").header("Retry-After: 30"),
        || good().half(Ending::Reset),
    ];
    for (number, reply) in replies.into_iter().enumerate() {
        // The limit has room for three, so that others wait for it.
        for budget in [Budget::default(), usd(WORST_USD * 3.5)] {
            let provider = play(move |_, _| reply());
            let account = Account::of(&provider, 0.5, budget);
            let calls = join_all((0..12).map(|n| ask_sample(&account.worker, n)));
            let waited = tokio::time::timeout(Duration::from_millis(100), calls).await;
            account.worker.drain().await;
            let statement = account.statement();
            assert!(!states(&statement).contains(&"open"), "{number} {budget:?}: {statement:?}");
            assert!(close(statement.paid_usd, provider.ledger().usd), "{number}: {statement:?}");
            let settled = statement.calls + statement.lines[0].refused;
            let all = settled + statement.unsettled.len() as u64;
            assert_eq!(all, provider.asked() as u64, "{number} {budget:?}: {statement:?}");
            assert!(waited.is_err(), "{number} {budget:?}: there was something to drain");
        }
    }
}

/// Many calls of two workers at once, with faults, near the limit: what was paid and what may have been stays below it, and
/// no request is stopped that there was room for.
#[tokio::test(flavor = "multi_thread")]
async fn calls_at_once_never_overspend() {
    let latency = Latency::Uniform(Duration::from_millis(1), Duration::from_millis(30));
    let provider = play(move |number, request| match number % 10 {
        3 => good().half(Ending::Reset),
        7 => Reply::status(503, "").header("Retry-After: 0.01"),
        _ => Reply::of_body(request).after(latency.of_number(5, number)),
    });
    let folder = tempfile::tempdir().unwrap();
    let limit = WORST_USD * 40.0;
    let ledger = ledger(folder.path(), usd(limit));
    let workers = ["one", "two"].map(|name| {
        let mut settings = settings(&provider.base_url());
        settings.concurrency = 32;
        OpenAi::new(conductor_rollout::WorkerCard::new(name, card().capability), &settings)
            .unwrap()
            .keeping(Arc::clone(&ledger))
    });
    let calls = (0..2000).map(|n| ask_sample(&workers[n as usize % 2], n / 2));
    let outcomes = join_all(calls).await;
    let stopped = outcomes
        .iter()
        .filter(|outcome| {
            outcome.as_ref().is_err_and(|error| error.kind == WorkerErrorKind::BudgetReached)
        })
        .count();
    assert!(stopped > 100, "{stopped} calls met the limit");
    let (statement, bill) = (read(folder.path()), provider.ledger());
    assert!(close(statement.paid_usd, bill.usd), "{statement:?} {bill:?}");
    let spent = statement.paid_usd + statement.unsettled_usd;
    assert!(spent <= limit + 1e-12 && spent > limit - WORST_USD, "{spent} of {limit}");
    assert!(bill.most_at_once > 16, "{bill:?}");
    assert!(states(&statement).iter().all(|state| *state == "unknown"), "{statement:?}");
}
