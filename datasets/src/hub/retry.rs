//! Trying again: what may pass, how long to wait, and when to give up.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::HubError;
use super::settings::Patience;
use super::watch::{Event, Watch, pause};

/// Why one try failed.
pub(super) enum Fault {
    /// It may be better in a moment; the hub may have said when.
    Passing {
        /// What happened.
        cause: String,
        /// What the hub asks to wait.
        wait: Option<Duration>,
    },
    /// It will not be better.
    Final(HubError),
}

impl Fault {
    pub fn passing(cause: impl Into<String>) -> Self {
        Self::Passing { cause: cause.into(), wait: None }
    }
}

impl From<HubError> for Fault {
    fn from(error: HubError) -> Self {
        Self::Final(error)
    }
}

/// What is tried, for messages.
pub(super) struct Job<'a> {
    pub what: &'a str,
    pub endpoint: &'a str,
    pub has_token: bool,
    pub patience: Patience,
}

/// Tries until it works, until a fault is final, or until too many tries in a row brought nothing. `attempt` is told
/// the number of the try, and hands back with a fault how many bytes it brought; `kept` says how many are on disk.
pub(super) fn persist<T>(
    job: &Job<'_>,
    watch: &mut dyn Watch,
    kept: &dyn Fn() -> u64,
    mut attempt: impl FnMut(u32, &mut dyn Watch) -> Result<T, (Fault, u64)>,
) -> Result<T, HubError> {
    /// Fewer bytes are no progress: a hub that hands over one byte a try would be tried for ever.
    const PROGRESS: u64 = 64 << 10;
    let (mut tries, mut in_a_row) = (0, 0);
    loop {
        super::watch::go_on(watch)?;
        let (fault, brought) = match attempt(tries, watch) {
            Ok(value) => return Ok(value),
            Err(failed) => failed,
        };
        let (cause, wait) = match fault {
            Fault::Passing { cause, wait } => (cause, wait),
            Fault::Final(error) => return Err(error),
        };
        tries += 1;
        in_a_row = if brought >= PROGRESS { 1 } else { in_a_row + 1 };
        if in_a_row >= job.patience.attempts {
            return Err(HubError::Unreachable {
                what: job.what.to_owned(),
                endpoint: job.endpoint.to_owned(),
                cause,
                attempts: tries,
                kept: kept(),
            });
        }
        if let Some(wait) = wait.filter(|wait| *wait > job.patience.longest_wait) {
            let (endpoint, has_token) = (job.endpoint.to_owned(), job.has_token);
            return Err(HubError::Busy { endpoint, wait, has_token });
        }
        let length = wait.unwrap_or_else(|| spread(own_pause(&job.patience, in_a_row)));
        watch.event(&Event::Retries { what: job.what, cause: &cause, pause: length });
        pause(length, watch)?;
    }
}

/// The pause after so many failures in a row.
fn own_pause(patience: &Patience, failures: u32) -> Duration {
    let doubled = patience.first_pause.saturating_mul(1 << failures.saturating_sub(1).min(20));
    doubled.min(patience.longest_pause)
}

/// A quarter more or less, so that many machines that failed at once do not come back at once.
fn spread(pause: Duration) -> Duration {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
    pause.mul_f64(0.75 + f64::from(nanos % 1_000_000) / 2e6)
}

/// What the hub asks to wait: `Retry-After` in seconds or as a date, else the `t` of `RateLimit`, seconds until its
/// window ends.
pub(super) fn wait_of(retry_after: Option<&str>, rate_limit: Option<&str>) -> Option<Duration> {
    if let Some(text) = retry_after.map(str::trim) {
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = httpdate::parse_http_date(text).ok()?;
        return Some(date.duration_since(SystemTime::now()).unwrap_or_default());
    }
    let seconds = rate_limit?.split(';').find_map(|part| part.trim().strip_prefix("t="))?;
    Some(Duration::from_secs(seconds.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let patience = Patience::default();
        let pauses: Vec<u64> = (1..=7).map(|n| own_pause(&patience, n).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(own_pause(&patience, u32::MAX), patience.longest_pause);
        let spread = spread(Duration::from_secs(8));
        assert!((6.0..=10.0).contains(&spread.as_secs_f64()), "{spread:?}");
    }

    #[test]
    fn waits_are_read_in_all_forms() {
        let seconds = |a, b| wait_of(a, b).map(|wait| wait.as_secs());
        assert_eq!(seconds(Some(" 12 "), None), Some(12));
        assert_eq!(seconds(None, Some("\"resolvers\";r=0;t=210")), Some(210));
        assert_eq!(seconds(Some("3"), Some("\"api\";r=0;t=210")), Some(3));
        assert_eq!(seconds(Some("Fri, 31 Dec 1999 23:59:59 GMT"), None), Some(0));
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
        assert!((98..=100).contains(&seconds(Some(&soon), None).unwrap()));
        assert_eq!(seconds(Some("soon"), None), None);
        assert_eq!(seconds(None, None), None);
    }
}
