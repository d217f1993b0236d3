//! Imports other people's recordings, where `CONDUCTOR_DEV_DATA` says they are, and holds them against the numbers
//! that their README gives.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use conductor_rollout::recording::{ImportReport, ImportRequest, Recording, import, read};
use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};

/// The folder of recordings, or `None` with a printed reason.
fn recorded_folder() -> Option<PathBuf> {
    let Some(root) = std::env::var_os("CONDUCTOR_DEV_DATA") else {
        println!("skipped: CONDUCTOR_DEV_DATA is not set");
        return None;
    };
    let folder = Path::new(&root).join("recorded");
    if !folder.is_dir() {
        println!("skipped: {} is no folder", folder.display());
        return None;
    }
    Some(folder)
}

fn unzipped(path: &Path) -> MultiGzDecoder<std::fs::File> {
    MultiGzDecoder::new(std::fs::File::open(path).unwrap())
}

fn json_lines(path: &Path) -> impl Iterator<Item = Value> {
    BufReader::new(unzipped(path)).lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap())
}

/// Rows of a CSV file by column name; fields may be quoted and hold commas and line breaks.
fn csv_rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut text = String::new();
    unzipped(path).read_to_string(&mut text).unwrap();
    let mut records = vec![vec![String::new()]];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let record = records.last_mut().unwrap();
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                record.last_mut().unwrap().push('"');
                chars.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(String::new()),
            '\n' if !quoted => records.push(vec![String::new()]),
            '\r' if !quoted => {}
            _ => record.last_mut().unwrap().push(c),
        }
    }
    let header = records.remove(0);
    records
        .into_iter()
        .filter(|record| record.len() == header.len())
        .map(|record| header.iter().cloned().zip(record).collect())
        .collect()
}

/// Writes both files in the import form (answers zipped), imports them and reads the recording back.
fn imported(tasks: &[Value], answers: &[Value]) -> (ImportReport, Recording) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let lines =
        |values: &[Value]| values.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    std::fs::write(path("tasks.jsonl"), lines(tasks)).unwrap();
    let file = std::fs::File::create(path("answers.jsonl.gz")).unwrap();
    let mut zip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    zip.write_all(lines(answers).as_bytes()).unwrap();
    zip.finish().unwrap();
    let report = import(ImportRequest {
        answers: &path("answers.jsonl.gz"),
        tasks: &path("tasks.jsonl"),
        out: &path("out.parquet"),
    })
    .unwrap();
    (report, read(&path("out.parquet")).unwrap())
}

/// Mean score in percent of each worker, and of the best answer to each task.
fn accuracies(recording: &Recording) -> (BTreeMap<String, f64>, f64) {
    let mut best: BTreeMap<&str, f64> = BTreeMap::new();
    let mut means = BTreeMap::new();
    for worker in recording.workers() {
        let scores: Vec<f64> =
            recording.of_worker(worker).unwrap().map(|row| row.score.unwrap()).collect();
        means.insert(worker.to_owned(), 100.0 * scores.iter().sum::<f64>() / scores.len() as f64);
        for row in recording.of_worker(worker).unwrap() {
            let score = best.entry(&row.task_id).or_insert(0.0);
            *score = score.max(row.score.unwrap());
        }
    }
    (means, 100.0 * best.values().sum::<f64>() / best.len() as f64)
}

fn assert_near(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() < 0.051, "{what}: found {found:.2}, expected {expected}");
}

#[test]
fn zeroeval_gives_the_numbers_of_its_readme() {
    const POOL: [&str; 7] = [
        "gpt-4o-2024-08-06",
        "claude-3-5-sonnet-20241022",
        "gemini-1.5-pro",
        "gpt-4o-mini-2024-07-18",
        "Meta-Llama-3.1-70B-Instruct",
        "Qwen2-72B-Instruct",
        "gemma-2-27b-it",
    ];
    let Some(folder) = recorded_folder().map(|folder| folder.join("zeroeval")) else { return };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let tasks: Vec<Value> = json_lines(&folder.join("questions.jsonl.gz"))
        .map(|task| {
            let id = format!("{}/{}", text(&task["dataset"]), text(&task["qid"]));
            json!({ "id": id, "domain": task["dataset"], "prompt": task["prompt"] })
        })
        .collect();
    let mut texts: BTreeMap<(String, String), String> = BTreeMap::new();
    for model in POOL {
        let path = folder.join(format!("outputs/{model}.jsonl.gz"));
        if path.exists() {
            for line in json_lines(&path) {
                let id = format!("{}/{}", text(&line["dataset"]), text(&line["qid"]));
                texts.insert((id, model.to_owned()), text(&line["output"]));
            }
        }
    }
    let answers: Vec<Value> = csv_rows(&folder.join("outcomes.csv.gz"))
        .into_iter()
        .filter(|row| POOL.contains(&row["model"].as_str()))
        .map(|row| {
            let id = format!("{}/{}", row["dataset"], row["qid"]);
            let answer = texts.remove(&(id.clone(), row["model"].clone()));
            json!({
                "task_id": id,
                "worker": row["model"],
                "answer": answer,
                "score": row["correct"].parse::<f64>().unwrap(),
                "prompt_tokens": row["prompt_tokens"].parse::<u64>().unwrap(),
                "completion_tokens": row["completion_tokens"].parse::<u64>().unwrap(),
            })
        })
        .collect();
    let (report, recording) = imported(&tasks, &answers);
    assert_eq!((report.tasks, report.answers), (2840, 7 * 2840));
    assert!(report.missing.values().all(|&missing| missing == 0), "{:?}", report.missing);
    assert!(report.without_text < report.answers, "no answer has a text");
    let (means, any_correct) = accuracies(&recording);
    assert_near(means["claude-3-5-sonnet-20241022"], 83.6, "best single model");
    assert_near(means.values().copied().fold(0.0, f64::max), 83.6, "best single model");
    assert_near(means.values().sum::<f64>() / 7.0, 75.0, "random model");
    assert_near(any_correct, 92.9, "oracle");
}

#[test]
fn livecodebench_gives_the_numbers_of_its_readme() {
    let Some(folder) = recorded_folder().map(|folder| folder.join("livecodebench")) else { return };
    let tasks: Vec<Value> = json_lines(&folder.join("questions.jsonl.gz"))
        .map(|task| json!({ "id": task["question_id"], "prompt": task["question_content"] }))
        .collect();
    let answers: Vec<Value> = csv_rows(&folder.join("outcomes.csv.gz"))
        .into_iter()
        .map(|row| {
            json!({
                "task_id": row["question_id"],
                "worker": row["model"],
                "score": row["pass_rate"].parse::<f64>().unwrap(),
                "prompt_tokens": 0,
                "completion_tokens": 0,
            })
        })
        .collect();
    let (report, recording) = imported(&tasks, &answers);
    assert_eq!((report.tasks, report.answers), (880, 19 * 880));
    assert_eq!((report.without_text, report.without_cost), (19 * 880, 19 * 880));
    let (means, any_correct) = accuracies(&recording);
    for (model, expected) in [
        ("O1-2024-12-17 (N=1) (High)", 83.2),
        ("O1-2024-12-17 (N=1) (Med)", 78.6),
        ("O1-2024-12-17 (N=1) (Low)", 76.2),
        ("DeepSeek-V3", 54.5),
    ] {
        assert_near(means[model], expected, model);
    }
    assert_near(any_correct, 88.5, "any correct");
}
