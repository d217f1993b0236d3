//! Runs many episodes at once.
//!
//! The contract:
//! - An episode holds one of `in_flight` permits from its first call to its last. Episodes without a permit are not begun;
//!   they wait as plain values, and nothing else queues up.
//! - Each episode leaves exactly once: with its result, or with the reason why it has none ([`Left`]). The number of what
//!   left is the number of what came, in the same order.
//! - Episodes begin in the order in which they came, so that the members of a group begin together, and a group is
//!   complete when its last member has left.
//! - Stragglers are waited for, or left after a grace once most are done ([`Stragglers`]); what is left says so.
//! - A stop (the first Ctrl-C) is seen within a tenth of a second. Then no episode begins, and those under way leave
//!   without a result. Their calls are the pool's, which brings them to their end and keeps their answers
//!   ([`crate::Pool::drain`]). A finished call is on the disk before its answer is handed on.
//! - Whoever watches the results can call a halt ([`ControlFlow::Break`]): no further episode begins, and those under way
//!   come to their end.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use conductor_configs::schema::Stragglers;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep, sleep_until};

/// How often the wish to stop is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How to run them.
#[derive(Debug, Clone, Copy)]
pub struct DispatchOptions<'a> {
    /// Episodes under way at once; at least 1.
    pub in_flight: usize,
    /// What becomes of the slowest.
    pub stragglers: Stragglers,
    /// Set from elsewhere to stop.
    pub stop: &'a AtomicBool,
}

/// How an episode left.
#[derive(Debug, Clone, PartialEq)]
pub enum Left<R> {
    /// It is finished.
    Done(R),
    /// It took too long, and the step goes on without it.
    Straggler,
    /// It was under way when someone asked to stop.
    Stopped,
    /// It was never begun.
    NotBegun,
}

/// Runs every job. `done` sees the number of each job that is finished with its result, in the order in which they finish.
pub async fn dispatch<J, R, F>(
    jobs: Vec<J>,
    options: DispatchOptions<'_>,
    run: impl Fn(J) -> F,
    mut done: impl FnMut(usize, &R) -> ControlFlow<()>,
) -> Vec<Left<R>>
where
    F: Future<Output = R>,
{
    let total = jobs.len();
    let mut left: Vec<Left<R>> = (0..total).map(|_| Left::NotBegun).collect();
    let mut waiting = jobs.into_iter().enumerate();
    let mut running = FuturesUnordered::new();
    let (mut finished, mut halted) = (0, false);
    let mut patience: Option<Instant> = None;
    loop {
        while !halted && running.len() < options.in_flight.max(1) {
            let Some((number, job)) = waiting.next() else { break };
            // Until it is done, it is what it would be if it were left now.
            left[number] = Left::Stopped;
            let future = run(job);
            running.push(async move { (number, future.await) });
        }
        let out_of_patience = async {
            match patience {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            next = running.next() => {
                let Some((number, result)) = next else { break };
                halted |= done(number, &result).is_break();
                left[number] = Left::Done(result);
                finished += 1;
                patience = patience.or_else(|| grace(options.stragglers, finished, total));
            }
            () = out_of_patience => {
                drop(running);
                return left.into_iter().map(Left::abandoned).collect();
            }
            () = sleep(LOOK_EVERY) => {}
        }
        if options.stop.load(Ordering::Relaxed) {
            break;
        }
    }
    left
}

impl<R> Left<R> {
    fn abandoned(self) -> Self {
        match self {
            Self::Stopped | Self::NotBegun => Self::Straggler,
            other => other,
        }
    }
}

/// Until when the others are waited for, once so many are done that there are stragglers.
fn grace(stragglers: Stragglers, finished: usize, total: usize) -> Option<Instant> {
    let Stragglers::Leave { done_share, grace_secs } = stragglers else { return None };
    let grace = Duration::try_from_secs_f64(grace_secs).unwrap_or(Duration::MAX);
    (finished as f64 >= done_share * total as f64)
        .then(|| Instant::now().checked_add(grace))
        .flatten()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    static NEVER: AtomicBool = AtomicBool::new(false);

    fn options(in_flight: usize) -> DispatchOptions<'static> {
        DispatchOptions { in_flight, stragglers: Stragglers::Wait, stop: &NEVER }
    }

    async fn take(ms: u64) -> u64 {
        sleep(Duration::from_millis(ms)).await;
        ms
    }

    #[tokio::test(start_paused = true)]
    async fn each_leaves_once_in_the_order_in_which_it_came() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let jobs: Vec<u64> = (0..500).map(|n| (n * 7919) % 501).collect();
        let mut seen = vec![0; jobs.len()];
        let run = |ms| {
            let (now, most) = (&now, &most);
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let result = take(ms).await;
                now.fetch_sub(1, Ordering::SeqCst);
                result
            }
        };
        let left = dispatch(jobs.clone(), options(37), run, |number, _| {
            seen[number] += 1;
            ControlFlow::Continue(())
        })
        .await;
        assert_eq!(left, jobs.into_iter().map(Left::Done).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::SeqCst), 37);
        assert!(seen.iter().all(|times| *times == 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_one_holds_up_nobody_but_itself() {
        let mut jobs = vec![10; 200];
        jobs[0] = 60_000;
        let start = Instant::now();
        let mut almost = None;
        dispatch(jobs, options(10), take, |_, ms| {
            if *ms == 10 {
                almost = Some(start.elapsed());
            }
            ControlFlow::Continue(())
        })
        .await;
        // Nine permits do the work of 199 episodes of 10 ms.
        assert!(almost.unwrap() < Duration::from_millis(300), "{almost:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn stragglers_are_left_after_their_grace() {
        let stragglers = Stragglers::Leave { done_share: 0.75, grace_secs: 2.0 };
        let options = DispatchOptions { stragglers, ..options(8) };
        let start = Instant::now();
        let jobs = vec![10, 1000, 10, 10, 60_000, 10, 10, 10];
        let left = dispatch(jobs, options, take, |_, _| ControlFlow::Continue(())).await;
        assert_eq!(left.iter().filter(|left| **left == Left::Straggler).count(), 1);
        assert_eq!((&left[4], &left[1]), (&Left::Straggler, &Left::Done(1000)));
        assert_eq!(start.elapsed(), Duration::from_millis(2010));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_is_seen_soon_and_a_halt_lets_the_running_end() {
        let stop = AtomicBool::new(false);
        let stopped = DispatchOptions { stop: &stop, ..options(2) };
        let jobs = vec![10, 60_000, 60_000, 60_000];
        let start = Instant::now();
        let ask = async {
            sleep(Duration::from_millis(500)).await;
            stop.store(true, Ordering::Relaxed);
        };
        let run = dispatch(jobs, stopped, take, |_, _| ControlFlow::Continue(()));
        let (left, ()) = tokio::join!(run, ask);
        assert_eq!(left, [Left::Done(10), Left::Stopped, Left::Stopped, Left::NotBegun]);
        assert!(start.elapsed() < Duration::from_millis(700), "{:?}", start.elapsed());

        let jobs = vec![10, 900, 10, 10];
        let left = dispatch(jobs, options(2), take, |_, _| ControlFlow::Break(())).await;
        assert_eq!(left, [Left::Done(10), Left::Done(900), Left::NotBegun, Left::NotBegun]);
    }
}
