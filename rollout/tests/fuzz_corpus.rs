//! Every input that fuzzing has kept, held against the same promises as while fuzzing, without a nightly compiler.

#[path = "../../fuzz/fuzz_targets/workflow_parse/check.rs"]
mod check;

use std::collections::BTreeMap;
use std::path::Path;

use conductor_types::WorkflowErrorKind;

#[test]
fn every_kept_input_keeps_the_promises() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/workflow_parse");
    let mut broken = Vec::new();
    let mut outcomes: BTreeMap<Option<WorkflowErrorKind>, usize> = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).expect("the corpus") {
        let path = entry.expect("an entry").path();
        let data = std::fs::read(&path).expect("an input");
        match std::panic::catch_unwind(|| check::check(&data)) {
            Ok(Some(outcome)) => {
                *outcomes.entry(outcome.err().map(|error| error.kind)).or_default() += 1;
            }
            Ok(None) => {}
            Err(_) => broken.push(path),
        }
    }
    assert!(broken.is_empty(), "see the panics above: {broken:#?}");

    // What the corpus is worth: workflows, and every error that a text can have.
    let all: usize = outcomes.values().sum();
    assert!(all >= 100, "the corpus has {all} inputs");
    assert!(outcomes.get(&None).is_some_and(|&read| read >= 20), "{outcomes:?}");
    for kind in WorkflowErrorKind::ALL {
        let found = outcomes.contains_key(&Some(kind));
        assert!(found || kind == WorkflowErrorKind::WorkerRefuses, "nothing gives {kind}");
    }
}
