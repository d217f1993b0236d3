//! The episode log: what goes in comes out, old files stay readable, bad files are refused.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use conductor_datasets::{DataError, EpisodeLog, EpisodeRow, read_episodes};
use conductor_types::WorkflowErrorKind;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

fn rows() -> Vec<EpisodeRow> {
    common::episodes().iter().map(EpisodeRow::from).collect()
}

fn golden(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/episodes-{version}.parquet"))
}

#[test]
fn everything_of_an_episode_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let log = EpisodeLog::open(folder.path().join("episodes")).unwrap();
    let path = log.write(12, "train", &common::episodes()).unwrap();
    assert_eq!(path.file_name().unwrap(), "step-000012-train.parquet");
    let read = read_episodes(&path).unwrap();
    assert_eq!(read, rows());

    let [right, wrong, malformed, failed] = &read[..] else { panic!("{} rows", read.len()) };
    assert_eq!((right.score, right.cause.as_deref()), (Some(1.0), None));
    assert_eq!((right.worker_prompt_tokens, right.cost_usd), (80, 0.000_5));
    assert_eq!((right.prompt_length, right.completion_tokens[1]), (3, 70_000));
    assert_eq!((wrong.score, wrong.cause.as_deref()), (Some(0.0), Some("wrong_answer")));
    assert_eq!(malformed.format_error.as_ref().unwrap().0, WorkflowErrorKind::NotFound.as_str());
    assert_eq!((malformed.score, &malformed.verdict), (Some(0.0), &None));
    assert_eq!((malformed.calls.len(), malformed.critical_path_ms), (0, None));
    assert_eq!((failed.score, failed.reward, failed.advantage), (None, None, None));
    assert_eq!(failed.worker_error.as_ref().unwrap().0, "timeout");
    assert_eq!(failed.calls[0].error.as_deref(), Some("no answer within 120 s"));
}

/// Content of version 1, written by `write_the_golden_file` below when the version was made.
#[test]
fn version_1_is_read() {
    assert_eq!(read_episodes(&golden("v1")).unwrap(), rows());
}

/// Version 2 knows which part of a call's price was not paid again.
#[test]
fn version_2_is_read() {
    assert_eq!(read_episodes(&golden("v2")).unwrap(), rows_with_savings());
}

/// Version 3 knows rounds, and of a call how long it waited, how often it was sent, and what its counts are worth.
#[test]
fn version_3_is_read() {
    assert_eq!(read_episodes(&golden("v3")).unwrap(), rows_with_rounds());
}

/// Version 4 knows more parts of a reward, and what the grader found in the answer.
#[test]
fn version_4_is_read() {
    assert_eq!(read_episodes(&golden("v4")).unwrap(), rows_with_parts());
}

fn rows_with_parts() -> Vec<EpisodeRow> {
    let mut rows = rows_with_rounds();
    for (number, row) in rows.iter_mut().enumerate() {
        row.extracted = (number == 0).then(|| "4".to_owned());
        if let Some(reward) = &mut row.reward {
            reward.steps = -0.03125 * number as f64;
            reward.latency = -0.25;
            reward.obedience = 0.125;
        }
    }
    rows
}

fn rows_with_rounds() -> Vec<EpisodeRow> {
    let mut rows = rows_with_savings();
    for (number, row) in rows.iter_mut().enumerate() {
        row.round = number as u32 % 2;
        for call in &mut row.calls {
            call.usage.queue_ms = 12.5;
            call.usage.attempts = 3;
            call.usage.reused = number == 0;
            call.usage.estimated = number == 1;
        }
    }
    rows
}

fn rows_with_savings() -> Vec<EpisodeRow> {
    let mut rows = rows();
    for call in rows.iter_mut().flat_map(|row| &mut row.calls) {
        call.usage.saved_usd = call.usage.cost_usd / 2.0;
    }
    rows
}

