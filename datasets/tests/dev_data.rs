//! Every loader on the real files, where the developer has them: counts that the benchmarks' authors give.

use std::collections::BTreeMap;
use std::path::PathBuf;

use conductor_types::{Grading, Task, TestCases};
use serde_json::{Value, json};

#[path = "common/read.rs"]
mod read;

/// The folder of real data, or a line that says what is skipped.
fn data(what: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CONDUCTOR_DEV_DATA").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: CONDUCTOR_DEV_DATA is not set, so there is no {what} to read");
    }
    folder
}

/// Reads a file of the folder, whose ids must be unique.
fn all(folder: &std::path::Path, kind: &str, file: &str, keys: Value) -> Vec<Task> {
    let tasks = read::all(kind, &folder.join(file), keys).unwrap();
    let ids: std::collections::BTreeSet<&str> = tasks.iter().map(|task| task.id.as_str()).collect();
    assert_eq!(ids.len(), tasks.len(), "{kind}: ids are unique");
    tasks
}

fn count<K: Ord>(tasks: &[Task], key: impl Fn(&Task) -> K) -> BTreeMap<K, usize> {
    let mut counts = BTreeMap::new();
    for task in tasks {
        *counts.entry(key(task)).or_default() += 1;
    }
    counts
}

#[test]
fn livecodebench_has_the_problems_of_every_release() {
    let Some(folder) = data("LiveCodeBench") else { return };
    let list = folder.join("lcb/releases.json");
    let of = |keys: Value| all(&folder, "livecodebench", "lcb/problems.jsonl", keys);
    let whole = of(json!({"errata": "keep"}));
    assert_eq!(whole.len(), 1055);
    let called = |task: &Task| match &task.grading {
        Grading::Code { metadata, private_test_cases: TestCases::Encoded(_), .. } => {
            metadata.func_name.is_some()
        }
        other => panic!("{} is graded by {other:?}", task.id),
    };
    assert_eq!(count(&whole, called), [(true, 444), (false, 611)].into());
    for task in &whole {
        assert_eq!(called(task), task.prompt.contains("class Solution"), "{}", task.id);
    }
    for (release, problems) in
        [("v1", 400), ("v4", 713), ("v5", 880), ("v6", 1055), ("v6_only", 175)]
    {
        let keys = json!({"errata": "keep", "release": release, "release_ids": list});
        assert_eq!(of(keys).len(), problems, "{release}");
    }
    // 11 with several answers, 2 interactive, 4 with wrong tests.
    assert_eq!(of(json!({})).len(), 1055 - 17);
    let by_platform = of(json!({"errata": "keep", "domain": "subject"}));
    let platforms = count(&by_platform, |task| task.domain.clone());
    let expected = [("atcoder", 602), ("codeforces", 9), ("leetcode", 444)];
    assert_eq!(platforms, expected.map(|(name, n)| (format!("livecodebench/{name}"), n)).into());
    let hard = of(json!({"errata": "keep", "difficulties": ["hard"]}));
    assert_eq!(hard.len(), 350);

    // The days of a window, counted by another program: sum('2024-08-01' <= row['contest_date'][:10] <= '2025-01-04' for row in rows).
    let window = json!({"errata": "keep", "from": "2024-08-01", "until": "2025-01-04"});
    assert_eq!(of(window).len(), 283);
    let error =
        read::all("livecodebench", &folder.join("lcb/problems.jsonl"), json!({"release": "v1"}));
    assert!(error.unwrap_err().contains("official order"));
}

#[test]
fn mathematics_has_its_problems() {
    let Some(folder) = data("mathematics") else { return };
    let math = all(&folder, "math500", "math/math500.jsonl", json!({"domain": "difficulty"}));
    assert_eq!(math.len(), 500);
    assert_eq!(count(&math, |task| task.domain.clone()).len(), 5);
    let other = all(&folder, "math500", "math/rllm_math500.json", json!({"domain": "difficulty"}));
    assert_eq!(other.len(), 500);
    let golds = |tasks: &[Task]| -> BTreeMap<String, Grading> {
        tasks.iter().map(|task| (task.id.clone(), task.grading.clone())).collect()
    };
    assert_eq!(golds(&math), golds(&other));
    for file in ["math/aime24.json", "math/aime25.json", "math/rllm_aime24.json"] {
        assert_eq!(all(&folder, "aime", file, json!({})).len(), 30, "{file}");
    }
    let amc = all(&folder, "amc", "math/amc23.json", json!({"name": "amc23"}));
    assert_eq!((amc.len(), amc[0].id.as_str()), (40, "amc23/0"));
    let gsm8k = all(&folder, "gsm8k", "gsm8k/test.jsonl", json!({}));
    assert_eq!(gsm8k.len(), 1319);
}

