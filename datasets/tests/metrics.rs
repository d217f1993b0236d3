//! The metrics log: what is saved comes back, a resume forgets the future, old files stay readable.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use conductor_datasets::{DataError, MetricRow, MetricsAt, MetricsLog};
use conductor_types::{Phase, Split};

fn at(phase: Phase, split: Option<Split>, step: u64) -> MetricsAt {
    MetricsAt { time_ms: 1_700_000_000_000 + step, phase, split, step }
}

fn values(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
    pairs.iter().map(|&(name, value)| (name.to_string(), value)).collect()
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/metrics-v1.parquet")
}

/// Two warm-start steps, four training steps, an evaluation before the first and after every second step.
fn filled(path: &Path) -> MetricsLog {
    let mut log = MetricsLog::open(path).unwrap();
    for step in 0..2 {
        log.append(at(Phase::WarmStart, None, step), &values(&[("loss", 2.5)]));
    }
    for step in 0..4 {
        if step % 2 == 0 {
            let valid = Some(Split::Valid);
            log.append(at(Phase::Evaluate, valid, step), &values(&[("reward/mean", 0.5)]));
        }
        let loss = f64::from(u32::try_from(step).unwrap());
        log.append(
            at(Phase::Update, None, step),
            &values(&[("actor/pg_loss", -loss), ("größe", 1.0)]),
        );
    }
    log
}

fn written() -> MetricsLog {
    let path = golden();
    assert!(!path.exists(), "a golden file is never written twice");
    filled(&path)
}

#[test]
fn what_is_saved_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.parquet");
    let mut log = filled(&path);
    log.append(at(Phase::Update, None, 9), &values(&[("bad", f64::INFINITY), ("none", f64::NAN)]));
    assert!(!path.exists(), "nothing is on disk before save");
    log.save().unwrap();
    let read = MetricsLog::open(&path).unwrap();
    assert_eq!(read.rows().len(), 14);
    assert!(read.rows()[13].value.is_nan());
    assert_eq!(read.rows()[..13], log.rows()[..13]);
    let first = MetricRow { at: at(Phase::WarmStart, None, 0), name: "loss".into(), value: 2.5 };
    assert_eq!(read.rows()[0], first);
}

#[test]
fn a_step_that_is_done_again_stands_there_once() {
    let mut log = filled(Path::new("not-saved.parquet"));
    let before = log.rows().len();
    log.append(at(Phase::Update, None, 3), &values(&[("actor/pg_loss", 7.0)]));
    assert_eq!(log.rows().len(), before);
    let found: Vec<f64> = log
        .rows()
        .iter()
        .filter(|row| row.name == "actor/pg_loss" && row.at.step == 3)
        .map(|row| row.value)
        .collect();
    assert_eq!(found, [7.0]);
}

fn steps(log: &MetricsLog, phase: Phase) -> Vec<u64> {
    let mut steps: Vec<u64> =
        log.rows().iter().filter(|row| row.at.phase == phase).map(|row| row.at.step).collect();
    steps.dedup();
    steps
}

#[test]
fn a_resume_forgets_what_lies_after_its_checkpoint() {
    let mut log = filled(Path::new("not-saved.parquet"));
    log.truncate_from(2);
    assert_eq!(steps(&log, Phase::Update), [0, 1]);
    assert_eq!(steps(&log, Phase::Evaluate), [0, 2]);
    assert_eq!(steps(&log, Phase::WarmStart), [0, 1]);
    log.truncate_warm_start_from(1);
    assert_eq!((log.rows().len(), steps(&log, Phase::WarmStart)), (1, vec![0]));
}

/// Content of version 1, written by `write_the_golden_file` below when the version was made.
#[test]
fn version_1_is_read() {
    let made = filled(Path::new("not-saved.parquet"));
    assert_eq!(MetricsLog::open(golden()).unwrap().rows(), made.rows());
}

#[test]
#[ignore = "writes the golden file; only for a new version of the format"]
fn write_the_golden_file() {
    written().save().unwrap();
}

#[test]
fn what_is_no_metrics_log_is_refused() {
    let episodes = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/episodes-v1.parquet");
    let error = MetricsLog::open(episodes).unwrap_err();
    assert!(matches!(error, DataError::Version { .. }), "{error}");
    assert!(error.to_string().contains("a metrics log"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.parquet");
    fs::write(&path, &fs::read(golden()).unwrap()[..200]).unwrap();
    assert!(matches!(MetricsLog::open(&path), Err(DataError::Parquet { .. })));
    fs::write(&path, "").unwrap();
    assert!(MetricsLog::open(&path).is_err());
}
