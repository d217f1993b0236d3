//! Real answers, where `CONDUCTOR_DEV_DATA` names the folder that holds them. Differences are listed in `docs/graders.md`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use conductor_reward::extract::{self, LastLine, Number, Tag};
use conductor_reward::{Extractors, Grader};
use conductor_types::seed::SplitMix;
use conductor_types::{AnswerExtractor as _, Grading, Task, Verdict};

fn lines(path: &str) -> Option<Vec<serde_json::Value>> {
    let Some(folder) = std::env::var_os("CONDUCTOR_DEV_DATA") else {
        println!("skipped: CONDUCTOR_DEV_DATA is not set, so there is no {path}");
        return None;
    };
    let text = std::fs::read_to_string(PathBuf::from(folder).join(path)).expect("readable");
    Some(text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect())
}

fn task(grading: Grading) -> Task {
    Task {
        id: "t".into(),
        domain: String::new(),
        prompt: String::new(),
        grading,
        parts: Vec::new(),
        date: None,
        constraint: None,
    }
}

async fn verdict(grading: Grading, answer: &str) -> Verdict {
    Grader::without_sandbox().grade(&task(grading), answer, None).await.verdict
}

/// What the vectors' own chain of three rules reads: "answer is (X)", then "Answer: X". The third rule takes the last free
/// letter of the text, whatever it is, and is refused here.
fn chain(case: &serde_json::Value) -> Option<char> {
    let stage = case["chain_stage"].as_u64().expect("a stage");
    (1..=2).contains(&stage).then(|| case["chain_pred"].as_str()?.chars().next())?
}

#[test]
fn choices_differ_from_the_chains_announced_letters_in_listed_ways_only() {
    let Some(cases) = lines("grader_vectors/mc_extraction_vectors.jsonl") else { return };
    let mut differ: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut stray: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        let text = case["text"].as_str().expect("a text");
        let options = case["n_options"].as_u64().expect("a count") as u8;
        let ours = extract::choice(text, options).ok();
        let kind = match (ours, chain(case)) {
            (ours, theirs) if ours == theirs => {
                if case["chain_stage"] == 3 {
                    let right = case["chain_pred"] == case["gold"];
                    *stray.entry(if right { "right" } else { "wrong" }).or_default() += 1;
                }
                continue;
            }
            (Some(_), Some(_)) => "another letter",
            (None, Some(_)) => "refused",
            (Some(_), None) => "read where the two rules read nothing",
            (None, None) => continue,
        };
        differ.entry(kind).or_default().push(index);
        println!("{index}: {kind}: {ours:?} and {:?}", case["chain_pred"]);
    }
    println!("{differ:?}; free letters refused: {stray:?}");
    assert_eq!(cases.len(), 939);
    let listed = BTreeMap::from([
        ("read where the two rules read nothing", vec![86, 327, 798]),
        ("refused", vec![254, 276, 303, 504, 507]),
    ]);
    assert_eq!(differ, listed);
}

#[test]
fn small_extractions_hold_but_for_the_listed_ones() {
    let Some(cases) = lines("grader_vectors/extraction_vectors.jsonl") else { return };
    let mut differ = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let text = case["text"].as_str().expect("a text");
        let suite = case["suite"].as_str().expect("a suite");
        let expected = &case["expected"];
        let letters = suite.contains("choice") || suite.contains("string_extraction");
        let same = if letters {
            let options = if case["config"]["strings"].is_array() { 26 } else { 4 };
            let ours = extract::choice(text, options).ok().map(String::from);
            match expected.as_array() {
                Some(letters) if letters.is_empty() => ours.is_none(),
                Some(letters) => ours.as_deref() == letters.last().and_then(|last| last.as_str()),
                // This suite hands the text back where it holds no letter.
                None => ours.unwrap_or_else(|| text.into()) == expected.as_str().expect("a text"),
            }
        } else {
            let expected = expected.as_str().expect("a text");
            let found = extract::text(text, Tag::First, LastLine::Short);
            let number = extract::number(text).ok();
            let list = extract::numbers(text).ok().filter(|list| list.len() > 1);
            match (Number::parse(expected), number, list) {
                (Some(gold), Some(number), _) => gold.accepts(&number, 0.0),
                (Some(_), ..) => false,
                (None, _, Some(list)) => list.len() == expected.split(',').count(),
                (None, None, _) if expected.is_empty() => true,
                (None, ..) => found.ok() == Some(expected),
            }
        };
        if !same {
            println!("{index}: {text:?}: expected {expected}");
            differ.push(index);
        }
    }
    println!("{differ:?} of {} differ", cases.len());
    assert_eq!(cases.len(), 35);
    assert_eq!(differ, [4, 6, 9, 17, 24, 27, 28]);
}

