//! Constraints: in the files of tasks, and given out by the configuration.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use conductor_configs::schema::{SplitShares, TaskConstraint, TaskSource, Tasks};
use conductor_datasets::{DataError, TaskEntry, TaskSet, load};
use conductor_types::Constraint;
use parquet::arrow::ArrowWriter;

fn read(source: TaskSource, constraints: Vec<TaskConstraint>) -> Result<TaskSet, DataError> {
    let (sources, split) = (vec![source.into()], SplitShares::default());
    load(&Tasks { sources, split, only_recorded: false, cache: "no/cache".into(), constraints })
}

fn jsonl(
    folder: &Path,
    lines: &str,
    constraints: Vec<TaskConstraint>,
) -> Result<TaskSet, DataError> {
    let path = folder.join("own.jsonl");
    fs::write(&path, lines).unwrap();
    read(TaskSource::Jsonl { path }, constraints)
}

fn line(id: &str, constraint: &str) -> String {
    format!(
        "{{\"id\": \"{id}\", \"prompt\": \"2+2?\", \"grading\": {{\"kind\": \"exact\", \"gold\": \"4\"}}{constraint}}}\n"
    )
}

fn open() -> Constraint {
    let tags = vec!["open".into()];
    Constraint { text: "Use open models only.".into(), tags, ..Constraint::default() }
}

#[test]
fn a_line_may_carry_a_constraint() {
    let folder = tempfile::tempdir().unwrap();
    let lines = [
        line("a", r#", "constraint": {"text": "Use open models only.", "tags": ["open"]}"#),
        line("b", ""),
        line("c", r#", "constraint": null"#),
        line("d", r#", "constraint": {"text": "Under a cent.", "max_usd": 0.01, "max_steps": 2}"#),
    ];
    let set = jsonl(folder.path(), &lines.concat(), Vec::new()).unwrap();
    let constraint = |id: &str| set.find(id).unwrap().constraint.as_deref().cloned();
    assert_eq!(constraint("a"), Some(open()));
    assert_eq!((constraint("b"), constraint("c")), (None, None));
    let cent = constraint("d").unwrap();
    assert_eq!((cent.max_usd, cent.max_steps), (Some(0.01), Some(2)));
}

#[test]
fn a_bad_constraint_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    for (constraint, words) in [
        (r#"{"tags": ["open"]}"#, "missing field `text`"),
        (r#"{"text": "a", "tag": ["open"]}"#, "unknown field `tag`"),
        (r#"{"text": "a", "tags": "open"}"#, "expected a sequence"),
        (r#"{"text": "a", "max_usd": "0.01"}"#, "expected f64"),
        (r#"{"text": "a", "max_steps": 1.5}"#, "expected u32"),
        (r#""open models only""#, "expected struct Constraint"),
        (r#"{"text": "a"}"#, "at least one of `tags`"),
        (
            r#"{"text": "", "max_steps": 1}"#,
            "`text` on one line that is not empty in the constraint of task \"b\"",
        ),
        (r#"{"text": "a", "max_usd": 0}"#, "`max_usd` above 0"),
        (r#"{"text": "a", "max_steps": 0}"#, "`max_steps` of at least 1"),
    ] {
        let text = line("a", "") + &line("b", &format!(", \"constraint\": {constraint}"));
        let error = jsonl(folder.path(), &text, Vec::new()).unwrap_err().to_string();
        assert!(error.contains("own.jsonl:2: expected"), "{error}");
        assert!(error.contains(words), "{constraint}: {error}");
    }
}

#[test]
fn a_table_may_have_a_column_of_constraints() {
    let folder = tempfile::tempdir().unwrap();
    let table = |constraints: Vec<Option<&str>>| {
        let texts = |texts: &[&str]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
        let grading = r#"{"kind": "exact", "gold": "4"}"#;
        let columns = [
            ("id", texts(&["a", "b"])),
            ("prompt", texts(&["2+2?", "3+1?"])),
            ("grading", texts(&[grading, grading])),
            ("constraint", Arc::new(StringArray::from(constraints)) as ArrayRef),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let path = folder.path().join("own.parquet");
        let file = fs::File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        read(TaskSource::Parquet { path }, Vec::new())
    };
    let good = r#"{"text": "Use open models only.", "tags": ["open"]}"#;
    let set = table(vec![None, Some(good)]).unwrap();
    assert_eq!(set.find("a").unwrap().constraint.as_deref(), None);
    assert_eq!(set.find("b").unwrap().constraint.as_deref(), Some(&open()));
    for bad in [r#"{"text": "a"}"#, r#"{"txt": "a"}"#] {
        let error = table(vec![None, Some(bad)]).unwrap_err().to_string();
        assert!(error.contains("row 2") && error.contains("constraint"), "{error}");
    }
}

#[test]
fn the_configuration_gives_constraints_to_those_that_have_none() {
    let folder = tempfile::tempdir().unwrap();
    let own = r#", "constraint": {"text": "Use open models only.", "tags": ["open"]}"#;
    let lines: String =
        (0..300).map(|i| line(&format!("t/{i}"), if i < 100 { own } else { "" })).collect();
    let one_step = TaskConstraint {
        text: "One step.".into(),
        share: 0.5,
        tags: Vec::new(),
        without_tags: Vec::new(),
        max_usd: None,
        max_steps: Some(1),
    };
    let set = jsonl(folder.path(), &lines, vec![one_step.clone()]).unwrap();
    let with = |text: &str| {
        let carries = |task: &&TaskEntry| {
            task.constraint.as_ref().is_some_and(|constraint| constraint.text == text)
        };
        set.iter().filter(carries).count()
    };
    assert_eq!(with("Use open models only."), 100);
    assert!(with("One step.").abs_diff(100) < 30, "{}", with("One step."));
    let again = jsonl(folder.path(), &lines, vec![one_step]).unwrap();
    assert!(again.iter().eq(set.iter()));
    for entry in set.iter() {
        assert_eq!(set.get(entry).unwrap().constraint.as_ref(), entry.constraint.as_deref());
    }
}
