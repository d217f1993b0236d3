//! How a report of an evaluation looks on a terminal.

use std::fmt::Write as _;

use conductor_trainer::evaluate::{Difference, DomainMeans, Interval, Report, Row, RowKind};

use super::{Page, Style, Table};

/// The tables of a report.
pub fn page(report: &Report, style: Style) -> Page {
    let mut page = Page::default();
    page.line(format!(
        "{} questions of {}; reward = format + correctness − {:.4} × dollars{}\n",
        report.questions,
        report.split.map_or("all splits".to_owned(), |split| format!("the {split} split")),
        report.reward_per_usd,
        further_parts(report)
    ));
    let mut table = Table::new(&[
        "",
        "#n",
        "#accuracy",
        "#reward",
        "#Δ reward vs best worker",
        "#p (accuracy)",
        "#µ$",
        "#tokens",
        "#calls",
        "#s",
        "#valid",
    ]);
    for row in &report.rows {
        table.row(cells(row));
    }
    page.line(table.render(style));
    for (cause, example) in &report.causes {
        let sign = style.warn("note");
        page.line(format!("{sign} answers without a verdict, {cause}, for example {example}"));
    }
    for (name, difference) in &report.against_first_policy {
        page.line(format!(
            "{name} − untrained policy: reward {}, accuracy {}, n = {}",
            signed(&difference.reward),
            signed(&difference.accuracy),
            difference.questions
        ));
    }
    for row in report.rows.iter().filter(|row| row.kind == RowKind::Policy) {
        page.line(shares(row));
    }
    if report.rows.iter().any(|row| row.obedience.is_some()) {
        page.line(obedience(report).render(style));
    }
    page.line(domains(report, "accuracy", |means| means.accuracy).render(style));
    page.line(domains(report, "reward", |means| means.reward).render(style));
    if !report.simulated_workers.is_empty() {
        page.line(format!(
            "{} simulated: {}. Their answers were drawn at random, so rows that rest on them measure no model",
            style.warn("note"),
            report.simulated_workers.join(", ")
        ));
    }
    page
}

/// The parts of the reward that are weighed only where someone asks for it.
fn further_parts(report: &Report) -> String {
    let mut text = String::new();
    for (sign, weight, what) in [
        ('−', report.reward_per_step, "steps"),
        ('−', report.reward_per_sec, "seconds"),
        ('+', report.reward_of_obedience, "obedience"),
    ] {
        if weight > 0.0 {
            write!(text, " {sign} {weight:.4} × {what}").expect("writing to a string cannot fail");
        }
    }
    text
}

fn cells(row: &Row) -> Vec<String> {
    let against = row.against_best_worker.as_ref();
    vec![
        row.name.clone(),
        if row.unscorable > 0 {
            format!("{} (−{})", row.questions, row.unscorable)
        } else {
            row.questions.to_string()
        },
        row.accuracy.as_ref().map_or("—".to_owned(), interval),
        row.reward.as_ref().map_or("—".to_owned(), interval),
        against.map_or(String::new(), |d: &Difference| signed(&d.reward)),
        against.and_then(|d| d.mcnemar_p).map_or(String::new(), |p| format!("{p:.3}")),
        format!("{:.1}", row.usd * 1e6),
        format!("{:.0}", row.tokens),
        format!("{:.2}", row.calls),
        format!("{:.1}", row.latency_ms_median / 1e3),
        format!("{:.1}%", row.valid * 100.0),
    ]
}

fn interval(interval: &Interval) -> String {
    format!("{:.3} [{:.3}, {:.3}]", interval.mean, interval.low, interval.high)
}

fn signed(interval: &Interval) -> String {
    format!("{:+.3} [{:+.3}, {:+.3}]", interval.mean, interval.low, interval.high)
}

fn shares(row: &Row) -> String {
    let list = |shares: &std::collections::BTreeMap<String, f64>| {
        let parts: Vec<String> =
            shares.iter().map(|(name, share)| format!("{name} {:.0}%", share * 100.0)).collect();
        if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
    };
    format!(
        "{}: {:.2} steps a workflow; calls: {}; format errors: {}",
        row.name,
        row.steps,
        list(&row.worker_shares),
        list(&row.format_errors)
    )
}

/// Of the questions with a constraint, how many were answered by a workflow that obeyed it.
fn obedience(report: &Report) -> Table {
    let mut table = Table::new(&["constrained questions", "#n", "#obedience"]);
    for row in &report.rows {
        if let Some(share) = &row.obedience {
            table.row([row.name.clone(), row.constrained.to_string(), interval(share)]);
        }
    }
    table
}

fn domains(report: &Report, what: &str, value: impl Fn(&DomainMeans) -> f64) -> Table {
    let names: std::collections::BTreeSet<&String> =
        report.by_domain.values().flat_map(|row| row.keys()).collect();
    let titles: Vec<String> = std::iter::once(format!("{what} by domain"))
        .chain(names.iter().map(|name| format!("#{name}")))
        .collect();
    let mut table = Table::new(&titles.iter().map(String::as_str).collect::<Vec<_>>());
    for row in &report.rows {
        let means = &report.by_domain[&row.name];
        let cells = names.iter().map(|name| {
            means.get(*name).map_or(String::new(), |means| format!("{:.2}", value(means)))
        });
        table.row(std::iter::once(row.name.clone()).chain(cells));
    }
    table
}
