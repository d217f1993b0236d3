//! Recordings: the file and the import.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use conductor_rollout::recording::{
    ImportReport, ImportRequest, RecordedAnswer, Recording, RecordingError, import, prompt_sha256,
    question_sha256, read, write,
};

fn row(task_id: &str, worker: &str) -> RecordedAnswer {
    RecordedAnswer {
        task_id: task_id.into(),
        worker: worker.into(),
        answer: Some("4".into()),
        score: None,
        prompt_tokens: 12,
        completion_tokens: 3,
        cost_usd: Some(0.5),
        latency_ms: Some(80.0),
        prompt_sha256: None,
    }
}

/// What `golden/recording-v1.parquet` holds.
fn golden_rows() -> Vec<RecordedAnswer> {
    vec![
        RecordedAnswer { prompt_sha256: Some(prompt_sha256("2 + 2?")), ..row("sum/1", "small") },
        RecordedAnswer { answer: Some("Vier – four\n🙂".into()), ..row("sum/2", "small") },
        RecordedAnswer {
            answer: None,
            score: Some(0.75),
            cost_usd: None,
            latency_ms: None,
            ..row("sum/1", "large")
        },
        RecordedAnswer { answer: Some(String::new()), score: Some(0.0), ..row("sum/2", "large") },
    ]
}

fn golden_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/recording-v1.parquet")
}

#[test]
fn version_1_is_read_for_ever() {
    assert_eq!(read(&golden_path()).unwrap(), Recording::new(golden_rows()).unwrap());
}

/// Wrote the golden file, once: `cargo test -p conductor-rollout --test recording -- --ignored write_the_golden_file`.
#[test]
#[ignore = "makes the committed golden file"]
fn write_the_golden_file() {
    write(&Recording::new(golden_rows()).unwrap(), &golden_path()).unwrap();
}

#[test]
fn a_question_is_known_by_its_parts_too() {
    let parts = |url: &str| {
        let json = format!(r#"[{{"type": "image_url", "image_url": {{"url": "{url}"}}}}]"#);
        serde_json::from_str::<Vec<conductor_types::Part>>(&json).unwrap()
    };
    assert_eq!(question_sha256("Which?", &[]), prompt_sha256("Which?"));
    let hashes = [
        prompt_sha256("Which?"),
        question_sha256("Which?", &parts("data:,a")),
        question_sha256("Which?", &parts("data:,b")),
        question_sha256("What?", &parts("data:,a")),
    ];
    let different: std::collections::BTreeSet<&String> = hashes.iter().collect();
    assert_eq!(different.len(), 4);
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder/r.parquet");
    let recording = Recording::new(golden_rows()).unwrap();
    write(&recording, &path).unwrap();
    assert_eq!(read(&path).unwrap(), recording);
    let names: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(names.len(), 1, "something was left beside the file");
    assert_eq!(recording.workers().collect::<Vec<_>>(), ["large", "small"]);
    assert_eq!(recording.get("sum/1", "large").unwrap().score, Some(0.75));
    assert!(recording.get("sum/3", "large").is_none() && recording.get("sum/1", "x").is_none());
    let of_small: Vec<_> = recording.of_worker("small").unwrap().map(|r| &r.task_id).collect();
    assert_eq!(of_small, ["sum/1", "sum/2"]);
}

#[test]
fn an_empty_recording_is_a_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.parquet");
    write(&Recording::default(), &path).unwrap();
    assert_eq!(read(&path).unwrap().rows().len(), 0);
}

#[test]
fn damaged_and_foreign_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.parquet");
    assert!(matches!(read(&path), Err(RecordingError::Io { operation: "open", .. })));

    write(&Recording::new(golden_rows()).unwrap(), &path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for length in [0, 3, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = read(&path).unwrap_err();
        assert!(matches!(error, RecordingError::Parquet { .. }), "{length}: {error}");
        assert!(error.to_string().contains("r.parquet"), "{error}");
    }
}

#[test]
fn another_version_or_another_table_is_refused() {
    use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    use parquet::arrow::ArrowWriter;
    use parquet::file::metadata::KeyValue;
    use parquet::file::properties::WriterProperties;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.parquet");
    let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let batch = RecordBatch::try_from_iter([("task_id", column)]).unwrap();
    let with = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter().map(|&(key, value)| KeyValue::new(key.into(), value.to_owned()));
        let properties =
            WriterProperties::builder().set_key_value_metadata(Some(pairs.collect())).build();
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        read(&path).unwrap_err().to_string()
    };
    let foreign = with(&[]);
    assert!(foreign.contains("conductor.format") && foreign.contains("pool import"), "{foreign}");
    let newer = with(&[("conductor.format", "recording"), ("conductor.version", "2")]);
    assert!(newer.contains("version 1 to 1") && newer.contains("found 2"), "{newer}");
    let column = with(&[("conductor.format", "recording"), ("conductor.version", "1")]);
    assert!(column.contains("column task_id of type Utf8") && column.contains("Int64"), "{column}");
}

#[test]
fn rows_are_checked() {
    let bad = |change: fn(&mut RecordedAnswer)| {
        let mut row = row("t", "w");
        change(&mut row);
        Recording::new(vec![row]).unwrap_err().1
    };
    assert!(bad(|row| row.answer = None).contains("neither"));
    assert!(bad(|row| row.score = Some(1.5)).contains("score"));
    assert!(bad(|row| row.score = Some(f64::NAN)).contains("score"));
    assert!(bad(|row| row.cost_usd = Some(-1.0)).contains("cost_usd"));
    assert!(bad(|row| row.latency_ms = Some(f64::INFINITY)).contains("latency_ms"));
    assert!(bad(|row| row.task_id.clear()).contains("task_id"));
    assert!(bad(|row| row.worker.clear()).contains("worker"));
    let twice = Recording::new(vec![row("t", "w"), row("u", "w"), row("t", "w")]).unwrap_err();
    assert_eq!(twice.0, 2);
}

