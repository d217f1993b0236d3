//! Checkpoints: whole or absent, never the only good one deleted.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::path::Path;

use conductor_checkpoints::{
    Best, Checkpoint, CheckpointError, Checkpoints, Retention, TrainPhase, TrainState,
};

const KEEP_2: Retention = Retention { keep_last: 2, keep_best: true };

fn state(step: u64) -> TrainState {
    TrainState { step, ..TrainState::start(TrainPhase::Train, "models/m") }
}

fn weights(step: u64) -> impl Fn(&Path) -> Result<(), io::Error> {
    move |dir| {
        fs::create_dir(dir.join("adapter"))?;
        fs::write(dir.join("adapter/weights.safetensors"), format!("weights of {step}"))?;
        fs::write(dir.join("optimizer.safetensors"), vec![step as u8; 3000])
    }
}

fn save(checkpoints: &Checkpoints, state: &TrainState) -> Checkpoint {
    checkpoints.save(state, KEEP_2, weights(state.step)).unwrap()
}

#[test]
fn what_was_saved_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::open(&dir.path().join("checkpoints")).unwrap();
    assert_eq!(checkpoints.latest().unwrap(), None);
    let mut warm = TrainState::start(TrainPhase::WarmStart, "models/m");
    warm.step = 500;
    save(&checkpoints, &warm);
    // The end of the warm start comes after its steps although its number is lower.
    let saved = save(&checkpoints, &TrainState { spend_usd: 0.1 + 0.2, ..state(0) });
    assert_eq!(checkpoints.names().unwrap(), ["warm-000500", "step-000000"]);
    let latest = checkpoints.latest().unwrap().unwrap();
    assert_eq!(latest, saved);
    assert_eq!(
        fs::read_to_string(latest.path.join("adapter/weights.safetensors")).unwrap(),
        "weights of 0"
    );
}

#[test]
fn retention_keeps_the_newest_and_the_best() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::open(dir.path()).unwrap();
    for step in [0, 10, 20, 30, 40, 50] {
        let best = Some(Best { step: step.min(20), score: 0.5 });
        save(&checkpoints, &TrainState { best, ..state(step) });
    }
    let kept = ["step-000000", "step-000020", "step-000040", "step-000050"];
    assert_eq!(checkpoints.names().unwrap(), kept);
    assert_eq!(checkpoints.best().unwrap().unwrap().name, "step-000020");
    // A better one frees the old best; asking to keep none still keeps the newest.
    let best = Some(Best { step: 60, score: 0.9 });
    let none = Retention { keep_last: 0, keep_best: true };
    checkpoints.save(&TrainState { best, ..state(60) }, none, weights(60)).unwrap();
    assert_eq!(checkpoints.names().unwrap(), ["step-000000", "step-000060"]);
    let hidden: Vec<_> =
        fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(hidden.len(), 2, "nothing half-removed is left: {hidden:?}");
}

#[test]
fn a_failed_save_leaves_the_older_ones_and_no_rubbish() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::open(dir.path()).unwrap();
    save(&checkpoints, &state(10));
    let error = checkpoints
        .save(&state(20), KEEP_2, |dir| {
            fs::write(dir.join("half"), "x").unwrap();
            Err("the tensor is not finite")
        })
        .unwrap_err();
    assert!(matches!(error, CheckpointError::Contents { .. }), "{error}");
    assert!(error.to_string().contains("the tensor is not finite"), "{error}");
    let full = io::Error::from(io::ErrorKind::StorageFull);
    let error = checkpoints.save(&state(20), KEEP_2, |_| Err(full)).unwrap_err();
    assert!(matches!(error, CheckpointError::DiskFull { .. }), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert_eq!(checkpoints.latest().unwrap().unwrap().name, "step-000010");
}

