//! Real programs, where `CONDUCTOR_DEV_DATA` names the folder that holds them.

use std::io::Read as _;
use std::path::PathBuf;

use conductor_configs::schema;
use conductor_reward::{Grader, Judging, extract};
use conductor_types::{Grading, Task};

fn dev_data(path: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("CONDUCTOR_DEV_DATA") else {
        println!("skipped: CONDUCTOR_DEV_DATA is not set, so there is no {path}");
        return None;
    };
    Some(PathBuf::from(folder).join(path))
}

#[derive(serde::Deserialize)]
struct Problem {
    task_id: String,
    prompt: String,
    canonical_solution: String,
    test: String,
    entry_point: String,
}

/// What a model wrote for one problem, the program that the official evaluator took from each text, and its verdict.
#[derive(serde::Deserialize)]
struct Recorded {
    #[serde(rename = "output_list")]
    outputs: Vec<String>,
    #[serde(rename = "code_list")]
    programs: Vec<String>,
    #[serde(rename = "graded_list")]
    verdicts: Vec<bool>,
}

#[test]
fn every_program_that_is_officially_right_is_found() {
    let Some(path) = dev_data("lcb/raw/qwen3-8b.eval_all.json.gz") else { return };
    let file = std::fs::File::open(&path).expect("recorded outputs");
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
    let rows: Vec<Recorded> = serde_json::from_str(&text).expect("recorded outputs");
    let mut right = 0;
    for row in rows {
        let programs = row.outputs.iter().zip(&row.programs).zip(row.verdicts);
        for ((output, program), _) in programs.filter(|(_, is_right)| *is_right) {
            let found = extract::program(output, None);
            assert_eq!(found.as_deref().map(str::trim), Ok(program.trim()), "{output}");
            right += 1;
        }
    }
    assert!(right > 100, "{right}");
}

#[tokio::test(flavor = "multi_thread")]
async fn humanevals_own_solutions_are_right_and_stubs_are_not() {
    let Some(path) = dev_data("humaneval_mbpp/HumanEval.jsonl.gz") else { return };
    let file = std::fs::File::open(&path).expect("HumanEval");
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
    let options =
        schema::Sandbox { require: schema::RequiredLevel::C, ..schema::Sandbox::default() };
    let grader =
        Grader::sandboxed(&options, Judging::default()).await.expect("python3 is on the path");
    let mut gradings = tokio::task::JoinSet::new();
    for line in text.lines() {
        let problem: Problem = serde_json::from_str(line).expect("a problem");
        let grader = grader.clone();
        gradings.spawn(async move {
            let Problem { task_id, prompt, canonical_solution, test, entry_point } = problem;
            let whole = format!("Here it is.\n\n```python\n{prompt}{canonical_solution}```\n");
            let grading = Grading::Python { prelude: prompt, tests: test, entry_point };
            let task = Task {
                id: task_id,
                domain: "humaneval".into(),
                prompt: String::new(),
                grading,
                parts: Vec::new(),
                date: None,
                constraint: None,
            };
            let right = grader.grade(&task, &whole, None).await.verdict;
            let right_body = grader.grade(&task, &canonical_solution, None).await.verdict;
            let stub = grader.grade(&task, "    return None\n", None).await.verdict;
            (task.id, right, right_body, stub)
        });
    }
    let mut count = 0;
    while let Some(done) = gradings.join_next().await {
        let (id, right, right_body, stub) = done.expect("no panic");
        assert_eq!(right.score(), Some(1.0), "{id}: {right:?}");
        assert_eq!(right_body.score(), Some(1.0), "{id}: {right_body:?}");
        assert_eq!(stub.score(), Some(0.0), "{id}: {stub:?}");
        count += 1;
    }
    assert_eq!(count, 164);
}
