//! Tasks: listed, split, mixed.

use conductor_testkit::workspace::sums;

use crate::{conductor, prepared, program};

#[test]
fn tasks_are_listed_counted_and_shown() {
    let at = prepared();
    let stats = conductor(&at, &["data", "stats", "run.toml", "--json"]).expect_code(0).json();
    let domains = stats["domains"].as_array().unwrap();
    let count = |field: &str| domains.iter().map(|d| d[field].as_u64().unwrap()).sum::<u64>();
    assert_eq!(count("all"), 40);
    let list = ["data", "list", "run.toml", "--split", "valid", "--json"];
    let valid = conductor(&at, &list).expect_code(0).json();
    assert_eq!(valid.as_array().unwrap().len() as u64, count("valid"));
    let table = conductor(&at, &["data", "stats", "run.toml"]).expect_code(0).stdout;
    assert!(table.starts_with("domain  train  valid  test  all  grading  "), "{table}");
    assert_eq!(domains[0]["gradings"], serde_json::json!({ "number": domains[0]["all"] }));
    assert!(domains[0]["prompt_chars"]["p50"].as_u64().unwrap() > 0, "{}", domains[0]);

    let shown = conductor(&at, &["data", "show", "run.toml", "sum/2"]).expect_code(0).stdout;
    assert!(shown.contains("What is 2 + 3?") && !shown.contains('5'), "no gold answer: {shown}");
    let gold = conductor(&at, &["data", "show", "run.toml", "sum/2", "--gold", "--json"]);
    assert_eq!(gold.expect_code(0).json()["grading"]["gold"], "5");
    let missing = conductor(&at, &["data", "show", "run.toml", "sum/999"]).expect_code(2);
    let _ = missing.expect_stderr(&["no task \"sum/999\"", "conductor data list run.toml"]);
}

#[test]
fn tasks_are_split_by_hash_and_as_python_shuffles() {
    let at = prepared();
    let lines =
        conductor(&at, &["data", "split", "run.toml", "--jsonl"]).expect_code(0).json_lines();
    assert_eq!(lines.len(), 40);
    let counted = conductor(&at, &["data", "split", "run.toml", "--json"]).expect_code(0).json();
    for split in ["train", "valid", "test"] {
        let of = lines.iter().filter(|line| line["split"] == split).count();
        assert_eq!(counted[split], of, "{split}");
    }
    let shuffled =
        ["data", "split", "run.toml", "--json", "--set", "tasks.split.kind=python_shuffle"];
    let shuffled = conductor(&at, &shuffled).expect_code(0).json();
    assert_eq!(
        [24, 8, 8].map(serde_json::Value::from),
        ["train", "valid", "test"].map(|s| shuffled[s].clone())
    );
    let page =
        conductor(&at, &["data", "split", "run.toml", "--out", "splits.jsonl"]).expect_code(0);
    assert!(page.stdout.contains("by a hash of id and seed 42"), "{page}");
    assert_eq!(at.read("splits.jsonl").lines().count(), 40);
    let dated = [
        "data",
        "split",
        "run.toml",
        "--set",
        "tasks.split={kind=\"date\",test_from=\"2024-10-01\"}",
    ];
    let _ =
        conductor(&at, &dated).expect_code(2).expect_stderr(&["none of the 40 tasks has a date"]);
}

#[test]
fn a_mix_is_a_source_again() {
    let at = prepared();
    let mix = ["data", "mix", "run.toml", "--out", "mix.parquet", "--json", "--size", "12"];
    let mixed = conductor(&at, &mix).expect_code(0).json();
    assert_eq!((&mixed["tasks"], &mixed["sources"][0]["tasks"]), (&12.into(), &12.into()));
    let source = "tasks.sources=[{ kind = \"parquet\", path = \"mix.parquet\", cap = 5 }]";
    let list = ["data", "list", "run.toml", "--json", "--set", source];
    let listed = conductor(&at, &list).expect_code(0).json();
    assert_eq!(listed.as_array().unwrap().len(), 5);
    let all = conductor(&at, &["data", "list", "run.toml", "--json"]).expect_code(0).json();
    for row in listed.as_array().unwrap() {
        assert!(all.as_array().unwrap().contains(row), "{row}");
    }
    let too_large = ["data", "mix", "run.toml", "--out", "mix.parquet", "--size", "41"];
    let _ = conductor(&at, &too_large).expect_code(2).expect_stderr(&["a mix of 41", "of 40"]);
    let huge = ["data", "mix", "run.toml", "--out", "mix.parquet", "--size", "1000000000000"];
    let _ = conductor(&at, &huge).expect_code(2).expect_stderr(&["cannot be made of 40"]);
    let _ = conductor(&at, &["data", "mix", "run.toml", "--out", "mix.txt"])
        .expect_code(2)
        .expect_stderr(&["ends in .parquet"]);
}

