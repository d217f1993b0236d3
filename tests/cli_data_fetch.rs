//! `conductor data fetch`, against a hub of our own.

use std::path::Path;
use std::time::Duration;

use conductor_testkit::hub::{DataSet, FakeHub, Fault};
use conductor_testkit::{Outcome, Program, Workspace};

const TOKEN: &str = "hf_verysecret";
const MATH: &str = "HuggingFaceH4/MATH-500";

/// Invented rows with the columns of MATH-500.
fn math(rows: usize) -> Vec<u8> {
    let line = |n: usize| {
        let problem = "What is seven times the number of this row? ".repeat(20);
        format!(
            "{{\"problem\": \"{problem}\", \"solution\": \"\", \"answer\": \"{}\", \"subject\": \"Algebra\", \
             \"level\": 1, \"unique_id\": \"test/{n}.json\"}}\n",
            n * 7
        )
    };
    (0..rows).map(line).collect::<String>().into_bytes()
}

fn program(hub: &FakeHub, folder: &Path, args: &[&str]) -> Program {
    let home = folder.join("hf");
    let program = Program::new(env!("CARGO_BIN_EXE_conductor"), folder)
        .args(["data", "fetch"])
        .args(args)
        .env("HF_ENDPOINT", &hub.endpoint())
        .env("HF_HOME", home.to_str().expect("a path of text"));
    // What the caller's own environment says of the hub is not meant for this one.
    ["HF_TOKEN", "HF_TOKEN_PATH", "HF_HUB_CACHE", "HF_HUB_OFFLINE"]
        .iter()
        .fold(program, |program, name| program.env(name, ""))
}

fn fetch(hub: &FakeHub, at: &Workspace, args: &[&str]) -> Outcome {
    program(hub, at.path(), args).run()
}

#[test]
fn a_benchmark_is_planned_fetched_and_there() {
    let mut set = DataSet::new(MATH).large("test.jsonl", math(500));
    set.license = Some("mit".into());
    let (hub, at) = (FakeHub::start(vec![set]), Workspace::new());
    let plan = fetch(&hub, &at, &["math500", "--dry-run"]).expect_code(0);
    for part in ["test.jsonl", "data/math500/test.parquet", "licence: mit", "nothing was written"] {
        assert!(plan.stdout.contains(part), "{plan}");
    }
    let plan = fetch(&hub, &at, &["math500", "--dry-run", "--json"]).expect_code(0).json();
    assert_eq!(plan["bytes_to_fetch"], math(500).len());
    assert!(!at.path().join("data").exists());

    let done = fetch(&hub, &at, &["math500"]).expect_code(0).expect_stderr(&[
        "fetching test.jsonl",
        "has the hub's sum",
        "writing test.parquet",
    ]);
    let line = "sources = [{ kind = \"math500\", path = \"data/math500/test.parquet\" }]";
    assert!(done.stdout.contains("stored math500") && done.stdout.contains(line), "{done}");
    hub.seen();
    let again = fetch(&hub, &at, &["math500"]).expect_code(0);
    assert!(
        again.stdout.contains("holds math500 test already") && again.stderr.is_empty(),
        "{again}"
    );
    let json = fetch(&hub, &at, &["math500", "--json"]).expect_code(0).json();
    assert_eq!(
        (&json["present"], &json["manifest"]["files"][0]["rows"]),
        (&true.into(), &500.into())
    );
    assert!(hub.seen().is_empty());
    let forced = fetch(&hub, &at, &["math500", "--force"]).expect_code(0);
    assert!(forced.stderr.contains("test.jsonl is cached"), "{forced}");
}

