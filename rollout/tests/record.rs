//! Recording live workers: nothing paid is lost, nothing is paid twice.

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{Scripted, task};
use conductor_rollout::pool::Worker;
use conductor_rollout::recording::{
    RecordOptions, RecordReport, RecordingError, journal_path, prompt_sha256, read, record,
};
use conductor_types::{Task, WorkerErrorKind};

fn tasks(count: usize) -> Vec<Task> {
    (0..count).map(|number| task(&format!("t{number}"))).collect()
}

async fn record_all(
    tasks: &[Task],
    workers: &[Arc<Scripted>],
    out: &Path,
    cancel: &AtomicBool,
    keep_incomplete: bool,
) -> (Result<RecordReport, RecordingError>, Vec<usize>) {
    let workers: Vec<Arc<dyn Worker>> =
        workers.iter().map(|worker| Arc::clone(worker) as Arc<dyn Worker>).collect();
    let mut done = Vec::new();
    let options = RecordOptions { out, cancel, keep_incomplete, seed: 1 };
    let report = record(tasks, &workers, options, &mut |progress| {
        done.push(progress.done);
        assert_eq!(progress.total, tasks.len() * workers.len());
        if progress.done == 7 {
            cancel.store(true, Ordering::Relaxed);
        }
    })
    .await;
    (report, done)
}

fn calls(worker: &Scripted) -> usize {
    worker.calls.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_cancelled_recording_goes_on_and_pays_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("deep/r.parquet");
    let quick = Scripted::new("quick", 1, |request| Ok(format!("re: {}", request.message)));
    let slow = Scripted::new("slow", 3, |_| Ok("4".into()));
    let workers = [Arc::clone(&quick), Arc::clone(&slow)];
    let tasks = tasks(12);

    let cancel = AtomicBool::new(false);
    let (report, done) = record_all(&tasks, &workers, &out, &cancel, false).await;
    let report = report.unwrap();
    assert!(!report.written && !out.exists());
    assert!((7..=11).contains(&report.recorded), "{report:?}");
    assert_eq!(done, (1..=report.recorded).collect::<Vec<_>>());
    assert_eq!(report.recorded + report.missing, 24);

    // A crash in the middle of a line.
    let journal = journal_path(&out);
    let mut text = std::fs::read_to_string(&journal).unwrap();
    assert_eq!(text.lines().count(), report.recorded);
    text.push_str("{\"task_id\":\"t11\",\"worker\":\"sl");
    std::fs::write(&journal, text).unwrap();

    let cancel = AtomicBool::new(false);
    let first = report.recorded;
    let (report, _) = record_all(&tasks, &workers, &out, &cancel, false).await;
    let report = report.unwrap();
    assert!(report.written && out.exists() && !journal.exists());
    assert_eq!((report.kept, report.recorded, report.missing), (first, 24 - first, 0));
    assert!((report.cost_usd - 0.25 * report.recorded as f64).abs() < 1e-9);
    assert_eq!(calls(&quick) + calls(&slow), 24, "an answer was paid twice");
    assert!(quick.most_running.load(Ordering::SeqCst) <= 2, "more calls at once than allowed");

    let recording = read(&out).unwrap();
    let row = recording.get("t3", "quick").unwrap();
    assert_eq!(row.answer.as_deref(), Some("re: What is the answer to t3?"));
    assert_eq!(row.prompt_sha256, Some(prompt_sha256("What is the answer to t3?")));
    assert_eq!((row.prompt_tokens, row.completion_tokens), (10, 5));
    assert!(row.latency_ms.unwrap() > 0.0);

    // More tasks later: only they are asked.
    let (report, _) = record_all(&self::tasks(14), &workers, &out, &cancel, false).await;
    let report = report.unwrap();
    assert_eq!((report.kept, report.recorded), (24, 4));
    assert_eq!(read(&out).unwrap().rows().len(), 28);
}

#[tokio::test]
async fn failures_are_reported_and_a_dead_worker_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("r.parquet");
    let picky = Scripted::new("picky", 1, |request| {
        if request.task_id == "t1" { Err(WorkerErrorKind::Timeout) } else { Ok("4".into()) }
    });
    let dead = Scripted::new("dead", 1, |_| Err(WorkerErrorKind::Unavailable));
    let workers = [Arc::clone(&picky), Arc::clone(&dead)];
    let cancel = AtomicBool::new(false);
    let tasks = self::tasks(6);

    let (report, _) = record_all(&tasks, &workers, &out, &cancel, false).await;
    let report = report.unwrap();
    assert!(!report.written && !out.exists());
    assert_eq!((report.recorded, report.missing), (5, 7));
    assert!(calls(&dead) <= 6 && calls(&picky) == 6);
    assert!(
        report
            .failures
            .iter()
            .any(|failure| { failure.task_id == "t1" && failure.error.worker == "picky" })
    );

    let (report, _) = record_all(&tasks, &workers, &out, &cancel, true).await;
    let report = report.unwrap();
    assert!(report.written);
    assert_eq!((report.kept, report.recorded, report.missing), (5, 0, 7));
    assert_eq!(calls(&picky), 7, "answers that are there were asked again");
    assert_eq!(read(&out).unwrap().rows().len(), 5);
}

#[tokio::test]
async fn a_changed_question_a_second_process_and_a_stored_worker_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("r.parquet");
    let worker = [Scripted::new("w", 0, |_| Ok("4".into()))];
    let cancel = AtomicBool::new(false);
    record_all(&tasks(2), &worker, &out, &cancel, false).await.0.unwrap();

    let mut changed = tasks(3);
    changed[1].prompt.push_str(" Hurry!");
    let error = record_all(&changed, &worker, &out, &cancel, false).await.0.unwrap_err();
    assert!(matches!(&error, RecordingError::PromptChanged { task_id, .. } if task_id == "t1"));

    let mut same_id = tasks(2);
    same_id[1].id = "t0".into();
    let error = record_all(&same_id, &worker, &out, &cancel, false).await.0.unwrap_err();
    assert!(matches!(error, RecordingError::DuplicateTask { .. }), "{error}");

    let slow = [Scripted::new("w", 300, |_| Ok("4".into()))];
    let (more, never) = (tasks(4), AtomicBool::new(false));
    let first = record_all(&more, &slow, &out, &never, false);
    let second = async {
        // The first one has its lock by now: it waits for its first answers.
        tokio::task::yield_now().await;
        record_all(&more, &worker, &out, &cancel, false).await
    };
    let (first, second) = tokio::join!(first, second);
    assert!(first.0.unwrap().written);
    assert!(matches!(second.0, Err(RecordingError::Locked { .. })));
}

#[tokio::test]
async fn a_damaged_journal_is_named_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("r.parquet");
    std::fs::write(journal_path(&out), "{\"task_id\": 1}\n").unwrap();
    let worker = [Scripted::new("w", 0, |_| Ok("4".into()))];
    let error =
        record_all(&tasks(1), &worker, &out, &AtomicBool::new(false), false).await.0.unwrap_err();
    assert!(error.to_string().contains("journal.jsonl:1: "), "{error}");
}