#[test]
fn what_is_read_is_not_overwritten() {
    let at = prepared();
    std::os::unix::fs::symlink("tasks.jsonl", at.path().join("link.jsonl")).unwrap();
    let before = ["run.toml", "tasks.jsonl"].map(|name| at.read(name));
    for out in ["run.toml", "./tasks.jsonl", "link.jsonl", "answers.parquet"] {
        let split = conductor(&at, &["data", "split", "run.toml", "--out", out]).expect_code(2);
        let _ =
            split.expect_stderr(&["would overwrite what the configuration reads", "another file"]);
    }
    assert_eq!(["run.toml", "tasks.jsonl"].map(|name| at.read(name)), before);
    let mix = ["data", "mix", "run.toml", "--out", "mix.parquet"];
    let _ = conductor(&at, &mix).expect_code(0);
    let own = ["--set", "tasks.sources=[{ kind = \"parquet\", path = \"mix.parquet\", cap = 5 }]"];
    let _ = program(&at, &mix).args(own).run().expect_code(2).expect_stderr(&["mix.parquet"]);
}

#[test]
fn what_a_terminal_would_obey_is_shown_and_not_sent() {
    let at = prepared();
    at.write(
        "tasks.jsonl",
        "{\"id\": \"a\", \"prompt\": \"\\u001b[2J2+2?\", \"grading\": {\"kind\": \"exact\", \"gold\": \"4\"}}\n",
    );
    let show = ["data", "show", "run.toml", "a", "--set", "tasks.only_recorded=false"];
    let shown = conductor(&at, &show).expect_code(0).stdout;
    assert!(shown.contains("\\u{1b}[2J2+2?") && !shown.contains('\u{1b}'), "{shown}");
}

#[test]
fn a_mix_says_what_authors_ask() {
    let at = prepared();
    let head = "Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3";
    at.write("gpqa.csv", format!("{head}\nWhich?,a,b,c,d\n"));
    let source = [
        "--set",
        "tasks={ sources = [{ kind = \"gpqa\", path = \"gpqa.csv\" }], only_recorded = false }",
    ];
    let mix = ["data", "mix", "run.toml", "--out", "mix.parquet"];
    let mixed = program(&at, &mix).args(source).run().expect_code(0);
    let _ = mixed.expect_stderr(&["note: GPQA's authors ask that no question"]);
}

#[test]
fn a_mix_that_is_interrupted_leaves_nothing() {
    let at = prepared();
    at.write_tasks("tasks.jsonl", &sums(50_000));
    let mix = ["data", "mix", "run.toml", "--out", "mix.parquet"];
    let all = ["--set", "tasks.only_recorded=false"];
    let child = program(&at, &mix).args(all).start();
    let written = || -> Vec<String> {
        let entries = std::fs::read_dir(at.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains("mix.parquet")).collect()
    };
    while written().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("it runs");
    let output = child.wait_with_output().expect("its output");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("the mix that was begun is removed"), "{stderr}");
    assert_eq!(written(), [""; 0]);
}

#[test]
fn an_empty_split_says_what_to_change() {
    let at = prepared();
    let shares = ["--set", "tasks.split={ train = 1.0, valid = 0.0, test = 0.0, seed = 1 }"];
    let list = ["data", "list", "run.toml", "--split", "test"];
    let outcome = program(&at, &list).args(shares).run().expect_code(2);
    let _ = outcome.expect_stderr(&["the test split is empty", "[tasks.split]"]);
}