#[test]
fn theoremqa_has_its_types() {
    let Some(folder) = data("TheoremQA") else { return };
    let of = |keys: Value| all(&folder, "theoremqa", "theoremqa/theoremqa_test.json", keys);
    let tasks = of(json!({"pictures": "text_only"}));
    assert_eq!(tasks.len(), 800);
    let kind = |task: &Task| match &task.grading {
        Grading::Number { gold, tolerance } => {
            let list = if gold.starts_with('[') { "list" } else { "one" };
            format!("{list} {tolerance}")
        }
        other => other.kind().to_string(),
    };
    let expected = [
        ("one 0.04", 378),
        ("one 0", 216),
        ("fuzzy", 115),
        ("list 0", 61),
        ("choice", 18),
        ("list 0.04", 12),
    ];
    assert_eq!(count(&tasks, kind), expected.map(|(kind, n)| (kind.to_string(), n)).into());
    assert_eq!(of(json!({})).len(), 800 - 53);
}

#[test]
fn questions_with_options_are_whole() {
    let Some(folder) = data("MMLU, ARC and OpenBookQA") else { return };
    for (part, questions) in [("dev", 285), ("val", 1531), ("test", 14_042)] {
        let tasks =
            all(&folder, "mmlu", "mmlu/mmlu.zip", json!({"part": part, "domain": "subject"}));
        assert_eq!(tasks.len(), questions, "{part}");
        assert_eq!(count(&tasks, |task| task.domain.clone()).len(), 57, "{part}");
    }
    let file = "arc_obqa/mixeval_arc_openbookqa.jsonl";
    assert_eq!(all(&folder, "arc", file, json!({})).len(), 91);
    assert_eq!(all(&folder, "openbookqa", file, json!({})).len(), 43);
}

#[test]
fn programs_have_their_tests() {
    let Some(folder) = data("sets of programs") else { return };
    let humaneval = all(&folder, "humaneval", "humaneval_mbpp/HumanEval.jsonl.gz", json!({}));
    assert_eq!(humaneval.len(), 164);
    let mbpp = |file: &str, keys: Value| all(&folder, "mbpp", file, keys).len();
    assert_eq!(mbpp("humaneval_mbpp/mbpp.jsonl", json!({})), 974);
    assert_eq!(mbpp("humaneval_mbpp/mbpp.jsonl", json!({"part": "test"})), 500);
    assert_eq!(mbpp("humaneval_mbpp/sanitized-mbpp.json", json!({})), 427);
    for file in ["BigCodeBench-complete-hard.json", "BigCodeBench-instruct-hard.json"] {
        let file = format!("bigcodebench/{file}");
        let of = |keys: Value| all(&folder, "bigcodebench", &file, keys);
        assert_eq!(of(json!({})).len(), 148);
        // Counted by Python's `re` and `sys.stdlib_module_names`.
        assert_eq!(of(json!({"libraries": []})).len(), 33, "{file}");
    }
    for (version, problems) in [("v0.3.1", 228), ("v0.3.0", 386), ("v0.2.0", 200)] {
        let file = format!("leetcode_dataset/LeetCodeDataset-{version}-test.jsonl.gz");
        let tasks = all(&folder, "leetcode", &file, json!({}));
        assert_eq!(tasks.len(), problems, "{version}");
        let cases: usize = tasks
            .iter()
            .map(|task| match &task.grading {
                Grading::Code { private_test_cases: TestCases::List(cases), .. } => cases.len(),
                _ => 0,
            })
            .sum();
        println!("{version}: {:?}, {cases} cases", count(&tasks, |task| task.grading.kind()));
    }
    let contests = [
        ("code_contests", "stdin_io/rllm_code_contests_test.json", 165),
        ("code_contests", "stdin_io/sandboxfusion_code_contests.jsonl", 20),
        ("codeforces", "stdin_io/rllm_codeforces_test.json", 408),
    ];
    for (kind, file, problems) in contests {
        assert_eq!(all(&folder, kind, file, json!({})).len(), problems, "{file}");
    }
}
