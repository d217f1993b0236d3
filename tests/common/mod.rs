//! Runs that are small enough to be trained many times in a test, and what is read off them.
//!
//! The policy is a tiny Llama whose tokenizer has a token for each part of a workflow. It is taught the form once a test
//! program, by a run of warm start alone and an export, so that rewards differ within a group from the first step on.

#![allow(dead_code, reason = "every test program uses its own part")]

#[path = "../../trainer/tests/common/mod.rs"]
pub mod tiny;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use conductor_checkpoints::Checkpoints;
use conductor_checkpoints::weights::{self, StoredTensor};
use conductor_configs::schema;
use conductor_datasets::{EpisodeLog, EpisodeRow, read_episodes};
use conductor_rollout::WorkerCard;
use conductor_rollout::generate::random_workflow;
use conductor_testkit::recording::answers;
use conductor_testkit::workspace::sums;
use conductor_testkit::{Outcome, Program, Skill, Workspace};
use conductor_types::seed::SplitMix;
use conductor_types::{Event, RunEvent, WorkerCapability};
use serde_json::{Value, json};

/// Two updates of warm start, then four steps of reinforcement; it takes about a second.
pub const CONFIG: &str = concat!(
    r#"
[run]
name = "r"
threads = 1

[tasks]
sources = [{ kind = "jsonl", path = "tasks.jsonl" }]

"#,
    conductor_testkit::pool_toml!(),
    r#"
[workflow]
max_steps = 2
examples = 0
short_instructions = true

[policy]
model = "models/learned"
device = "cpu"
dtype = "float32"
adapter = { kind = "full" }

[sampling]
max_new_tokens = 24
max_prompt_tokens = 1024

[reward]
cost_weight = 0.1
cost_unit_usd = 0.01

[warm_start]
steps = 2
batch_size = 4
lr = 0.001

[train]
steps = 4
tasks_per_step = 2
group_size = 4
kl_weight = 0.05

[train.optimizer]
lr = 0.003
warmup_share = 0.0

[eval]
every_steps = 2
max_tasks = 4
bootstrap_samples = 200

[checkpoint]
every_steps = 1
keep_last = 2
"#
);

/// What makes [`CONFIG`] train low-rank updates instead of every weight.
pub const LORA: &str = "policy.adapter={ kind = \"lora\", rank = 4, alpha = 8.0 }";

/// The program with arguments, in the workspace.
pub fn conductor(at: &Workspace, args: &[&str]) -> Program {
    Program::new(env!("CARGO_BIN_EXE_conductor"), at.path()).args(args)
}

/// Trains `run.toml` with overrides, which must end well.
pub fn train(at: &Workspace, sets: &[&str]) -> Outcome {
    train_command(at, sets).run().expect_code(0)
}

/// The command that [`train`] runs.
pub fn train_command(at: &Workspace, sets: &[&str]) -> Program {
    let command = conductor(at, &["train", "run.toml", "--json"]);
    sets.iter().fold(command, |command, set| command.args(["--set", set]))
}

/// A workspace with [`CONFIG`] as `run.toml`, its tasks, its recording, and its policy before (`models/tiny`) and after
/// (`models/learned`) it was taught the form of workflows.
pub fn prepared() -> Workspace {
    static TEMPLATE: OnceLock<Workspace> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        let at = Workspace::new();
        at.write("run.toml", CONFIG);
        at.write_tasks("tasks.jsonl", &sums(40));
        at.write("answers.jsonl", answers(&skills(), &sums(40)));
        let import = ["pool", "import", "--answers", "answers.jsonl", "--tasks", "tasks.jsonl"];
        let _ = conductor(&at, &import).args(["--out", "answers.parquet"]).run().expect_code(0);
        write_policy(&at.join("models/tiny"), 0);
        teach(&at);
        at
    });
    let at = Workspace::new();
    for name in ["run.toml", "tasks.jsonl", "answers.parquet"] {
        std::fs::copy(template.join(name), at.join(name)).expect("a copy");
    }
    for name in ["models/tiny", "models/learned"] {
        copy_folder(&template.join(name), &at.join(name));
    }
    at
}

/// [`prepared`] with so many tasks and a pool of one live worker and a vote; `keys` are further lines of the live worker.
pub fn prepared_live(base_url: &str, keys: &str, tasks: usize) -> Workspace {
    let at = prepared();
    let workers = CONFIG.find("[[pool.workers]]").unwrap()..CONFIG.find("[workflow]").unwrap();
    let live = format!(
        "[[pool.workers]]\nname = \"good\"\nkind = \"openai\"\nbase_url = \"{base_url}\"\nmodel = \"m\"\n\
         input_usd_per_million = 100.0\n{keys}\n\n[[pool.workers]]\nname = \"vote\"\nkind = \"vote\"\n\n"
    );
    let mut config = CONFIG.to_owned();
    config.replace_range(workers, &live);
    // The policy stays as it was taught: how much a run asks of its worker must not hang on how a machine rounds.
    config = config.replacen("lr = 0.003", "lr = 1e-7", 1);
    at.write("run.toml", config);
    at.write_tasks("tasks.jsonl", &sums(tasks));
    at
}

fn teach(at: &Workspace) {
    let sets = [
        "run.name=teach",
        "policy.model=models/tiny",
        "warm_start.steps=80",
        "warm_start.batch_size=8",
        "warm_start.lr=0.03",
        "train.steps=0",
        "checkpoint.every_steps=1000",
    ];
    train(at, &sets);
    let export = ["export", "runs/teach", "--out", "models/learned"];
    let _ = conductor(at, &export).run().expect_code(0);
}

