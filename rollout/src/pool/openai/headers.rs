//! What endpoints say of their limits in headers: OpenAI's `x-ratelimit-*` (also DeepSeek, Groq, OpenRouter, vLLM's
//! gateways), Anthropic's `anthropic-ratelimit-*`, and `Retry-After`.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// The longest pause that an endpoint is granted.
pub const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// What is left of a limit, and when it is whole again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Left {
    /// Requests or tokens.
    pub amount: f64,
    /// Time from now.
    pub resets_in: Duration,
}

/// Requests that are left.
pub fn requests_left(headers: &HeaderMap) -> Option<Left> {
    left(headers, "requests")
}

/// Tokens that are left.
pub fn tokens_left(headers: &HeaderMap) -> Option<Left> {
    left(headers, "tokens")
}

/// Requests that the limit allows when it is whole, in whatever time the endpoint counts.
pub fn request_limit(headers: &HeaderMap) -> Option<f64> {
    limit(headers, "requests")
}

/// Tokens that the limit allows when it is whole.
pub fn token_limit(headers: &HeaderMap) -> Option<f64> {
    limit(headers, "tokens")
}

fn limit(headers: &HeaderMap, what: &str) -> Option<f64> {
    number(headers, &format!("x-ratelimit-limit-{what}"))
        .or_else(|| number(headers, &format!("anthropic-ratelimit-{what}-limit")))
}

fn left(headers: &HeaderMap, what: &str) -> Option<Left> {
    let openai = || {
        let amount = number(headers, &format!("x-ratelimit-remaining-{what}"))?;
        let resets = duration(text(headers, &format!("x-ratelimit-reset-{what}"))?)?;
        Some(Left { amount, resets_in: resets })
    };
    let anthropic = || {
        let amount = number(headers, &format!("anthropic-ratelimit-{what}-remaining"))?;
        let at = text(headers, &format!("anthropic-ratelimit-{what}-reset"))?;
        let at = humantime::parse_rfc3339(at).ok()?;
        Some(Left { amount, resets_in: at.duration_since(their_now(headers)).unwrap_or_default() })
    };
    let Left { amount, resets_in } = openai().or_else(anthropic)?;
    Some(Left { amount, resets_in: resets_in.min(LONGEST_PAUSE) })
}

/// The pause that `Retry-After` (seconds or a date) or `retry-after-ms` asks for; `None` where neither can be read or
/// the date has passed.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let from_millis = || Duration::try_from_secs_f64(number(headers, "retry-after-ms")? / 1e3).ok();
    let from_header = || {
        let value = text(headers, RETRY_AFTER.as_str())?;
        match value.parse::<f64>() {
            Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
            // Both times are the endpoint's own, so that a clock that differs from ours does no harm.
            Err(_) => {
                httpdate::parse_http_date(value).ok()?.duration_since(their_now(headers)).ok()
            }
        }
    };
    from_millis().or_else(from_header).map(|pause| pause.min(LONGEST_PAUSE))
}

/// The endpoint's own time where it says so, else ours.
fn their_now(headers: &HeaderMap) -> SystemTime {
    text(headers, DATE.as_str())
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .unwrap_or_else(SystemTime::now)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn number(headers: &HeaderMap, name: &str) -> Option<f64> {
    text(headers, name)?.parse().ok().filter(|value: &f64| value.is_finite() && *value >= 0.0)
}

/// "1s", "6m0s", "20ms", or bare seconds.
fn duration(text: &str) -> Option<Duration> {
    match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        // OpenAI writes fractions ("8.64s"), which need a reading of their own.
        Err(_) => fractions(text),
    }
}

fn fractions(text: &str) -> Option<Duration> {
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let value: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        total += value
            * match &rest[..end] {
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return None,
            };
        rest = &rest[end..];
    }
    Duration::try_from_secs_f64(total).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn openai_says_what_is_left_in_durations() {
        for (text, seconds) in [
            ("1s", 1.0),
            ("6m0s", 360.0),
            ("20ms", 0.02),
            ("8.64s", 8.64),
            ("2", 2.0),
            ("1h2m", 3720.0),
        ] {
            let left = requests_left(&map(&[
                ("x-ratelimit-remaining-requests", "59"),
                ("x-ratelimit-reset-requests", text),
            ]))
            .unwrap();
            let expected = f64::min(seconds, LONGEST_PAUSE.as_secs_f64());
            assert!((left.resets_in.as_secs_f64() - expected).abs() < 1e-9, "{text}: {left:?}");
            assert!((left.amount - 59.0).abs() < 1e-12);
        }
        for bad in ["", "soon", "-1s", "1x", "s", "1e400s", "nan"] {
            let headers =
                map(&[("x-ratelimit-remaining-tokens", "5"), ("x-ratelimit-reset-tokens", bad)]);
            // An empty duration is none at all: nothing to wait for.
            let left = tokens_left(&headers);
            assert!(left.is_none_or(|left| left.resets_in.is_zero()), "{bad}: {left:?}");
        }
        assert_eq!(requests_left(&HeaderMap::new()), None);
    }

    #[test]
    fn anthropic_says_it_in_dates_of_its_own_clock() {
        let left = tokens_left(&map(&[
            ("date", "Wed, 21 Oct 2015 07:28:00 GMT"),
            ("anthropic-ratelimit-tokens-remaining", "1000"),
            ("anthropic-ratelimit-tokens-reset", "2015-10-21T07:28:09Z"),
        ]))
        .unwrap();
        assert_eq!(left.resets_in, Duration::from_secs(9));
    }

    #[test]
    fn the_whole_limit_is_read_from_either_kind_of_header() {
        let openai = map(&[("x-ratelimit-limit-requests", "60")]);
        assert_eq!((request_limit(&openai), token_limit(&openai)), (Some(60.0), None));
        let anthropic = map(&[("anthropic-ratelimit-tokens-limit", "80000")]);
        assert_eq!((request_limit(&anthropic), token_limit(&anthropic)), (None, Some(80_000.0)));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_of_the_endpoints_clock() {
        let pause = |lines: &[(&'static str, &str)]| retry_after(&map(lines));
        assert_eq!(pause(&[("retry-after", "2")]), Some(Duration::from_secs(2)));
        assert_eq!(pause(&[("retry-after", "0.5")]), Some(Duration::from_millis(500)));
        assert_eq!(
            pause(&[("retry-after-ms", "250"), ("retry-after", "9")]),
            Some(Duration::from_millis(250))
        );
        assert_eq!(pause(&[("retry-after", "86400")]), Some(LONGEST_PAUSE));
        // Its clock is years behind ours: only the difference counts.
        let skewed = [
            ("date", "Wed, 21 Oct 2015 07:28:00 GMT"),
            ("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT"),
        ];
        assert_eq!(pause(&skewed), Some(Duration::from_secs(30)));
        let passed = [
            ("date", "Wed, 21 Oct 2015 07:28:00 GMT"),
            ("retry-after", "Wed, 21 Oct 2015 07:00:00 GMT"),
        ];
        assert_eq!(pause(&passed), None);
        for bad in ["-1", "inf", "tomorrow", "", "NaN"] {
            assert_eq!(pause(&[("retry-after", bad)]), None, "{bad}");
        }
    }
}
