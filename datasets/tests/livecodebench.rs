//! `LiveCodeBench` on invented problems: releases, dates, errata, and tests that stay packed.

use std::fs;
use std::path::{Path, PathBuf};

use conductor_types::{Grading, TestCases, TestType};
use serde_json::{Value, json};

#[path = "common/read.rs"]
mod read;
use read::all;

fn problem(id: &str, date: &str) -> Value {
    json!({
        "question_title": format!("Title of {id}"), "question_content": "Print twice the number.\n", "platform": "atcoder",
        "question_id": id, "contest_id": "abc1", "contest_date": date, "starter_code": "", "difficulty": "easy",
        "public_test_cases": "[{\"input\": \"2\\n\", \"output\": \"4\\n\", \"testtype\": \"stdin\"}]",
        "private_test_cases": "eJwtinvented", "metadata": "{}",
    })
}

fn lines(path: &Path, rows: impl IntoIterator<Item = Value>) -> PathBuf {
    let rows: Vec<String> = rows.into_iter().map(|row| row.to_string()).collect();
    fs::write(path, rows.join("\n")).unwrap();
    path.to_path_buf()
}

fn ids(path: &Path, keys: Value) -> Vec<String> {
    let tasks = all("livecodebench", path, keys).unwrap();
    tasks.into_iter().map(|task| task.id["livecodebench/".len()..].to_string()).collect()
}

#[test]
fn programs_and_methods_are_asked_for_in_their_own_form() {
    let folder = tempfile::tempdir().unwrap();
    let mut method = problem("3000", "2024-08-01T00:00:00");
    method["platform"] = json!("leetcode");
    method["difficulty"] = json!("hard");
    method["starter_code"] =
        json!("class Solution:\n    def twice(self, n: int) -> int:\n        ");
    method["public_test_cases"] =
        json!("[{\"input\": \"2\", \"output\": \"4\", \"testtype\": \"functional\"}]");
    method["metadata"] = json!("{\"func_name\": \"twice\"}");
    let path = lines(
        &folder.path().join("p.jsonl"),
        [problem("abc1_a", "2024-08-01T00:00:00"), method.clone()],
    );
    let tasks = all("livecodebench", &path, json!({})).unwrap();
    assert_eq!(tasks[0].id, "livecodebench/abc1_a");
    assert_eq!(tasks[0].domain, "livecodebench");
    assert_eq!(
        tasks[0].prompt,
        "Print twice the number.\n\nWrite a Python 3 program that solves this: it reads standard input and writes standard output, and \
         nothing else. Think first where that helps, then end with the whole program in one ```python block."
    );
    let Grading::Code { public_test_cases, private_test_cases, metadata, .. } = &tasks[1].grading
    else {
        panic!("{:?}", tasks[1].grading)
    };
    assert_eq!(metadata.func_name.as_deref(), Some("twice"));
    let TestCases::List(public) = public_test_cases else { panic!("{public_test_cases:?}") };
    assert_eq!(public[0].testtype, TestType::Functional);
    // Whatever is packed is unpacked where answers are graded, and nowhere else.
    assert_eq!(private_test_cases, &TestCases::Encoded("eJwtinvented".into()));
    assert!(
        tasks[1]
            .prompt
            .ends_with("```python\nclass Solution:\n    def twice(self, n: int) -> int:\n```"),
        "{}",
        tasks[1].prompt
    );
    let by =
        |by: &str| all("livecodebench", &path, json!({"domain": by})).unwrap()[1].domain.clone();
    assert_eq!([by("subject"), by("difficulty")], ["livecodebench/leetcode", "livecodebench/hard"]);
    assert_eq!(ids(&path, json!({"difficulties": ["hard"]})), ["3000"]);
    assert_eq!(ids(&path, json!({"platforms": ["atcoder", "codeforces"]})), ["abc1_a"]);

    method["metadata"] = json!("{}");
    let bad = lines(&folder.path().join("bad.jsonl"), [method]);
    let error = all("livecodebench", &bad, json!({})).unwrap_err();
    assert!(error.contains("bad.jsonl:1: expected `metadata` with the func_name"), "{error}");
}

