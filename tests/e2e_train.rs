//! A run from its configuration to its folder.

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::{
    LORA, assert_same_run, conductor, episodes, events, files_with, metrics, prepared_live,
};
use common::{newest_weights, prepared, run_folder, train, train_command, write_policy};
use conductor_datasets::MetricsLog;
use conductor_testkit::provider::{Options, Prices};
use conductor_testkit::{Provider, Reply, Workspace};
use conductor_types::Event;

#[test]
fn a_run_ends_with_everything_that_its_folder_promises() {
    let at = prepared();
    let outcome = train(&at, &[]);
    let run = run_folder(&at);
    let resolved = conductor(&at, &["config", "show", "run.toml", "--toml"]).run().stdout;
    assert_eq!(at.read("runs/r/config.toml"), resolved);

    // What is printed as JSON is what is kept, with progress besides.
    let printed = outcome.json_lines();
    let kept = at.read("runs/r/events.jsonl").lines().count();
    let of_screen = |name: &str| printed.iter().filter(|line| line["event"] == name).count();
    assert_eq!(printed.len() - of_screen("progress"), kept);
    assert_eq!((of_screen("step_done"), of_screen("run_finished")), (2 + 4, 1));

    let logged: Vec<(u64, String)> = episodes(&run).into_keys().collect();
    let expected = [
        (0, "train"),
        (0, "valid"),
        (1, "train"),
        (2, "train"),
        (2, "valid"),
        (3, "train"),
        (4, "valid"),
    ];
    assert_eq!(logged, expected.map(|(step, part)| (step, part.to_owned())));
    assert_eq!(episodes(&run)[&(0, "train".into())].len(), 2 * 4);

    let (step, _) = newest_weights(&run);
    assert_eq!(step, 4);
    assert!(run.join("checkpoints/step-000000").is_dir(), "the start of reinforcement stays");
}

#[test]
fn warm_start_teaches_the_form_and_reinforcement_moves_the_weights() {
    let at = prepared();
    train(&at, &[]);
    let run = run_folder(&at);
    let valid: Vec<f64> = metrics(&run)
        .values()
        .filter_map(|m| m.get("workflow/valid"))
        .map(|&b| f64::from_bits(b))
        .collect();
    assert!(valid.iter().sum::<f64>() / valid.len() as f64 > 0.3, "{valid:?}");
    let advantages: BTreeSet<u64> = episodes(&run)
        .values()
        .flatten()
        .filter_map(|episode| episode.advantage)
        .map(f64::to_bits)
        .collect();
    assert!(advantages.len() > 4, "rewards differ within groups: {advantages:?}");
    let start = conductor_checkpoints::weights::read(
        &run.join("checkpoints/step-000000/trainable.safetensors"),
    );
    assert!(start.unwrap() != newest_weights(&run).1);
}

