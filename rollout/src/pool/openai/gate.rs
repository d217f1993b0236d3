//! What lets a call through: calls at once, requests and tokens a minute, and what the endpoint itself says is left.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderMap;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::headers::{self, Left};
use super::pauses::FIRST_PAUSE;
use super::turn::Turns;

/// Share of a limit that may be used at once; the rest is refilled evenly. Both together never exceed the limit in any
/// minute.
const BURST: f64 = 0.05;
/// A step more of what waits for a call overtakes so many calls, as a multiple of those that may be under way at once.
const OVERTAKES: u64 = 4;
/// So many refusals in a row, with no answer between them, are more than chance: then nothing is let through for a while.
const REFUSALS_IN_A_ROW: u32 = 3;

/// Limits of one worker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Calls under way at once.
    pub concurrency: usize,
    /// Requests a minute; `None` is no limit.
    pub requests_per_minute: Option<f64>,
    /// Prompt and answer tokens a minute; `None` is no limit.
    pub tokens_per_minute: Option<f64>,
}

/// Lets calls through, those first for which others wait, and otherwise in the order in which they came.
#[derive(Debug)]
pub struct Gate {
    /// Only one call at a time waits for a permit and for the rates, so that the order is kept.
    turns: Arc<Turns>,
    permits: Semaphore,
    rates: Mutex<Rates>,
    changed: Notify,
}

/// A call that is through; when it is dropped, another may come.
#[derive(Debug)]
pub struct Pass<'g> {
    gate: &'g Gate,
    tokens: f64,
    _permit: SemaphorePermit<'g>,
}

#[derive(Debug)]
struct Rates {
    requests: Rate,
    tokens: Rate,
    /// The endpoint asked for silence until then.
    closed_until: Option<Instant>,
    /// Refusals since the last answer.
    refusals: u32,
    under_way: usize,
}

/// One limit: our own bucket, and what the endpoint says is left of its own.
#[derive(Debug)]
struct Rate {
    bucket: Option<Bucket>,
    window: Option<Window>,
}

#[derive(Debug)]
struct Bucket {
    capacity: f64,
    per_second: f64,
    level: f64,
    at: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    left: f64,
    resets: Instant,
}

impl Gate {
    /// A gate that is open.
    pub fn new(limits: Limits) -> Self {
        let now = Instant::now();
        Self {
            turns: Turns::new(OVERTAKES.saturating_mul(limits.concurrency as u64)),
            permits: Semaphore::new(limits.concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            rates: Mutex::new(Rates {
                requests: Rate::new(limits.requests_per_minute, now),
                tokens: Rate::new(limits.tokens_per_minute, now),
                closed_until: None,
                refusals: 0,
                under_way: 0,
            }),
            changed: Notify::new(),
        }
    }

    /// Waits until one more call, of `tokens` at most and with so many steps in the chain that begins with it, breaks no limit.
    pub async fn enter(&self, tokens: u64, chain: usize) -> Pass<'_> {
        let _turn = self.turns.take(chain).await;
        let permit = self.permits.acquire().await.expect("the semaphore is never closed");
        let tokens = tokens as f64;
        loop {
            // Before the look at the rates, so that no change after it is missed.
            let changed = self.changed.notified();
            let Some(wait) = self.rates().take(tokens, Instant::now()) else {
                return Pass { gate: self, tokens, _permit: permit };
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = changed => {}
            }
        }
    }

    /// Learns what the endpoint says is left of its limits.
    pub fn learn(&self, headers: &HeaderMap) {
        let now = Instant::now();
        let mut rates = self.rates();
        // Calls under way may not be counted in what the endpoint says, the one that it answers is.
        let others = rates.under_way.saturating_sub(1) as f64;
        rates.requests.learn(headers::requests_left(headers), others, now);
        rates.tokens.learn(headers::tokens_left(headers), 0.0, now);
        drop(rates);
        self.changed.notify_one();
    }

