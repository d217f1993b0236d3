//! `conductor grade` as a person meets it: cases in, verdicts out, whatever the cases are.

use std::io::Write as _;
use std::time::{Duration, Instant};

use conductor_testkit::judging::{NoVerdict, function_case, stdin_case};
use conductor_testkit::{Outcome, Program, Workspace};
use serde_json::{Value, json};

fn program(at: &Workspace, args: &[&str]) -> Program {
    Program::new(env!("CARGO_BIN_EXE_conductor"), at.path()).args(["grade"]).args(args)
}

fn grade(args: &[&str], input: impl Into<Vec<u8>>) -> Outcome {
    let at = Workspace::new();
    program(&at, args).stdin(input).run()
}

fn lines(cases: &[Value]) -> String {
    let lines: Vec<String> = cases.iter().map(Value::to_string).collect();
    lines.join("\n")
}

#[expect(clippy::needless_pass_by_value, reason = "cases are written where they are used")]
fn plain(id: Value, task: Value, answer: &str) -> Value {
    json!({ "id": id, "task": task, "answer": answer })
}

#[test]
fn every_kind_without_programs_is_judged_without_a_sandbox() {
    let exact = json!({"kind": "exact", "gold": "Paris"});
    let number = json!({"kind": "number", "gold": "0.1"});
    let cases = [
        plain(json!("a"), exact.clone(), "<answer>Paris</answer>"),
        plain(json!(2), exact.clone(), "<answer>London</answer>"),
        plain(json!(null), number.clone(), "<answer>.10</answer>"),
        plain(json!([1]), number, "I do not know what it could possibly be, sorry about that."),
        plain(
            json!("c"),
            json!({"kind": "choice", "gold": "B", "options": 4}),
            "The answer is (B).",
        ),
        plain(json!("g"), json!({"kind": "number", "gold": 42}), "Answer: 42"),
    ];
    // No interpreter is needed where no program is judged.
    let nowhere = ["--jsonl", "--set", "sandbox.interpreter=/nowhere"];
    let verdicts = grade(&nowhere, lines(&cases)).expect_code(0).json_lines();
    let told: Vec<(Value, &str, Value)> = verdicts
        .iter()
        .map(|v| (v["id"].clone(), v["verdict"].as_str().unwrap(), v["cause"].clone()))
        .collect();
    assert_eq!(
        told,
        [
            (json!("a"), "right", json!(null)),
            (json!(2), "wrong", json!("wrong_answer")),
            (json!(null), "right", json!(null)),
            (json!([1]), "wrong", json!("no_answer")),
            (json!("c"), "right", json!(null)),
            (json!("g"), "right", json!(null)),
        ]
    );
    let keys: Vec<&String> = verdicts[0].as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        ["id", "verdict", "score", "cause", "detail", "wall_ms", "cpu_ms", "peak_mib"]
    );
    assert_eq!((&verdicts[0]["score"], &verdicts[1]["score"]), (&json!(1.0), &json!(0.0)));
    assert!(verdicts[0]["wall_ms"].as_f64().unwrap() >= 0.0);
}

#[test]
fn a_malformed_line_is_a_verdict_and_the_next_line_is_judged() {
    let good = plain(json!("good"), json!({"kind": "exact", "gold": "x"}), "<answer>x</answer>");
    let mut input = Vec::new();
    for line in [
        "nonsense",
        "{\"id\": \"cut\", \"task\": {\"kind\": \"ex",
        "{\"id\": \"kind\", \"task\": {\"kind\": \"magic\"}, \"answer\": \"\"}",
        "{\"id\": \"field\", \"task\": {\"kind\": \"exact\", \"gold\": \"x\", \"more\": 1}, \"answer\": \"\"}",
        "[]",
        "",
    ] {
        input.extend_from_slice(line.as_bytes());
        input.push(b'\n');
    }
    input.extend_from_slice(b"{\"id\": \"bytes\", \"answer\": \"\xff\"}\n");
    input.extend_from_slice(good.to_string().as_bytes());
    let verdicts = grade(&["--jsonl"], input).expect_code(0).json_lines();
    let ids: Vec<&Value> = verdicts.iter().map(|v| &v["id"]).collect();
    assert_eq!(json!(ids), json!([null, "cut", "kind", "field", null, "bytes", "good"]));
    for verdict in &verdicts[..6] {
        assert_eq!(verdict["verdict"], "unscorable", "{verdict}");
        assert_eq!(verdict["cause"], "bad_test_data", "{verdict}");
        assert_eq!(verdict["score"], Value::Null);
        assert!(!verdict["detail"].as_str().unwrap().is_empty());
    }
    assert_eq!(verdicts[6]["verdict"], "right");
}

