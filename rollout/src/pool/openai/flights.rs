//! Calls under way. A call that is the same as one under way waits for its answer, and a call goes on to its end when
//! nobody waits for it any more: it is paid in any case, so its answer is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use conductor_types::{Answer, WorkerError};
use tokio::sync::{Notify, watch};

use crate::store::AnswerKey;

type Outcome = Result<Answer, WorkerError>;

/// The calls under way of one worker.
#[derive(Debug, Default)]
pub struct Flights {
    calls: Mutex<HashMap<AnswerKey, watch::Receiver<Option<Outcome>>>>,
    landed: Notify,
}

/// How a caller came to an outcome.
#[derive(Debug, Clone, PartialEq)]
pub enum Joined {
    /// It made the call.
    First(Outcome),
    /// It waited for another's.
    Later(Outcome),
}

impl Flights {
    /// The outcome of the call under way for `key`, which `start` makes where there is none. `None` where the call ended
    /// without an outcome, which only a panic or the end of the runtime can do.
    pub async fn join<F>(
        self: &Arc<Self>,
        key: AnswerKey,
        start: impl FnOnce() -> F,
    ) -> Option<Joined>
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let (mut receiver, first) = {
            let mut calls = self.calls();
            if let Some(receiver) = calls.get(&key) {
                (receiver.clone(), false)
            } else {
                let (sender, receiver) = watch::channel(None);
                calls.insert(key.clone(), receiver.clone());
                let landing = Landing { flights: Arc::clone(self), key };
                let call = start();
                tokio::spawn(async move {
                    let outcome = call.await;
                    drop(landing);
                    sender.send_replace(Some(outcome));
                });
                (receiver, true)
            }
        };
        let outcome = receiver.wait_for(Option::is_some).await.ok()?.clone()?;
        Some(if first { Joined::First(outcome) } else { Joined::Later(outcome) })
    }

    /// Waits until no call is under way.
    pub async fn all_landed(&self) {
        loop {
            let landed = self.landed.notified();
            if self.calls().is_empty() {
                return;
            }
            landed.await;
        }
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<AnswerKey, watch::Receiver<Option<Outcome>>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a call off the list, however it ends.
struct Landing {
    flights: Arc<Flights>,
    key: AnswerKey,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.flights.calls().remove(&self.key);
        self.flights.landed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use conductor_types::Usage;

    use super::*;

    fn key(text: &str) -> AnswerKey {
        AnswerKey::of("w", text, None)
    }

    async fn call(calls: Arc<AtomicUsize>) -> Outcome {
        calls.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(Answer { text: "yes".into(), usage: Usage::default(), recorded_score: None })
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_call_is_made_once_at_a_time() {
        let (flights, calls) = (Arc::new(Flights::default()), Arc::new(AtomicUsize::new(0)));
        let joined = futures_util::future::join_all(
            (0..10).map(|n| flights.join(key(["a", "b"][n % 2]), || call(Arc::clone(&calls)))),
        )
        .await;
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        let first =
            joined.iter().filter(|joined| matches!(joined, Some(Joined::First(Ok(_))))).count();
        let later =
            joined.iter().filter(|joined| matches!(joined, Some(Joined::Later(Ok(_))))).count();
        assert_eq!((first, later), (2, 8));
        flights.join(key("a"), || call(Arc::clone(&calls))).await;
        assert_eq!(calls.load(Ordering::SeqCst), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_nobody_waits_for_goes_on_to_its_end() {
        let (flights, calls) = (Arc::new(Flights::default()), Arc::new(AtomicUsize::new(0)));
        let ended = Arc::new(AtomicUsize::new(0));
        let given_up = tokio::time::timeout(Duration::from_millis(10), {
            let (calls, ended) = (Arc::clone(&calls), Arc::clone(&ended));
            flights.join(key("a"), || async move {
                let outcome = call(calls).await;
                ended.fetch_add(1, Ordering::SeqCst);
                outcome
            })
        })
        .await;
        assert!(given_up.is_err() && ended.load(Ordering::SeqCst) == 0);
        flights.all_landed().await;
        assert_eq!(ended.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_call_that_panics_leaves_nothing_behind() {
        let flights = Arc::new(Flights::default());
        let outcome = flights.join(key("a"), || async { panic!("a bug") }).await;
        assert_eq!(outcome, None);
        flights.all_landed().await;
        let calls = Arc::new(AtomicUsize::new(0));
        assert!(matches!(flights.join(key("a"), || call(calls)).await, Some(Joined::First(Ok(_)))));
    }
}
