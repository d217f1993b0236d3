//! Every source, from a file to a split task set.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, LargeStringArray, RecordBatch, StringArray, StructArray};
use conductor_configs::schema::{SplitShares, TaskSource, Tasks};
use conductor_datasets::{DataError, TaskSet, load};
use conductor_types::{Grading, Task};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

fn tasks(sources: Vec<TaskSource>) -> Tasks {
    let sources = sources.into_iter().map(Into::into).collect();
    Tasks {
        sources,
        split: SplitShares::default(),
        only_recorded: false,
        cache: "no/cache".into(),
        constraints: Vec::new(),
    }
}

fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn jsonl(folder: &Path, text: &str) -> Result<TaskSet, DataError> {
    load(&tasks(vec![TaskSource::Jsonl { path: file(folder, "own.jsonl", text) }]))
}

fn task(set: &TaskSet, id: &str) -> Arc<Task> {
    set.get(set.find(id).unwrap()).unwrap()
}

const FOUR: &str = r#"{"id": "a", "prompt": "2+2?", "grading": {"kind": "exact", "gold": "4"}}"#;

#[test]
fn own_tasks_of_every_kind_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let text = [
        "\u{feff}",
        FOUR,
        "",
        r#"{"id": "ü/2", "prompt": "A or B?", "domain": "quiz", "grading": {"kind": "choice", "gold": "B", "options": 2}}"#,
        r#"{"id": "c", "prompt": "π?", "grading": {"kind": "number", "gold": "3.14", "tolerance": 0.01}, "metadata": {"x": [1]}}"#,
        r#"{"id": "d", "prompt": "f?", "grading": {"kind": "python", "tests": "assert f() == 1", "entry_point": "f"}}"#,
        r#"{"id": "e", "prompt": "g?", "grading": {"kind": "recorded"}}"#,
    ]
    .join("\r\n");
    let set = jsonl(folder.path(), &text).unwrap();
    assert_eq!(set.len(), 5);
    let four = task(&set, "a");
    assert_eq!((four.domain.as_str(), four.prompt.as_str()), ("own", "2+2?"));
    assert_eq!(task(&set, "ü/2").domain, "quiz");
    assert_eq!(task(&set, "e").grading, Grading::Recorded);
}

