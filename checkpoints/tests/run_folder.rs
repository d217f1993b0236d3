//! A run's folder: one process at a time, one configuration from start to end.

use std::fs;
use std::process::Command;

use conductor_checkpoints::{CheckpointError, RunFolder};

const CONFIG: &str =
    "[run]\nname = \"a\"\nseed = 1\n[train]\ngroup_size = 8\n[checkpoint]\nkeep_last = 2\n";

#[test]
fn a_second_process_is_told_who_holds_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let first = RunFolder::create_or_resume(dir.path(), "a", CONFIG).unwrap();
    assert!(!first.is_resumed());
    let error = RunFolder::create_or_resume(dir.path(), "a", CONFIG).unwrap_err();
    let wanted = format!("in use by process {}", std::process::id());
    assert!(
        matches!(error, CheckpointError::Locked { .. }) && error.to_string().contains(&wanted),
        "{error}"
    );
    assert!(matches!(RunFolder::set_aside(dir.path(), "a"), Err(CheckpointError::Locked { .. })));

    drop(first);
    let again = RunFolder::create_or_resume(dir.path(), "a", CONFIG).unwrap();
    assert!(again.is_resumed() && again.changes().is_empty());
    assert!(again.episodes_dir().is_dir());
}

#[test]
fn the_lock_goes_with_a_killed_process() {
    let dir = tempfile::tempdir().unwrap();
    drop(RunFolder::create_or_resume(dir.path(), "a", CONFIG).unwrap());
    let lock = dir.path().join("a/lock");
    let Ok(mut holder) =
        Command::new("flock").arg("--no-fork").arg(&lock).args(["sleep", "60"]).spawn()
    else {
        eprintln!("skipped: there is no flock program here");
        return;
    };
    let held = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        matches!(
            RunFolder::create_or_resume(dir.path(), "a", CONFIG),
            Err(CheckpointError::Locked { .. })
        )
    });
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(held, "the other process never held the lock");
    RunFolder::create_or_resume(dir.path(), "a", CONFIG).unwrap();
}

#[test]
fn going_on_with_other_values_lists_all_that_change_the_result() {
    let dir = tempfile::tempdir().unwrap();
    begun(dir.path());
    let other = CONFIG.replace("seed = 1", "seed = 2").replace("size = 8", "size = 16");
    let error = RunFolder::create_or_resume(dir.path(), "a", &other).unwrap_err().to_string();
    assert!(error.contains("run.seed was 1, is 2"), "{error}");
    assert!(error.contains("train.group_size was 8, is 16"), "{error}");

    let harmless = CONFIG.replace("keep_last = 2", "keep_last = 5");
    let run = RunFolder::create_or_resume(dir.path(), "a", &harmless).unwrap();
    assert_eq!(run.changes().len(), 1);
    assert_eq!(fs::read_to_string(run.config_path()).unwrap(), CONFIG, "stored once");
}

/// A run that has got as far as its first metrics.
fn begun(dir: &std::path::Path) {
    let run = RunFolder::create_or_resume(dir, "a", CONFIG).unwrap();
    fs::write(run.metrics_path(), "").unwrap();
}

#[test]
fn an_attempt_that_failed_before_any_work_binds_nobody_to_its_configuration() {
    let dir = tempfile::tempdir().unwrap();
    drop(RunFolder::create_or_resume(dir.path(), "a", CONFIG).unwrap());
    let other = CONFIG.replace("seed = 1", "seed = 2");
    let run = RunFolder::create_or_resume(dir.path(), "a", &other).unwrap();
    assert_eq!(fs::read_to_string(run.config_path()).unwrap(), other);

    // A folder of something else with a file of that name is not such an attempt.
    fs::create_dir(dir.path().join("b")).unwrap();
    fs::write(dir.path().join("b/config.toml"), "answer = 42").unwrap();
    fs::write(dir.path().join("b/main.tex"), "").unwrap();
    RunFolder::create_or_resume(dir.path(), "b", CONFIG).unwrap_err();
    assert_eq!(fs::read_to_string(dir.path().join("b/config.toml")).unwrap(), "answer = 42");
    fs::create_dir_all(dir.path().join("a/checkpoints/step-000001")).unwrap();
    drop(run);
    RunFolder::create_or_resume(dir.path(), "a", CONFIG).unwrap_err();
}

#[test]
fn a_stored_configuration_that_was_broken_is_named() {
    let dir = tempfile::tempdir().unwrap();
    begun(dir.path());
    fs::write(dir.path().join("a/config.toml"), "[run\n").unwrap();
    let error = RunFolder::create_or_resume(dir.path(), "a", CONFIG).unwrap_err().to_string();
    assert!(error.contains("a/config.toml") && error.contains("no TOML"), "{error}");
}

#[test]
fn someone_elses_folder_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("thesis")).unwrap();
    fs::write(dir.path().join("thesis/main.tex"), "x").unwrap();
    let error = RunFolder::create_or_resume(dir.path(), "thesis", CONFIG).unwrap_err();
    assert!(matches!(error, CheckpointError::NotARun { .. }), "{error}");
    assert!(!dir.path().join("thesis/config.toml").exists());
}

#[test]
fn a_process_killed_before_the_configuration_was_stored_leaves_a_usable_name() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("a")).unwrap();
    fs::write(dir.path().join("a/lock"), "1\n").unwrap();
    fs::write(dir.path().join("a/.config.toml.partial"), "[ru").unwrap();
    let run = RunFolder::create_or_resume(dir.path(), "a", CONFIG).unwrap();
    assert!(!run.is_resumed());
}

#[test]
fn names_that_leave_the_folder_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["", "..", ".hidden", "a/b", "/tmp", "a\0b", "a b", "a\n"] {
        let result = RunFolder::create_or_resume(dir.path(), name, CONFIG);
        assert!(matches!(result, Err(CheckpointError::BadName { .. })), "{name:?}");
    }
    RunFolder::create_or_resume(dir.path(), "läufe-2.b_1", CONFIG).unwrap();
}

#[test]
fn starting_anew_keeps_every_earlier_run() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(RunFolder::set_aside(dir.path(), "a").unwrap(), None);
    for number in 1..=2 {
        drop(RunFolder::create_or_resume(dir.path(), "a", CONFIG).unwrap());
        let moved = RunFolder::set_aside(dir.path(), "a").unwrap().unwrap();
        assert_eq!(moved, dir.path().join(format!("a.old-{number}")));
        assert!(moved.join("config.toml").is_file());
    }
    assert!(!RunFolder::create_or_resume(dir.path(), "a", CONFIG).unwrap().is_resumed());
}
