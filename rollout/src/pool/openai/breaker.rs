//! Stops asking an endpoint that only fails, and tries it again with one call at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// So many failures in a row open the circuit.
const FAILURES_IN_A_ROW: u32 = 8;
/// How long it stays open before the first probe; doubled after each probe that fails.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause between probes.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The circuit of one worker.
#[derive(Debug, Default)]
pub struct Breaker {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
enum State {
    /// Calls go through; so many have failed in a row.
    Closed(u32),
    /// Nothing goes through until then.
    Open { until: Instant, pause: Duration, why: String },
    /// One probe is under way, after a pause of this length.
    Probing { pause: Duration, why: String },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed(0)
    }
}

/// Leave for one attempt. Dropped without a verdict (the call was given up), it counts as neither.
#[derive(Debug)]
#[must_use]
pub struct Leave<'b> {
    breaker: &'b Breaker,
    probe: bool,
    judged: bool,
}

impl Breaker {
    /// Waits while the circuit is open. `Err` holds the failure that opened it, where no probe is due by `patience`.
    pub async fn admit(&self, patience: Instant) -> Result<Leave<'_>, String> {
        loop {
            // Before the look at the state, so that no change after it is missed.
            let changed = self.changed.notified();
            let until = {
                let mut state = self.state();
                match &*state {
                    State::Closed(_) => return Ok(self.leave(false)),
                    State::Open { until, pause, why } if *until <= Instant::now() => {
                        *state = State::Probing { pause: *pause, why: why.clone() };
                        return Ok(self.leave(true));
                    }
                    State::Open { until, why, .. } if *until > patience => return Err(why.clone()),
                    State::Open { until, .. } => *until,
                    State::Probing { why, .. } if patience <= Instant::now() => {
                        return Err(why.clone());
                    }
                    State::Probing { .. } => patience,
                }
            };
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                () = changed => {}
            }
        }
    }

    fn leave(&self, probe: bool) -> Leave<'_> {
        Leave { breaker: self, probe, judged: false }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave<'_> {
    /// Whether the attempt may still be made: the circuit can open while its call waits for something else.
    pub fn holds(&self) -> bool {
        self.probe || matches!(*self.breaker.state(), State::Closed(_))
    }

    /// The endpoint answered, even if with a refusal: it is there.
    pub fn answered(mut self) {
        self.judged = true;
        let mut state = self.breaker.state();
        // An answer to a call from before the circuit opened says nothing about now, unless it is the probe's.
        if self.probe || matches!(*state, State::Closed(_)) {
            *state = State::Closed(0);
        }
        drop(state);
        self.breaker.changed.notify_waiters();
    }

    /// The endpoint failed.
    pub fn failed(mut self, why: &str) {
        self.judged = true;
        let mut state = self.breaker.state();
        let pause = match &*state {
            State::Closed(failures) if failures + 1 < FAILURES_IN_A_ROW => {
                *state = State::Closed(failures + 1);
                return;
            }
            State::Closed(_) => FIRST_PAUSE,
            State::Probing { pause, .. } if self.probe => (*pause * 2).min(LONGEST_PAUSE),
            // It is open already, for this failure's siblings.
            _ => return,
        };
        *state = State::Open { until: Instant::now() + pause, pause, why: why.to_owned() };
        drop(state);
        self.breaker.changed.notify_waiters();
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if self.judged || !self.probe {
            return;
        }
        let mut state = self.breaker.state();
        if let State::Probing { pause, why } = &*state {
            *state = State::Open { until: Instant::now(), pause: *pause, why: why.clone() };
        }
        drop(state);
        self.breaker.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn soon(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    async fn opened() -> Breaker {
        let breaker = Breaker::default();
        for _ in 0..FAILURES_IN_A_ROW {
            breaker.admit(soon(0)).await.unwrap().failed("it is down");
        }
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_an_answer_between_them_does_not_let_it() {
        let breaker = Breaker::default();
        for _ in 0..5 {
            for _ in 1..FAILURES_IN_A_ROW {
                breaker.admit(soon(0)).await.unwrap().failed("busy");
            }
            breaker.admit(soon(0)).await.unwrap().answered();
        }
        let breaker = opened().await;
        assert_eq!(breaker.admit(soon(1)).await.unwrap_err(), "it is down");
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_at_a_time_closes_it_or_doubles_the_pause() {
        let breaker = Arc::new(opened().await);
        let start = Instant::now();
        let probe = breaker.admit(soon(60)).await.unwrap();
        assert_eq!(start.elapsed(), FIRST_PAUSE);
        let other = tokio::spawn({
            let breaker = Arc::clone(&breaker);
            async move { breaker.admit(soon(60)).await.map(Leave::answered) }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!other.is_finished());
        probe.failed("still down");
        // The other call waits on, for the next probe, and makes it.
        other.await.unwrap().unwrap();
        assert_eq!(start.elapsed(), FIRST_PAUSE + Duration::from_secs(1) + FIRST_PAUSE * 2);
        breaker.admit(soon(0)).await.unwrap().answered();
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_given_up_lets_another_try_at_once() {
        let breaker = opened().await;
        drop(breaker.admit(soon(60)).await.unwrap());
        let before = Instant::now();
        breaker.admit(soon(60)).await.unwrap().answered();
        assert_eq!(before.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn late_failures_of_earlier_calls_do_not_lengthen_the_pause() {
        let breaker = Breaker::default();
        let mut early = Vec::new();
        for _ in 0..3 {
            early.push(breaker.admit(soon(0)).await.unwrap());
        }
        for _ in 0..FAILURES_IN_A_ROW {
            breaker.admit(soon(0)).await.unwrap().failed("down");
        }
        let start = Instant::now();
        for leave in early {
            leave.failed("down");
        }
        breaker.admit(soon(60)).await.unwrap().answered();
        assert_eq!(start.elapsed(), FIRST_PAUSE);
    }
}