/// Copies a folder with all it holds.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("a copy");
        }
    }
}

/// The recorded workers of [`CONFIG`].
pub fn skills() -> [Skill; 2] {
    [
        Skill::new("good", 0.01, &[("small", 0.8), ("large", 0.8)]),
        Skill::new("cheap", 0.001, &[("small", 0.8)]),
    ]
}

/// Writes a policy that can learn the form of workflows within a hundred updates.
pub fn write_policy(folder: &Path, seed: u64) {
    std::fs::create_dir_all(folder).expect("a folder for the policy");
    tiny::tiny_model_folder(folder, seed);
    let path = folder.join("tokenizer.json");
    let text = std::fs::read_to_string(&path).expect("tokenizer.json");
    let mut tokenizer: Value = serde_json::from_str(&text).expect("tokenizer.json is JSON");
    let mut entries = Vec::new();
    let vocabulary = tokenizer["model"]["vocab"].as_object_mut().expect("a vocabulary");
    // Bytes from 128 on do not occur here: their places in the vocabulary are free.
    for (id, part) in (128..256).zip(parts()) {
        vocabulary.retain(|_, value| *value != id);
        vocabulary.insert(part.clone(), id.into());
        entries.push(json!({
            "id": id, "content": part, "special": false, "normalized": false,
            "single_word": false, "lstrip": false, "rstrip": false,
        }));
    }
    let added = tokenizer["added_tokens"].as_array_mut().expect("added tokens");
    entries.append(added);
    *added = entries;
    std::fs::write(path, tokenizer.to_string()).expect("tokenizer.json");
}

/// The parts that workflows of this pool are written with.
fn parts() -> BTreeSet<String> {
    let cards = [
        WorkerCard::new("good", WorkerCapability::FromScratch),
        WorkerCard::new("vote", WorkerCapability::Combines),
    ];
    let form = schema::Workflow { max_steps: 2, ..schema::Workflow::default() };
    let mut rng = SplitMix::new(0);
    let subtasks = (0..500)
        .flat_map(|_| random_workflow(&mut rng, &cards, &form, 0.5).steps)
        .map(|step| step.subtask);
    let marks =
        ["model_id: [", "]\nsubtasks: [\"", "\"]\naccess_list: [\"", "\"]", "\", \"", "all"];
    subtasks.chain(marks.map(str::to_owned)).collect()
}

/// The folder of the run that [`CONFIG`] names.
pub fn run_folder(at: &Workspace) -> PathBuf {
    at.join("runs/r")
}

/// Step and trained weights of a run's newest checkpoint, which must be whole.
pub fn newest_weights(run: &Path) -> (u64, Vec<StoredTensor>) {
    let newest = Checkpoints::view(&run.join("checkpoints")).latest().expect("whole checkpoints");
    let newest = newest.unwrap_or_else(|| panic!("no checkpoint in {}", run.display()));
    let tensors = weights::read(&newest.path.join("trainable.safetensors")).expect("weights");
    assert!(!tensors.is_empty());
    (newest.state.step, tensors)
}

/// Every episode of a run by step and part.
pub fn episodes(run: &Path) -> BTreeMap<(u64, String), Vec<EpisodeRow>> {
    let files = EpisodeLog::open(run.join("episodes")).and_then(|log| log.files()).expect("a log");
    let read = |path: &Path| read_episodes(path).expect("episodes");
    files.into_iter().map(|file| ((file.step, file.part), read(&file.path))).collect()
}

/// Every event of a run's `events.jsonl`.
pub fn events(run: &Path) -> Vec<Event> {
    let text = std::fs::read_to_string(run.join("events.jsonl")).expect("events.jsonl");
    let parse = |line: &str| -> RunEvent { serde_json::from_str(line).expect("an event a line") };
    text.lines().map(|line| parse(line).event).collect()
}

/// Metrics by what they belong to ("update 3", "evaluate valid 2"); see [`metrics`].
pub type MetricsByStep = BTreeMap<String, BTreeMap<String, u64>>;

/// The metrics of every step and evaluation, as bits, without those that measure time. What was done twice must have
/// come out the same.
pub fn metrics(run: &Path) -> MetricsByStep {
    let mut all = MetricsByStep::new();
    for event in events(run) {
        let (place, metrics) = match event {
            Event::StepDone { phase, step, metrics, .. } => {
                (format!("{} {step}", phase.label()), metrics)
            }
            Event::Evaluated { step, split, metrics } => {
                (format!("evaluate {split} {step}"), metrics)
            }
            _ => continue,
        };
        let timeless = |name: &str| !name.starts_with("timing_s/") && name != "perf/throughput";
        let bits: BTreeMap<String, u64> = metrics
            .into_iter()
            .filter(|(name, _)| timeless(name))
            .map(|(name, value)| (name, value.to_bits()))
            .collect();
        if let Some(before) = all.insert(place.clone(), bits) {
            assert_eq!(before, all[&place], "{place} came out otherwise the second time");
        }
    }
    all
}

/// Panics where two runs differ in anything but time: trained weights, episodes, metrics.
pub fn assert_same_run(a: &Path, b: &Path) {
    assert_eq!(episodes(a), episodes(b), "episodes");
    assert_eq!(metrics(a), metrics(b), "metrics");
    assert!(newest_weights(a) == newest_weights(b), "the trained weights differ");
}

/// Files below a folder whose bytes hold `needle`.
pub fn files_with(folder: &Path, needle: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_with(&path, needle));
        } else if std::fs::read(&path)
            .expect("a file")
            .windows(needle.len())
            .any(|window| window == needle.as_bytes())
        {
            found.push(path);
        }
    }
    found
}
