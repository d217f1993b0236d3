//! Parts of the reward, from what an episode took to its advantage.

use conductor_configs::schema::{CostForm, LossForm};
use conductor_types::{Call, Constraint, RewardParts, Step, Usage, WrongCause};

use super::*;

/// An episode of task "a" whose workflow has so many steps by worker 0, which cost and took so much each.
fn ran(
    environment: &Environment,
    sample: u32,
    round: u32,
    score: f64,
    took: (usize, f64, f64),
) -> Episode {
    let (steps, usd, ms) = took;
    let usage = Usage { cost_usd: usd, latency_ms: ms, ..Usage::default() };
    let call = |step| Call {
        step,
        worker: "good".into(),
        answer: "a".into(),
        recorded_score: None,
        usage,
        error: None,
    };
    let workflow = Workflow { steps: (0..steps).map(|_| Step::new(0, "", Vec::new())).collect() };
    let outcome = Outcome::Ran {
        workflow: workflow.clone(),
        calls: (0..steps).map(call).collect(),
        answer: "a".into(),
        recorded_score: None,
        // They do not see each other, so a user waits for one of them.
        critical_path_ms: ms,
    };
    let verdict = if score > 0.0 {
        Verdict::Right { score }
    } else {
        Verdict::Wrong { cause: WrongCause::WrongAnswer, detail: String::new() }
    };
    let task = task_a(environment);
    let job = job(&task, sample, round, Ok(workflow));
    episode(&job, 4, outcome, Some(Graded { extracted: Some("a".into()), verdict }))
}

fn task_a(environment: &Environment) -> Arc<Task> {
    environment.tasks.get(environment.tasks.find("a").expect("a task")).expect("read")
}

fn job(task: &Task, sample: u32, round: u32, workflow: Result<Workflow, WorkflowError>) -> Job<'_> {
    let (prompt, completion) = (String::new(), said(""));
    Job { task, sample, round, prompt, completion, workflow, before: None }
}

/// One whose worker failed after it had been paid for the first step.
fn failed(environment: &Environment, sample: u32) -> Episode {
    let mut episode = ran(environment, sample, 0, 1.0, (5, 9.0, 9e6));
    let detail = "it failed".to_owned();
    let error = WorkerError {
        worker: "good".into(),
        kind: WorkerErrorKind::Timeout,
        message: detail.clone(),
    };
    let workflow = episode.outcome.workflow().expect("a workflow").clone();
    episode.outcome = Outcome::Failed { workflow, calls: episode.outcome.calls().to_vec(), error };
    episode.verdict = Some(Verdict::Unscorable { cause: Unscorable::WorkerFailed, detail });
    episode
}

fn malformed(environment: &Environment, sample: u32) -> Episode {
    let error = WorkflowError {
        kind: conductor_types::WorkflowErrorKind::NotFound,
        message: "nothing".into(),
    };
    let task = task_a(environment);
    episode(&job(&task, sample, 0, Err(error.clone())), 4, Outcome::Malformed(error), None)
}

