//! What `conductor grade` holds back, loses and takes: verdicts in time, none lost, and memory within bounds.

use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use conductor_testkit::Workspace;
use conductor_testkit::judging::{Judging, NoVerdict, function_case, stdin_case};
use serde_json::{Value, json};

fn exact(id: &str) -> Value {
    json!({"id": id, "task": {"kind": "exact", "gold": "x"}, "answer": "x"})
}

#[test]
fn without_standard_output_no_verdict_is_lost_silently() {
    let at = Workspace::new();
    at.write("cases.jsonl", exact("1").to_string());
    let run = |redirection: &str| {
        let script = format!("exec \"$1\" grade --jsonl cases.jsonl {redirection}");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_conductor")]).current_dir(at.path());
        let output = shell.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, stderr) = run(">&-");
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("standard output is closed"), "{stderr}");
    // Python's subprocess.DEVNULL is open for reading, too.
    for nowhere in ["> /dev/null", "1<> /dev/null"] {
        assert_eq!(run(nowhere), (Some(0), String::new()), "{nowhere}");
    }
}

#[test]
fn finished_verdicts_are_not_withheld_while_a_later_case_runs() {
    let at = Workspace::new();
    let slow = stdin_case("slow", "import time\ntime.sleep(3)\nprint(1)", &[("", "1")]);
    let cases = format!("{}{slow}", format!("{}\n", exact("quick")).repeat(5));
    at.write("cases.jsonl", cases);
    let mut command = Command::new(env!("CARGO_BIN_EXE_conductor"));
    command.args(["grade", "--jsonl", "cases.jsonl"]).current_dir(at.path());
    let mut judging = Judging::start(command);
    for _ in 0..5 {
        let line = judging.line(Duration::from_mins(1)).unwrap();
        assert!(line.contains("\"quick\""), "{line}");
    }
    // It would be there at once if all had waited for it.
    match judging.line(Duration::from_millis(300)) {
        Err(NoVerdict::Late) => {}
        Err(NoVerdict::Ended(Some(4), stderr)) => return println!("skipped: {stderr}"),
        other => panic!("{other:?}"),
    }
    assert!(judging.line(Duration::from_mins(1)).unwrap().contains("\"slow\""));
}

/// Tests as LiveCodeBench packs them: base64 of zlib of a pickled text.
fn packed(tests: &str) -> String {
    use base64::Engine as _;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"\x8d").unwrap();
    encoder.write_all(&(tests.len() as u64).to_le_bytes()).unwrap();
    encoder.write_all(tests.as_bytes()).unwrap();
    encoder.write_all(b".").unwrap();
    base64::engine::general_purpose::STANDARD.encode(encoder.finish().unwrap())
}

#[test]
fn tests_take_little_more_memory_than_their_text() {
    /// Of each set.
    const MIB: usize = 8;
    let zeros = format!("[{}0]", "0,".repeat(MIB << 19));
    let case = |input: &str, output: &str| {
        let test = json!([{"input": input, "output": output, "testtype": "functional"}]);
        let mut case = function_case("large", "def f(x):\n    return 1", "f", &[]);
        case["task"]["private_test_cases"] = packed(&test.to_string()).into();
        case
    };
    let large = [case("1", &zeros), case("1", &zeros), case(&zeros, "2")];
    let mut command = Command::new(env!("CARGO_BIN_EXE_conductor"));
    command.args(["grade", "--jsonl"]);
    let mut judging = Judging::start(command);
    judging.send(&function_case("small", "def f(x):\n    return 1", "f", &[("1", "1")]));
    match judging.line(Duration::from_mins(1)) {
        Err(NoVerdict::Ended(Some(4), stderr)) => return println!("skipped: {stderr}"),
        other => assert!(other.is_ok(), "{other:?}"),
    }
    let before = peak_mib(judging.pid());
    for case in &large {
        judging.send(case);
    }
    for _ in &large {
        let line = judging.line(Duration::from_mins(2)).unwrap();
        assert!(line.contains("\"cause\":\"wrong_answer\""), "{line}");
    }
    let grown = peak_mib(judging.pid()) - before;
    // Up to three copies of each while it is unpacked, and some room for what else happens.
    let most = large.len() * MIB * 3 + 32;
    assert!(grown < most as u64, "{} sets of {MIB} MiB took {grown} MiB", large.len());
}

/// The most memory that a process has held so far, in MiB.
fn peak_mib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("kB") >> 10
}