#[test]
fn every_metric_has_a_line_in_the_documentation() {
    let at = prepared();
    train(&at, &[]);
    let documentation =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md"))
            .unwrap();
    let log = MetricsLog::open(run_folder(&at).join("metrics.parquet")).unwrap();
    let names: BTreeSet<String> = log.rows().iter().map(|row| row.name.clone()).collect();
    assert!(names.len() > 30, "{names:?}");
    // A family of metrics has one line, with what varies in angle brackets.
    let documented = |name: &str| {
        let (family, _) = name.rsplit_once('/').unwrap_or_default();
        let varying = ["<worker>", "<name>", "<shape>", "step_<i>"];
        documentation.contains(&format!("`{name}`"))
            || varying.iter().any(|last| documentation.contains(&format!("`{family}/{last}`")))
    };
    let missing: Vec<&String> = names.iter().filter(|name| !documented(name)).collect();
    assert!(missing.is_empty(), "docs/metrics.md lacks {missing:?}");
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_gives_another() {
    for adapter in ["policy.adapter={ kind = \"full\" }", LORA] {
        let (a, b, c) = (prepared(), prepared(), prepared());
        train(&a, &[adapter]);
        train(&b, &[adapter]);
        assert_same_run(&run_folder(&a), &run_folder(&b));
        train(&c, &[adapter, "run.seed=1"]);
        assert!(newest_weights(&run_folder(&a)).1 != newest_weights(&run_folder(&c)).1);
        assert_ne!(episodes(&run_folder(&a)), episodes(&run_folder(&c)));
    }
}

#[test]
fn the_size_of_micro_batches_changes_speed_only() {
    // Adam divides by the gradient's size: where advantages cancel, it makes whole steps of what rounding left. A larger
    // epsilon keeps those out, and with them the order of sums. (The warm start has Adam's usual epsilon.)
    let sets = ["warm_start.steps=0", "train.steps=2", "train.optimizer.epsilon=1e-5"];
    let (whole, cut) = (prepared(), prepared());
    train(&whole, &sets);
    train(&cut, &[&sets[..], &["train.micro_batch_tokens=300"]].concat());
    let (whole, cut) = (newest_weights(&run_folder(&whole)).1, newest_weights(&run_folder(&cut)).1);
    let difference = largest_difference(&whole, &cut);
    assert!(difference < 2e-5, "{difference}");
}

fn largest_difference(
    a: &[conductor_checkpoints::weights::StoredTensor],
    b: &[conductor_checkpoints::weights::StoredTensor],
) -> f32 {
    let floats = |bytes: &[u8]| -> Vec<f32> {
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    };
    let mut largest = 0.0_f32;
    for (x, y) in a.iter().zip(b) {
        assert_eq!((&x.name, &x.shape), (&y.name, &y.shape));
        for (p, q) in floats(&x.bytes).into_iter().zip(floats(&y.bytes)) {
            largest = largest.max((p - q).abs());
        }
    }
    largest
}

#[test]
fn a_run_that_diverges_says_so_and_keeps_the_batch() {
    let at = prepared();
    let outcome = train_command(&at, &["train.optimizer.lr=1e30"]).run().expect_code(5);
    let outcome =
        outcome.expect_stderr(&["diverged", "train.optimizer.lr", "runs/r/episodes/step-"]);
    let named = outcome.stderr.split_whitespace().find(|word| word.starts_with("runs/r/episodes/"));
    let named = named.unwrap().trim_end_matches([',', ';', '.']);
    assert!(at.join(named).is_file(), "{named}");
    // The weights before the step that broke are there and finite.
    let (_, tensors) = newest_weights(&run_folder(&at));
    for tensor in tensors {
        let mut values =
            tensor.bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
        assert!(values.all(f32::is_finite), "{}", tensor.name);
    }
    // The same command runs into the same wall; it does not go on with broken weights.
    let _ = train_command(&at, &["train.optimizer.lr=1e30"]).run().expect_code(5);
}

const KEEPING: Options = Options {
    prices: Prices { input: 100.0, cached_input: 100.0, output: 0.0 },
    keep_requests: true,
    port: 0,
};

/// A workspace whose pool is one live worker with a key.
fn live(provider: &Provider) -> Workspace {
    let keys =
        "output_usd_per_million = 0.0\napi_key_env = \"SECRET_OF_THE_TEST\"\ntimeout_secs = 5.0";
    prepared_live(&provider.base_url(), keys, 40)
}

#[test]
fn a_key_appears_in_nothing_that_a_run_writes_or_says() {
    const KEY: &str = "sk-test-5f0e9a";
    // An endpoint that repeats the key in its errors, as some do.
    let provider = Provider::with(KEEPING, |number, request| match number % 5 {
        4 => {
            let sent: Vec<&str> = request.headers().collect();
            let message = format!("{} has no access", sent.join(" "));
            Reply::status(400, &format!("{{\"error\":{{\"message\":\"{message}\"}}}}"))
        }
        _ => Reply::Text("Answer: 1".into()),
    });
    let at = live(&provider);
    // Enough episodes that some are refused, whatever is sampled.
    let outcome = train_command(&at, &["train.steps=1", "train.tasks_per_step=8"])
        .env("SECRET_OF_THE_TEST", KEY)
        .run()
        .expect_code(0);
    let asked = provider.requests();
    assert!(asked.len() > 4, "the worker was asked {} times", asked.len());
    assert!(asked[0].headers().any(|line| line.contains(KEY)), "the key was sent");
    assert!(!format!("{outcome}").contains(KEY));
    // All runs' folder, with the store of answers in it.
    assert_eq!(files_with(&at.join("runs"), KEY), Vec::<std::path::PathBuf>::new());
    assert!(at.join("runs/answers.sqlite").is_file());
    // The check can fail: what is in the run's files is found.
    assert!(!files_with(&run_folder(&at), "SECRET_OF_THE_TEST").is_empty());
}

#[test]
fn what_one_run_paid_the_next_one_does_not_pay_again() {
    let provider = Provider::with(KEEPING, |_, _| Reply::Text("Answer: 1".into()));
    let at = live(&provider);
    let spend = |arguments: &[&str]| {
        let command = train_command(&at, &["train.steps=2"]).env("SECRET_OF_THE_TEST", "sk-test");
        let _ = command.args(arguments).run().expect_code(0);
        let finished = events(&run_folder(&at)).into_iter().find_map(|event| match event {
            Event::RunFinished { cost_usd, .. } => Some(cost_usd),
            _ => None,
        });
        finished.expect("a finished run")
    };
    let paid = spend(&[]);
    assert!(paid > 0.0);
    assert!((paid - provider.ledger().usd).abs() < 1e-9, "{paid} and {:?}", provider.ledger());
    let asked = provider.requests();
    // Greedy answers: no request was sent twice within the run either.
    let mut bodies: Vec<&[u8]> =
        asked.iter().map(conductor_testkit::provider::Request::body).collect();
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), asked.len());
    assert!(spend(&["--fresh"]).abs() < 1e-12);
    assert_eq!(provider.asked(), asked.len());
}

#[test]
fn a_pool_that_cannot_be_reached_ends_the_run_with_its_own_code() {
    let provider =
        Provider::start(|_, _| Reply::status(401, "{\"error\":{\"message\":\"no such key\"}}"));
    let at = live(&provider);
    let command = train_command(&at, &["eval.every_steps=100"]);
    let outcome = command.env("SECRET_OF_THE_TEST", "sk-of-nobody").run().expect_code(3);
    let _ = outcome.expect_stderr(&["could be scored", "worker_failed", "no such key"]);
}

#[test]
fn steps_of_another_policy_are_another_run() {
    let at = prepared();
    write_policy(&at.join("models/other"), 1);
    train(&at, &["train.steps=1"]);
    let other = ["train.steps=1", "policy.model=models/other"];
    let outcome = train_command(&at, &other).run().expect_code(2);
    let _ = outcome.expect_stderr(&["policy.model was", "models/other", "--fresh"]);
    let started = |event: &&Event| matches!(event, Event::RunStarted { .. });
    assert_eq!(events(&run_folder(&at)).iter().filter(started).count(), 1);
}