#[test]
fn what_a_kill_left_is_cleared_and_a_replaced_checkpoint_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::open(dir.path()).unwrap();
    save(&checkpoints, &state(10));
    let copy = |to: &str| {
        fs::create_dir(dir.path().join(to)).unwrap();
        fs::write(dir.path().join(to).join("state.json"), "{").unwrap();
    };
    copy(".step-000020.partial");
    copy(".step-000005.removed");
    fs::rename(dir.path().join("step-000010"), dir.path().join(".step-000010.replaced")).unwrap();
    // Looking changes nothing: another process may be in the middle of a save.
    assert_eq!(Checkpoints::view(dir.path()).names().unwrap(), Vec::<String>::new());
    let checkpoints = Checkpoints::open(dir.path()).unwrap();
    assert_eq!(checkpoints.latest().unwrap().unwrap().name, "step-000010");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_step_done_again_replaces_its_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::open(dir.path()).unwrap();
    save(&checkpoints, &state(10));
    checkpoints
        .save(&TrainState { calls: 7, ..state(10) }, KEEP_2, |dir| fs::write(dir.join("w"), "new"))
        .unwrap();
    let latest = checkpoints.latest().unwrap().unwrap();
    assert_eq!(latest.state.calls, 7);
    assert!(!latest.path.join("adapter").exists());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

/// What the error must say, and what is done to the checkpoint.
type Damage<'a> = (&'a str, &'a dyn Fn(&Path));

#[test]
fn every_kind_of_damage_is_told_with_the_next_good_one() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::open(dir.path()).unwrap();
    let damage: [Damage<'_>; 6] = [
        ("optimizer.safetensors cannot be opened", &|c| {
            fs::remove_file(c.join("optimizer.safetensors")).unwrap();
        }),
        ("optimizer.safetensors has 2999 bytes, expected 3000", &|c| {
            fs::write(c.join("optimizer.safetensors"), vec![20; 2999]).unwrap();
        }),
        ("optimizer.safetensors has SHA-256", &|c| {
            fs::write(c.join("optimizer.safetensors"), vec![21; 3000]).unwrap();
        }),
        ("adapter/weights.safetensors cannot be opened", &|c| {
            fs::remove_dir_all(c.join("adapter")).unwrap();
        }),
        ("manifest.json, cannot be read", &|c| fs::remove_file(c.join("manifest.json")).unwrap()),
        ("manifest.json, cannot be understood", &|c| {
            fs::write(c.join("manifest.json"), "{\"ver").unwrap();
        }),
    ];
    for (wanted, damage) in damage {
        for step in [10, 20] {
            save(&checkpoints, &state(step));
        }
        damage(&dir.path().join("step-000020"));
        let error = checkpoints.latest().unwrap_err();
        let CheckpointError::Damaged { next_good, .. } = &error else { panic!("{error}") };
        assert_eq!(next_good.as_deref(), Some("step-000010"), "{wanted}");
        assert!(error.to_string().contains(wanted), "{wanted}: {error}");
        // The way out that the message names.
        assert!(error.to_string().contains("move "), "{error}");
        fs::remove_dir_all(dir.path().join("step-000020")).unwrap();
        assert_eq!(checkpoints.latest().unwrap().unwrap().name, "step-000010");
    }
    save(&checkpoints, &state(20));
    for step in ["step-000010", "step-000020"] {
        fs::write(dir.path().join(step).join("optimizer.safetensors"), "").unwrap();
    }
    let error = checkpoints.latest().unwrap_err().to_string();
    assert!(error.contains("No earlier checkpoint is whole"), "{error}");
}

#[test]
fn a_name_that_is_not_there_lists_what_is() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::open(dir.path()).unwrap();
    save(&checkpoints, &state(10));
    assert_eq!(checkpoints.named("step-000010").unwrap().state.step, 10);
    for name in ["step-000011", "../../etc", "best"] {
        let error = checkpoints.named(name).unwrap_err().to_string();
        assert!(error.contains("there is: step-000010"), "{error}");
    }
}

#[test]
fn an_infallible_writer_needs_no_error_type_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::open(dir.path()).unwrap();
    checkpoints.save(&state(1), KEEP_2, |_| Ok::<(), Infallible>(())).unwrap();
}
