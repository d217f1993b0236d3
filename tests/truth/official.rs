//! The mode `lcb_official` against what the official evaluator said.

use conductor_reward::extract;
use conductor_testkit::judging::{function_case, stdin_case};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Python, can_run, grade};

#[derive(Deserialize)]
struct Quirks {
    programs: Vec<Recorded>,
    comparator: Vec<Pair>,
    extraction: Vec<Extraction>,
}

#[derive(Deserialize)]
struct Recorded {
    name: String,
    code: String,
    inputs: Vec<String>,
    outputs: Vec<String>,
    fn_name: Option<String>,
    timeout: f64,
    error_code: Option<i32>,
    passed: bool,
}

#[derive(Deserialize)]
struct Pair {
    pred: String,
    exp: String,
    /// A truth value, or what was raised.
    passed: Value,
}

#[derive(Deserialize)]
struct Extraction {
    text: String,
    code: String,
}

/// Programs that the official evaluator passes although they solve nothing; docs/lcb_official.md lists them.
const HACKS: [(&str, &str); 6] = [
    // A pass of no tests at all: here the task's data is at fault.
    ("zero tests", "bad_test_data"),
    // Sleeps past the limit and swallows the signal that should end it.
    ("fn swallow timeout", "time_limit"),
    // Return objects that are equal to everything.
    ("fn eq-hack", "wrong_answer"),
    ("fn list subclass eq", "wrong_answer"),
    // Looks for the expected output in the frame of its caller, where it is not.
    ("fn frame peek", "runtime_error"),
    // Replaces the evaluator's own comparison, which is in no process that it can reach here.
    ("stdio patch decimal cls", "runtime_error"),
];

fn quirks() -> Quirks {
    serde_json::from_str(include_str!("quirks.json")).expect("quirks.json")
}

#[test]
fn recorded_programs_have_their_recorded_verdicts_and_hacks_are_refused() {
    if !can_run() {
        return;
    }
    let python = Python::of_test();
    let (with_numpy, without): (Vec<_>, Vec<_>) =
        quirks().programs.into_iter().partition(|program| program.code.contains("numpy"));
    let mut wrong = compare(&without, &[]);
    if python.has_numpy {
        wrong.extend(compare(&with_numpy, &python.args()));
    } else {
        println!("skipped: {} programs: {}", with_numpy.len(), python.without_numpy());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn compare(programs: &[Recorded], args: &[String]) -> Vec<String> {
    let cases: Vec<Value> = programs.iter().map(case).collect();
    let mode = ["--mode", "lcb_official"].map(str::to_owned);
    let verdicts = grade(&[&mode, args].concat(), &cases);
    programs
        .iter()
        .zip(&verdicts)
        .filter_map(|(program, verdict)| differs(program, verdict))
        .collect()
}

fn case(program: &Recorded) -> Value {
    let tests: Vec<(&str, &str)> = program
        .inputs
        .iter()
        .zip(&program.outputs)
        .map(|(input, output)| (input.as_str(), output.as_str()))
        .collect();
    let mut case = match &program.fn_name {
        Some(name) => function_case(&program.name, &program.code, name, &tests),
        None => stdin_case(&program.name, &program.code, &tests),
    };
    case["task"]["time_limit_secs"] = json!(program.timeout);
    case
}

fn differs(program: &Recorded, verdict: &Value) -> Option<String> {
    let cause = verdict["cause"].as_str();
    let hack = HACKS.iter().find(|(name, _)| *name == program.name);
    let expected: &[&str] = match (hack, program.error_code) {
        (Some((_, cause)), _) => {
            assert!(program.passed, "{} is no false positive", program.name);
            &[cause]
        }
        (None, None) => &[],
        (None, Some(-2)) => &["wrong_answer"],
        (None, Some(-3)) => &["time_limit"],
        (None, Some(-4)) => &["runtime_error", "compile_error", "no_code"],
        // The evaluator's own process died, by whatever.
        (None, Some(_)) => &["runtime_error", "time_limit", "wrong_answer"],
    };
    let is_same = match cause {
        None => program.passed && hack.is_none(),
        Some(cause) => (!program.passed || hack.is_some()) && expected.contains(&cause),
    };
    (!is_same).then(|| format!("{}: {verdict}, expected {expected:?}", program.name))
}

#[test]
fn pairs_of_outputs_compare_as_recorded() {
    if !can_run() {
        return;
    }
    let pairs = quirks().comparator;
    let cases: Vec<Value> = pairs
        .iter()
        .enumerate()
        .map(|(index, pair)| {
            // Every character by its number, so that no form of quoting changes one.
            let codes: Vec<u32> = pair.pred.chars().map(u32::from).collect();
            let program = format!("import sys\nsys.stdout.write(''.join(map(chr, {codes:?})))");
            stdin_case(&index.to_string(), &program, &[("", &pair.exp)])
        })
        .collect();
    for mode in ["lcb_official", "native"] {
        let verdicts = grade(&["--mode", mode], &cases);
        for (pair, verdict) in pairs.iter().zip(&verdicts) {
            let expected = match (&pair.passed, mode) {
                (Value::Bool(true), _) => Value::Null,
                // Where the official comparison fails with an error, the official mode says so.
                (Value::String(_), "lcb_official") => json!("runtime_error"),
                _ => json!("wrong_answer"),
            };
            assert_eq!(
                verdict["cause"], expected,
                "{mode}: {:?} {:?} {verdict}",
                pair.pred, pair.exp
            );
        }
    }
}

#[test]
fn programs_are_found_as_recorded() {
    for Extraction { text, code } in quirks().extraction {
        let found = extract::official_program(&text).unwrap_or_default();
        assert_eq!(found, code, "{text:?}");
    }
}