    /// Learns that the endpoint wants fewer requests. Where it names a pause, nothing is let through for so long. Where it
    /// names none, the refused call waits by itself, and the others only once refusals follow one another: many services
    /// refuse a request now and then for reasons of their own, and silence after each would leave the limit unused.
    pub fn refused(&self, pause: Option<Duration>) {
        let mut rates = self.rates();
        rates.refusals += 1;
        let in_a_row = rates.refusals >= REFUSALS_IN_A_ROW;
        let Some(pause) = pause.or(in_a_row.then_some(FIRST_PAUSE)) else { return };
        let until = Instant::now() + pause;
        rates.closed_until = Some(rates.closed_until.map_or(until, |earlier| earlier.max(until)));
    }

    fn rates(&self) -> MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// The call was answered, and used so many of its tokens.
    pub fn answered(&mut self, tokens: u64) {
        self.gate.rates().refusals = 0;
        self.used(tokens);
    }

    /// Gives back what the call did not use of its tokens.
    pub fn used(&mut self, tokens: u64) {
        let spare = self.tokens - tokens as f64;
        self.tokens = tokens as f64;
        self.gate.rates().tokens.give_back(spare);
        self.gate.changed.notify_one();
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.gate.rates().under_way -= 1;
        self.gate.changed.notify_one();
    }
}

impl Rates {
    /// Takes one request of `tokens`, or says how long to wait before the next look.
    fn take(&mut self, tokens: f64, now: Instant) -> Option<Duration> {
        let closed = self.closed_until.map(|until| until.saturating_duration_since(now));
        let wait =
            [closed, Some(self.requests.wait(1.0, now)), Some(self.tokens.wait(tokens, now))]
                .into_iter()
                .flatten()
                .max()
                .unwrap_or_default();
        if wait > Duration::ZERO {
            return Some(wait);
        }
        self.closed_until = None;
        self.requests.take(1.0);
        self.tokens.take(tokens);
        self.under_way += 1;
        None
    }
}

impl Rate {
    fn new(per_minute: Option<f64>, now: Instant) -> Self {
        let bucket = per_minute.map(|limit| {
            let capacity = (limit * BURST).max(1.0);
            let per_second = ((limit - capacity) / 60.0).max(limit / 120.0);
            Bucket { capacity, per_second, level: capacity, at: now }
        });
        Self { bucket, window: None }
    }

    fn wait(&mut self, amount: f64, now: Instant) -> Duration {
        let own = self.bucket.as_mut().map(|bucket| bucket.wait(amount, now));
        let theirs = match self.window {
            Some(window) if window.resets <= now => {
                self.window = None;
                None
            }
            // A window that is whole again lets even a large call through, which could never come otherwise.
            Some(window) if window.left < amount => Some(window.resets - now),
            _ => None,
        };
        own.into_iter().chain(theirs).max().unwrap_or_default()
    }

    fn take(&mut self, amount: f64) {
        if let Some(bucket) = &mut self.bucket {
            bucket.level -= amount;
        }
        if let Some(window) = &mut self.window {
            window.left -= amount;
        }
    }

    fn give_back(&mut self, amount: f64) {
        if let Some(bucket) = &mut self.bucket {
            bucket.level = (bucket.level + amount).min(bucket.capacity);
        }
    }

    fn learn(&mut self, left: Option<Left>, others: f64, now: Instant) {
        if let Some(Left { amount, resets_in }) = left {
            self.window = Some(Window { left: amount - others, resets: now + resets_in });
        }
    }
}

