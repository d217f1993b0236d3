//! Answers scored by a package in worker processes. The package is a stand-in that evaluates the answer as Python, so that
//! every way in which a scorer may end can be written as an answer. The real package is tried where `.tasks-venv` has it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use conductor_configs::schema::{ReasoningGym, Reward, Sandbox};
use conductor_reward::{Grader, GraderError};
use conductor_types::{Grading, Task, Verdict};
use serde_json::{Value, json};

/// The factory of the stand-in.
const FACTORY: &str = "
print('noise')

class Set:
    def score_answer(self, answer, entry):
        print('{\"id\": 1, \"score\": 1.0}')
        gold = entry['answer']
        return 1.0 if answer == gold else eval(answer)

DATASETS = {'evaluates': None}

def create_dataset(name, **settings):
    assert name in DATASETS
    return Set()
";

/// A folder that a Python takes for a virtual environment, with or without the stand-in.
fn environment(with_package: bool) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let question = "import sys; print(sys.executable); print('python%d.%d' % sys.version_info[:2])";
    let output = Command::new("python3").args(["-c", question]).output().expect("python3");
    let said = String::from_utf8(output.stdout).expect("text");
    let (executable, version) = said.trim().split_once('\n').expect("two lines");
    let home = Path::new(executable).parent().expect("a folder").display();
    std::fs::write(folder.path().join("pyvenv.cfg"), format!("home = {home}\n")).expect("written");
    std::fs::create_dir(folder.path().join("bin")).expect("made");
    let python = folder.path().join("bin/python");
    std::os::unix::fs::symlink(executable, &python).expect("linked");
    let packages = folder.path().join("lib").join(version).join("site-packages");
    let (package, about) =
        (packages.join("reasoning_gym"), packages.join("reasoning_gym-0.0.dist-info"));
    std::fs::create_dir_all(&packages).expect("made");
    if with_package {
        for made in [&package, &about] {
            std::fs::create_dir(made).expect("made");
        }
        std::fs::write(package.join("__init__.py"), "").expect("written");
        std::fs::write(package.join("factory.py"), FACTORY).expect("written");
        let metadata = "Metadata-Version: 2.1\nName: reasoning-gym\nVersion: 0.0\n";
        std::fs::write(about.join("METADATA"), metadata).expect("written");
    }
    (folder, python)
}

fn settings(interpreter: &Path) -> Reward {
    let reasoning_gym = ReasoningGym {
        interpreter: interpreter.display().to_string(),
        time_secs: 2.0,
        memory_mib: 512,
        parallel: Some(2),
    };
    Reward { reasoning_gym, ..Reward::default() }
}

fn task(dataset: &str, entry: Option<Value>) -> Task {
    Task {
        id: "t".into(),
        domain: "d".into(),
        prompt: "p".into(),
        grading: Grading::ReasoningGym { dataset: dataset.into(), gold: "right".into(), entry },
        parts: Vec::new(),
        constraint: None,
    }
}

fn evaluated() -> Task {
    task("evaluates", Some(json!({ "question": "q", "answer": "right", "metadata": {} })))
}