#[test]
#[ignore = "writes the golden file; only for a new version of the format"]
fn write_the_golden_file() {
    let path = golden("v4");
    assert!(!path.exists(), "a golden file is never written twice");
    conductor_datasets::episodes::write_rows(&path, rows_with_parts()).unwrap();
}

#[test]
fn the_same_episodes_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let log = EpisodeLog::open(folder.path()).unwrap();
    let first = fs::read(log.write(1, "train", &common::episodes()).unwrap()).unwrap();
    assert_eq!(fs::read(log.write(1, "train", &common::episodes()).unwrap()).unwrap(), first);
}

#[test]
fn none_and_many_episodes_are_files_too() {
    let folder = tempfile::tempdir().unwrap();
    let log = EpisodeLog::open(folder.path()).unwrap();
    assert_eq!(read_episodes(&log.write(0, "valid", &[]).unwrap()).unwrap(), []);
    let many: Vec<_> = common::episodes().into_iter().cycle().take(1500).collect();
    let read = read_episodes(&log.write(0, "test", &many).unwrap()).unwrap();
    assert_eq!(read.len(), 1500);
    assert_eq!(read[1499], rows()[3]);
}

fn with_version(path: &Path, pairs: Option<Vec<KeyValue>>) {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(fs::File::open(golden("v1")).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let properties = WriterProperties::builder().set_key_value_metadata(pairs).build();
    let file = fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).unwrap();
    for batch in reader.build().unwrap() {
        writer.write(&batch.unwrap()).unwrap();
    }
    writer.close().unwrap();
}

#[test]
fn what_is_no_episode_log_of_a_known_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.parquet");
    let pairs = |format: &str, version: &str| {
        let pair = |key: &str, value: &str| KeyValue::new(key.to_string(), value.to_string());
        Some(vec![pair("conductor.format", format), pair("conductor.version", version)])
    };
    for (pairs, words) in [
        (pairs("episodes", "5"), "it has version 5, of a newer Conductor; update this one"),
        (pairs("episodes", "x"), "\"x\"; the file is damaged"),
        (pairs("metrics", "1"), "its conductor.format is \"metrics\""),
        (None, "it was not written by Conductor"),
    ] {
        with_version(&path, pairs);
        let error = read_episodes(&path).unwrap_err();
        assert!(matches!(error, DataError::Version { known: 4, .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    with_version(&path, pairs("episodes", "1"));
    assert_eq!(read_episodes(&path).unwrap(), rows());
    fs::write(&path, &fs::read(golden("v1")).unwrap()[..500]).unwrap();
    assert!(matches!(read_episodes(&path), Err(DataError::Parquet { .. })));
}

#[test]
fn a_resume_forgets_what_lies_after_its_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let log = EpisodeLog::open(folder.path()).unwrap();
    for step in 0..4 {
        log.write(step, "train", &[]).unwrap();
        log.write(step, "valid", &[]).unwrap();
    }
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    fs::write(folder.path().join("step-000009.parquet"), "mine").unwrap();
    log.truncate_from(2).unwrap();
    let left: Vec<(u64, String)> =
        log.files().unwrap().into_iter().map(|file| (file.step, file.part)).collect();
    let expected = [(0, "train"), (0, "valid"), (1, "train"), (1, "valid"), (2, "valid")];
    assert_eq!(left, expected.map(|(step, part)| (step, part.to_string())));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 7);
}

#[test]
fn a_part_name_that_would_leave_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = EpisodeLog::open(folder.path()).unwrap();
    for part in ["", "../x", "Train", "a b"] {
        assert!(matches!(log.write(0, part, &[]), Err(DataError::PartName { .. })), "{part}");
    }
    fs::write(folder.path().join("file"), "").unwrap();
    let error = EpisodeLog::open(folder.path().join("file/episodes")).unwrap_err().to_string();
    assert!(error.contains("file/episodes"), "{error}");
}
