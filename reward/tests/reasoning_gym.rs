//! Scores equal those of the package itself, which `scripts/make_reasoning_gym_fixture.py` recorded.

use std::collections::BTreeMap;

use conductor_reward::reasoning_gym::{score, scorer};

#[derive(serde::Deserialize)]
struct Case {
    dataset: String,
    gold: String,
    answer: Option<String>,
    score: f64,
}

#[test]
fn scores_equal_the_packages_own() {
    let fixture = include_str!("fixtures/reasoning_gym.jsonl");
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut differences = Vec::new();
    for line in fixture.lines() {
        let case: Case = serde_json::from_str(line).expect("a case");
        let scorer = scorer(&case.dataset).expect("a ported scorer");
        let ours = score(scorer, &case.gold, case.answer.as_deref());
        let (cases, positive) = counts.entry(case.dataset).or_default();
        *cases += 1;
        *positive += usize::from(case.score > 0.0);
        if (ours - case.score).abs() > 1e-12 {
            differences.push(format!("{ours} for {line}"));
        }
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
    assert!(counts.len() >= 11, "{counts:?}");
    for (dataset, (cases, positive)) in counts {
        assert!(
            cases >= 60 && positive >= 10 && positive < cases,
            "{dataset}: {positive} of {cases}"
        );
    }
}