/// Every part has a weight. Task "a" has a constraint: at most two steps.
fn environment(folder: &Path) -> (Config, Environment) {
    let mut config = config(folder);
    let path = folder.join("tasks.jsonl");
    let tasks = std::fs::read_to_string(&path).expect("tasks");
    let constraint = r#""id": "a", "constraint": {"text": "Two steps.", "max_steps": 2}"#;
    std::fs::write(&path, tasks.replace(r#""id": "a""#, constraint)).expect("written");
    config.reward = schema::Reward {
        cost_weight: 0.3,
        cost_unit_usd: 0.01,
        steps_weight: 0.1,
        latency_weight: 0.2,
        latency_unit_secs: 10.0,
        obedience_weight: 0.25,
        ..config.reward
    };
    let environment = Environment::open(&config, None).expect("an environment");
    (config, environment)
}

fn parts(episode: &Episode) -> RewardParts {
    episode.reward.expect("a reward")
}

fn assert_parts(ours: RewardParts, expected: [f64; 6]) {
    let close = ours.values().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
    assert!(close, "{ours:?} is not {expected:?}");
}

#[test]
fn every_part_follows_from_what_the_episode_took() {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, environment) = environment(folder.path());
    let right = ran(&environment, 0, 0, 1.0, (2, 0.01, 5_000.0));
    let wrong = ran(&environment, 1, 0, 0.0, (3, 0.0, 1_000.0));
    let mut groups = vec![vec![right, wrong, failed(&environment, 2), malformed(&environment, 3)]];
    shape(&environment, &mut groups, &config.reward, &config.train.advantage);
    let group = &groups[0];
    // A third is right: the failed one has no part in it.
    let third = 1.0 / 3.0;
    assert_parts(parts(&group[0]), [0.5, 0.5, -0.6 * third, -0.2 * third, -0.1 * third, 0.25]);
    // Three steps do not obey.
    assert_parts(parts(&group[1]), [0.5, 0.0, 0.0, -0.3 * third, -0.02 * third, 0.0]);
    assert_eq!((group[2].reward, group[2].advantage), (None, None));
    assert_parts(parts(&group[3]), [0.0; 6]);
    let mean: f64 = group.iter().filter_map(|e| e.advantage).sum();
    assert!(mean.abs() < 1e-9 && group[0].advantage > group[1].advantage);

    // Without the failed one, the others have the same.
    let mut without = vec![vec![group[0].clone(), group[1].clone(), group[3].clone()]];
    shape(&environment, &mut without, &config.reward, &config.train.advantage);
    for (with, without) in [0, 1, 3].into_iter().zip(&without[0]) {
        assert_eq!(
            (group[with].reward, group[with].advantage),
            (without.reward, without.advantage)
        );
    }
    assert_eq!(group[0].extracted.as_deref(), Some("a"));
}

#[test]
fn a_wrong_group_has_no_gradient_from_price_steps_or_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut config, environment) = environment(folder.path());
    config.reward.obedience_weight = 0.0;
    let wrong = |n: u32| {
        ran(&environment, n, 0, 0.0, (n as usize + 1, 0.01 * f64::from(n), 1e3 * f64::from(n)))
    };
    for cost_form in [CostForm::PassRate, CostForm::RouterR1, CostForm::XRouter] {
        config.reward.cost_form = cost_form;
        let mut groups = vec![(0..6).map(wrong).collect::<Vec<_>>()];
        shape(&environment, &mut groups, &config.reward, &config.train.advantage);
        let flat = groups[0].iter().all(|e| e.advantage.is_some_and(|a| a.abs() < 1e-12));
        assert!(
            flat,
            "{cost_form:?}: {:?}",
            groups[0].iter().map(|e| e.advantage).collect::<Vec<_>>()
        );
    }
    // Apart, each speaks with its own weight, which division by the spread does not cancel.
    config.reward.cost_form = CostForm::Separate;
    (config.reward.steps_form, config.reward.latency_form) =
        (LossForm::Separate, LossForm::Separate);
    let strongest = |config: &Config| {
        let mut groups = vec![(0..6).map(wrong).collect::<Vec<_>>()];
        shape(&environment, &mut groups, &config.reward, &config.train.advantage);
        groups[0].iter().filter_map(|e| e.advantage).fold(0.0, f64::max)
    };
    let whole = strongest(&config);
    config.reward.cost_weight /= 2.0;
    config.reward.steps_weight /= 2.0;
    config.reward.latency_weight /= 2.0;
    assert!(whole > 0.1 && (whole / strongest(&config) - 2.0).abs() < 1e-3, "{whole}");
}

