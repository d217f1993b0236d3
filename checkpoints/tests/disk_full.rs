//! A disk without room, played by the system's limit on file sizes in a child process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use conductor_checkpoints::export::{self, ExportError, ExportOptions};
use conductor_checkpoints::weights::{self, Dtype, TensorBytes};
use conductor_checkpoints::{CheckpointError, Checkpoints, Retention, TrainPhase, TrainState};

const FOLDER: &str = "CONDUCTOR_TEST_FULL_DISK";
const KEEP: Retention = Retention { keep_last: 1, keep_best: false };

fn tensors(numbers: usize) -> [TensorBytes<'static>; 1] {
    [TensorBytes::lazy("w", Dtype::F32, [numbers], move || vec![1; numbers * 4])]
}

fn state(step: u64) -> TrainState {
    TrainState { step, ..TrainState::start(TrainPhase::Train, "m") }
}

/// Runs in the child, where no file may grow beyond 64 KiB.
#[test]
fn child_without_room() {
    let Some(dir) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let checkpoints = Checkpoints::open(&dir.join("checkpoints")).unwrap();
    let error = checkpoints
        .save(&state(20), KEEP, |folder| {
            weights::write(&folder.join("weights.safetensors"), &tensors(100_000))
        })
        .unwrap_err();
    assert!(matches!(error, CheckpointError::DiskFull { .. }), "{error}");
    assert!(error.to_string().contains("no space left"), "{error}");
    assert!(error.to_string().contains("goes on from the newest complete checkpoint"), "{error}");

    let options = ExportOptions { overwrite: true, ..ExportOptions::default() };
    let error =
        export::hugging_face(&dir.join("out"), &dir.join("model"), &tensors(100_000), &options)
            .unwrap_err();
    assert!(matches!(error, ExportError::DiskFull { .. }), "{error}");
}

fn count(dir: &Path) -> usize {
    fs::read_dir(dir).unwrap().count()
}

#[test]
fn a_full_disk_leaves_the_old_checkpoint_and_the_old_export() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::open(&dir.path().join("checkpoints")).unwrap();
    checkpoints
        .save(&state(10), KEEP, |folder| {
            weights::write(&folder.join("weights.safetensors"), &tensors(100))
        })
        .unwrap();
    let (model, out) = (dir.path().join("model"), dir.path().join("out"));
    fs::create_dir(&model).unwrap();
    fs::write(model.join("config.json"), "{}").unwrap();
    export::hugging_face(&out, &model, &tensors(100), &ExportOptions::default()).unwrap();

    let output = Command::new("sh")
        // The signal would kill the process before the write could fail.
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 128; exec \"$0\" --exact child_without_room --nocapture",
        ])
        .arg(std::env::current_exe().unwrap())
        .env(FOLDER, dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(count(&dir.path().join("checkpoints")), 1, "the unfinished folder is gone");
    assert_eq!(checkpoints.latest().unwrap().unwrap().name, "step-000010");
    assert_eq!(weights::read(&out.join("model.safetensors")).unwrap()[0].shape, [100]);
    assert_eq!(count(dir.path()), 3, "nothing is left beside the export");
}
