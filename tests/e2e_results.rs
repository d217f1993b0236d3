//! What comes out of a run: the comparison with every baseline, and models that others load.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use common::{CONFIG, LORA, conductor, copy_folder, prepared, skills, train};
use conductor_checkpoints::weights::{self, Dtype, StoredTensor};
use conductor_testkit::Workspace;
use conductor_testkit::workspace::sums;
use conductor_types::Split;
use serde_json::{Value, json};

/// The row of a report by name.
fn row<'a>(report: &'a Value, name: &str) -> &'a Value {
    let rows = report["report"]["rows"].as_array().expect("rows");
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name} in {rows:#?}"))
}

fn number(row: &Value, path: &str) -> f64 {
    row.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {path} in {row}"))
}

#[test]
fn an_evaluation_has_every_row_and_comes_out_the_same_twice() {
    let at = prepared();
    train(&at, &[]);
    let eval = ["eval", "runs/r", "--json"];
    let sets = ["--set", "eval.max_tasks=40"];
    let report = conductor(&at, &eval).args(sets).run().expect_code(0).json();
    let again = conductor(&at, &eval).args(sets).run().expect_code(0).json();
    assert_eq!(report, again);

    let rows = report["report"]["rows"].as_array().expect("rows");
    let names: Vec<&str> = rows.iter().filter_map(|row| row["name"].as_str()).collect();
    let trained = names.last().expect("a row");
    assert!(trained.starts_with("trained policy (step-00000"), "{trained}");
    let best = names[2];
    assert!(best.starts_with("best worker on valid ("), "{best}");
    let expected = [
        "good",
        "cheap",
        best,
        "best worker by domain on valid",
        "random worker",
        "majority vote of all",
        "any-correct oracle",
        "best-reward oracle",
        "untrained policy",
        "warm-started policy",
        trained,
    ];
    assert_eq!(names, expected);

    // What the workers can do is known by construction.
    let shares = conductor_configs::schema::SplitShares::default();
    let asked: Vec<_> = sums(40)
        .into_iter()
        .filter(|task| conductor_datasets::split_of(&task.id, &shares) == Split::Test)
        .collect();
    assert_eq!(report["report"]["questions"], asked.len());
    for skill in skills() {
        let solved = asked.iter().filter(|task| skill.solves(task)).count();
        let accuracy = number(row(&report, &skill.worker), "/accuracy/mean");
        assert!((accuracy - solved as f64 / asked.len() as f64).abs() < 1e-12, "{}", skill.worker);
        let usd = number(row(&report, &skill.worker), "/usd");
        assert!((usd - skill.cost_usd).abs() < 1e-12, "{usd}");
    }
    let any = asked.iter().filter(|task| skills().iter().any(|skill| skill.solves(task))).count();
    let oracle = number(row(&report, "any-correct oracle"), "/accuracy/mean");
    assert!((oracle - any as f64 / asked.len() as f64).abs() < 1e-12);
    let alone = |worker: &str| number(row(&report, worker), "/accuracy/mean");
    let mean_of_workers = f64::midpoint(alone("good"), alone("cheap"));
    let random = number(row(&report, "random worker"), "/accuracy/mean");
    assert!((random - mean_of_workers).abs() < 1e-12);

    // Nobody without a plan of several workers beats the oracles.
    for name in ["good", "cheap", best, "random worker"] {
        let one = row(&report, name);
        assert!(number(one, "/accuracy/mean") <= oracle + 1e-12, "{name}");
        let bound = number(row(&report, "best-reward oracle"), "/reward/mean");
        assert!(number(one, "/reward/mean") <= bound + 1e-12, "{name}");
    }
    for one in rows {
        for interval in ["accuracy", "reward"] {
            let at = |end: &str| number(one, &format!("/{interval}/{end}"));
            assert!(at("low") <= at("mean") && at("mean") <= at("high"), "{one}");
        }
        let is_best = one["name"] == best;
        assert_eq!(one["against_best_worker"].is_null(), is_best, "{}", one["name"]);
    }
    let of_untrained = &report["report"]["against_first_policy"];
    assert!(of_untrained[trained].is_object() && of_untrained["warm-started policy"].is_object());
    assert_eq!(report["answers"][best].as_array().map(Vec::len), Some(asked.len()));

    // Each domain's means, weighted with its questions, are the row's; and a worker alone makes every call itself.
    let domains = report["report"]["by_domain"]["good"].as_object().expect("domains");
    let weighted = |key: &str| -> f64 {
        let sum = |d: &Value| number(d, "/questions") * number(d, &format!("/{key}"));
        domains.values().map(sum).sum::<f64>() / asked.len() as f64
    };
    let good = row(&report, "good");
    assert!((weighted("accuracy") - number(good, "/accuracy/mean")).abs() < 1e-12);
    assert!((weighted("reward") - number(good, "/reward/mean")).abs() < 1e-12);
    assert!(domains.values().all(|d| d["worker_shares"] == json!({ "good": 1.0 })), "{domains:?}");

    // Without a policy the same questions give the same rows.
    let pool = ["pool", "eval", "runs/r/config.toml", "--split", "test", "--json"];
    let pool = conductor(&at, &pool).args(sets).run().expect_code(0).json();
    assert_eq!(pool["report"]["rows"].as_array().map(Vec::as_slice), Some(&rows[..8]));
}

