use std::sync::Arc;

use conductor_configs::Config;
use conductor_rollout::recording::{self, RecordedAnswer, Recording};

use super::*;
use crate::environment::refs;

fn tasks_of(environment: &Environment) -> Vec<Arc<Task>> {
    let tasks = &environment.tasks;
    tasks.iter().map(|entry| tasks.get(entry).expect("a task")).collect()
}

mod rewards;

/// Says what it is told to, sample by sample.
struct Script(Vec<&'static str>);

impl Sampler for Script {
    fn sample(&mut self, requests: &[SampleRequest]) -> Result<Vec<Vec<Completion>>, SamplerError> {
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
    let rows =
        ["a", "b"].map(|id| [answer(id, "good", id, 0.002), answer(id, "bad", "no idea", 0.001)]);
    let recording = folder.join("r.parquet");
    recording::write(&Recording::new(rows.concat()).expect("rows"), &recording).expect("written");
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
    let tasks = tasks_of(&environment);
    let tasks = refs(&tasks);
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
        journal: None,
        stop: &stop,
    };
    let mut groups = collect(&environment, &tasks, &requests, completions, options, &mut |_, _| {})
        .expect("episodes");
    assert_eq!(groups.len(), 2);
    shape(&environment, &mut groups, &config.reward, &config.train.advantage);
    for (group, task) in groups.iter().zip(&tasks) {
        assert!(group.iter().all(|episode| episode.id.task_id == task.id && episode.id.step == 4));
        assert_eq!(
            group.iter().map(Episode::score).collect::<Vec<_>>(),
            [Some(1.0), Some(0.0), Some(0.0)]
        );
        assert!(matches!(group[2].outcome, Outcome::Malformed(_)));
        // Format and correctness are halves; the cost counts a third, the group's pass rate.
        let rewards: Vec<f64> = group.iter().filter_map(|e| e.reward).map(|r| r.total()).collect();
        for (ours, expected) in rewards.iter().zip([1.0 - 0.02 / 3.0, 0.5 - 0.01 / 3.0, 0.0]) {
            assert!((ours - expected).abs() < 1e-12, "{rewards:?}");
        }
        let sum: f64 = group.iter().filter_map(|e| e.advantage).sum();
        assert!(sum.abs() < 1e-9 && group[0].advantage > group[1].advantage);
    }
}

const GO_0: &str = "model_id: [0]\nsubtasks: [\"go\"]\naccess_list: [[]]";
const GO_1: &str = "model_id: [1]\nsubtasks: [\"go\"]\naccess_list: [[]]";
const KEEP: &str = "model_id: []\nsubtasks: []\naccess_list: []";

fn said(text: &str) -> Completion {
    Completion {
        prompt_tokens: Arc::from([1]),
        tokens: vec![2, 3],
        logprobs: vec![-0.5, -0.25],
        text: text.to_owned(),
        finish: FinishReason::Stop,
    }
}

fn options<'a>(stop: &'a AtomicBool, journal: Option<&'a Path>) -> RolloutOptions<'a> {
    RolloutOptions { run_seed: 0, step: 4, purpose: "train", evaluation: false, journal, stop }
}

/// Four samples a task in two rounds: bad then good, good then bad, good and kept, and one that writes no workflow.
fn two_rounds(config: &Config, environment: &Environment) -> Vec<Vec<Episode>> {
    let tasks = tasks_of(environment);
    let tasks = refs(&tasks);
    let fits = |_: &SampleRequest| Ok(true);
    let seeds = |_: &Task, sample: u32, _: u32| u64::from(sample);
    let rounds = Rounds {
        workflow: &config.workflow,
        tasks: &tasks,
        samples: 4,
        seeds: &seeds,
        fits: &fits,
    };
    let mut asked = Vec::new();
    let mut say = |requests: &[SampleRequest]| {
        asked.push(requests.to_vec());
        let texts = |request: &SampleRequest| match request.messages.len() {
            2 => vec![said(GO_1), said(GO_0), said(GO_0), said("nothing")],
            _ => vec![said([GO_0, GO_1, KEEP][request.seeds[0] as usize])],
        };
        Ok(requests.iter().map(texts).collect())
    };
    let stop = AtomicBool::new(false);
    let groups =
        all_rounds(environment, &rounds, options(&stop, None), &mut say, &mut |_, _| {}).unwrap();
    let [first, second] = &asked[..] else { panic!("{} rounds were sampled", asked.len()) };
    assert_eq!((first.len(), second.len()), (2, 6));
    let turns: Vec<Role> = second[0].messages.iter().map(|message| message.role).collect();
    assert_eq!(turns, [Role::System, Role::User, Role::Assistant, Role::User]);
    assert!(second[0].messages[3].content.contains("<answer>\nno idea\n</answer>"));
    groups
}

#[test]
fn a_later_round_sees_the_answer_before_it_and_may_let_it_stand() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config(folder.path());
    config.workflow.rounds = 2;
    config.reward.cost_weight = 0.0;
    let environment = Environment::open(&config, None).expect("an environment");
    let mut groups = two_rounds(&config, &environment);
    let sizes: Vec<(u32, usize)> = groups.iter().map(|g| (g[0].id.round, g.len())).collect();
    assert_eq!(sizes, [(0, 4), (0, 4), (1, 3), (1, 3)]);
    let scores = |group: &[Episode]| group.iter().map(Episode::score).collect::<Vec<_>>();
    assert_eq!(scores(&groups[0]), [0.0, 1.0, 1.0, 0.0].map(Some));
    assert_eq!(scores(&groups[2]), [1.0, 0.0, 1.0].map(Some));
    // The kept answer costs nothing more.
    assert!(groups[2][2].outcome.calls().is_empty());

    let totals = |group: &[Episode]| -> Vec<f64> {
        group.iter().map(|e| e.reward.expect("a reward").total()).collect()
    };
    let close = |ours: &[f64], expected: &[f64]| {
        assert_eq!(ours.len(), expected.len());
        assert!(ours.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{ours:?}");
    };
    config.reward.credit = schema::Credit::Discounted { share: 0.25 };
    shape(&environment, &mut groups, &config.reward, &config.train.advantage);
    close(&totals(&groups[0]), &[0.625, 0.875, 1.0, 0.0]);
    close(&totals(&groups[2]), &[1.0, 0.5, 1.0]);
    config.reward.credit = schema::Credit::Transition {};
    shape(&environment, &mut groups, &config.reward, &config.train.advantage);
    close(&totals(&groups[0]), &[0.5, 1.0, 1.0, 0.0]);
    close(&totals(&groups[2]), &[1.5, 0.0, 1.0]);
}

#[test]
fn a_finished_episode_is_taken_from_the_journal_until_a_checkpoint_has_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path());
    let environment = Environment::open(&config, None).expect("an environment");
    let tasks = tasks_of(&environment);
    let tasks = refs(&tasks);
    let asked =
        requests(&environment, &config.workflow, &tasks, Draw::Training(4), |_, n| n.into(), 2);
    let stop = AtomicBool::new(false);
    let journal = folder.path().join("episodes");
    std::fs::create_dir(&journal).expect("a folder");
    let run = |texts: [&str; 2]| {
        let completions = asked.iter().map(|_| texts.map(said).to_vec()).collect();
        let options = options(&stop, Some(&journal));
        collect(&environment, &tasks, &asked, completions, options, &mut |_, _| {}).unwrap()
    };
    let first = run([GO_0, GO_1]);
    let path = journal.join(".journal-000004-train.jsonl");
    let mut lines = std::fs::read_to_string(&path).expect("a journal");
    assert_eq!(lines.lines().count(), 4);
    assert_eq!(first[0][0].extracted.as_deref(), Some("b"));
    // What it says is believed, which shows that nothing was run; a line that was cut short is not.
    lines = lines.replace("no idea", "an idea") + "{\"id\":";
    std::fs::write(&path, &lines).expect("written");
    let again = run([GO_0, GO_1]);
    let answer = |episode: &Episode| match &episode.outcome {
        Outcome::Ran { answer, .. } => answer.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!((answer(&first[0][1]), answer(&again[0][1])), ("no idea".into(), "an idea".into()));
    assert_eq!(first[0][0], again[0][0]);
    // Another completion is another episode.
    assert_eq!(answer(&run([GO_1, GO_1])[0][0]), "no idea");
    // A line of an earlier program does not say what was found, and is believed as well.
    lines = lines.replace(",\"extracted\":\"b\"", "");
    std::fs::write(&path, &lines).expect("written");
    let earlier = run([GO_0, GO_1]);
    assert_eq!((&earlier[0][0].extracted, &earlier[0][0].verdict), (&None, &first[0][0].verdict));
    forget_before(&journal, 4).unwrap();
    assert!(path.exists());
    forget_before(&journal, 5).unwrap();
    assert!(!path.exists());
}

