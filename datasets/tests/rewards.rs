//! The reward report: what is in the files comes out as numbers that another program computes too.

mod common;

use std::path::{Path, PathBuf};

use conductor_datasets::episodes::rewards::{RewardReport, reward_report};
use conductor_datasets::episodes::write_rows;
use conductor_datasets::{DataError, EpisodeFile, EpisodeRow};
use conductor_types::RewardParts;

/// Task, round, domain, score, dollars and the six parts; a completion that is no workflow has no dollars.
type Line = (&'static str, u32, &'static str, f64, Option<f64>, [f64; 6]);

const LINES: [Line; 9] = [
    ("a", 0, "x", 1.0, Some(0.02), [0.5, 0.5, -0.2, 0.0, 0.0, 0.0]),
    ("a", 0, "x", 0.0, Some(0.01), [0.5, 0.0, -0.1, 0.0, 0.0, 0.25]),
    ("a", 0, "x", 0.0, None, [0.0; 6]),
    ("a", 0, "x", 1.0, Some(0.08), [0.5, 0.5, -0.8, 0.0, 0.0, 0.0]),
    ("b", 0, "y", 1.0, Some(0.03), [0.5, 0.5, -0.3, -0.1, 0.0, 0.0]),
    ("b", 0, "y", 1.0, Some(0.01), [0.5, 0.5, -0.1, -0.2, 0.0, 0.0]),
    ("c", 0, "y", 0.0, Some(0.02), [0.5, 0.0, -0.2, 0.0, 0.0, 0.0]),
    ("c", 0, "y", 0.0, Some(0.02), [0.5, 0.0, -0.2, 0.0, 0.0, 0.0]),
    ("a", 1, "x", 0.0, Some(0.04), [0.5, 0.0, -0.4, 0.0, 0.0, 0.0]),
];

fn row((task, round, domain, score, usd, parts): Line) -> EpisodeRow {
    let [format, correctness, cost, steps, latency, obedience] = parts;
    EpisodeRow {
        task_id: task.into(),
        round,
        domain: domain.into(),
        outcome: if usd.is_some() { "ran" } else { "malformed" }.into(),
        score: Some(score),
        cost_usd: usd.unwrap_or(0.0),
        reward: Some(RewardParts { format, correctness, cost, steps, latency, obedience }),
        ..EpisodeRow::from(&common::episodes()[0])
    }
}

/// One whose worker failed.
fn failed(task: &str) -> EpisodeRow {
    EpisodeRow { task_id: task.into(), ..EpisodeRow::from(&common::episodes()[3]) }
}

fn file(folder: &Path, step: u64, rows: Vec<EpisodeRow>) -> EpisodeFile {
    let path = folder.join(format!("step-{step:06}-train.parquet"));
    write_rows(&path, rows).unwrap();
    EpisodeFile { step, part: "train".into(), path }
}

fn close(ours: f64, expected: f64) {
    assert!((ours - expected).abs() < 1e-12, "{ours} is not {expected}");
}

/// The lines over two files; a task that both ask is two groups.
fn report() -> RewardReport {
    let folder = tempfile::tempdir().unwrap();
    let mut first: Vec<EpisodeRow> = LINES[..4].iter().copied().map(row).collect();
    first.insert(1, failed("a"));
    let second = LINES[4..].iter().copied().map(row).collect();
    let files = [file(folder.path(), 3, first), file(folder.path(), 7, second)];
    reward_report(&files).unwrap()
}

/// Expected values: Python 3.12's `statistics`, and the sums of the definitions in its lists.
#[test]
fn distributions_are_what_another_program_says() {
    let report = report();
    assert_eq!((report.files, report.steps), (2, Some((3, 7))));
    assert_eq!((report.episodes, report.scorable), (10, 9));
    assert_eq!(report.unscorable, [("worker_failed".to_owned(), 1)].into());
    let outcomes = [("failed", 1), ("malformed", 1), ("ran", 8)].map(|(k, n)| (k.to_owned(), n));
    assert_eq!(report.outcomes, outcomes.into());
    let expected = [
        ("format", 0.444_444_444_444_444_4, 0.166_666_666_666_666_66),
        ("correctness", 0.222_222_222_222_222_2, 0.263_523_138_347_364_96),
        ("cost", -0.255_555_555_555_555_6, 0.235_112_266_327_764_75),
        ("steps", -0.033_333_333_333_333_33, 0.070_710_678_118_654_75),
        ("latency", 0.0, 0.0),
        ("obedience", 0.027_777_777_777_777_776, 0.083_333_333_333_333_33),
        ("total", 0.405_555_555_555_555_56, 0.287_711_275_027_201_2),
    ];
    assert_eq!(report.parts.len(), expected.len());
    for (part, (name, mean, std)) in report.parts.iter().zip(expected) {
        let all = part.all.as_ref().unwrap();
        assert_eq!((part.part, all.count), (name, 9));
        close(all.mean, mean);
        close(all.std, std);
    }
    let total = report.parts[6].all.as_ref().unwrap();
    for (ours, expected) in [
        (total.min, 0.0),
        (total.q1, 0.2),
        (total.median, 0.3),
        (total.q3, 0.65),
        (total.max, 0.8),
        (total.zero_share, 1.0 / 9.0),
    ] {
        close(ours, expected);
    }
    assert_eq!(total.histogram.iter().sum::<u64>(), 9);
    let by_domain = &report.parts[1].by_domain;
    assert_eq!(by_domain.keys().collect::<Vec<_>>(), ["x", "y"]);
    close(by_domain["x"].mean, 0.2);
    close(by_domain["y"].mean, 0.25);
}

