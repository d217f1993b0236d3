//! Which layer wins, and that every value knows where it comes from.

use std::path::PathBuf;

use conductor_configs::schema::{Adapter, WorkerKind};
use conductor_configs::{LoadRequest, Origin, Resolved, load, load_str};

const FILE: &str = r#"preset = "quickstart"

[train]
steps = 3
group_size = 4

[policy]
adapter = { kind = "full" }
"#;

struct Written {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn written(text: &str) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.toml");
    std::fs::write(&path, text).unwrap();
    Written { _folder: folder, path }
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn origin(resolved: &Resolved, key: &str) -> String {
    let rows = resolved.table();
    let row = rows.iter().find(|r| r.key == key).unwrap_or_else(|| panic!("no row {key}"));
    row.origin.to_string()
}

#[test]
fn later_layers_win_and_every_value_knows_its_layer() {
    let file = written(FILE);
    let request = LoadRequest {
        file: Some(file.path.clone()),
        preset: None,
        env: vec![
            pair("CONDUCTOR__TRAIN__STEPS", "5"),
            pair("CONDUCTOR__TRAIN__TASKS_PER_STEP", "2"),
            pair("CONDUCTOR__RUN__NAME", "7"),
            pair("PATH", "/bin"),
        ],
        sets: vec!["train.steps=9".into(), "train.optimizer.lr=1e-3".into(), "run.dir=out".into()],
    };
    let resolved = load(&request).unwrap();
    let config = &resolved.config;
    assert_eq!(
        (config.train.steps, config.train.tasks_per_step, config.train.group_size),
        (9, 2, 4)
    );
    assert!((config.train.optimizer.lr - 1e-3).abs() < 1e-12);
    // What looks like a number is a string where a string is wanted.
    assert_eq!((config.run.name.as_str(), config.run.dir.to_str().unwrap()), ("7", "out"));
    // The file's `full` takes the preset's `lora` away, rank and all.
    assert_eq!(config.policy.adapter, Adapter::Full);

    let path = file.path.display();
    assert_eq!(origin(&resolved, "train.steps"), "--set");
    assert_eq!(origin(&resolved, "train.tasks_per_step"), "env CONDUCTOR__TRAIN__TASKS_PER_STEP");
    assert_eq!(origin(&resolved, "train.group_size"), format!("file {path}:5"));
    assert_eq!(origin(&resolved, "train.clip_low"), "default");
    assert_eq!(origin(&resolved, "policy.adapter.kind"), format!("file {path}:8"));
    let preset = include_str!("../presets/quickstart.toml");
    let line = 1 + preset.lines().position(|l| l.starts_with("max_new_tokens")).unwrap();
    assert_eq!(
        origin(&resolved, "sampling.max_new_tokens"),
        format!("preset quickstart.toml:{line}")
    );
    assert!(origin(&resolved, "pool.workers[0].name").starts_with("preset quickstart.toml:"));
    assert_eq!(origin(&resolved, "pool.workers[0].description"), "default");
}

#[test]
fn the_table_holds_every_key_once() {
    let resolved = load_str("run.toml", FILE).unwrap();
    let rows = resolved.table();
    let mut keys: Vec<&str> = rows.iter().map(|r| r.key.as_str()).collect();
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), count);
    for origin in resolved.origins.keys() {
        let leaf =
            rows.iter().any(|r| r.key.starts_with(origin.as_str()) || origin.starts_with(&r.key));
        assert!(leaf, "{origin} has an origin and no row");
    }
    let absent = rows.iter().find(|r| r.key == "run.threads").unwrap();
    assert_eq!((absent.text().as_str(), &absent.origin), ("absent", &Origin::Default));
}

#[test]
fn arrays_are_replaced_whole() {
    let worker = r#"pool.workers=[{name="x",kind="openai",base_url="http://h/v1",model="m"}]"#;
    let request = LoadRequest {
        preset: Some("quickstart".into()),
        sets: [worker, "tasks.only_recorded=false", "reward.cost_weight=0"]
            .map(String::from)
            .into(),
        ..Default::default()
    };
    let config = load(&request).unwrap().config;
    assert_eq!(config.pool.workers.len(), 1);
    assert!(matches!(&config.pool.workers[0].kind, WorkerKind::Openai(w) if w.model == "m"));
}

#[test]
fn the_resolved_file_loads_back_to_the_same_configuration() {
    for preset in conductor_configs::PRESETS {
        let request = LoadRequest {
            preset: Some(preset.name.into()),
            sets: vec!["run.name=день".into(), "run.seed=9223372036854775807".into()],
            ..Default::default()
        };
        let first = load(&request).unwrap();
        let text = first.to_toml();
        let second = load_str("resolved.toml", &text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(first.config, second.config, "{text}");
        assert_eq!(text, second.to_toml());
    }
}

#[test]
fn the_last_layer_that_names_a_preset_wins() {
    let file = written(FILE);
    let name = |request: &LoadRequest| load(request).unwrap().config.run.name;
    let mut request = LoadRequest { file: Some(file.path.clone()), ..Default::default() };
    assert_eq!(name(&request), "quickstart");
    request.env = vec![pair("CONDUCTOR__PRESET", "local-pool")];
    assert_eq!(name(&request), "local-pool");
    request.sets = vec!["preset=paper-7b".into()];
    assert_eq!(name(&request), "paper-7b");
    request.preset = Some("paper-7b-lora".into());
    assert_eq!(name(&request), "paper-7b-lora");
}

#[test]
fn a_file_can_be_a_preset() {
    let base = written("preset = \"quickstart\"\n[train]\nsteps = 77\n");
    let text = format!("preset = {:?}\n", base.path.to_str().unwrap());
    let resolved = load_str("run.toml", &text).unwrap();
    assert_eq!(resolved.config.train.steps, 77);
    assert_eq!(origin(&resolved, "train.steps"), format!("preset {}:3", base.path.display()));
}

#[test]
fn a_preset_built_on_itself_is_an_error() {
    let file = written("");
    let text = format!("preset = {:?}\n", file.path.to_str().unwrap());
    std::fs::write(&file.path, &text).unwrap();
    let request =
        LoadRequest { preset: Some(file.path.to_str().unwrap().into()), ..Default::default() };
    let errors = load(&request).unwrap_err().to_string();
    assert!(errors.contains("built on itself"), "{errors}");
}

#[test]
fn dotted_keys_headers_and_inline_tables_are_one_and_the_same() {
    let rest = "tasks.sources = [{ kind = \"jsonl\", path = \"t\" }]\npolicy.model = \"m\"\n";
    let inline = "[[pool.workers]]\nname = \"a\"\nkind = \"recorded\"\nrecording = \"r\"\n";
    let nested = "[pool]\nworkers = [{ name = \"a\", kind = \"recorded\", recording = \"r\" }]\n";
    let one = load_str("a.toml", &format!("{rest}{inline}")).unwrap();
    let two = load_str("b.toml", &format!("\u{feff}{rest}{nested}").replace('\n', "\r\n")).unwrap();
    assert_eq!(one.config, two.config);
    assert_eq!(one.config.pool.workers[0].name, "a");
}