#[test]
fn a_bad_line_is_named_with_what_was_expected_and_found() {
    let folder = tempfile::tempdir().unwrap();
    for (line, words) in [
        ("{\"id\": \"b\"", "EOF while parsing"),
        ("[1, 2]", "expected a task {\"id\", \"prompt\""),
        (r#"{"id": 7, "prompt": "p", "grading": {"kind": "recorded"}}"#, "integer `7`"),
        (
            r#"{"id": "b", "grading": {"kind": "recorded"}}"#,
            "a prompt, or parts with text, found neither",
        ),
        (r#"{"id": "b", "prompt": "p"}"#, "missing field `grading`"),
        (
            r#"{"id": "b", "prompt": "p", "domian": "d", "grading": {"kind": "recorded"}}"#,
            "`domian`",
        ),
        (r#"{"id": "b", "prompt": "p", "grading": {"kind": "exat", "gold": "4"}}"#, "`exat`"),
        (r#"{"id": "b", "prompt": "p", "grading": {"gold": "4"}}"#, "missing field `kind`"),
        (r#"{"id": "b", "prompt": "p", "grading": {"kind": "exact"}}"#, "missing field `gold`"),
        (
            r#"{"id": "b", "prompt": "p", "grading": {"kind": "exact", "gold": "4", "tol": 1}}"#,
            "`tol`",
        ),
        (
            r#"{"id": "b", "prompt": " ", "grading": {"kind": "recorded"}}"#,
            "a prompt that is not empty",
        ),
        (
            r#"{"id": "b", "prompt": "p", "grading": {"kind": "choice", "gold": "E", "options": 4}}"#,
            "A to D",
        ),
    ] {
        let error = jsonl(folder.path(), &format!("{FOUR}\n\n{line}\n")).unwrap_err().to_string();
        assert!(error.contains("own.jsonl:3: ") && error.contains(words), "{line}\n{error}");
    }
}

const LOOK: &str = r#"[{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}]"#;

#[test]
fn content_parts_pass_through_both_forms() {
    let folder = tempfile::tempdir().unwrap();
    let parts: Vec<conductor_types::Part> = serde_json::from_str(LOOK).unwrap();
    let line = |prompt: &str| {
        format!(
            r#"{{"id": "a", {prompt} "parts": {LOOK}, "grading": {{"kind": "exact", "gold": "4"}}}}"#
        )
    };
    for prompt in ["", r#""prompt": "What is this?","#] {
        let set = jsonl(folder.path(), &line(prompt)).unwrap();
        let task = set.get(set.find("a").unwrap()).unwrap();
        assert_eq!((task.prompt.as_str(), &task.parts), ("What is this?", &parts));
    }
    let error = jsonl(folder.path(), &line(r#""prompt": "Who?","#)).unwrap_err().to_string();
    assert!(
        error.contains("own.jsonl:1: expected a prompt that is the text of the parts"),
        "{error}"
    );

    let path = folder.path().join("own.parquet");
    let column =
        |name, text: Option<&str>| (name, Arc::new(StringArray::from(vec![text])) as ArrayRef);
    for prompt in [None, Some(None), Some(Some("What is this?"))] {
        let mut columns = vec![column("id", Some("a")), column("parts", Some(LOOK)), graded(1)];
        columns.extend(prompt.map(|text| column("prompt", text)));
        write_parquet(&path, &columns);
        let set = parquet(&path).unwrap();
        let task = set.get(set.find("a").unwrap()).unwrap();
        assert_eq!((task.prompt.as_str(), &task.parts), ("What is this?", &parts));
    }
    write_parquet(&path, &[column("id", Some("a")), column("parts", Some("[{}]")), graded(1)]);
    let error = parquet(&path).unwrap_err().to_string();
    assert!(error.contains("row 1: expected an object with a `type` in part 1"), "{error}");
}

#[test]
fn an_id_that_stands_twice_names_both_places() {
    let folder = tempfile::tempdir().unwrap();
    let error = jsonl(folder.path(), &format!("{FOUR}\n\n{FOUR}\n")).unwrap_err().to_string();
    assert!(error.contains("own.jsonl:1 ") && error.contains("own.jsonl:3:"), "{error}");

    let (one, two) = (file(folder.path(), "1.jsonl", FOUR), folder.path().join("2.parquet"));
    write_parquet(&two, &[("id", strings(&["a"])), ("prompt", strings(&["p"])), graded(1)]);
    let sources = vec![TaskSource::Jsonl { path: one }, TaskSource::Parquet { path: two }];
    let error = load(&tasks(sources)).unwrap_err().to_string();
    assert!(error.contains("1.jsonl:1 ") && error.contains("2.parquet, row 1:"), "{error}");
}

#[test]
fn no_task_at_all_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let error = jsonl(folder.path(), "\n \n").unwrap_err().to_string();
    assert!(error.contains("own.jsonl holds no task"), "{error}");
    let error = load(&tasks(vec![])).unwrap_err().to_string();
    assert!(error.contains("[tasks].sources"), "{error}");
    let error = load(&tasks(vec![TaskSource::Jsonl { path: folder.path().into() }])).unwrap_err();
    assert!(error.to_string().contains("name a file, not a folder"), "{error}");
    let absent = TaskSource::Parquet { path: folder.path().join("absent.parquet") };
    let error = load(&tasks(vec![absent])).unwrap_err().to_string();
    assert!(error.contains("cannot open") && error.contains("absent.parquet"), "{error}");
}

#[test]
fn shares_that_are_none_are_refused_before_any_file_is_opened() {
    let mut tasks = tasks(vec![TaskSource::Jsonl { path: "no/such.jsonl".into() }]);
    tasks.split.test = 0.5;
    assert!(matches!(load(&tasks), Err(DataError::Shares { .. })));
}

fn strings(texts: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

fn graded(n: usize) -> (&'static str, ArrayRef) {
    ("grading", strings(&vec![r#"{"kind": "exact", "gold": "4"}"#; n]))
}

fn write_parquet(path: &Path, columns: &[(&str, ArrayRef)]) {
    let batch = RecordBatch::try_from_iter(columns.to_vec()).unwrap();
    let zstd = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
    let file = fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(zstd.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn parquet(path: &Path) -> Result<TaskSet, DataError> {
    load(&tasks(vec![TaskSource::Parquet { path: path.into() }]))
}

#[test]
fn own_tasks_in_parquet_are_read_whatever_the_string_type() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.parquet");
    let domains: StringArray = vec![Some("quiz"), None].into();
    write_parquet(
        &path,
        &[
            ("__index_level_0__", Arc::new(Int64Array::from(vec![0, 1]))),
            ("id", strings(&["a", "b"])),
            ("prompt", Arc::new(LargeStringArray::from(vec!["2+2?", "größer?"]))),
            ("domain", Arc::new(domains)),
            graded(2),
        ],
    );
    let set = parquet(&path).unwrap();
    let expected = |id: &str, domain: &str, prompt: &str| Task {
        id: id.into(),
        domain: domain.into(),
        prompt: prompt.into(),
        grading: Grading::Exact { gold: "4".into() },
        parts: Vec::new(),
        date: None,
        constraint: None,
    };
    assert_eq!(*task(&set, "a"), expected("a", "quiz", "2+2?"));
    assert_eq!(*task(&set, "b"), expected("b", "own", "größer?"));
}

#[test]
fn more_rows_than_a_batch_keep_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.parquet");
    let ids: Vec<String> =
        (0..2000).map(|i| if i == 1700 { "5".into() } else { i.to_string() }).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let prompts = strings(&vec!["p"; 2000]);
    write_parquet(&path, &[("id", strings(&ids)), ("prompt", prompts), graded(2000)]);
    let error = parquet(&path).unwrap_err().to_string();
    assert!(error.contains("row 6 ") && error.contains("row 1701:"), "{error}");
}

#[test]
fn a_bad_table_names_the_column_or_the_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.parquet");
    let (id, prompt) = (("id", strings(&["a"])), ("prompt", strings(&["p"])));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let nested: ArrayRef =
        Arc::new(StructArray::try_from(vec![("kind", strings(&["recorded"]))]).unwrap());
    let null: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>]));
    for (columns, words) in [
        (
            vec![id.clone(), prompt.clone()],
            "\"grading\" should be there, but is missing; the file has id, prompt",
        ),
        (vec![("id", numbers), prompt.clone(), graded(1)], "\"id\" should be text, but is Int64"),
        (vec![id.clone(), prompt.clone(), ("grading", nested)], "JSON text, not a nested column"),
        (
            vec![id.clone(), ("prompt", null), graded(1)],
            "row 1: expected text in the column \"prompt\", found null",
        ),
        (
            vec![id.clone(), prompt.clone(), ("grading", strings(&["{"]))],
            "row 1: expected a grading rule as JSON",
        ),
        (
            vec![id, ("prompt", strings(&["\n"])), graded(1)],
            "row 1: expected a prompt that is not empty",
        ),
    ] {
        write_parquet(&path, &columns);
        let error = parquet(&path).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    let error = parquet(&path).unwrap_err().to_string();
    assert!(error.contains("own.parquet as Parquet") && error.contains("cut short"), "{error}");
}

fn exported(dataset: &str, index: usize) -> String {
    format!(
        r#"{{"answer": "{index}", "dataset": "{dataset}", "id": "{dataset}/42/{index}", "index": {index}, "metadata": {{"difficulty": {{}}}}, "question": "\n  What is {index}?\n "}}"#
    )
}

#[test]
fn reasoning_gym_tasks_carry_the_prompt_that_recordings_are_made_for() {
    let folder = tempfile::tempdir().unwrap();
    let text = [
        exported("simple_equations", 0),
        exported("syllogism", 1),
        exported("simple_equations", 2),
    ]
    .join("\n");
    let path = file(folder.path(), "rg.jsonl", &text);
    let source = |datasets: Option<&[&str]>| {
        let datasets = datasets.map(|names| names.iter().map(ToString::to_string).collect());
        load(&tasks(vec![TaskSource::ReasoningGym { path: path.clone(), datasets }]))
    };
    let set = source(None).unwrap();
    let two = task(&set, "simple_equations/42/2");
    assert_eq!(
        two.prompt,
        "What is 2?\n\nFirst work it out step by step, in few words. Then write the final answer alone between \
         <answer> and </answer>."
    );
    assert_eq!(two.domain, "simple_equations");
    let gold = "2".to_string();
    // The question as the generator wrote it, and all that its scorer may read.
    let entry = serde_json::json!({
        "question": "\n  What is 2?\n ", "answer": "2", "metadata": { "difficulty": {} }
    });
    assert_eq!(
        two.grading,
        Grading::ReasoningGym { dataset: "simple_equations".into(), gold, entry: Some(entry) }
    );
    assert_eq!(
        task(&set, "syllogism/42/1").prompt,
        "What is 1?\n\nWrite only the final answer, between <answer> and </answer>."
    );
    assert_eq!(source(Some(&["simple_equations"])).unwrap().len(), 2);
    let error = source(Some(&["simple_equations", "sudoku"])).unwrap_err().to_string();
    assert!(
        error.contains("the generator sudoku; it holds simple_equations, syllogism"),
        "{error}"
    );
}

#[test]
fn a_humaneval_line_without_its_check_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let line =
        r#"{"task_id": "H/0", "prompt": "def f():\n", "entry_point": "f", "test": "assert True"}"#;
    let path = file(folder.path(), "HumanEval.jsonl", line);
    let error = load(&tasks(vec![TaskSource::Humaneval { path }])).unwrap_err().to_string();
    assert!(error.contains("HumanEval.jsonl:1: expected `test` that defines check"), "{error}");
}

/// The real file, where the developer has it.
#[test]
fn all_164_humaneval_tasks_are_read() {
    let Some(data) = std::env::var_os("CONDUCTOR_DEV_DATA") else {
        println!("skipped: CONDUCTOR_DEV_DATA is not set, so there is no HumanEval file to read");
        return;
    };
    let path = PathBuf::from(data).join("humaneval_mbpp/HumanEval.jsonl.gz");
    let set = load(&tasks(vec![TaskSource::Humaneval { path }])).unwrap();
    assert_eq!(set.len(), 164);
    set.for_each(|_, task| {
        let Grading::Python { prelude, tests, entry_point } = &task.grading else {
            panic!("{} is graded by {:?}", task.id, task.grading)
        };
        assert!(prelude.contains(&format!("def {entry_point}(")), "{}", task.id);
        assert!(tests.ends_with(&format!("\n\ncheck({entry_point})\n")), "{}", task.id);
        let asked = "Complete this Python function. Reply with the whole function, without its docstring \
                     but with every import it needs, in one ```python block and nothing else.\n\n```python\n";
        assert_eq!(task.prompt, format!("{asked}{}\n```", prelude.trim_end()));
        assert_eq!(task.domain, "humaneval");
        Ok::<(), DataError>(())
    })
    .unwrap();
}
