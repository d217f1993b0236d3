//! One verdict of the output.

use std::time::Duration;

use conductor_types::Verdict;
use serde::Serialize;

use super::case::Id;

/// A line of output.
#[derive(Debug, Serialize)]
pub struct Row {
    id: Id,
    verdict: &'static str,
    score: Option<f64>,
    cause: Option<&'static str>,
    detail: Option<String>,
    wall_ms: f64,
    cpu_ms: Option<f64>,
    peak_mib: Option<f64>,
}

/// What judging took. For a program, what the program took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Took {
    pub wall: Duration,
    pub cpu: Option<Duration>,
    pub peak_bytes: Option<u64>,
}

impl Row {
    pub fn new(id: Id, verdict: Verdict, took: Took) -> Self {
        let (name, score, cause) = (verdict.name(), verdict.score(), verdict.cause());
        let detail = match verdict {
            Verdict::Right { .. } => String::new(),
            Verdict::Wrong { detail, .. } | Verdict::Unscorable { detail, .. } => detail,
        };
        Self {
            id,
            verdict: name,
            score,
            cause: Some(cause).filter(|cause| !cause.is_empty()),
            detail: Some(detail).filter(|detail| !detail.is_empty()),
            wall_ms: milliseconds(took.wall),
            cpu_ms: took.cpu.map(milliseconds),
            peak_mib: took.peak_bytes.map(|bytes| thousandths(bytes as f64 / f64::from(1 << 20))),
        }
    }

    /// As one line of JSON, with its line break.
    pub fn line(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

fn milliseconds(duration: Duration) -> f64 {
    thousandths(duration.as_secs_f64() * 1000.0)
}

fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use conductor_types::{Unscorable, WrongCause};
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use super::*;

    fn row(verdict: Verdict, took: Took) -> Value {
        let id = RawValue::from_string("12345678901234567890.10".into()).unwrap();
        let line = Row::new(id, verdict, took).line().unwrap();
        assert!(line.starts_with(r#"{"id":12345678901234567890.10,"#), "{line}");
        assert!(line.ends_with("}\n") && line.lines().count() == 1);
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn every_field_is_there_and_null_where_it_says_nothing() {
        let took = Took {
            wall: Duration::from_micros(1_234_567),
            cpu: Some(Duration::from_millis(2)),
            peak_bytes: Some(3 << 19),
        };
        assert_eq!(
            row(Verdict::Right { score: 1.0 }, took),
            json!({"id": 12_345_678_901_234_567_890.1, "verdict": "right", "score": 1.0, "cause": null, "detail": null,
                "wall_ms": 1234.567, "cpu_ms": 2.0, "peak_mib": 1.5})
        );
        let wrong = Verdict::Wrong { cause: WrongCause::NoCode, detail: "a\nb".into() };
        let wrong = row(wrong, Took::default());
        assert_eq!(
            (&wrong["score"], &wrong["cause"], &wrong["detail"]),
            (&json!(0.0), &json!("no_code"), &json!("a\nb"))
        );
        assert_eq!((&wrong["cpu_ms"], &wrong["peak_mib"]), (&Value::Null, &Value::Null));
        let none = Verdict::Unscorable { cause: Unscorable::BadTestData, detail: String::new() };
        let none = row(none, Took::default());
        assert_eq!((&none["verdict"], &none["score"]), (&json!("unscorable"), &Value::Null));
    }
}
