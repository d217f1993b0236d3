//! How a report of rewards looks on a terminal.

use conductor_datasets::episodes::rewards::{Distribution, PartReport, RewardReport};
use conductor_types::Split;

use super::{Page, Style, Table};

/// Eighths of a cell, from nothing to all of it.
const HEIGHTS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The longest bar of a histogram.
const BAR_CELLS: usize = 40;
/// Rows of a histogram.
const BAR_ROWS: usize = 10;

/// The tables of a report.
pub fn page(report: &RewardReport, split: Split, style: Style) -> Page {
    let mut page = Page::default();
    page.line(head(report, split));
    if !report.unscorable.is_empty() {
        page.line(format!("without a reward: {}", counts(&report.unscorable)));
    }
    if report.scorable == 0 {
        page.line("no episode has a reward, so there is nothing to describe");
        return page;
    }
    page.line("");
    page.line(parts(&report.parts).render(style));
    if let Some(total) = report.parts.last().and_then(|part| part.all.as_ref()) {
        page.line("");
        page.line(style.strong("total reward"));
        page.line(bars(total, style));
    }
    page.line("");
    page.line(by_domain(&report.parts).render(style));
    page.line("");
    for line in sentences(report) {
        page.line(line);
    }
    let below = report.right_below_wrong;
    if below.below > 0 {
        page.line(format!(
            "{} {} of {} right answers earn less than a wrong one of their group: there the policy is taught to be wrong. Lower \
             the weights of what is lost, or take forms that spare right answers (reward.cost_form = \"router_r1\")",
            style.warn("note"),
            below.below,
            below.right
        ));
    }
    page
}

fn head(report: &RewardReport, split: Split) -> String {
    let steps = match report.steps {
        Some((first, last)) if first != last => format!("steps {first} to {last}"),
        Some((step, _)) => format!("step {step}"),
        None => "no step".to_owned(),
    };
    format!(
        "{} of {split}, {steps}: {}; {} with a reward",
        if report.episodes == 1 {
            "1 episode".to_owned()
        } else {
            format!("{} episodes", report.episodes)
        },
        counts(&report.outcomes),
        report.scorable
    )
}

fn counts(counts: &std::collections::BTreeMap<String, u64>) -> String {
    counts.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
}

fn parts(parts: &[PartReport]) -> Table {
    let mut table = Table::new(&[
        "part",
        "#mean",
        "#std",
        "#min",
        "#q1",
        "#median",
        "#q3",
        "#max",
        "#zero",
        "from min to max",
        "#std in groups",
        "#share of variance",
    ]);
    for part in parts {
        let Some(all) = &part.all else { continue };
        let numbers = [all.mean, all.std, all.min, all.q1, all.median, all.q3, all.max];
        let cells = std::iter::once(part.part.to_owned())
            .chain(numbers.map(number))
            .chain([percent(all.zero_share), spark(&all.histogram)])
            .chain([number(part.std_within_groups)])
            .chain([part.variance_share.map_or("–".to_owned(), percent)]);
        table.row(cells);
    }
    table
}

/// One cell a bin, as high as its count beside the largest one; what is not nothing can be seen.
fn spark(counts: &[u64]) -> String {
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let height = |count: &u64| (count * (HEIGHTS.len() as u64 - 1)).div_ceil(most) as usize;
    counts.iter().map(|count| HEIGHTS[height(count)]).collect()
}

fn bars(distribution: &Distribution, style: Style) -> String {
    let bins = &distribution.histogram;
    let merged = bins.len().div_ceil(BAR_ROWS);
    let rows: Vec<u64> = bins.chunks(merged).map(|chunk| chunk.iter().sum()).collect();
    let most = rows.iter().copied().max().unwrap_or(0).max(1);
    let width = (distribution.max - distribution.min) / rows.len() as f64;
    let mut table = Table::new(&["#from", "#to", "", "#episodes"]);
    for (row, count) in rows.iter().enumerate() {
        let from = distribution.min + width * row as f64;
        let cells = (count * BAR_CELLS as u64).div_ceil(most) as usize;
        table.row([number(from), number(from + width), "█".repeat(cells), count.to_string()]);
    }
    table.render(style)
}

/// Means of each part by domain.
fn by_domain(parts: &[PartReport]) -> Table {
    let domains: Vec<&String> = parts.iter().flat_map(|part| part.by_domain.keys()).collect();
    let domains: std::collections::BTreeSet<&String> = domains.into_iter().collect();
    let titles: Vec<String> = std::iter::once("mean by domain".to_owned())
        .chain(domains.iter().map(|domain| format!("#{domain}")))
        .collect();
    let mut table = Table::new(&titles.iter().map(String::as_str).collect::<Vec<_>>());
    for part in parts {
        let cells = domains.iter().map(|domain| {
            part.by_domain.get(*domain).map_or(String::new(), |found| number(found.mean))
        });
        table.row(std::iter::once(part.part.to_owned()).chain(cells));
    }
    table
}

fn sentences(report: &RewardReport) -> Vec<String> {
    let groups = report.groups;
    let share = |of: u64| percent(of as f64 / groups.count.max(1) as f64);
    let mut lines = vec![format!(
        "{} groups: {} without spread in the reward ({} with fewer than two rewards), {} without spread in the score",
        groups.count,
        share(groups.without_spread),
        share(groups.below_two),
        share(groups.without_score_spread)
    )];
    if let Some(part) = report.dominant {
        let dominant = report.parts.iter().find(|candidate| candidate.part == part);
        let share = dominant.and_then(|part| part.variance_share).unwrap_or_default();
        lines.push(format!("{part} explains {} of the variance within groups", percent(share)));
    }
    let price = report.cost_and_correctness;
    if let Some(all) = price.correlation {
        let within = price.within_groups.map_or("none".to_owned(), |r| format!("{r:+.3}"));
        lines.push(format!(
            "dollars and correctness: correlation {all:+.3} over {} workflows that ran, {within} within groups",
            price.episodes
        ));
    } else {
        lines.push("dollars and correctness: one of them does not vary".to_owned());
    }
    lines
}

/// Four decimals, and an exponent where they would hide it.
fn number(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.001 { format!("{value:.1e}") } else { format!("{value:.4}") }
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_show_what_is_there() {
        assert_eq!(spark(&[0, 1, 1000, 500]), " ▁█▄");
        assert_eq!(spark(&[]), "");
        let distribution = Distribution::of(vec![0.0, 0.0, 0.5, 1.0]).expect("values");
        let text = bars(&distribution, Style::PLAIN);
        let rows: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(rows.len(), BAR_ROWS, "{text}");
        assert!(rows[0].contains(&"█".repeat(BAR_CELLS)) && rows[0].ends_with('2'), "{text}");
        assert!(rows[1].trim_start().starts_with("0.1000  0.2000") && rows[1].ends_with('0'));
        assert!(rows[9].starts_with("0.9000  1.0000"), "{text}");
        // All the same is one row.
        let same = bars(&Distribution::of(vec![0.5; 3]).expect("values"), Style::PLAIN);
        assert_eq!(same.lines().count(), 2, "{same}");
    }

    #[test]
    fn small_numbers_are_not_nothing() {
        assert_eq!(
            [0.0, 0.25, -0.000_012, 3.0].map(number),
            ["0.0000", "0.2500", "-1.2e-5", "3.0000"]
        );
    }
}