#[test]
fn tests_may_stand_open_or_be_missing() {
    let folder = tempfile::tempdir().unwrap();
    let mut open = problem("a", "2024-08-01");
    let case = json!({"input": "1", "output": "2", "testtype": "stdin"});
    open["public_test_cases"] = json!([case]);
    open["private_test_cases"] = json!([case]);
    open["metadata"] = json!({});
    let mut none = problem("b", "2024-08-01 10:00:00");
    none["private_test_cases"] = json!("");
    let path = lines(&folder.path().join("p.jsonl"), [open, none]);
    let tasks = all("livecodebench", &path, json!({})).unwrap();
    let private = |i: usize| match &tasks[i].grading {
        Grading::Code { private_test_cases: TestCases::List(cases), .. } => cases.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!([private(0), private(1)], [1, 0]);
    for (field, value, words) in [
        (
            "public_test_cases",
            json!("[{\"input\": 1}]"),
            "`public_test_cases` that is JSON in a text",
        ),
        ("metadata", json!("{"), "`metadata` that is JSON in a text"),
        ("private_test_cases", json!(3), "JSON, or JSON in a text"),
        ("contest_date", json!("1 August"), "`contest_date` that begins with YYYY-MM-DD"),
        ("platform", json!("topcoder"), "unknown variant `topcoder`"),
        ("question_content", json!(" "), "a question_content that is not empty"),
    ] {
        let mut bad = problem("a", "2024-08-01");
        bad[field] = value;
        let bad = lines(&folder.path().join("bad.jsonl"), [bad]);
        let error = all("livecodebench", &bad, json!({})).unwrap_err();
        assert!(error.contains("bad.jsonl:1: ") && error.contains(words), "{error}");
    }
}

#[test]
fn windows_have_both_their_ends() {
    let folder = tempfile::tempdir().unwrap();
    let dates = [
        "2024-07-31T23:59:59",
        "2024-08-01T00:00:00",
        "2025-01-04T18:30:00",
        "2025-01-05T00:00:00",
    ];
    let path = lines(
        &folder.path().join("p.jsonl"),
        dates.iter().enumerate().map(|(i, date)| problem(&i.to_string(), date)),
    );
    assert_eq!(ids(&path, json!({"from": "2024-08-01", "until": "2025-01-04"})), ["1", "2"]);
    assert_eq!(ids(&path, json!({"from": "2025-01-05"})), ["3"]);
    assert_eq!(ids(&path, json!({"until": "2024-07-31"})), ["0"]);
    for (keys, words) in [
        (
            json!({"from": "2024"}),
            "`from` of this source as \"YYYY-MM-DD\", a day of the calendar, found \"2024\"",
        ),
        (json!({"until": "2024-02-30"}), "`until` of this source"),
        (json!({"from": "2024-09-01", "until": "2024-08-01"}), "on or before `until`"),
    ] {
        let error = all("livecodebench", &path, keys).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn errata_are_left_out_unless_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut titled = problem("3221", "2024-08-01");
    titled["question_title"] = json!("find-the-peaks");
    let rows = [
        problem("abc1_a", "2024-08-01"),
        problem("abc337_e", "2024-01-20"),
        problem("abc350_c", "2024-04-20"),
        titled,
    ];
    let path = lines(&folder.path().join("p.jsonl"), rows);
    assert_eq!(ids(&path, json!({})), ["abc1_a"]);
    assert_eq!(ids(&path, json!({"errata": "keep"})).len(), 4);
}

const SIZES: [usize; 6] = [400, 111, 101, 101, 167, 175];
const DATES: [&str; 6] =
    ["2023-09-01", "2024-04-01", "2024-07-01", "2024-09-01", "2024-12-01", "2025-02-01"];

fn release(i: usize) -> impl Iterator<Item = Value> {
    (0..SIZES[i]).map(move |n| problem(&format!("r{}_{n}", i + 1), DATES[i]))
}

fn file_name(i: usize) -> String {
    if i == 0 { "test.jsonl".into() } else { format!("test{}.jsonl", i + 1) }
}

const RELEASES: [(&str, usize, &str); 7] = [
    ("v1", 400, "r1_0"),
    ("v2", 511, "r1_0"),
    ("v3", 612, "r1_0"),
    ("v4", 713, "r1_0"),
    ("v5", 880, "r1_0"),
    ("v6", 1055, "r1_0"),
    ("v6_only", 175, "r6_0"),
];

#[test]
fn a_release_is_a_set_of_files() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..6 {
        lines(&folder.path().join(file_name(i)), release(i));
    }
    for (name, count, first) in RELEASES {
        let found = ids(folder.path(), json!({"release": name}));
        assert_eq!((found.len(), found[0].as_str()), (count, first), "{name}");
    }
    assert_eq!(ids(folder.path(), json!({})).len(), 1055);
    // Counts are of the release, whatever else is left out.
    assert_eq!(ids(folder.path(), json!({"release": "v2", "from": "2024-03-01"})).len(), 111);

    lines(&folder.path().join("test2.jsonl"), release(1).skip(1));
    let error = all("livecodebench", folder.path(), json!({"release": "v2"})).unwrap_err();
    assert!(error.contains("expected 511 problems of release v2, found 510"), "{error}");
    fs::remove_file(folder.path().join("test2.jsonl")).unwrap();
    let error = all("livecodebench", folder.path(), json!({"release": "v3"})).unwrap_err();
    assert!(error.contains("for release v3 the file test2.jsonl"), "{error}");
    assert_eq!(ids(folder.path(), json!({"release": "v6_only"})).len(), 175);
    assert_eq!(ids(folder.path(), json!({})).len(), 944);
    let empty = tempfile::tempdir().unwrap();
    let error = all("livecodebench", empty.path(), json!({})).unwrap_err();
    assert!(error.contains("at least the file test.jsonl"), "{error}");
}

#[test]
fn a_release_is_counted_off_a_file_in_the_official_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = lines(&folder.path().join("all.jsonl"), (0..6).flat_map(release));
    for (name, count, first) in RELEASES {
        let found = ids(&path, json!({"release": name}));
        assert_eq!((found.len(), found[0].as_str()), (count, first), "{name}");
    }
    let turned = lines(&folder.path().join("turned.jsonl"), (0..6).rev().flat_map(release));
    for name in ["v1", "v4", "v6_only"] {
        let error = all("livecodebench", &turned, json!({"release": name})).unwrap_err();
        assert!(error.contains("official order") && error.contains("`release_ids`"), "{error}");
    }
    let short = lines(&folder.path().join("short.jsonl"), release(0).take(399));
    let error = all("livecodebench", &short, json!({"release": "v1"})).unwrap_err();
    assert!(error.contains("expected 400 problems of release v1, found 399"), "{error}");
}

#[test]
fn a_release_is_named_by_its_ids() {
    let folder = tempfile::tempdir().unwrap();
    let rows = ["c", "a", "b"].map(|id| problem(id, "2025-02-01"));
    let path = lines(&folder.path().join("p.jsonl"), rows);
    let list = folder.path().join("releases.json");
    fs::write(&list, r#"{"release_v1": ["a", "b"], "v6_only": ["c"], "release_v4": ["a", "z"]}"#)
        .unwrap();
    let keys = |release: &str| json!({"release": release, "release_ids": list});
    assert_eq!(ids(&path, keys("v1")), ["a", "b"]);
    assert_eq!(ids(&path, keys("v6_only")), ["c"]);
    for (keys, words) in [
        (keys("v4"), "all 2 problems of release v4, found no z among its 3"),
        (keys("v5"), "the ids of \"release_v5\", found release_v1, release_v4, v6_only"),
        (json!({"release_ids": list}), "`release` in this source beside `release_ids`"),
        (json!({"release": "v1", "release_ids": "no/such.json"}), "cannot read no/such.json"),
    ] {
        let error = all("livecodebench", &path, keys).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}
