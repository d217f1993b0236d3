//! Without a network.

use conductor_datasets::hub::{Fetched, plan};
use conductor_testkit::hub::{DataSet, Fault};

use super::lab::{Lab, Log, MATH, math, math_lab, rows};

#[test]
fn what_is_missing_is_named_with_the_command_that_brings_it() {
    let mut lab = math_lab();
    lab.settings.offline = true;
    let mut request = lab.request("math500");
    let error = lab.error(&request);
    for word in [
        "HF_HUB_OFFLINE is set",
        "a commit of HuggingFaceH4/MATH-500 at main",
        "data fetch math500`",
    ] {
        assert!(error.contains(word), "{error}");
    }
    request.revision = Some("a".repeat(40));
    request.release = Some("test".into());
    let error = lab.error(&request);
    assert!(error.contains("does not hold test.jsonl"), "{error}");
    assert!(error.contains(&format!("--release test --revision {}`", "a".repeat(40))), "{error}");
    assert!(lab.hub.seen().is_empty());
}

#[test]
fn the_cache_is_enough() {
    let mut lab = math_lab();
    lab.hub.change(|sets| sets[0].license = Some("mit".into()));
    lab.stored("math500");
    lab.hub.seen();
    lab.settings.offline = true;
    let mut request = lab.request("math500");
    request.out = Some(lab.root.path().join("again"));
    let planned = plan(&lab.settings, &request, &mut Log::default()).unwrap();
    assert_eq!(planned.to_fetch(), 0);
    let commit = planned.revision;
    for revision in [None, Some(commit)] {
        request.revision = revision;
        request.force = true;
        let (fetched, _) = lab.run(&request).unwrap();
        let Fetched::Stored(out, manifest) = fetched else { panic!("{fetched:?}") };
        assert_eq!(rows(&out.join("test.parquet")).len(), 500);
        assert_eq!(manifest.sources[0].sum, "sha256");
        assert_eq!(manifest.license.as_deref(), Some("mit"));
    }
    assert!(lab.hub.seen().is_empty());
}

#[test]
fn a_damaged_cache_is_not_used_and_not_touched() {
    let mut lab = math_lab();
    let (manifest, _) = lab.stored("math500");
    let blob = lab.blob(MATH, &manifest.sources[0].hex);
    std::fs::write(&blob, "short").unwrap();
    std::fs::remove_dir_all(lab.out()).unwrap();
    lab.settings.offline = true;
    let error = lab.fails("math500");
    assert!(error.contains("test.jsonl undamaged"), "{error}");
    assert_eq!(std::fs::read(&blob).unwrap(), b"short");
}

#[test]
fn a_cache_without_links_is_taken_as_it_is() {
    let set = DataSet::new(MATH).large("test.jsonl", math(500));
    let commit = set.commit.clone();
    let mut lab = Lab::new(vec![set]);
    let folder = lab.settings.cache.join("datasets--HuggingFaceH4--MATH-500");
    let snapshot = folder.join("snapshots").join(&commit);
    std::fs::create_dir_all(&snapshot).unwrap();
    std::fs::create_dir_all(folder.join("refs")).unwrap();
    std::fs::write(snapshot.join("test.jsonl"), math(500)).unwrap();
    std::fs::write(folder.join("refs/main"), commit).unwrap();
    lab.settings.offline = true;
    lab.stored("math500");
    assert_eq!(rows(&lab.out().join("test.parquet")).len(), 500);
}

/// GSM8K in pieces, none of which is looked into before all are there.
fn pieces() -> DataSet {
    DataSet::new("openai/gsm8k")
        .large("main/train-00000-of-00001.parquet", "train")
        .large("main/test-00000-of-00002.parquet", "first")
        .large("main/test-00001-of-00002.parquet", "second")
}

#[test]
fn a_fetch_that_broke_off_is_no_whole_set() {
    let mut lab = Lab::new(vec![pieces()]);
    lab.hub.always("main/test-00001", Fault::status(404));
    let error = lab.fails("gsm8k");
    assert!(error.contains("main/test-00001-of-00002.parquet"), "{error}");
    lab.settings.offline = true;
    // The branch is noted last, for every tool.
    let folder = lab.settings.cache.join("datasets--openai--gsm8k");
    assert!(!folder.join("refs").exists());
    let error = lab.fails("gsm8k");
    assert!(error.contains("does not hold main/test-00001-of-00002.parquet of"), "{error}");
    assert!(error.contains("HF_HUB_OFFLINE=0 conductor data fetch gsm8k`"), "{error}");
    // Other tools keep no list: then the names tell.
    std::fs::create_dir_all(folder.join("refs")).unwrap();
    std::fs::write(folder.join("refs/main"), pieces().commit).unwrap();
    std::fs::remove_dir_all(folder.join("conductor")).unwrap();
    let error = lab.fails("gsm8k");
    assert!(error.contains("does not hold main/test-00001-of-00002.parquet of"), "{error}");
}