#[test]
fn what_authors_ask_is_said_beside_the_hubs_label() {
    let head = "Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3";
    let mut gpqa = DataSet::new("Idavidrein/gpqa")
        .small("gpqa_diamond.csv", format!("{head}\nq,a,b,c,d\n"))
        .small("gpqa_diamond.csv\u{1b}[2J", "");
    gpqa.license = Some("cc-by-4.0\u{1b}[31m".into());
    let (hub, at) = (FakeHub::start(vec![gpqa]), Workspace::new());
    for args in [&["gpqa", "--dry-run"][..], &["gpqa"]] {
        let said = fetch(&hub, &at, args).expect_code(0).stdout;
        assert!(said.contains("licence: cc-by-4.0\\u{1b}[31m (the hub's label)"), "{said}");
        assert!(said.contains("no question is published in plain text"), "{said}");
    }
}

#[test]
fn the_list_needs_no_hub() {
    let (hub, at) = (FakeHub::start(Vec::new()), Workspace::new());
    let list = fetch(&hub, &at, &["--list"]).expect_code(0);
    for part in ["livecodebench", "release_v6", "Idavidrein/gpqa (gated)", "extended", "1055"] {
        assert!(list.stdout.contains(part), "{list}");
    }
    let json = fetch(&hub, &at, &["--list", "--json"]).expect_code(0).json();
    assert!(json.as_array().is_some_and(|all| all.len() > 10), "{json}");
    assert!(hub.seen().is_empty());
    let _ = fetch(&hub, &at, &[]).expect_code(2).expect_stderr(&["NAME"]);
    let _ = fetch(&hub, &at, &["--list", "gsm8k"]).expect_code(2);
}

#[test]
fn mistakes_and_gates_say_what_to_do_and_show_no_token() {
    let gpqa = DataSet::new("Idavidrein/gpqa").large("gpqa_diamond.csv", "a").gated("another");
    let (hub, at) = (FakeHub::start(vec![gpqa]), Workspace::new());
    let _ = fetch(&hub, &at, &["gsm9k"]).expect_code(2).expect_stderr(&["gsm8k, humaneval"]);
    let _ =
        fetch(&hub, &at, &["gpqa", "--release", "x"]).expect_code(2).expect_stderr(&["diamond"]);
    let _ =
        fetch(&hub, &at, &["gpqa"]).expect_code(1).expect_stderr(&["401", "accept", "HF_TOKEN"]);
    let refused = program(&hub, at.path(), &["gpqa"]).env("HF_TOKEN", TOKEN).run().expect_code(1);
    assert!(refused.stderr.contains("403") && !refused.to_string().contains(TOKEN), "{refused}");
    let offline = program(&hub, at.path(), &["gpqa"]).env("HF_HUB_OFFLINE", "1").run();
    let _ = offline.expect_code(1).expect_stderr(&["HF_HUB_OFFLINE=0 conductor data fetch gpqa"]);
    let _ = program(&hub, at.path(), &["gpqa"])
        .env("HF_ENDPOINT", "http://hub.example.org")
        .env("HF_TOKEN", TOKEN)
        .run()
        .expect_code(2)
        .expect_stderr(&["HF_ENDPOINT", "https"]);
    assert!(!at.path().join("data").exists());
}

#[test]
fn an_interrupt_keeps_what_came() {
    let set = DataSet::new(MATH).large("test.jsonl", math(500));
    let part =
        format!("hf/hub/datasets--HuggingFaceH4--MATH-500/blobs/{}.part", set.files[0].sum());
    let (hub, at) = (FakeHub::start(vec![set]), Workspace::new());
    hub.then("cdn", [Fault::Drip(4 << 10, Duration::from_millis(20))]);
    let child = program(&hub, at.path(), &["math500"]).start();
    let part = at.path().join(part);
    let length = || part.metadata().map_or(0, |metadata| metadata.len());
    while length() < 20_000 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("it runs");
    let output = child.wait_with_output().expect("its output");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("what was fetched is kept"), "{stderr}");
    let kept = length();
    assert!((20_000..300_000).contains(&kept), "{kept}");
    hub.seen();
    let _ = fetch(&hub, &at, &["math500"]).expect_code(0);
    let ranges: Vec<_> = hub.seen().into_iter().filter_map(|seen| seen.range).collect();
    // Both addresses are asked for what is missing alone.
    assert_eq!(ranges, vec![format!("bytes={kept}-"); 2]);
}