#[test]
fn a_line_beyond_the_limit_is_a_verdict_too() {
    let at = Workspace::new();
    let mut file = std::fs::File::create(at.join("cases.jsonl")).unwrap();
    file.write_all(b"{\"id\": \"long\", \"answer\": \"").unwrap();
    for _ in 0..65 {
        file.write_all(&vec![b'x'; 1 << 20]).unwrap();
    }
    file.write_all(b"\"}\n{\"id\": \"next\", \"task\": {\"kind\": \"exact\", \"gold\": \"1\"}, \"answer\": \"1\"}").unwrap();
    drop(file);
    let verdicts = program(&at, &["--jsonl", "cases.jsonl"]).run().expect_code(0).json_lines();
    assert_eq!(
        (&verdicts[0]["id"], &verdicts[0]["cause"]),
        (&json!("long"), &json!("bad_test_data"))
    );
    assert!(verdicts[0]["detail"].as_str().unwrap().contains("64 MiB"));
    assert_eq!((&verdicts[1]["id"], &verdicts[1]["verdict"]), (&json!("next"), &json!("right")));
}

#[test]
fn many_cases_keep_their_order() {
    let cases: Vec<Value> = (0..3000)
        .map(|n| {
            plain(
                json!(n),
                json!({"kind": "number", "gold": n.to_string()}),
                &format!("Answer: {}", n - n % 2),
            )
        })
        .collect();
    let verdicts = grade(&["--jsonl"], lines(&cases)).expect_code(0).json_lines();
    assert_eq!(verdicts.len(), 3000);
    for (n, verdict) in verdicts.iter().enumerate() {
        assert_eq!(verdict["id"], json!(n));
        assert_eq!(verdict["verdict"], if n % 2 == 0 { "right" } else { "wrong" });
    }
}

#[test]
fn a_verdict_comes_while_the_input_is_still_open() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_conductor"));
    command.args(["grade", "--jsonl"]);
    let mut judging = conductor_testkit::judging::Judging::start(command);
    for n in 0..3 {
        let case = plain(json!(n), json!({"kind": "exact", "gold": "x"}), "<answer>x</answer>");
        assert_eq!(judging.ask(&case, Duration::from_secs(20))["id"], json!(n));
    }
    let (code, stderr) = judging.wait();
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
}

#[test]
fn ids_come_back_digit_by_digit_and_odd_answers_are_judged() {
    let ids = ["123456789012345678901234567890", "1.0", r#""\ud800""#, "0.1234567890123456789"];
    let case = |id: &&str| {
        format!(r#"{{"id": {id}, "task": {{"kind": "exact", "gold": "x"}}, "answer": "\ud800"}}"#)
    };
    let cases: Vec<String> = ids.iter().map(case).collect();
    let outcome = grade(&["--jsonl"], cases.join("\n")).expect_code(0);
    for (line, id) in outcome.stdout.lines().zip(ids) {
        let start = format!(r#"{{"id":{id},"verdict":"wrong","score":0.0,"cause":"wrong_answer""#);
        assert!(line.starts_with(&start), "{line}");
    }
    assert_eq!(outcome.stdout.lines().count(), ids.len());
}

#[test]
fn a_reader_that_stops_reading_is_no_error() {
    let at = Workspace::new();
    let case = plain(json!(1), json!({"kind": "exact", "gold": "x"}), "<answer>x</answer>");
    at.write("cases.jsonl", lines(&vec![case; 20_000]));
    let mut child = program(&at, &["--jsonl", "cases.jsonl"]).start();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), stderr.as_ref()), (Some(0), ""));
}