#[test]
fn rounds_share_in_format_and_score_and_pay_for_themselves() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut config, environment) = environment(folder.path());
    // Wrong and then right with more steps; the second sample stands alone in its round.
    let groups = || {
        vec![
            vec![
                ran(&environment, 0, 0, 0.0, (1, 0.01, 2_000.0)),
                ran(&environment, 1, 0, 1.0, (1, 0.02, 1_000.0)),
            ],
            vec![ran(&environment, 0, 1, 1.0, (3, 0.01, 4_000.0))],
        ]
    };
    config.reward.credit = schema::Credit::Discounted { share: 0.25 };
    let mut shared = groups();
    shape(&environment, &mut shared, &config.reward, &config.train.advantage);
    assert_parts(parts(&shared[0][0]), [0.5, 0.125, -0.15, -0.05, -0.02, 0.25]);
    assert_parts(parts(&shared[0][1]), [0.5, 0.5, -0.3, -0.05, -0.01, 0.25]);
    // The later round alone is right, at a pass rate of 1, and breaks the constraint.
    assert_parts(parts(&shared[1][0]), [0.5, 0.5, -0.9, -0.3, -0.08, 0.0]);
    // A group of one teaches nothing.
    assert_eq!(shared[1][0].advantage, Some(0.0));
    // The checkpoint is chosen by what the report says: the last answer, at the price of both rounds.
    let first = vec![ran(&environment, 0, 0, 0.0, (1, 0.01, 2_000.0))];
    let last = vec![ran(&environment, 0, 1, 1.0, (1, 0.01, 4_000.0))];
    let mean = crate::evaluate::mean_reward(&environment, &[first, last], &config.reward);
    let expected = 0.5 + 0.5 - 0.3 * 2.0 - 0.1 * 2.0 - 0.2 * 0.6 + 0.25;
    assert!(mean.is_some_and(|mean| (mean - expected).abs() < 1e-12), "{mean:?} {expected}");

    config.reward.credit = schema::Credit::Transition {};
    config.reward.cost_form = CostForm::RouterR1;
    let mut paid = groups();
    shape(&environment, &mut paid, &config.reward, &config.train.advantage);
    // Seven tenths of twice the score, and nothing left for being cheap at a price of three units.
    assert_parts(parts(&paid[1][0]), [0.5, 0.7, 0.0, -0.3, -0.08, 0.0]);
    assert_parts(parts(&paid[0][0]), [0.5, 0.0, 0.0, -0.05, -0.02, 0.25]);
}

#[test]
fn a_constraint_is_kept_by_all_rounds_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, environment) = environment(folder.path());
    // Two steps at most: the second round of the first sample makes it three, that of the second lets its answer stand.
    let mut groups = vec![
        vec![
            ran(&environment, 0, 0, 1.0, (2, 0.0, 0.0)),
            ran(&environment, 1, 0, 1.0, (3, 0.0, 0.0)),
            ran(&environment, 2, 0, 1.0, (2, 0.0, 0.0)),
        ],
        vec![
            ran(&environment, 2, 1, 1.0, (0, 0.0, 0.0)),
            ran(&environment, 0, 1, 1.0, (1, 0.0, 0.0)),
            ran(&environment, 1, 1, 1.0, (0, 0.0, 0.0)),
        ],
    ];
    shape(&environment, &mut groups, &config.reward, &config.train.advantage);
    let obeyed: Vec<bool> =
        groups.iter().flatten().map(|episode| parts(episode).obedience > 0.0).collect();
    assert_eq!(obeyed, [true, false, true, true, false, false]);
}

#[test]
fn a_weight_on_obedience_needs_something_to_obey() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config(folder.path());
    config.reward.obedience_weight = 0.5;
    let error =
        Environment::open(&config, None).err().expect("no task has a constraint").to_string();
    assert!(
        error.contains("reward.obedience_weight is 0.5") && error.contains("tasks.constraints"),
        "{error}"
    );
    // Whatever asks for a constraint is enough.
    let constraint = Constraint { text: "x".into(), max_steps: Some(1), ..Constraint::default() };
    assert_eq!(constraint.fault(), None);
}
