//! Benchmarks with options.

use std::fs;
use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};
use serde_json::{Value, json};

use crate::STEPS;
use crate::forms::{Folder, choice, lists, texts};
use crate::read::all;

#[test]
fn mmlu_is_the_same_in_every_form() {
    let folder = Folder::new();
    let sheet = "\"Which, of \"\"these\"\"\nis right?\",one,\"two, 2\",three,four,B\r\nSecond?,a,b,c,d,D\r\n";
    let mut zip = zip::ZipWriter::new(fs::File::create(folder.path().join("m.zip")).unwrap());
    let plain = zip::write::SimpleFileOptions::default();
    for (name, contents) in [
        ("data/test/world_facts_test.csv", sheet),
        ("data/test/astronomy_test.csv", "Star?,a,b,c,d,A\n"),
        ("data/dev/astronomy_dev.csv", "Moon?,a,b,c,d,C\n"),
        ("data/README.txt", "x"),
    ] {
        zip.start_file(name, plain).unwrap();
        zip.write_all(contents.as_bytes()).unwrap();
        folder.file(name, contents);
    }
    zip.finish().unwrap();
    let zip = folder.path().join("m.zip");
    let tasks = all("mmlu", &zip, json!({"domain": "subject"})).unwrap();
    let ids: Vec<&str> = tasks.iter().map(|task| task.id.as_str()).collect();
    assert_eq!(
        ids,
        ["mmlu/test/astronomy/0", "mmlu/test/world_facts/0", "mmlu/test/world_facts/1"]
    );
    assert_eq!(tasks[1].domain, "mmlu/world_facts");
    assert_eq!(tasks[1].grading, choice("B", 4));
    assert_eq!(
        tasks[1].prompt,
        format!(
            "Which, of \"these\"\nis right?\n\n(A) one\n(B) two, 2\n(C) three\n(D) four\n\n{STEPS} the letter of the right option \
             alone between <answer> and </answer>."
        )
    );
    assert_eq!(all("mmlu", folder.path(), json!({"domain": "subject"})).unwrap(), tasks);
    assert_eq!(all("mmlu", &zip, json!({"part": "dev"})).unwrap()[0].id, "mmlu/dev/astronomy/0");
    let only = all("mmlu", &zip, json!({"subjects": ["astronomy"]})).unwrap();
    assert_eq!(only.len(), 1);
    let error = all("mmlu", &zip, json!({"subjects": ["astrology"]})).unwrap_err();
    assert!(error.contains("\"astrology\"") && error.contains("astronomy, world_facts"), "{error}");

    let columns = vec![
        ("question", texts(&["Star?", "Which, of \"these\"\nis right?", "Second?"])),
        ("subject", texts(&["astronomy", "world_facts", "world_facts"])),
        (
            "choices",
            lists(&[
                &["a", "b", "c", "d"],
                &["one", "two, 2", "three", "four"],
                &["a", "b", "c", "d"],
            ]),
        ),
        ("answer", Arc::new(Int64Array::from(vec![0, 1, 3])) as ArrayRef),
    ];
    let table = folder.table("m.parquet", columns);
    assert_eq!(all("mmlu", &table, json!({"domain": "subject"})).unwrap(), tasks);
    // A folder of the hub's tables, as they are stored when they are fetched.
    let fetched = Folder::new();
    fs::copy(&table, fetched.path().join("valid.parquet")).unwrap();
    let val = all("mmlu", fetched.path(), json!({"part": "val"})).unwrap();
    assert_eq!((val.len(), val[0].id.as_str()), (3, "mmlu/val/astronomy/0"));
    assert!(all("mmlu", fetched.path(), json!({})).unwrap_err().contains("test.parquet"));
}

