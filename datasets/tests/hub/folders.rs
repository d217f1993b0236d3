//! Folders that hold something already.

use conductor_datasets::hub::{Fetched, MANIFEST};
use conductor_testkit::hub::{DataSet, Fault};

use super::lab::{Lab, MATH, math, math_lab};

/// The message of a fetch into a folder that is there and stays as it is.
fn refused(lab: &Lab, request: &conductor_datasets::hub::Request) -> String {
    let (error, _) = lab.run(request).expect_err("it should fail");
    error.to_string()
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let lab = math_lab();
    std::fs::create_dir_all(lab.out()).unwrap();
    std::fs::write(lab.out().join("thesis.tex"), "mine").unwrap();
    let mut request = lab.request("math500");
    for force in [false, true] {
        request.force = force;
        let error = refused(&lab, &request);
        assert!(error.contains("no earlier fetch wrote it") && error.contains("--out"), "{error}");
    }
    assert_eq!(std::fs::read(lab.out().join("thesis.tex")).unwrap(), b"mine");
    request.out = Some(lab.out().join("thesis.tex"));
    assert!(refused(&lab, &request).contains("thesis.tex"));
    // An empty folder is nobody's.
    request.out = Some(lab.root.path().join("empty"));
    std::fs::create_dir(lab.root.path().join("empty")).unwrap();
    assert!(matches!(lab.run(&request).unwrap().0, Fetched::Stored(..)));
}

#[test]
fn another_release_or_revision_replaces_only_by_force() {
    let csv = "Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3\na,b,c,d,e\n";
    let set =
        DataSet::new("Idavidrein/gpqa").small("gpqa_diamond.csv", csv).small("gpqa_main.csv", csv);
    let lab = Lab::new(vec![set]);
    let (manifest, _) = lab.stored("gpqa");
    let mut request = lab.request("gpqa");
    request.release = Some("main".into());
    let error = refused(&lab, &request);
    assert!(error.contains("holds gpqa diamond; --force replaces it"), "{error}");
    // The commit that is there, and the branch that it was asked for by, are no other revision.
    request.release = None;
    for revision in ["main", &manifest.revision] {
        request.revision = Some(revision.into());
        assert!(matches!(lab.run(&request).unwrap().0, Fetched::Present(..)));
    }
    request.revision = Some("v2".into());
    let error = refused(&lab, &request);
    assert!(error.contains("v2 is asked for; --force"), "{error}");
    (request.revision, request.release, request.force) = (None, Some("main".into()), true);
    assert!(matches!(lab.run(&request).unwrap().0, Fetched::Stored(..)));
    let names: Vec<_> =
        std::fs::read_dir(lab.out()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(names.len() == 2 && names.contains(&"main.parquet".into()), "{names:?}");
}

#[test]
fn a_stored_file_that_changed_is_noticed() {
    let lab = math_lab();
    lab.stored("math500");
    let file = lab.out().join("test.parquet");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let mut request = lab.request("math500");
    let error = refused(&lab, &request);
    assert!(error.contains("test.parquet has changed") && error.contains("--force"), "{error}");
    request.force = true;
    assert!(matches!(lab.run(&request).unwrap().0, Fetched::Stored(..)));
}

#[test]
fn force_takes_away_only_what_a_fetch_wrote() {
    let lab = math_lab();
    let mut request = lab.request("math500");
    let notes = lab.out().join("notes.txt");
    // The manifest of another program, and one of which nothing can be told any more.
    std::fs::create_dir_all(lab.out()).unwrap();
    std::fs::write(&notes, "mine").unwrap();
    for manifest in ["{\"manifest_version\": 3, \"name\": \"an extension\"}", "{"] {
        std::fs::write(lab.out().join(MANIFEST), manifest).unwrap();
        for force in [false, true] {
            request.force = force;
            let error = refused(&lab, &request);
            assert!(error.contains("--out") && !error.contains("--force"), "{error}");
        }
        assert!(notes.exists());
    }
    // Own files in a fetched folder.
    std::fs::remove_dir_all(lab.out()).unwrap();
    lab.stored("math500");
    std::fs::write(&notes, "mine").unwrap();
    let error = refused(&lab, &request);
    assert!(error.contains("notes.txt; move that away"), "{error}");
    assert_eq!(std::fs::read(&notes).unwrap(), b"mine");
    std::fs::remove_file(&notes).unwrap();
    assert!(matches!(lab.run(&request).unwrap().0, Fetched::Stored(..)));
}

#[test]
fn a_forced_fetch_that_fails_leaves_what_was_there() {
    let lab = math_lab();
    let (manifest, _) = lab.stored("math500");
    lab.hub.change(|sets| sets[0].files[0].content = b"{\"problem\": 1}\n{\"problem\"".to_vec());
    let mut request = lab.request("math500");
    request.force = true;
    let error = refused(&lab, &request);
    assert!(error.contains("test.jsonl:2"), "{error}");
    lab.hub.always("hub", Fault::status(404));
    refused(&lab, &request);
    request.force = false;
    let (fetched, _) = lab.run(&request).unwrap();
    assert_eq!(fetched, Fetched::Present(lab.out(), manifest));
    let left = std::fs::read_dir(lab.root.path().join("data")).unwrap().count();
    assert_eq!(left, 1, "nothing is left aside");
}

#[test]
fn a_branch_that_moved_is_followed_by_force_alone() {
    let lab = math_lab();
    let (first, _) = lab.stored("math500");
    lab.hub.change(|sets| {
        sets[0] = DataSet::new(MATH).large("test.jsonl", math(400));
        sets[0].commit = "e".repeat(40);
    });
    assert!(
        matches!(lab.fetch("math500").unwrap().0, Fetched::Present(_, manifest) if manifest == first)
    );
    let mut request = lab.request("math500");
    request.force = true;
    let (fetched, log) = lab.run(&request).unwrap();
    let Fetched::Stored(_, second) = fetched else { panic!("{fetched:?}") };
    assert_eq!((second.revision, second.files[0].rows), ("e".repeat(40), 400));
    assert!(log.has("Unusual"), "{log:?}");
}
