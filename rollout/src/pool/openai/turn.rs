//! Whose turn it is: of the calls that wait, the one that most waits for goes first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// One turn, had by one call at a time. An episode ends with its longest chain of steps, and a training step with its last episode,
/// so that calls with long chains behind them go before others: for each step more before those that came less than so many calls
/// earlier, and before no others, since none is to wait for ever.
#[derive(Debug)]
pub struct Turns {
    queue: Mutex<Queue>,
    /// Calls that a call overtakes for each further step of its chain.
    overtakes: u64,
}

#[derive(Debug, Default)]
struct Queue {
    taken: bool,
    came: u64,
    /// By place, the first first; then by when they came.
    waiting: BTreeMap<(i128, u64), oneshot::Sender<Turn>>,
}

/// The turn; it goes to the next when it is dropped.
#[derive(Debug)]
pub struct Turn(Arc<Turns>);

impl Turns {
    /// A turn that nobody has.
    pub fn new(overtakes: u64) -> Arc<Self> {
        Arc::new(Self { queue: Mutex::default(), overtakes })
    }

    /// Waits for the turn of a call with so many steps in the longest chain that begins with it. May be dropped at any time.
    pub async fn take(self: &Arc<Self>, chain: usize) -> Turn {
        let coming = {
            let mut queue = self.queue();
            queue.came += 1;
            if !queue.taken {
                queue.taken = true;
                return Turn(Arc::clone(self));
            }
            let came = queue.came;
            let place = i128::from(came) - i128::from(self.overtakes) * chain as i128;
            let (sender, coming) = oneshot::channel();
            queue.waiting.insert((place, came), sender);
            coming
        };
        // Its sender is in the queue until it is sent for.
        coming.await.expect("the queue outlives who waits in it")
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = {
            let mut queue = self.0.queue();
            loop {
                let Some((_, next)) = queue.waiting.pop_first() else {
                    queue.taken = false;
                    return;
                };
                if !next.is_closed() {
                    break next;
                }
            }
        };
        // Where it has gone away in this moment, the turn is dropped on the way and goes on to the one behind it.
        drop(next.send(Self(Arc::clone(&self.0))));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::*;

    /// The order in which calls with these chains, that come one after another while the turn is taken, have it.
    async fn order(overtakes: u64, chains: &[usize]) -> Vec<usize> {
        let turns = Turns::new(overtakes);
        let first = turns.take(1).await;
        let had = Arc::new(Mutex::new(Vec::new()));
        let mut calls = Vec::new();
        for (number, chain) in chains.iter().copied().enumerate() {
            let (turns, had) = (Arc::clone(&turns), Arc::clone(&had));
            calls.push(tokio::spawn(async move {
                let _turn = turns.take(chain).await;
                had.lock().unwrap().push(number);
            }));
            tokio::task::yield_now().await;
        }
        drop(first);
        for call in calls {
            call.await.unwrap();
        }
        std::mem::take(&mut *had.lock().unwrap())
    }

    #[tokio::test]
    async fn long_chains_go_first_and_equal_ones_in_the_order_in_which_they_came() {
        assert_eq!(order(100, &[1, 1, 3, 2, 3]).await, [2, 4, 3, 0, 1]);
        assert_eq!(order(0, &[1, 5, 2]).await, [0, 1, 2]);
    }

    #[tokio::test]
    async fn no_call_is_overtaken_for_ever() {
        // Two steps more at two calls each: it goes before those that came less than four before it.
        assert_eq!(order(2, &[1, 1, 1, 1, 1, 1, 3]).await, [0, 1, 2, 6, 3, 4, 5]);
    }

    #[tokio::test]
    async fn a_turn_is_not_lost_with_who_waits_for_it() {
        let turns = Turns::new(1);
        for gone_when_it_is_free in [false, true] {
            let first = turns.take(1).await;
            let mut waiting = Vec::new();
            for _ in 0..3 {
                let turns = Arc::clone(&turns);
                waiting.push(Box::pin(async move { turns.take(1).await }));
            }
            for call in &mut waiting {
                assert!(call.as_mut().now_or_never().is_none());
            }
            let last = waiting.pop().unwrap();
            if gone_when_it_is_free {
                drop(first);
                drop(waiting);
            } else {
                drop(waiting);
                drop(first);
            }
            let turn = tokio::time::timeout(Duration::from_secs(5), last).await.expect("a turn");
            drop(turn);
        }
    }
}