#[test]
fn the_table_says_what_the_report_says() {
    let at = prepared();
    train(&at, &[]);
    let report = conductor(&at, &["eval", "runs/r", "--json"]).run().expect_code(0).json();
    let table = conductor(&at, &["eval", "runs/r"]).run().expect_code(0).stdout;
    for row in report["report"]["rows"].as_array().expect("rows") {
        let line = table.lines().find(|line| line.starts_with(row["name"].as_str().unwrap()));
        let accuracy = format!("{:.3} [", number(row, "/accuracy/mean"));
        assert!(line.is_some_and(|line| line.contains(&accuracy)), "{row}\n{table}");
    }
    let other = ["eval", "runs/r", "--split", "valid", "--checkpoint", "latest", "--only-trained"];
    let outcome = conductor(&at, &other).args(["--json"]).run().expect_code(0).json();
    assert_eq!(outcome["report"]["split"], "valid");
    let rows = outcome["report"]["rows"].as_array().expect("rows");
    assert!(rows.iter().all(|row| row["name"] != "untrained policy"));
    assert_eq!(rows.last().unwrap()["name"], "trained policy (step-000004)");
}

#[test]
fn where_nothing_was_validated_the_newest_weights_stand_for_the_run() {
    let at = prepared();
    // No validation split, so nothing is ever the best.
    at.write("run.toml", CONFIG.replace("[eval]\nevery_steps = 2\n", "[eval]\n"));
    train(&at, &["tasks.split={ train = 0.7, valid = 0.0, test = 0.3, seed = 1 }"]);
    let export = ["export", "runs/r", "--out", "out"];
    let outcome = conductor(&at, &export).run().expect_code(0);
    let _ = outcome.expect_stderr(&["the newest is taken: step-000004"]);
    let best = ["export", "runs/r", "--out", "best", "--checkpoint", "best"];
    let _ = conductor(&at, &best).run().expect_code(2).expect_stderr(&["no best checkpoint"]);
}

/// The tensors of a file by name, as floats.
fn tensors(path: &Path) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
    let floats = |tensor: &StoredTensor| -> Vec<f32> {
        assert_eq!(tensor.dtype, Dtype::F32);
        tensor.bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    };
    weights::read(path)
        .unwrap_or_else(|error| panic!("{error}"))
        .into_iter()
        .map(|tensor| (tensor.name.clone(), (tensor.shape.clone(), floats(&tensor))))
        .collect()
}

/// A run of low-rank training, exported whole and as an adapter.
fn exported() -> Workspace {
    static TEMPLATE: OnceLock<Workspace> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        let at = prepared();
        train(&at, &[LORA, "train.optimizer.lr=0.03"]);
        let latest = ["--checkpoint", "latest"];
        let whole = conductor(&at, &["export", "runs/r", "--out", "whole"]).args(latest);
        let _ = whole.run().expect_code(0);
        let adapter = conductor(&at, &["export", "runs/r", "--out", "adapter", "--format", "peft"]);
        let _ = adapter.args(latest).run().expect_code(0);
        at
    });
    let at = Workspace::new();
    copy_folder(template.path(), at.path());
    at
}

#[test]
fn an_exported_model_is_the_base_with_the_updates_folded_in() {
    let at = exported();
    let base = tensors(&at.join("models/learned/model.safetensors"));
    let whole = tensors(&at.join("whole/model.safetensors"));
    let updates = tensors(&at.join("runs/r/checkpoints/step-000004/trainable.safetensors"));
    assert_eq!(updates.len(), 2 * 7 * 2, "A and B of seven projections in two layers");
    assert_eq!(base.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
    let scale = 8.0 / 4.0;
    let mut moved = 0.0_f32;
    for (name, (shape, before)) in &base {
        let after = &whole[name].1;
        let layer = name.trim_end_matches(".weight");
        let low_rank = |part: &str| updates.get(&format!("{layer}.{part}.weight"));
        let Some((a, b)) = low_rank("lora_A").zip(low_rank("lora_B")) else {
            assert_eq!(before, after, "{name} was not trained");
            continue;
        };
        let (rank, inputs) = (a.0[0], shape[1]);
        for (i, (&x, &y)) in before.iter().zip(after).enumerate() {
            let (o, j) = (i / inputs, i % inputs);
            let update: f32 = (0..rank).map(|r| b.1[o * rank + r] * a.1[r * inputs + j]).sum();
            assert!((x + scale * update - y).abs() <= 1e-6, "{name}[{o}, {j}]");
            moved = moved.max((x - y).abs());
        }
    }
    assert!(moved > 1e-4, "training moved the weights by {moved}");
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
        assert!(at.join("whole").join(name).is_file(), "{name}");
    }
}

