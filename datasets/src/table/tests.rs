use std::fs;

use conductor_types::{CodeMetadata, TestCases};
use serde_json::json;

use super::*;

fn task(i: usize, prompt: usize) -> Task {
    Task {
        id: format!("t/{i}"),
        domain: format!("d{}", i % 3),
        prompt: format!("{i} ü{}", "x".repeat(prompt)),
        parts: if i.is_multiple_of(2) {
            vec![Part(json!({"type": "image_url", "image_url": {"url": format!("data:,{i}")}}))]
        } else {
            Vec::new()
        },
        grading: Grading::Code {
            public_test_cases: TestCases::default(),
            private_test_cases: TestCases::Encoded("eJw=".into()),
            metadata: CodeMetadata::default(),
            time_limit_secs: Some(0.5),
            memory_limit_mib: None,
        },
        date: i.is_multiple_of(5).then(|| "2024-08-31".to_owned()),
        constraint: i.is_multiple_of(7).then(|| Constraint {
            text: "One step.".into(),
            max_steps: Some(1),
            ..Constraint::default()
        }),
    }
}

fn written(path: &Path, tasks: impl Iterator<Item = Task>) -> TaskTable {
    let mut writer = TaskWriter::create(path).unwrap();
    for task in tasks {
        writer.write(&task).unwrap();
    }
    writer.finish().unwrap();
    TaskTable::open(path).unwrap().unwrap()
}

#[test]
fn every_row_comes_back_in_any_order_and_so_do_outlines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let n = 9000;
    let table = written(&path, (0..n).map(|i| task(i, i % 200)));
    assert!(table.starts.len() > 3, "{:?}", table.starts);
    for i in [0, n - 1, 4095, 4096, 17, 8191, 8192, 17] {
        assert_eq!(*table.task(i).unwrap(), task(i, i % 200), "{i}");
    }
    let held = table.task(17).unwrap();
    assert!(Arc::ptr_eq(&held, &table.task(17).unwrap()));
    let mut i = 0;
    table
        .outlines(&mut |outline| {
            let task = task(i, i % 200);
            assert_eq!((outline.id, outline.domain), (task.id, task.domain));
            assert_eq!((outline.grading.as_str(), outline.date), ("code", task.date));
            assert_eq!(outline.prompt_chars as usize, task.prompt.chars().count());
            assert_eq!(outline.constraint, task.constraint);
            i += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(i, n);
    assert!(table.task(n).is_err());
}

#[test]
fn groups_end_by_bytes_and_few_of_them_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let table = written(&folder.path().join("t.parquet"), (0..60).map(|i| task(i, 900_000)));
    assert_eq!(table.starts.len(), 31);
    for i in 0..60 {
        assert_eq!(table.task(i).unwrap().id, format!("t/{i}"));
    }
    let state = table.state.lock().unwrap();
    let kept: usize = state.groups.iter().map(|(_, b)| b.get_array_memory_size()).sum();
    assert!(state.groups.len() > 1 && kept <= KEPT_BYTES + (4 << 20), "{kept}");
    assert!(state.held.values().all(|task| task.strong_count() == 0));
}

#[test]
fn a_table_that_is_not_finished_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let mut writer = TaskWriter::create(&path).unwrap();
    writer.write(&task(0, 1)).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    drop(writer);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let error = TaskWriter::create(&folder.path().join("no/t.parquet")).unwrap_err();
    assert!(error.to_string().contains("no file stands there"), "{error}");
}

#[test]
fn another_table_is_told_apart_and_a_damaged_one_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let batch =
        RecordBatch::try_from_iter([("id", Arc::new(StringArray::from(vec!["a"])) as ArrayRef)])
            .unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    assert!(TaskTable::open(&path).unwrap().is_none());

    let table = written(&path, (0..20).map(|i| task(i, 100_000)));
    let bytes = fs::read(&path).unwrap();
    let mut hurt = bytes.clone();
    hurt[2000..bytes.len() / 2].fill(0x55);
    fs::write(&path, hurt).unwrap();
    let error = (0..20).find_map(|i| table.task(i).err()).expect("damage").to_string();
    assert!(error.contains("t.parquet"), "{error}");
}