struct Import {
    folder: tempfile::TempDir,
}

impl Import {
    fn new(answers: &str, tasks: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("answers.jsonl"), answers).unwrap();
        std::fs::write(folder.path().join("tasks.jsonl"), tasks).unwrap();
        Self { folder }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out.parquet")
    }

    fn run(&self) -> Result<ImportReport, RecordingError> {
        let path = |name: &str| self.folder.path().join(name);
        import(ImportRequest {
            answers: &path("answers.jsonl"),
            tasks: &path("tasks.jsonl"),
            out: &self.out(),
        })
    }
}

const TASKS: &str = "{\"id\": \"a\", \"prompt\": \"x\", \"extra\": 1}\n\n{\"id\": \"b\"}\n";

#[test]
fn an_import_keeps_answers_and_outcomes() {
    let import = Import::new(
        "{\"task_id\":\"a\",\"worker\":\"m\",\"answer\":\"4\",\"prompt_tokens\":7,\"completion_tokens\":2,\
         \"cost_usd\":0.1,\"latency_ms\":9}\r\n\
         {\"task_id\":\"b\",\"worker\":\"m\",\"score\":0.5,\"prompt_tokens\":7,\"completion_tokens\":2}\n\
         {\"task_id\":\"a\",\"worker\":\"n\",\"answer\":\"\",\"score\":null,\"prompt_tokens\":0,\
         \"completion_tokens\":0}",
        &format!("\u{feff}{TASKS}"),
    );
    let report = import.run().unwrap();
    assert_eq!((report.answers, report.tasks), (3, 2));
    assert_eq!((report.without_cost, report.without_text), (2, 1));
    assert_eq!(report.missing.into_iter().collect::<Vec<_>>(), [("m".into(), 0), ("n".into(), 1)]);
    let recording = read(&import.out()).unwrap();
    assert_eq!(recording.get("b", "m").unwrap().score, Some(0.5));
    assert_eq!(recording.get("a", "n").unwrap().answer.as_deref(), Some(""));
}

#[test]
fn each_bad_line_is_named_and_nothing_is_written() {
    let line = |rest: &str| format!("{{\"task_id\":\"a\",\"worker\":\"m\",{rest}}}\n");
    let tokens = "\"prompt_tokens\":1,\"completion_tokens\":1";
    let answers = [
        line(&format!("\"answer\":\"4\",{tokens}")),
        line(&format!("\"answer\":\"5\",{tokens}")),
        line(tokens),
        line(&format!("\"score\":1.01,{tokens}")),
        line("\"score\":1,\"prompt_tokens\":-1,\"completion_tokens\":1"),
        line("\"score\":1,\"prompt_tokens\":1.5,\"completion_tokens\":1"),
        line("\"score\":1,\"completion_tokens\":1"),
        line(&format!("\"score\":\"high\",{tokens}")),
        line(&format!("\"score\":1,\"reward\":1,{tokens}")),
        "{\"task_id\":\"zzz\",\"worker\":\"m\",\"score\":1,\"prompt_tokens\":1,\"completion_tokens\":1}\n".into(),
        "not json\n".into(),
        line(&format!("\"score\":1,\"cost_usd\":-0.1,{tokens}")),
    ]
    .concat();
    let import = Import::new(&answers, TASKS);
    let error = import.run().unwrap_err();
    let RecordingError::Lines { problems, more } = &error else { panic!("{error}") };
    let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
    assert_eq!((lines, *more), ((2..=12).collect(), 0), "{error}");
    let expected = [
        (2, "a second row"),
        (3, "neither"),
        (4, "score: expected a number from 0 to 1, given 1.01"),
        (5, "prompt_tokens: expected 0 or more, given -1"),
        (6, "1.5"),
        (7, "missing field `prompt_tokens`"),
        (8, "high"),
        (9, "reward"),
        (10, "\"zzz\" is not in the tasks file"),
        (11, "column"),
        (12, "cost_usd"),
    ];
    let text = error.to_string();
    for (line, words) in expected {
        let prefix = format!("answers.jsonl:{line}: ");
        let found = text.lines().find(|found| found.contains(&prefix)).expect("the line's problem");
        assert!(found.contains(words), "{found} does not say {words}");
    }
    assert!(!import.out().exists(), "a recording was written all the same");
}

#[test]
fn many_bad_lines_are_counted_and_bad_tasks_are_named() {
    let error = Import::new(&"x\n".repeat(1000), TASKS).run().unwrap_err();
    assert!(error.to_string().ends_with("and 980 more lines"), "{error}");
    let error =
        Import::new("", "{\"id\":\"a\"}\n{\"id\":\"a\"}\n{\"name\":\"b\"}\n").run().unwrap_err();
    let text = error.to_string();
    assert!(text.contains("tasks.jsonl:2: a second task"), "{text}");
    assert!(text.contains("tasks.jsonl:3: ") && text.contains("missing field `id`"), "{text}");
    let error = Import::new("\n\n", TASKS).run().unwrap_err();
    assert!(error.to_string().contains("at least one answer"), "{error}");
}

#[test]
fn bytes_that_are_no_text_are_named() {
    let import = Import::new("", TASKS);
    std::fs::write(import.folder.path().join("answers.jsonl"), b"{\"task_id\":\"\xff\"}\n")
        .unwrap();
    let error = import.run().unwrap_err();
    assert!(error.to_string().contains("answers.jsonl:1: byte 13 is no UTF-8"), "{error}");
}
