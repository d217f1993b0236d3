//! Mathematical answers against verdicts and values that others recorded. Needs CONDUCTOR_DEV_DATA, the folder that
//! holds them. With CONDUCTOR_SHOW_DIFFERENCES set, every difference is printed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use conductor_reward::{extract, math};
use conductor_types::{MathConvention, Verdict};
use serde_json::Value;

fn rows(path: &str) -> Option<Vec<Value>> {
    let Some(folder) = std::env::var_os("CONDUCTOR_DEV_DATA") else {
        println!("skipped: CONDUCTOR_DEV_DATA is not set, so there is no {path}");
        return None;
    };
    let text = std::fs::read_to_string(PathBuf::from(folder).join(path)).expect("the rows");
    Some(text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect())
}

fn show(difference: impl FnOnce() -> String) {
    if std::env::var_os("CONDUCTOR_SHOW_DIFFERENCES").is_some() {
        println!("{}", difference());
    }
}

/// The convention of each suite, as docs/graders.md states it.
fn convention(suite: &str) -> MathConvention {
    if suite.starts_with("hendrycks/") {
        MathConvention::Ordered
    } else if suite.starts_with("skythought/") {
        MathConvention::Tolerant
    } else {
        MathConvention::Standard
    }
}

fn right(gold: &str, convention: MathConvention, text: &str) -> bool {
    matches!(math::grade(gold, convention, text).verdict, Verdict::Right { .. })
}

/// How many of the pairs agree, each under the convention that `of` names.
fn agreeing(rows: &[Value], of: impl Fn(&str) -> MathConvention) -> usize {
    let mut suites: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for row in rows {
        let suite = row["suite"].as_str().expect("a suite");
        let (gold, found) =
            (row["gold"].as_str().unwrap_or(""), row["pred"].as_str().unwrap_or(""));
        let expected = row["expected"].as_bool().expect("a verdict");
        let given = right(gold, of(suite), found);
        let counts = suites.entry(suite).or_default();
        counts.1 += 1;
        if given == expected {
            counts.0 += 1;
        } else {
            let cut = |text: &str| {
                text.chars()
                    .rev()
                    .take(200)
                    .collect::<Vec<_>>()
                    .into_iter()
                    .rev()
                    .collect::<String>()
            };
            show(|| {
                let extracted = extract::math(found);
                format!(
                    "{}: expected {expected}\n  gold  {:?}\n  found {:?}\n  extracted {extracted:?}",
                    row["id"],
                    cut(gold),
                    cut(found)
                )
            });
        }
    }
    println!("{suites:?}");
    suites.values().map(|(agree, _)| agree).sum()
}

#[test]
fn equivalence_pairs() {
    let Some(rows) = rows("grader_vectors/math_equiv_vectors.jsonl") else { return };
    assert_eq!(rows.len(), 448);
    let agree = agreeing(&rows, convention);
    let standard = agreeing(&rows, |_| MathConvention::Standard);
    let start = std::time::Instant::now();
    for row in &rows {
        let text = |key: &str| row[key].as_str().unwrap_or("");
        right(text("gold"), MathConvention::Standard, text("pred"));
    }
    println!("{} pairs took {:?}", rows.len(), start.elapsed());
    println!("{agree} of {} agree, {standard} under the standard convention alone", rows.len());
    assert!(agree >= 439, "{agree}");
    assert!(standard >= 434, "{standard}");
}

#[test]
fn values_of_expressions() {
    let Some(rows) = rows("grader_vectors/latex2sympy_vectors.jsonl") else { return };
    let (mut right, mut valued) = (0, 0);
    for row in &rows {
        let Some(expected) = row["value"].as_str() else { continue };
        valued += 1;
        let latex = row["latex"].as_str().expect("an expression");
        let expected = match expected {
            "oo" => f64::INFINITY,
            "-oo" => f64::NEG_INFINITY,
            number => number.parse().unwrap_or(f64::NAN),
        };
        let got = math::value(latex);
        let same = got.as_ref().is_ok_and(|got| {
            got.total_cmp(&expected).is_eq() || (got - expected).abs() <= 1e-8 * expected.abs()
        });
        if same {
            right += 1;
        } else {
            show(|| format!("{latex}: expected {expected}, got {got:?}"));
        }
    }
    println!("{right} of {valued}");
    assert_eq!(valued, 589);
    assert!(right >= 586, "{right}");
}

#[test]
fn solutions_of_gsm8k() {
    let Some(rows) = rows("gsm8k/example_model_solutions.jsonl") else { return };
    let mut count = 0;
    let mut differ = 0;
    for row in &rows {
        let gold = row["ground_truth"].as_str().expect("a gold answer");
        let last = gold.rsplit("A: ").next().expect("an answer");
        for model in ["6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"] {
            count += 1;
            let solution = row[model]["solution"].as_str().expect("a solution");
            let expected = row[model]["is_correct"].as_bool().expect("a verdict");
            for gold in [gold, last] {
                if right(gold, MathConvention::Standard, solution) != expected {
                    differ += 1;
                    show(|| {
                        format!(
                            "expected {expected}: gold {last:?}, solution {solution:?}, extracted {:?}",
                            extract::math(solution)
                        )
                    });
                }
            }
        }
    }
    println!("{differ} of {count} differ");
    assert_eq!(count, 5276);
    assert_eq!(differ, 0);
}

#[test]
fn chain_of_thought_answers() {
    let Some(rows) = rows("math/qwen_math_cot_100x8_outputs.jsonl") else { return };
    let (mut agree, mut count) = (0, 0);
    for row in &rows {
        let gold = row["gt"].as_str().expect("a gold answer");
        let answers = row["code"].as_array().expect("answers");
        let scores = row["score"].as_array().expect("scores");
        for (answer, score) in answers.iter().zip(scores) {
            count += 1;
            let text = answer.as_str().expect("a text");
            let expected = score.as_bool().expect("a verdict");
            if right(gold, MathConvention::Standard, text) == expected {
                agree += 1;
            } else {
                show(|| {
                    format!(
                        "expected {expected}: gold {gold:?}, extracted {:?}",
                        extract::math(text)
                    )
                });
            }
        }
    }
    println!("{agree} of {count} agree");
    assert_eq!(count, 800);
    assert!(agree >= 799, "{agree}");
}

#[test]
fn gold_answers_can_be_read() {
    let (mut count, mut unreadable) = (0, 0);
    for (path, key) in [
        ("math/math500.jsonl", "answer"),
        ("math/aime24.json", "expected_answer"),
        ("math/aime25.json", "answer"),
        ("math/amc23.json", "answer"),
    ] {
        let Some(rows) = rows(path) else { return };
        for row in rows {
            let gold = match &row[key] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            count += 1;
            // Asked for something else, an unreadable gold answer fails instead of saying no.
            let other = math::equal(&gold, r"\sqrt{7}+\pi+1234567", MathConvention::Standard);
            if other != Ok(false) {
                unreadable += 1;
                show(|| format!("{path}: {gold:?}: {other:?}"));
            }
            assert!(right(
                &gold,
                MathConvention::Standard,
                &format!("So it is $\\boxed{{{gold}}}$.")
            ));
        }
    }
    println!("{unreadable} of {count} gold answers cannot be read");
    assert!(unreadable <= count / 100, "{unreadable} of {count}");
}