#[test]
fn wrong_arguments_are_bad_usage() {
    let _ =
        grade(&["--jsonl", "nowhere.jsonl"], "").expect_code(1).expect_stderr(&["nowhere.jsonl"]);
    let _ = grade(&["--mode", "magic"], "").expect_code(2).expect_stderr(&["lcb_official"]);
    let _ =
        grade(&["--level", "D"], "").expect_code(2).expect_stderr(&["possible values: A, B, C"]);
    let elsewhere = grade(&["--set", "train.steps=3"], "").expect_code(2);
    let _ = elsewhere.expect_stderr(&["train.steps=3", "[sandbox] or [reward]"]);
    let unknown = grade(&["--set", "sandbox.paralel=3"], "").expect_code(2);
    let _ = unknown.expect_stderr(&["paralel", "parallel"]);
}

#[test]
fn programs_that_cannot_be_run_safely_end_the_command_with_4() {
    let case = stdin_case("1", "print(1)", &[("", "1")]);
    let nowhere = ["--jsonl", "--set", "sandbox.interpreter=/nowhere/python3"];
    let _ = grade(&nowhere, lines(&[case])).expect_code(4).expect_stderr(&["/nowhere/python3"]);
}

/// The verdicts on programs; `None`, with the reason printed, where none can be run here.
fn programs(args: &[&str], cases: &[Value]) -> Option<Vec<Value>> {
    let outcome = grade(&[&["--jsonl"], args].concat(), lines(cases));
    if outcome.code == Some(4) {
        println!("skipped: {}", outcome.stderr);
        return None;
    }
    Some(outcome.expect_code(0).json_lines())
}