#[test]
fn an_export_replaces_nothing_unless_told_to() {
    let at = exported();
    let before = std::fs::read(at.join("whole/model.safetensors")).unwrap();
    let again = ["export", "runs/r", "--out", "whole", "--checkpoint", "step-000000"];
    let outcome = conductor(&at, &again).run().expect_code(1);
    let _ = outcome.expect_stderr(&["whole", "--overwrite"]);
    assert_eq!(before, std::fs::read(at.join("whole/model.safetensors")).unwrap());
    let _ = conductor(&at, &again).args(["--overwrite"]).run().expect_code(0);
    assert_ne!(before, std::fs::read(at.join("whole/model.safetensors")).unwrap());
    // The run itself and the base model are never replaced.
    let onto = ["export", "runs/r", "--out", "models/learned", "--overwrite"];
    let _ = conductor(&at, &onto).run().expect_code(1).expect_stderr(&["models/learned"]);
    assert!(at.join("models/learned/model.safetensors").is_file());
}

#[test]
fn a_fully_trained_policy_has_no_adapter_to_export() {
    let at = prepared();
    train(&at, &["train.steps=1"]);
    let peft = ["export", "runs/r", "--out", "adapter", "--format", "peft"];
    let _ = conductor(&at, &peft).run().expect_code(2).expect_stderr(&["no adapter", "--format"]);
    assert!(!at.join("adapter").exists());
    let bf16 = ["export", "runs/r", "--out", "half", "--dtype", "bfloat16"];
    let _ = conductor(&at, &bf16).run().expect_code(0);
    let stored = weights::read(&at.join("half/model.safetensors")).unwrap();
    assert!(stored.iter().all(|tensor| tensor.dtype == Dtype::Bf16));
    assert!(at.read("half/config.json").contains("bfloat16"));
}

const PROMPTS: [&str; 3] = ["What is 1 + 1?", "Say hello.", "model_id: [0"];

/// Greedy tokens of an exported model for [`PROMPTS`].
fn generate(at: &Workspace, model: &str) -> Vec<Value> {
    let lines: Vec<String> =
        PROMPTS.iter().map(|prompt| json!({ "prompt": prompt }).to_string()).collect();
    let command = ["policy", "generate", "--model", model, "--max-new-tokens", "40"];
    let outcome = conductor(at, &command).args(["--device", "cpu"]).stdin(lines.join("\n")).run();
    let answers = outcome.expect_code(0).json_lines();
    assert_eq!(answers.len(), PROMPTS.len());
    answers
}

#[test]
fn an_exported_model_generates() {
    let at = exported();
    let answers = generate(&at, "whole");
    for answer in &answers {
        let tokens = answer["tokens"].as_array().expect("tokens");
        assert!(!tokens.is_empty() && tokens.len() <= 40, "{answer}");
    }
    assert_eq!(answers, generate(&at, "whole"));
}

/// A Python with transformers and peft, where the environment names one.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("CONDUCTOR_ORACLE_PYTHON").map(PathBuf::from);
    if python.is_none() {
        eprintln!("skipped: CONDUCTOR_ORACLE_PYTHON names no Python with transformers and peft");
    }
    python
}

const ORACLE: &str = r#"
import json, sys
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

prompts = json.loads(sys.stdin.read())
tokenizer = AutoTokenizer.from_pretrained("whole")
whole = AutoModelForCausalLM.from_pretrained("whole", torch_dtype=torch.float32)
base = AutoModelForCausalLM.from_pretrained("models/learned", torch_dtype=torch.float32)
adapted = PeftModel.from_pretrained(base, "adapter")
answers = []
for prompt in prompts:
    chat = [{"role": "user", "content": prompt}]
    text = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
    with torch.no_grad():
        out = whole.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=40)
        difference = (whole(ids).logits - adapted(ids).logits).abs().max().item()
    answers.append({
        "prompt": text,
        "prompt_tokens": ids[0].tolist(),
        "tokens": out[0, ids.shape[1]:].tolist(),
        "difference": difference,
    })
print(json.dumps(answers))
"#;

#[test]
fn transformers_and_peft_load_what_is_exported_and_say_the_same() {
    let Some(python) = python() else { return };
    let at = exported();
    let prompts = at.write("prompts.json", json!(PROMPTS).to_string());
    let output = Command::new(python)
        .args(["-c", ORACLE])
        .current_dir(at.path())
        .env("HF_HUB_OFFLINE", "1")
        .stdin(std::fs::File::open(prompts).expect("prompts"))
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    for (ours, theirs) in generate(&at, "whole").iter().zip(&theirs) {
        for part in ["prompt", "prompt_tokens", "tokens"] {
            assert_eq!(ours[part], theirs[part], "{part}");
        }
        let difference = theirs["difference"].as_f64().expect("a number");
        assert!(difference < 1e-4, "PEFT's logits differ by {difference}");
    }
}