#[test]
fn variance_within_groups_is_shared_out_among_the_parts() {
    let report = report();
    let expected = [
        (0.483_162_518_301_610_44, 0.193_649_167_310_370_85),
        (0.204_978_038_067_349_85, 0.223_606_797_749_978_96),
        (0.184_480_234_260_614_97, 0.285_482_048_472_403_94),
        (-0.011_713_030_746_705_707, 0.031_622_776_601_683_8),
        (0.0, 0.0),
        (0.139_092_240_117_130_28, 0.096_824_583_655_185_43),
        (1.0, 0.292_190_006_673_739_6),
    ];
    for (part, (share, std)) in report.parts.iter().zip(expected) {
        close(part.variance_share.unwrap(), share);
        close(part.std_within_groups, std);
    }
    assert_eq!(report.dominant, Some("format"));
    let sum: f64 = report.parts[..6].iter().filter_map(|part| part.variance_share).sum();
    close(sum, 1.0);
}

#[test]
fn what_groups_teach_and_what_price_has_to_do_with_it() {
    let report = report();
    let groups = report.groups;
    assert_eq!((groups.count, groups.below_two), (4, 1));
    assert_eq!((groups.without_spread, groups.without_score_spread), (2, 3));
    let price = report.cost_and_correctness;
    assert_eq!(price.episodes, 8);
    close(price.correlation.unwrap(), 0.291_111_254_869_791);
    close(price.within_groups.unwrap(), 0.589_767_824_619_588_4);
    // Of the two right answers beside a wrong one, the dear one earns less than the wrong one that obeyed.
    assert_eq!((report.right_below_wrong.right, report.right_below_wrong.below), (2, 1));
}

#[test]
fn files_without_rewards_have_no_distribution_and_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut odd = row(LINES[0]);
    odd.reward.as_mut().unwrap().cost = f64::NAN;
    // Why it is wrong is not why it has no reward.
    let wrong = EpisodeRow { cause: Some("wrong_answer".into()), reward: None, ..row(LINES[1]) };
    let rows = vec![failed("a"), failed("b"), odd, wrong];
    let report = reward_report(&[file(folder.path(), 0, rows)]).unwrap();
    assert_eq!((report.episodes, report.scorable, report.dominant), (4, 0, None));
    let causes = [("not_finite", 1), ("not_shaped", 1), ("worker_failed", 2)];
    let causes = causes.map(|(k, n)| (k.to_owned(), n));
    assert_eq!(report.unscorable, causes.into());
    assert!(report.parts.iter().all(|part| part.all.is_none() && part.variance_share.is_none()));
    assert_eq!((report.groups.count, report.groups.without_spread), (2, 2));
    assert_eq!(report.cost_and_correctness.correlation, None);

    let none = reward_report(&[file(folder.path(), 1, Vec::new())]).unwrap();
    assert_eq!((none.files, none.episodes, none.groups.count), (1, 0, 0));
    assert_eq!(reward_report(&[]).unwrap().steps, None);
}

#[test]
fn files_of_every_version_are_read_and_others_are_refused() {
    let golden = |version: &str| -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/golden/episodes-{version}.parquet"))
    };
    let of = |path: PathBuf| reward_report(&[EpisodeFile { step: 12, part: "train".into(), path }]);
    for version in ["v1", "v2", "v3", "v4"] {
        let report = of(golden(version)).unwrap();
        assert_eq!((report.episodes, report.scorable), (4, 3), "{version}");
        let latency = report.parts[4].all.as_ref().unwrap();
        assert_eq!(latency.mean != 0.0, version == "v4", "{version}");
    }
    let metrics = golden("v1").with_file_name("metrics-v1.parquet");
    assert!(matches!(of(metrics), Err(DataError::Version { .. })));
    assert!(matches!(of(golden("v0")), Err(DataError::Read { .. })));
}

/// A file of a million episodes is read in batches; what is kept of it is numbers.
#[test]
fn rows_are_handed_over_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let rows = (0..3000).map(|i| EpisodeRow { sample: i, ..row(LINES[i as usize % 4]) });
    let report = reward_report(&[file(folder.path(), 0, rows.collect())]).unwrap();
    assert_eq!((report.scorable, report.groups.count), (3000, 1));
    close(report.parts[0].all.as_ref().unwrap().mean, 0.375);
}