#[test]
fn programs_get_every_verdict_with_its_test() {
    let sum = [("1 2\n", "3"), ("2 2\n", "4"), ("40 2\n", "42")];
    let limited = |mut case: Value, secs: f64| {
        case["task"]["time_limit_secs"] = json!(secs);
        case
    };
    let read = "a, b = map(int, input().split())\n";
    let cases = [
        stdin_case("right", &format!("{read}print(a + b)"), &sum),
        stdin_case("wrong", &format!("{read}print(3 if a == 1 else 5)"), &sum),
        stdin_case("error", &format!("{read}print(a + b if a < 40 else 1 // 0)"), &sum),
        stdin_case("syntax", "def f(:\n", &sum),
        limited(stdin_case("time", "while True: pass", &sum), 1.0),
        limited(stdin_case("memory", "x = bytearray(4 << 30)\nprint(len(x))", &sum), 5.0),
        limited(stdin_case("output", "while True: print('x' * 4096)", &sum), 5.0),
        plain(json!("none"), cases_task(&sum), "I cannot."),
        plain(
            json!("no tests"),
            json!({"kind": "code", "private_test_cases": "[]"}),
            "```\nprint(1)\n```",
        ),
        function_case(
            "call",
            "class Solution:\n    def add(self, a, b):\n        return (a + b,)",
            "add",
            &[("1\n2", "[3]")],
        ),
        function_case(
            "bare",
            "def add(a, b):\n    return a + b",
            "add",
            &[("1\n2", "3.0"), ("\"a\"\n\"b\"", "\"ab\"")],
        ),
    ];
    let Some(verdicts) = programs(&[], &cases) else { return };
    let told: Vec<(&str, &str)> = verdicts
        .iter()
        .map(|v| {
            (v["id"].as_str().unwrap(), v["cause"].as_str().or(v["verdict"].as_str()).unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("right", "right"),
            ("wrong", "wrong_answer"),
            ("error", "runtime_error"),
            ("syntax", "compile_error"),
            ("time", "time_limit"),
            ("memory", "memory_limit"),
            ("output", "output_limit"),
            ("none", "no_code"),
            ("no tests", "bad_test_data"),
            ("call", "right"),
            ("bare", "right"),
        ],
        "{verdicts:#?}"
    );
    let detail = |n: usize| verdicts[n]["detail"].as_str().unwrap();
    assert!(detail(1).starts_with("test 2 of 3"), "{}", detail(1));
    assert!(
        detail(2).starts_with("test 3 of 3") && detail(2).contains("ZeroDivisionError"),
        "{}",
        detail(2)
    );
    assert!(verdicts[0]["cpu_ms"].as_f64().unwrap() > 0.0);
    assert!(verdicts[4]["wall_ms"].as_f64().unwrap() >= 900.0);
}

fn cases_task(tests: &[(&str, &str)]) -> Value {
    stdin_case("", "", tests)["task"].clone()
}

#[test]
fn encoded_tests_are_decoded_and_bombs_are_not() {
    // Made by CPython 3.11: base64 of zlib of pickle (protocol 4) of json.dumps([{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}]).
    const ENCODED: &str =
        "eJxrYJlqxwABPVbR1UqZeQWlJUpWCkqGCkYxeUo6Ckr5pSVQIWOIQElqcUlJZUEqSKi4JCUzT6k2dooeALEqFJ0=";
    let with = |private: &str| json!({"kind": "code", "public_test_cases": "[]", "private_test_cases": private, "metadata": "{}"});
    let answer = "```python\nprint(sum(map(int, input().split())))\n```";
    let cases = [
        plain(json!(1), with(ENCODED), answer),
        plain(json!(2), with(&ENCODED[..60]), answer),
        plain(json!(3), with("gASVAAAAAAAAAACMBXBvc2l4"), answer),
    ];
    let Some(verdicts) = programs(&[], &cases) else { return };
    let found: Vec<&Value> = verdicts.iter().map(|v| &v["cause"]).collect();
    assert_eq!(json!(found), json!([null, "bad_test_data", "bad_test_data"]), "{verdicts:#?}");
}

#[test]
fn slow_programs_do_not_hold_up_the_order_or_each_other() {
    let case = |n: usize| {
        let nap = if n == 0 { 1.0 } else { 0.0 };
        stdin_case(
            &n.to_string(),
            &format!("import time\ntime.sleep({nap})\nprint({n})"),
            &[("", &n.to_string())],
        )
    };
    let cases: Vec<Value> = (0..12).map(case).collect();
    let began = Instant::now();
    let Some(verdicts) = programs(&["--set", "sandbox.parallel=4"], &cases) else { return };
    let ids: Vec<&str> = verdicts.iter().map(|v| v["id"].as_str().unwrap()).collect();
    assert_eq!(ids, (0..12).map(|n| n.to_string()).collect::<Vec<_>>());
    assert!(verdicts.iter().all(|v| v["verdict"] == "right"), "{verdicts:#?}");
    assert!(began.elapsed() < Duration::from_mins(1));
}

#[test]
fn a_killed_grade_leaves_no_program_behind() {
    let at = Workspace::new();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_conductor"));
    command.args(["grade", "--jsonl"]).current_dir(at.path());
    let mut judging = conductor_testkit::judging::Judging::start(command);
    let marker = format!("conductor-test-{}", std::process::id());
    judging.send(&stdin_case("1", "print(1)", &[("", "1")]));
    match judging.line(Duration::from_mins(1)) {
        Err(NoVerdict::Ended(Some(4), stderr)) => return println!("skipped: {stderr}"),
        other => assert!(other.is_ok(), "{other:?}"),
    }
    let spins = format!(
        "import ctypes\nctypes.CDLL(None).prctl(15, b'{}')\nwhile True: pass",
        &marker[marker.len() - 15..]
    );
    let mut case = stdin_case("2", &spins, &[("", "1")]);
    case["task"]["time_limit_secs"] = json!(600);
    judging.send(&case);
    let name = &marker[marker.len() - 15..];
    let is_there = || named(name) > 0;
    assert!(within(20, is_there), "the program never ran");
    drop(judging);
    assert!(within(20, || !is_there()), "the program outlives what judged it");
}

/// Processes of this name.
fn named(name: &str) -> usize {
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    let names = entries.filter_map(|e| std::fs::read_to_string(e.path().join("comm")).ok());
    names.filter(|comm| comm.trim_end() == name).count()
}

fn within(secs: u64, is: impl Fn() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(secs);
    while Instant::now() < end {
        if is() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    is()
}
