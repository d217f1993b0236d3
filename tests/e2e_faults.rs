//! What goes wrong outside the program: each fault has its own exit code and words, and nothing that was there is lost.

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use common::{
    CONFIG, assert_same_run, conductor, newest_weights, prepared, run_folder, skills, tiny, train,
    train_command,
};
use conductor_testkit::Workspace;
use conductor_testkit::recording::answers;
use conductor_testkit::workspace::sums;
use serde_json::Value;

/// Every file of a folder with its bytes.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(contents(&path));
        } else if path.file_name().is_some_and(|name| name != "lock") {
            all.insert(path.display().to_string(), std::fs::read(&path).expect("a file"));
        }
    }
    all
}

/// A run that stopped in the middle is started again after `spoil`, which must end with `code` and these words and
/// change nothing in the run's folder; after `repair` it goes on.
fn fails_and_goes_on(
    spoil: impl Fn(&Workspace),
    code: i32,
    words: &[&str],
    repair: impl Fn(&Workspace),
) {
    let at = prepared();
    train(&at, &["train.steps=1"]);
    let before = contents(&run_folder(&at));
    spoil(&at);
    let outcome = train_command(&at, &["train.steps=1"]).run().expect_code(code);
    let _ = outcome.expect_stderr(words);
    assert!(before == contents(&run_folder(&at)), "the run's folder changed");
    repair(&at);
    train(&at, &["train.steps=1"]);
}

/// The file before it was spoilt.
fn aside(name: &str) -> String {
    format!("{name}.good")
}

/// Keeps a copy of `name` and puts `change` of its bytes in its place.
fn spoil(at: &Workspace, name: &str, change: impl Fn(&[u8]) -> Vec<u8>) {
    let bytes = std::fs::read(at.join(name)).expect("a file");
    at.write(&aside(name), &bytes);
    at.write(name, change(&bytes));
}

fn repair(at: &Workspace, name: &str) {
    std::fs::rename(at.join(&aside(name)), at.join(name)).expect("a file to put back");
}

fn half(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len() / 2].to_vec()
}

#[test]
fn weights_that_are_cut_short_are_named() {
    let weights = "models/learned/model.safetensors";
    let words = ["models/learned/model.safetensors", "truncated", "fetch it again"];
    fails_and_goes_on(|at| spoil(at, weights, half), 1, &words, |at| repair(at, weights));
}

#[test]
fn weights_that_are_missing_are_named() {
    let weights = "models/learned/model.safetensors";
    let take = |at: &Workspace| {
        spoil(at, weights, <[u8]>::to_vec);
        std::fs::remove_file(at.join(weights)).unwrap();
    };
    fails_and_goes_on(take, 1, &["models/learned", "safetensors"], |at| repair(at, weights));
}

#[test]
fn a_tokenizer_of_another_model_is_refused_before_anything_is_trained() {
    let tokenizer = "models/learned/tokenizer.json";
    let grow = |at: &Workspace| {
        spoil(at, tokenizer, |bytes| {
            let mut json: serde_json::Value = serde_json::from_slice(bytes).unwrap();
            let next = tiny::VOCABULARY;
            json["model"]["vocab"]["and one more"] = next.into();
            json.to_string().into_bytes()
        });
    };
    let words = ["tokenizer.json has token 259", "config.json says that the model knows 259"];
    fails_and_goes_on(grow, 1, &words, |at| repair(at, tokenizer));
}

#[test]
fn a_recording_that_is_cut_short_is_named() {
    let recording = "answers.parquet";
    let words = ["answers.parquet"];
    fails_and_goes_on(|at| spoil(at, recording, half), 1, &words, |at| repair(at, recording));
}

#[test]
fn a_recording_without_a_worker_of_the_pool_names_those_it_has() {
    let without = |at: &Workspace| {
        spoil(at, "answers.parquet", <[u8]>::to_vec);
        at.write("good.jsonl", answers(&skills()[..1], &sums(40)));
        let import = ["pool", "import", "--answers", "good.jsonl", "--tasks", "tasks.jsonl"];
        std::fs::remove_file(at.join("answers.parquet")).unwrap();
        let import = conductor(at, &import).args(["--out", "answers.parquet"]);
        let _ = import.run().expect_code(0);
    };
    let words = ["cheap", "good", "answers.parquet"];
    fails_and_goes_on(without, 2, &words, |at| repair(at, "answers.parquet"));
}

#[test]
fn tasks_that_leave_the_training_split_empty_say_what_to_do() {
    let few = |at: &Workspace| spoil(at, "tasks.jsonl", first_line);
    let words = ["the train split is empty", "[tasks.split]"];
    fails_and_goes_on(few, 2, &words, |at| repair(at, "tasks.jsonl"));
}

/// The first task that is not of the training split.
fn first_line(bytes: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(bytes).unwrap();
    let shares = conductor_configs::schema::SplitShares::default();
    let held_out = |line: &&str| {
        let task: conductor_types::Task = serde_json::from_str(line).unwrap();
        conductor_datasets::split_of(&task.id, &shares) != conductor_types::Split::Train
    };
    text.lines().find(held_out).unwrap().as_bytes().to_vec()
}

#[test]
fn tasks_that_are_gone_or_broken_are_named_with_their_place() {
    let gone = |at: &Workspace| {
        spoil(at, "tasks.jsonl", <[u8]>::to_vec);
        std::fs::remove_file(at.join("tasks.jsonl")).unwrap();
    };
    fails_and_goes_on(gone, 1, &["tasks.jsonl"], |at| repair(at, "tasks.jsonl"));
    let broken =
        |at: &Workspace| spoil(at, "tasks.jsonl", |bytes| [bytes, b"{\"id\": 7}\n"].concat());
    fails_and_goes_on(broken, 1, &["tasks.jsonl", "41"], |at| repair(at, "tasks.jsonl"));
}

