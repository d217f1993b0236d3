//! The few metrics of a step that a person follows; docs/metrics.md lists all.

use std::collections::BTreeMap;

use crate::ui::dollars;

/// Name of the metric, what it is called on the line, and how its value is written.
const KEY: [(&str, &str, Form); 9] = [
    ("critic/rewards/mean", "reward", Form::Plain),
    ("eval/reward", "held-out reward", Form::Plain),
    ("reward/correctness", "right", Form::Share),
    ("workflow/valid", "valid", Form::Share),
    ("warm_start/loss", "loss", Form::Plain),
    ("actor/entropy", "entropy", Form::Plain),
    ("cost/usd_mean", "a question", Form::Dollars),
    ("cost/spend_usd", "spent", Form::Dollars),
    ("timing_s/step", "took", Form::Seconds),
];

#[derive(Debug, Clone, Copy)]
enum Form {
    Plain,
    Share,
    Dollars,
    Seconds,
}

/// "reward 0.713  valid 98.4%  spent $0.0121"; metrics that are not there are left out.
pub(super) fn summary(metrics: &BTreeMap<String, f64>) -> String {
    let mut parts = Vec::new();
    for (name, label, form) in KEY {
        let Some(value) = metrics.get(name) else { continue };
        parts.push(match form {
            Form::Plain => format!("{label} {}", plain(*value)),
            Form::Share => format!("{label} {:.1}%", value * 100.0),
            Form::Dollars => format!("{label} {}", dollars(*value)),
            Form::Seconds => format!("{label} {value:.1} s"),
        });
    }
    if parts.is_empty() {
        // A phase with metrics of its own: better all than none.
        parts = metrics.iter().take(4).map(|(name, v)| format!("{name} {}", plain(*v))).collect();
    }
    parts.join("  ")
}

fn plain(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.001 { format!("{value:.2e}") } else { format!("{value:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_there_is_shown() {
        let metrics = |pairs: &[(&str, f64)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
        };
        let text = summary(&metrics(&[
            ("critic/rewards/mean", 0.71251),
            ("workflow/valid", 0.984),
            ("z", 1.0),
        ]));
        assert_eq!(text, "reward 0.713  valid 98.4%");
        assert_eq!(summary(&metrics(&[("warm/x", 0.000_012)])), "warm/x 1.20e-5");
    }
}