impl Bucket {
    /// A call larger than the bucket waits until it is full, and leaves a debt.
    fn wait(&mut self, amount: f64, now: Instant) -> Duration {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        self.level = (self.level + elapsed * self.per_second).min(self.capacity);
        self.at = now;
        let short = amount.min(self.capacity) - self.level;
        // Rounding must not make a wait that ends just before the level is reached.
        if short <= 1e-9 {
            Duration::ZERO
        } else {
            Duration::from_secs_f64(short / self.per_second + 1e-6)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn limits(concurrency: usize) -> Limits {
        Limits { concurrency, requests_per_minute: None, tokens_per_minute: None }
    }

    fn header_map(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn no_minute_has_more_requests_than_its_limit() {
        let gate = Gate::new(Limits { requests_per_minute: Some(60.0), ..limits(1000) });
        let start = Instant::now();
        let mut times = Vec::new();
        for _ in 0..300 {
            let _pass = gate.enter(1, 1).await;
            times.push(start.elapsed());
        }
        for (index, time) in times.iter().enumerate() {
            let within =
                times[index..].iter().filter(|t| **t < *time + Duration::from_mins(1)).count();
            assert!(within <= 60, "{within} requests in the minute after {time:?}");
        }
        let rate = 300.0 / start.elapsed().as_secs_f64() * 60.0;
        assert!(rate > 0.93 * 60.0, "{rate} a minute of 60");
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_are_taken_at_their_most_and_given_back() {
        let gate = Gate::new(Limits { tokens_per_minute: Some(6000.0), ..limits(1000) });
        let start = Instant::now();
        for _ in 0..10 {
            let mut pass = gate.enter(300, 1).await;
            pass.used(30);
        }
        // Ten calls of 30 tokens fit into the burst of 300, ten of 300 would have taken half a minute.
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
        // More than the bucket holds is let through all the same, once it is full.
        drop(gate.enter(100_000, 1).await);
        let before = Instant::now();
        drop(gate.enter(1, 1).await);
        assert!(before.elapsed() > Duration::from_mins(15), "{:?}", before.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_endpoint_says_is_left_is_obeyed() {
        let gate = Arc::new(Gate::new(limits(100)));
        drop(gate.enter(1, 1).await);
        gate.learn(&header_map(&[
            ("x-ratelimit-remaining-requests", "3"),
            ("x-ratelimit-reset-requests", "20s"),
        ]));
        let start = Instant::now();
        for _ in 0..3 {
            drop(gate.enter(1, 1).await);
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        drop(gate.enter(1, 1).await);
        assert!(start.elapsed() >= Duration::from_secs(20), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_gate_opens_again_and_a_newer_answer_opens_it_early() {
        let gate = Arc::new(Gate::new(limits(100)));
        gate.refused(Some(Duration::from_secs(7)));
        let start = Instant::now();
        drop(gate.enter(1, 1).await);
        assert_eq!(start.elapsed().as_secs(), 7);

        gate.learn(&header_map(&[
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", "1m0s"),
        ]));
        let waiting = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move {
                drop(gate.enter(50, 1).await);
            }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!waiting.is_finished());
        gate.learn(&header_map(&[
            ("x-ratelimit-remaining-tokens", "900"),
            ("x-ratelimit-reset-tokens", "1m0s"),
        ]));
        waiting.await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_among_answers_close_nothing_and_those_in_a_row_do() {
        let gate = Gate::new(limits(100));
        let start = Instant::now();
        for _ in 0..50 {
            for _ in 1..REFUSALS_IN_A_ROW {
                gate.refused(None);
            }
            gate.enter(1, 1).await.answered(1);
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..REFUSALS_IN_A_ROW {
            gate.refused(None);
        }
        drop(gate.enter(1, 1).await);
        assert_eq!(start.elapsed(), FIRST_PAUSE);
        // Nothing was answered since, so the next refusal is one more in the row.
        gate.refused(None);
        gate.enter(1, 1).await.answered(1);
        assert_eq!(start.elapsed(), FIRST_PAUSE * 2);
        gate.refused(None);
        drop(gate.enter(1, 1).await);
        assert_eq!(start.elapsed(), FIRST_PAUSE * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_calls_at_once_than_the_limit_and_a_dropped_wait_takes_nothing() {
        let gate = Arc::new(Gate::new(limits(3)));
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let call = |gate: Arc<Gate>, now: Arc<AtomicUsize>, most: Arc<AtomicUsize>| async move {
            let _pass = gate.enter(1, 1).await;
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(10)).await;
            now.fetch_sub(1, Ordering::SeqCst);
        };
        let calls: Vec<_> = (0..20)
            .map(|_| tokio::spawn(call(Arc::clone(&gate), Arc::clone(&now), Arc::clone(&most))))
            .collect();
        // The calls are in before one more comes and gives up.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let given_up = tokio::time::timeout(Duration::from_millis(1), gate.enter(1, 1)).await;
        assert!(given_up.is_err());
        for call in calls {
            call.await.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 3);
        assert_eq!(gate.rates().under_way, 0);
    }
}