#[test]
fn a_metrics_log_that_is_damaged_is_named_and_not_written_over() {
    let metrics = "runs/r/metrics.parquet";
    let at = prepared();
    train(&at, &["train.steps=1"]);
    spoil(&at, metrics, half);
    let before = contents(&run_folder(&at));
    let _ = train_command(&at, &["train.steps=1"])
        .run()
        .expect_code(1)
        .expect_stderr(&["runs/r/metrics.parquet"]);
    assert!(before == contents(&run_folder(&at)));
}

#[test]
fn a_damaged_checkpoint_is_named_with_the_whole_one_before_it() {
    let (calm, at) = (prepared(), prepared());
    train(&calm, &[]);
    train(&at, &[]);
    let newest = "runs/r/checkpoints/step-000004";
    let weights = at.join(newest).join("trainable.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    let outcome = train_command(&at, &[]).run().expect_code(1);
    let _ = outcome.expect_stderr(&[
        "step-000004 is damaged",
        "trainable.safetensors",
        "newest whole one before it is step-000003",
    ]);
    // As the message says.
    std::fs::rename(at.join(newest), at.join("elsewhere")).unwrap();
    train(&at, &[]);
    assert_same_run(&run_folder(&calm), &run_folder(&at));
}

#[test]
fn a_second_run_in_the_same_folder_ends_at_once_and_the_first_goes_on() {
    let (calm, at) = (prepared(), prepared());
    let sets = ["train.steps=8"];
    train(&calm, &sets);
    let mut first = train_command(&at, &sets).start();
    let pid = first.id().to_string();
    while !at.join("runs/r/events.jsonl").is_file() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    // Halted, so that it is at work as long as the others try.
    let signal = |name: &str| Command::new("kill").args([name, &pid]).status().expect("kill");
    assert!(signal("-STOP").success());
    let outcome = train_command(&at, &sets).run().expect_code(1);
    let _ = outcome.expect_stderr(&[&format!("runs/r is in use by process {pid}"), "run.name"]);
    let fresh = train_command(&at, &sets).args(["--fresh"]).run().expect_code(1);
    let _ = fresh.expect_stderr(&["runs/r is in use"]);
    assert!(signal("-CONT").success());
    // Nobody reads what it prints; that is no reason to stop.
    drop(first.stdout.take());
    assert_eq!(first.wait().expect("the process").code(), Some(0));
    assert_same_run(&run_folder(&calm), &run_folder(&at));
}

#[test]
fn a_fault_before_any_work_can_be_corrected_under_the_same_name() {
    let at = prepared();
    at.write("run.toml", CONFIG.replace("name = \"cheap\"", "name = \"chaep\""));
    let _ =
        train_command(&at, &[]).run().expect_code(2).expect_stderr(&["did you mean \"cheap\"?"]);
    at.write("run.toml", CONFIG);
    train(&at, &["train.steps=1"]);
}

#[test]
fn answers_to_another_prompt_are_not_taken_for_answers_to_this_one() {
    let at = prepared();
    let asked = at.read("tasks.jsonl");
    let (first, rest) = asked.split_once('\n').expect("several tasks");
    let mut task: Value = serde_json::from_str(first).expect("a task");
    task["prompt"] = "Something else entirely?".into();
    at.write("tasks.jsonl", format!("{task}\n{rest}"));
    let id = task["id"].as_str().expect("an id");
    let refused = train_command(&at, &[]).run().expect_code(2);
    let _ = refused.expect_stderr(&["worker \"good\"", "another prompt", id]);
    at.write("tasks.jsonl", asked);
    train(&at, &["train.steps=1"]);
}

/// Runs as root of its own namespace, where a small file system can be made.
const ON_A_SMALL_DISK: &str = r#"
mount -t tmpfs -o size="$1" none runs || exit 99
shift
"$@"
echo "code $?" >&2
ls -A runs/r/checkpoints >&2
mount -o remount,size=64m runs || exit 98
"$@"
code=$?
cp -r runs/r kept
exit $code
"#;

#[test]
fn a_full_disk_keeps_the_older_checkpoints_and_the_run_goes_on_when_there_is_room() {
    let (calm, at) = (prepared(), prepared());
    train(&calm, &[]);
    let newest = run_folder(&calm).join("checkpoints/step-000004");
    let size: u64 = std::fs::read_dir(newest)
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len().next_multiple_of(4096))
        .sum();
    // Room for the start and two checkpoints and a half, where three are there for a moment.
    let room = size * 29 / 10;
    std::fs::create_dir(at.join("runs")).unwrap();
    let output = Command::new("unshare")
        .args(["-Urm", "sh", "-c", ON_A_SMALL_DISK, "sh", &room.to_string()])
        .args([env!("CARGO_BIN_EXE_conductor"), "train", "run.toml", "--json"])
        .current_dir(at.path())
        .output();
    let output = match output {
        Ok(output) if output.status.code() != Some(99) && at.join("kept").is_dir() => output,
        Ok(output) if !String::from_utf8_lossy(&output.stderr).contains("code ") => {
            eprintln!("skipped: no small file system can be made here: {output:?}");
            return;
        }
        Err(error) => {
            eprintln!("skipped: there is no unshare program here: {error}");
            return;
        }
        Ok(output) => panic!("{output:?}"),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("code 1\n"), "{said}");
    assert!(
        said.contains("no space left") && said.contains("run the same command again"),
        "{said}"
    );
    assert!(said.contains("\nstep-00000") && !said.contains(".partial\n"), "{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_same_run(&run_folder(&calm), &at.join("kept"));
    assert_eq!(newest_weights(&at.join("kept")).0, 4);
}
