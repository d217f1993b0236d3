//! Every preset in the repository loads, and says what it needs and shows.

use std::path::Path;

use conductor_configs::schema::{Adapter, Config, PromptShow, WorkerKind};
use conductor_configs::{LoadRequest, Origin, PRESETS, load};

fn config(preset: &str) -> Config {
    let request = LoadRequest { preset: Some(preset.into()), ..Default::default() };
    load(&request).unwrap_or_else(|e| panic!("{preset}: {e}")).config
}

#[test]
fn every_preset_loads_and_introduces_itself() {
    for preset in PRESETS {
        let config = config(preset.name);
        assert_eq!(config.run.name, preset.name);
        let about = preset.about();
        assert!(about.starts_with(&format!("{}: ", preset.name)), "{about}");
        assert!(about.contains("\nNeeds: ") && about.contains("\nShows: "), "{about}");
    }
}

#[test]
fn every_file_of_the_folder_is_built_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("presets");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    let mut built_in: Vec<&str> = PRESETS.iter().map(|p| p.name).collect();
    built_in.sort_unstable();
    assert_eq!(names, built_in);
}

#[test]
fn the_quick_start_needs_no_server() {
    let config = config("quickstart");
    let kinds: Vec<_> = config.pool.workers.iter().map(|w| &w.kind).collect();
    assert!(kinds.iter().all(|k| matches!(k, WorkerKind::Recorded(_) | WorkerKind::Vote(_))));
    assert!(config.tasks.only_recorded && config.workflow.short_instructions);
}

#[test]
fn a_preset_on_a_preset_keeps_what_it_does_not_say() {
    let (quick, local) = (config("quickstart"), config("local-pool"));
    assert_eq!(quick.train, local.train);
    assert_eq!(quick.policy, local.policy);
    assert_eq!(quick.tasks.sources, local.tasks.sources);
    assert_eq!(
        local.pool.workers.iter().filter(|w| matches!(w.kind, WorkerKind::Openai(_))).count(),
        3
    );

    let (full, lora) = (config("paper-7b"), config("paper-7b-lora"));
    assert_eq!(full.pool, lora.pool);
    assert_eq!(full.policy.adapter, Adapter::Full);
    assert!(matches!(lora.policy.adapter, Adapter::Lora { rank: 32, .. }));

    let request = LoadRequest { preset: Some("paper-7b-lora".into()), ..Default::default() };
    let origins = load(&request).unwrap().origins;
    let name = |key: &str| match &origins[key] {
        Origin::Preset { name, .. } => name.clone(),
        other => panic!("{other}"),
    };
    assert_eq!(name("policy.adapter.rank"), "paper-7b-lora.toml");
    assert_eq!(name("policy.model"), "paper-7b.toml");
}

#[test]
fn changing_pools_are_the_quick_starts_workers_in_lists_that_vary() {
    let (quick, changing) = (config("quickstart"), config("changing-pools"));
    let workers = |config: &Config| -> Vec<(String, WorkerKind)> {
        config.pool.workers.iter().map(|w| (w.name.clone(), w.kind.clone())).collect()
    };
    assert_eq!(workers(&quick), workers(&changing));
    assert_eq!((&quick.train, &quick.tasks), (&changing.train, &changing.tasks));
    assert!(changing.pool.permute && changing.pool.listed < Some(workers(&changing).len() as u32));
    assert!(changing.pool.workers.iter().all(|worker| worker.description.is_some()));
    assert!(changing.workflow.show.contains(&PromptShow::Description));
}

#[test]
fn the_papers_numbers() {
    let config = config("paper-7b");
    let (train, optimizer) = (&config.train, &config.train.optimizer);
    assert_eq!(
        (train.tasks_per_step, train.group_size, train.steps, train.epochs),
        (4, 64, 200, 1)
    );
    assert_eq!((optimizer.lr, optimizer.warmup_share, optimizer.max_grad_norm), (1e-6, 0.03, 1.0));
    assert_eq!(
        (optimizer.beta1, optimizer.beta2, optimizer.epsilon, train.advantage.epsilon),
        (0.9, 0.999, 1e-8, 1e-4)
    );
    assert_eq!((train.clip_low, train.clip_high, train.kl_weight), (0.2, 0.2, 0.0));
    assert_eq!((config.sampling.max_new_tokens, config.sampling.max_prompt_tokens), (1024, 8192));
    assert_eq!(config.pool.workers.len(), 7);
    assert_eq!(config.tasks.split.seed, 42);
    let kinds: Vec<_> = config.tasks.sources.iter().map(|source| source.reads.kind()).collect();
    assert_eq!(kinds, ["mmlu", "math500", "rlpr", "livecodebench"]);
    assert!(config.tasks.sources.iter().all(|source| source.cap == Some(240)));
}