async fn judge(grader: &Grader, task: &Task, answer: &str) -> Verdict {
    grader.grade(task, &format!("<answer>{answer}</answer>"), None).await.verdict
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_scorer_does_there_is_a_verdict_and_the_next_answer_is_scored() {
    let (_folder, python) = environment(true);
    // SAFETY: no other thread of this binary reads the environment now.
    unsafe { std::env::set_var("CONDUCTOR_TEST_SECRET", "1") };
    let task = evaluated();
    let grader = Grader::for_tasks(&settings(&python), &Sandbox::default(), [task.clone()].iter())
        .await
        .expect("a package");
    let os = "__import__('os')";
    for (answer, cause) in [
        ("right", ""),
        ("1.0", ""),
        ("0.25", "wrong_answer"),
        ("0.0", "wrong_answer"),
        ("undefined", "wrong_answer"),
        ("not Python at all", "wrong_answer"),
        ("1 / 0", "wrong_answer"),
        ("[0] * 10 ** 10", "wrong_answer"),
        ("__import__('sys').exit(0)", "wrong_answer"),
        ("2.0", "bad_test_data"),
        ("float('nan')", "bad_test_data"),
        ("__import__('time').sleep(60)", "grader_timeout"),
        ("9 ** 9 ** 9", "grader_timeout"),
        (&format!("{os}._exit(0)"), "sandbox_error"),
        (&format!("{os}.kill({os}.getpid(), 9)"), "sandbox_error"),
        (&format!("{os}.kill({os}.getppid(), 9) or {os}._exit(0)"), "sandbox_error"),
        // What it would change for others is gone with its process.
        (
            "setattr(__import__('reasoning_gym.factory').factory.Set, 'score_answer', lambda *a, **b: 1.0) or 0.0",
            "wrong_answer",
        ),
        ("0.125", "wrong_answer"),
        (&format!("1.0 * ('CONDUCTOR_TEST_SECRET' not in {os}.environ)"), ""),
        ("1.0 * (open('written', 'w').write('x') < 0)", "wrong_answer"),
    ] {
        let began = Instant::now();
        let verdict = judge(&grader, &task, answer).await;
        assert_eq!(verdict.cause(), cause, "{answer}: {verdict:?}");
        assert!(began.elapsed() < Duration::from_secs(20), "{answer}: {:?}", began.elapsed());
        assert_eq!(judge(&grader, &task, "right").await.cause(), "", "after {answer}");
    }
    let empty = grader.grade(&task, "", None).await.verdict;
    assert_eq!(empty.cause(), "no_answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scorer_that_fails_on_the_gold_answer_too_is_nobodys_fault() {
    let (_folder, python) = environment(true);
    let broken = task("evaluates", Some(json!({ "question": "q" })));
    let grader =
        Grader::for_tasks(&settings(&python), &Sandbox::default(), [broken.clone()].iter())
            .await
            .expect("a package");
    assert_eq!(judge(&grader, &broken, "1.0").await.cause(), "bad_test_data");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_scoring_holds_up_nothing() {
    let (_folder, python) = environment(true);
    let task = evaluated();
    let grader = Grader::for_tasks(&settings(&python), &Sandbox::default(), [task.clone()].iter())
        .await
        .expect("a package");
    for _ in 0..4 {
        let slow = judge(&grader, &task, "__import__('time').sleep(1.5)");
        assert!(tokio::time::timeout(Duration::from_millis(300), slow).await.is_err());
    }
    let began = Instant::now();
    assert_eq!(judge(&grader, &task, "right").await.cause(), "");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_known_at_the_start() {
    let (_with, python) = environment(true);
    let (_without, bare) = environment(false);
    let start = |python: &Path, task: Task| {
        let settings = settings(python);
        async move { Grader::for_tasks(&settings, &Sandbox::default(), [task].iter()).await.map(|_| ()) }
    };
    let refused = |result: Result<(), GraderError>, words: &str| {
        let told = result.expect_err("it cannot be graded").to_string();
        assert!(told.contains(words), "{told}");
    };
    refused(start(&bare, evaluated()).await, "cannot import reasoning_gym");
    refused(start(Path::new("/no/such/python"), evaluated()).await, "/no/such/python");
    refused(start(&python, task("evaluates", None)).await, "whole entry");
    let unknown = task("sudoku", Some(json!({})));
    refused(start(&python, unknown).await, "no such generator");
    // A generator whose scorer is built in needs no package.
    assert!(start(&bare, task("chain_sum", None)).await.is_ok());
    for (changed, key) in [
        (ReasoningGym { time_secs: f64::NAN, ..ReasoningGym::default() }, "time_secs"),
        (ReasoningGym { memory_mib: 1, ..ReasoningGym::default() }, "memory_mib"),
        (ReasoningGym { parallel: Some(0), ..ReasoningGym::default() }, "parallel"),
    ] {
        let reward = Reward { reasoning_gym: changed, ..Reward::default() };
        let error = Grader::for_tasks(&reward, &Sandbox::default(), [evaluated()].iter())
            .await
            .expect_err("impossible");
        assert!(error.to_string().contains(key), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_package_scores_its_own_answers() {
    let python = std::env::var_os("CONDUCTOR_REASONING_GYM_PYTHON").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tasks-venv/bin/python"),
        PathBuf::from,
    );
    if !python.exists() {
        println!("skipped: no {} (make tasks makes it)", python.display());
        return;
    }
    // Every generator whose answers are looked at before they are handed over, two whose entries hold tuples, and others.
    let generators = [
        "arc_agi",
        "binary_matrix",
        "countdown",
        "intermediate_integration",
        "knights_knaves",
        "n_queens",
        "polynomial_multiplication",
        "puzzle24",
        "rearc",
        "simple_integration",
        "spiral_matrix",
        "string_insertion",
        "word_ladder",
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tasks.jsonl");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/export_reasoning_gym.py");
    let export = Command::new(&python)
        .arg(script)
        .arg("--out")
        .arg(&file)
        .args(["--per-dataset", "4", "--datasets"])
        .args(generators)
        .output()
        .expect("the package runs");
    assert!(export.status.success(), "{}", String::from_utf8_lossy(&export.stderr));
    let lines = std::fs::read_to_string(&file).expect("the tasks");
    let tasks: Vec<Task> = lines
        .lines()
        .map(|line| {
            let entry: Value = serde_json::from_str(line).expect("JSON");
            task(entry["dataset"].as_str().expect("a name"), Some(entry.clone()))
        })
        .collect();
    assert_eq!(tasks.len(), generators.len() * 4);
    let mut reward = settings(&python);
    reward.reasoning_gym.memory_mib = 2048;
    let grader =
        Grader::for_tasks(&reward, &Sandbox::default(), tasks.iter()).await.expect("the package");
    for task in &tasks {
        let Grading::ReasoningGym { dataset, entry: Some(entry), .. } = &task.grading else {
            unreachable!("made above");
        };
        let gold = entry["answer"].as_str().expect("a text");
        let right = judge(&grader, task, gold).await;
        assert_eq!(right.cause(), "", "{dataset}: {right:?}");
        let wrong = judge(&grader, task, "no idea").await;
        assert_eq!(wrong.cause(), "wrong_answer", "{dataset}: {wrong:?}");
    }
}