#[tokio::test]
async fn every_gsm8k_solution_is_judged_as_its_authors_did() {
    let Some(cases) = lines("gsm8k/example_model_solutions.jsonl") else { return };
    let (mut count, mut differ) = (0, Vec::new());
    for case in &cases {
        let gold = case["ground_truth"].as_str().expect("a solution");
        let gold = gold.rsplit("A:").next().expect("a number").trim();
        let grading = || Grading::Number { gold: gold.into(), tolerance: 0.0 };
        let votes = Extractors::new([task(grading())].iter());
        for model in ["6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"] {
            let solution = case[model]["solution"].as_str().expect("a text");
            let right = case[model]["is_correct"].as_bool().expect("a verdict");
            let verdict = verdict(grading(), solution).await;
            count += 1;
            if verdict.score() != Some(f64::from(u8::from(right))) {
                let end: Vec<&str> = solution.lines().rev().take(1).collect();
                differ.push(format!("{gold} {end:?}: {verdict:?}"));
            }
            assert!(!right || votes.canonical("t", solution).is_some(), "{solution}");
        }
    }
    assert_eq!(count, 5276);
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}

/// Pieces that texts are put together from: whatever a finder or a reader looks for, and what it does not expect.
const PIECES: [&str; 64] = [
    "<answer>",
    "</answer>",
    "\\boxed{",
    "{",
    "}",
    "}{",
    "(",
    ")",
    "[",
    "]",
    "Answer:",
    "answer is",
    "answer",
    "correct option is",
    ":",
    " ",
    "\n",
    "\r\n",
    "\u{a0}",
    "\u{2003}",
    "A",
    "B",
    "I",
    "b",
    "J",
    "is",
    "or",
    "and",
    ",",
    "/",
    "*",
    "**",
    "_",
    "`",
    "$",
    "#",
    "####",
    "A:",
    "=",
    "+",
    "-",
    "\u{2212}",
    "×",
    "\\frac",
    "\\frac{1}{2}",
    "\\text{",
    "\\times",
    "10^",
    "10^{",
    "^",
    "1",
    "0",
    "9",
    "1,000",
    ".",
    "e",
    "E9",
    "%",
    "\\%",
    "°",
    "é",
    "💡",
    "\u{0}",
    "İ",
];

#[tokio::test]
async fn every_text_has_a_verdict() {
    let gradings = [
        Grading::Exact { gold: "1".into() },
        Grading::Fuzzy { gold: "50%".into() },
        Grading::Choice { gold: "B".into(), options: 10 },
        Grading::Number { gold: "0.1".into(), tolerance: 1e-3 },
        Grading::Number { gold: "[1, 2]".into(), tolerance: 0.0 },
        Grading::Countdown { numbers: vec![1, 9], target: 10 },
        Grading::ReasoningGym { dataset: "chain_sum".into(), gold: "1".into(), entry: None },
        Grading::ReasoningGym { dataset: "gsm_symbolic".into(), gold: "1".into(), entry: None },
        Grading::Judge { gold: "1".into(), rubric: None },
    ];
    let tasks: Vec<Task> = gradings.into_iter().map(task).collect();
    let judge = Grader::without_sandbox();
    let mut draw = SplitMix::new(4);
    for _ in 0..4000 {
        let pieces = 1 + draw.below(14);
        let text: String = (0..pieces).map(|_| PIECES[draw.below(PIECES.len())]).collect();
        for task in &tasks {
            let graded = judge.grade(task, &text, None).await;
            let votes = Extractors::new([task].into_iter());
            let canonical = votes.canonical("t", &text);
            let found = !matches!(graded.verdict.cause(), "no_answer" | "judge_failed");
            if matches!(task.grading, Grading::Judge { .. }) {
                continue;
            }
            // What votes was found, and where an answer has a value, what was found votes.
            let both = matches!(task.grading, Grading::Choice { .. } | Grading::Number { .. });
            let agree =
                if both { found == canonical.is_some() } else { found || canonical.is_none() };
            assert!(agree, "{text:?}: {canonical:?} {graded:?}");
            assert!(!found || graded.extracted.is_some(), "{text:?}: {graded:?}");
        }
    }
}