#[test]
fn a_bad_sheet_of_mmlu_names_member_and_line() {
    let folder = Folder::new();
    for (contents, words) in [
        ("q,a,b,c,d,A\nq,a,b,c,d,E\n", "m_test.csv:2: expected a letter from A to D, found \"E\""),
        ("q,a,b,c,d,A\nq,a,b,c,A\n", "m_test.csv:2: expected a row of 6 fields"),
        ("q,a,b,A\n", "m_test.csv:1: expected six fields"),
        (",a,b,c,d,A\n", "m_test.csv:1: expected a question that is not empty"),
    ] {
        folder.file("data/test/m_test.csv", contents);
        let error = all("mmlu", folder.path(), json!({})).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    let error = all("mmlu", folder.path(), json!({"part": "val"})).unwrap_err();
    assert!(error.contains("expected the folder data/val"), "{error}");
}

#[test]
fn mmlu_pro_has_up_to_ten_options() {
    let folder = Folder::new();
    let options: Vec<String> = (0..10).map(|i| format!("option {i}")).collect();
    let row = |index: u64, answer: &str| json!({"question_id": 70, "question": "Which?", "options": options, "answer": answer, "answer_index": index, "category": "law"});
    let path = folder.lines("p.jsonl", &[row(9, "J")]);
    let tasks = all("mmlu_pro", &path, json!({"domain": "subject"})).unwrap();
    assert_eq!(tasks[0].id, "mmlu_pro/70");
    assert_eq!(tasks[0].domain, "mmlu_pro/law");
    assert_eq!(tasks[0].grading, choice("J", 10));
    assert!(tasks[0].prompt.contains("\n(J) option 9\n"));
    let error = all("mmlu_pro", &folder.lines("p.jsonl", &[row(8, "J")]), json!({})).unwrap_err();
    assert!(error.contains("the letter of `answer_index` 8, found \"J\""), "{error}");
    let path = folder.lines("p.jsonl", &[row(9, "J")]);
    let error = all("mmlu_pro", &path, json!({"categories": ["law", "physics"]})).unwrap_err();
    assert!(error.contains("the category \"physics\"") && error.ends_with("found law"), "{error}");
}

#[test]
fn mmlu_pros_padding_is_no_option() {
    let folder = Folder::new();
    let row = |options: [&str; 4], answer: &str| json!({"question_id": 1, "question": "Which?", "options": options, "answer": answer, "category": "law"});
    let of = |row: Value| all("mmlu_pro", &folder.lines("p.jsonl", &[row]), json!({}));
    let tasks = of(row(["one", "two", "N/A", "N/A"], "B")).unwrap();
    assert_eq!(tasks[0].grading, choice("B", 2));
    assert!(tasks[0].prompt.contains("(B) two\n\n"), "{}", tasks[0].prompt);
    // In the middle the letters behind it move up, and the right one with them.
    let tasks = of(row(["one", "N/A", "three", "N/A"], "C")).unwrap();
    assert_eq!(tasks[0].grading, choice("B", 2));
    assert!(tasks[0].prompt.contains("(B) three\n\n"), "{}", tasks[0].prompt);
    let error = of(row(["one", "two", "N/A", "N/A"], "C")).unwrap_err();
    assert!(error.contains("found C, which is \"N/A\""), "{error}");
    assert!(of(row(["one", "two", "three", "four"], "E")).unwrap_err().contains("from A to D"));
}

#[test]
fn mmlus_questions_for_training_are_a_part_of_their_own() {
    let folder = Folder::new();
    let row = |subject: &str| json!({"question": "Which?", "subject": subject, "choices": ["a", "b", "c", "d"], "answer": 1});
    let path = folder.lines("train.jsonl", &[row(""), row("")]);
    let tasks = all("mmlu", &path, json!({"part": "auxiliary_train"})).unwrap();
    assert_eq!((&*tasks[1].id, &*tasks[1].domain), ("mmlu/auxiliary_train/1", "mmlu"));
    let error = all("mmlu", &path, json!({})).unwrap_err();
    assert!(error.contains("part = \"auxiliary_train\""), "{error}");
}

#[test]
fn arc_and_openbookqa_are_told_apart_in_one_file() {
    let folder = Folder::new();
    let mixed = |name: &str, target: Value| json!({"problem_type": "multiple-choice", "context": null, "prompt": "What is wet?", "options": ["fire", "water", "air"], "target": target, "benchmark_name": name});
    let path =
        folder.lines("x.jsonl", &[mixed("ARC", json!([1])), mixed("OpenBookQA", json!([0]))]);
    let arc = all("arc", &path, json!({})).unwrap();
    let open = all("openbookqa", &path, json!({})).unwrap();
    assert_eq!((arc.len(), open.len()), (1, 1));
    assert_eq!((&arc[0].grading, &open[0].grading), (&choice("B", 3), &choice("A", 3)));
    assert!(arc[0].id.starts_with("arc/") && arc[0].id.len() == "arc/".len() + 16);
    assert_eq!(arc[0].id[4..], open[0].id["openbookqa/".len()..]);

    // The same question drawn twice has an id of its own, and the first keeps its own.
    let twice = [mixed("ARC", json!([1])), mixed("ARC", json!([1]))];
    let tasks = all("arc", &folder.lines("twice.jsonl", &twice), json!({})).unwrap();
    assert_eq!(tasks[0].id, arc[0].id);
    assert_eq!(tasks[1].id, format!("{}-2", arc[0].id));

    let hub = json!({"id": "Mercury_1", "question": "What is wet?", "choices": {"text": ["fire", "water"], "label": ["1", "2"]}, "answerKey": "2"});
    let tasks = all("arc", &folder.lines("hub.jsonl", &[hub]), json!({})).unwrap();
    assert_eq!((tasks[0].id.as_str(), &tasks[0].grading), ("arc/Mercury_1", &choice("B", 2)));
    let hub = json!({"id": "7-1", "question_stem": "What is wet?", "choices": {"text": ["fire", "water"], "label": ["A", "B"]}, "answerKey": "C"});
    let error = all("openbookqa", &folder.lines("hub.jsonl", &[hub]), json!({})).unwrap_err();
    assert!(error.contains("`answerKey` among the labels"), "{error}");
    // Two names of the question may stand side by side, and then say the same.
    let both = |stem: &str| json!({"id": "7-1", "question_stem": stem, "question": "What is wet?", "choices": {"text": ["fire", "water"], "label": ["A", "B"]}, "answerKey": "B"});
    let path = folder.lines("both.jsonl", &[both("What is wet?")]);
    assert_eq!(all("openbookqa", &path, json!({})).unwrap().len(), 1);
    let path = folder.lines("both.jsonl", &[both("What is dry?")]);
    let error = all("openbookqa", &path, json!({})).unwrap_err();
    assert!(error.contains("found several, and they differ"), "{error}");
    let error = all("arc", &folder.lines("bad.jsonl", &[mixed("ARC", json!([3]))]), json!({}));
    assert!(error.unwrap_err().contains("found 3 of 3"));
}
