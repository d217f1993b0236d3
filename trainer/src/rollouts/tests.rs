use std::sync::Arc;

use conductor_configs::Config;
use conductor_rollout::recording::{self, RecordedAnswer, Recording};

use super::*;

/// Says what it is told to, sample by sample.
struct Script(Vec<&'static str>);

impl Sampler for Script {
    fn sample(
        &mut self,
        requests: &[SampleRequest],
    ) -> Result<Vec<Vec<Completion>>, SamplerError> {
        let completion = |text: &str| Completion {
            prompt_tokens: Arc::from([1]),
            tokens: vec![2, 3],
            logprobs: vec![-0.5, -0.25],
            text: text.to_owned(),
            finish: FinishReason::Stop,
        };
        Ok(requests
            .iter()
            .map(|request| {
                self.0.iter().take(request.seeds.len()).map(|text| completion(text)).collect()
            })
            .collect())
    }
}

fn config(folder: &Path) -> Config {
    let tasks = folder.join("tasks.jsonl");
    let lines: String = ["a", "b"]
        .map(|id| {
            format!("{{\"id\": \"{id}\", \"prompt\": \"Say {id}.\", \"grading\": {{\"kind\": \"exact\", \"gold\": \"{id}\"}}}}\n")
        })
        .concat();
    std::fs::write(&tasks, lines).expect("tasks");
    let answer = |task: &str, worker: &str, text: &str, cost_usd: f64| RecordedAnswer {
        task_id: task.into(),
        worker: worker.into(),
        answer: Some(text.into()),
        score: None,
        prompt_tokens: 3,
        completion_tokens: 1,
        cost_usd: Some(cost_usd),
        latency_ms: Some(5.0),
        prompt_sha256: None,
    };
    let rows = ["a", "b"]
        .map(|id| [answer(id, "good", id, 0.002), answer(id, "bad", "no idea", 0.001)]);
    let recording = folder.join("r.parquet");
    recording::write(&Recording::new(rows.concat()).expect("rows"), &recording)
        .expect("written");
    let worker = |name: &str| {
        format!(
            "[[pool.workers]]\nname = \"{name}\"\nkind = \"recorded\"\nrecording = {recording:?}\n"
        )
    };
    let text = format!(
        "tasks.sources = [{{ kind = \"jsonl\", path = {tasks:?} }}]\npolicy.model = \"none\"\n{}{}[reward]\ncost_weight = 0.1\ncost_unit_usd = 0.01\n",
        worker("good"),
        worker("bad")
    );
    conductor_configs::load_str("test.toml", &text).expect("a configuration").config
}

#[test]
fn completions_become_episodes_with_verdicts_rewards_and_advantages() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path());
    let environment = Environment::open(&config, None).expect("an environment");
    let tasks: Vec<&Task> = environment.tasks.iter().collect();
    let requests =
        requests(&environment, &config.workflow, &tasks, Draw::Training(4), |_, n| n.into(), 3);
    let right = "model_id: [0]\nsubtasks: [\"go\"]\naccess_list: [[]]";
    let wrong = "model_id: [1]\nsubtasks: [\"go\"]\naccess_list: [[]]";
    let completions =
        sample(&mut Script(vec![right, wrong, "no workflow"]), &requests).expect("samples");
    let stop = AtomicBool::new(false);
    let options = RolloutOptions {
        run_seed: 0,
        step: 4,
        purpose: "train",
        evaluation: false,
        stop: &stop,
    };
    let mut groups =
        collect(&environment, &tasks, &requests, completions, options, &mut |_, _| {})
            .expect("episodes");
    assert_eq!(groups.len(), 2);
    for (group, task) in groups.iter_mut().zip(&tasks) {
        shape(group, &config.reward, &config.train.advantage);
        assert!(
            group.iter().all(|episode| episode.id.task_id == task.id && episode.id.step == 4)
        );
        assert_eq!(
            group.iter().map(Episode::score).collect::<Vec<_>>(),
            [Some(1.0), Some(0.0), Some(0.0)]
        );
        assert!(matches!(group[2].outcome, Outcome::Malformed(_)));
        // Format and correctness are halves; the cost counts a third, the group's pass rate.
        let rewards: Vec<f64> =
            group.iter().filter_map(|e| e.reward).map(|r| r.total()).collect();
        for (ours, expected) in rewards.iter().zip([1.0 - 0.02 / 3.0, 0.5 - 0.01 / 3.0, 0.0]) {
            assert!((ours - expected).abs() < 1e-12, "{rewards:?}");
        }
        let sum: f64 = group.iter().filter_map(|e| e.advantage).sum();
        assert!(sum.abs() < 1e-9 && group[0].advantage > group[1].advantage);
    }
}

#[test]
fn a_stop_ends_the_rollouts() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path());
    let environment = Environment::open(&config, None).expect("an environment");
    let tasks: Vec<&Task> = environment.tasks.iter().collect();
    let requests =
        requests(&environment, &config.workflow, &tasks, Draw::Training(0), |_, _| 0, 1);
    let completions = sample(&mut Script(vec!["x"]), &requests).expect("samples");
    let stop = AtomicBool::new(true);
    let options = RolloutOptions {
        run_seed: 0,
        step: 0,
        purpose: "train",
        evaluation: false,
        stop: &stop,
    };
    let result = collect(&environment, &tasks, &requests, completions, options, &mut |_, _| {});
    assert!(matches!(result, Err(TrainError::Interrupted)));
}