#[test]
fn a_worker_that_fails_too_often_is_named() {
    let mut health = Health::new(0.25);
    let outcome = |failed: bool| {
        let error = WorkerError {
            worker: "w".into(),
            kind: WorkerErrorKind::Timeout,
            message: "no answer".into(),
        };
        let call = conductor_types::Call {
            step: 0,
            worker: "w".into(),
            answer: String::new(),
            recorded_score: None,
            usage: conductor_types::Usage::default(),
            error: failed.then(|| error.message.clone()),
        };
        let workflow = Workflow { steps: Vec::new() };
        if failed {
            Outcome::Failed { workflow, calls: vec![call], error }
        } else {
            let calls = vec![call];
            let answer = String::new();
            Outcome::Ran { workflow, calls, answer, recorded_score: None, critical_path_ms: 0.0 }
        }
    };
    let folder = tempfile::tempdir().expect("a folder");
    let environment = Environment::open(&config(folder.path()), None).expect("an environment");
    let tasks = tasks_of(&environment);
    let task = &tasks[0];
    let job = Job {
        task,
        sample: 0,
        round: 0,
        prompt: String::new(),
        completion: said(""),
        workflow: Ok(Workflow { steps: Vec::new() }),
        before: None,
    };
    let mut see = |failed| health.see(&episode(&job, 0, outcome(failed), None));
    (0..3).for_each(|_| see(true));
    (0..9).for_each(|_| see(false));
    assert_eq!(health.failing(), None, "a quarter is not too much");
    health.see(&episode(&job, 0, outcome(true), None));
    let failing = health.failing().expect("four of thirteen");
    assert_eq!((failing.failed, failing.calls), (4, 13));
    assert!(failing.to_string().contains("\"w\" failed in 4 of 13 calls"), "{failing}");
}

#[test]
fn a_stop_ends_the_rollouts() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path());
    let environment = Environment::open(&config, None).expect("an environment");
    let tasks = tasks_of(&environment);
    let tasks = refs(&tasks);
    let requests = requests(&environment, &config.workflow, &tasks, Draw::Training(0), |_, _| 0, 1);
    let completions = sample(&mut Script(vec!["x"]), &requests).expect("samples");
    let stop = AtomicBool::new(true);
    let options = RolloutOptions {
        run_seed: 0,
        step: 0,
        purpose: "train",
        evaluation: false,
        journal: None,
        stop: &stop,
    };
    let result = collect(&environment, &tasks, &requests, completions, options, &mut |_, _| {});
    assert!(matches!(result, Err(TrainError::Interrupted)));
}
