//! Simulated workers: drawn as the formula says, the same way each time, and never for tasks that they cannot answer.

use std::collections::HashSet;
use std::time::Duration;

use conductor_configs::schema;
use conductor_rollout::WorkerCard;
use conductor_rollout::pool::{Simulated, Worker};
use conductor_types::{
    Answer, Grading, Task, WorkerCapability, WorkerError, WorkerErrorKind, WorkerRequest,
};
use serde_json::{Value, json};

fn named(name: &str, settings: Value) -> Simulated {
    let settings: schema::SimulatedWorker = serde_json::from_value(settings).unwrap();
    Simulated::new(WorkerCard::new(name, WorkerCapability::General), &settings).unwrap()
}

fn worker(settings: Value) -> Simulated {
    named("sim", settings)
}

async fn ask(
    worker: &Simulated,
    (task_id, domain): (&str, &str),
    shown: &[Option<f64>],
    (seed, sample): (u64, u32),
) -> Result<Answer, WorkerError> {
    let texts = vec![String::from("an earlier answer"); shown.len()];
    let request = WorkerRequest {
        parts: &[],
        part: "test",
        task_id,
        domain,
        message: "Forty bytes of a question, more or less.",
        seen: &texts,
        seen_scores: shown,
        seed,
        sample,
        chain: 1,
    };
    worker.call(request).await
}

const DRAWS: u64 = 4000;

/// Share of right answers over many seeds.
async fn share(worker: &Simulated, task: (&str, &str), shown: &[Option<f64>]) -> f64 {
    let mut right = 0.0;
    for seed in 0..DRAWS {
        right += ask(worker, task, shown, (seed, 0)).await.unwrap().recorded_score.unwrap();
    }
    right / DRAWS as f64
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

/// Four standard errors of a share over [`DRAWS`] draws, at most.
const NEAR: f64 = 0.032;

#[tokio::test]
async fn the_share_of_right_answers_is_the_formulas() {
    let settings = |effort: &str| {
        json!({ "skill": { "math": 0.8, "code": 0.3 }, "default_skill": 0.6, "difficulty_spread": 0.0,
                "right_gain": 1.5, "wrong_loss": 0.75, "effort": effort })
    };
    let shown: [(&[Option<f64>], f64); 5] = [
        (&[], 0.0),
        (&[Some(1.0)], 1.5),
        (&[Some(0.0), Some(0.0)], -1.5),
        (&[Some(0.5), None], 0.375),
        (&[Some(1.0), Some(0.0), Some(1.0)], 2.25),
    ];
    for (domain, skill) in [("math", 0.8), ("code", 0.3), ("elsewhere", 0.6)] {
        for (scores, gain) in shown {
            let found = share(&worker(settings("medium")), ("t", domain), scores).await;
            let expected = sigmoid(logit(skill) + gain);
            assert!((found - expected).abs() < NEAR, "{domain} {scores:?}: {found} for {expected}");
        }
    }
    for (effort, gain) in [("low", -0.5), ("high", 0.5)] {
        let found = share(&worker(settings(effort)), ("t", "math"), &[]).await;
        let expected = sigmoid(logit(0.8) + gain);
        assert!((found - expected).abs() < NEAR, "{effort}: {found} for {expected}");
    }
}

#[tokio::test]
async fn the_ends_of_the_scale_are_certain() {
    for (skill, score) in [(0.0, 0.0), (1.0, 1.0)] {
        let certain =
            worker(json!({ "default_skill": skill, "right_gain": 50.0, "wrong_loss": 50.0 }));
        for shown in [Some(0.0), Some(1.0)] {
            for seed in 0..100 {
                let answer = ask(&certain, ("t", "d"), &[shown], (seed, 0)).await.unwrap();
                assert_eq!(answer.recorded_score, Some(score));
            }
        }
    }
}

/// Mean and variance over questions of the chance to be right, by a sum over the normal distribution.
fn over_questions(skill: f64, spread: f64) -> (f64, f64) {
    let (mut weights, mut mean, mut square) = (0.0, 0.0, 0.0);
    for step in -600..=600 {
        let d = f64::from(step) / 100.0;
        let weight = (-d * d / 2.0).exp();
        let p = sigmoid(logit(skill) - spread * d);
        weights += weight;
        mean += weight * p;
        square += weight * p * p;
    }
    (mean / weights, square / weights - (mean / weights).powi(2))
}

#[tokio::test]
async fn a_question_is_as_hard_for_one_worker_as_for_another() {
    let settings = json!({ "default_skill": 0.7, "difficulty_spread": 2.0 });
    let workers = [named("a", settings.clone()), named("b", settings)];
    let tasks: Vec<String> = (0..DRAWS).map(|n| format!("task {n}")).collect();
    let mut right = [0.0; 2];
    let mut both = 0.0;
    for task in &tasks {
        let mut scores = [0.0; 2];
        for (score, worker) in scores.iter_mut().zip(&workers) {
            *score = ask(worker, (task, "d"), &[], (0, 0)).await.unwrap().recorded_score.unwrap();
        }
        right[0] += scores[0] / DRAWS as f64;
        right[1] += scores[1] / DRAWS as f64;
        both += scores[0] * scores[1] / DRAWS as f64;
    }
    let (mean, variance) = over_questions(0.7, 2.0);
    assert!((right[0] - mean).abs() < NEAR && (right[1] - mean).abs() < NEAR, "{right:?} {mean}");
    // Draws are independent given the question, so what two workers share is the question's difficulty.
    let covariance = both - right[0] * right[1];
    assert!((covariance - variance).abs() < NEAR, "{covariance} for {variance}");
    assert!(variance > 2.0 * NEAR, "the test can tell it from nothing");
}

#[tokio::test]
async fn the_same_call_draws_the_same_and_another_draws_anew() {
    let (one, twin, other) = (worker(json!({})), worker(json!({})), named("other", json!({})));
    let first = ask(&one, ("t", "d"), &[], (7, 3)).await.unwrap();
    assert_eq!(ask(&twin, ("t", "d"), &[], (7, 3)).await.unwrap(), first);
    for (worker, task, at) in
        [(&one, "t", (8, 3)), (&one, "t", (7, 4)), (&one, "u", (7, 3)), (&other, "t", (7, 3))]
    {
        let answer = ask(worker, (task, "d"), &[], at).await.unwrap();
        assert_ne!(answer.usage, first.usage, "{task} {at:?}");
    }
}

#[tokio::test]
async fn right_answers_agree_and_wrong_ones_are_as_many_as_configured() {
    let settings = json!({ "wrong_answers": 3, "difficulty_spread": 0.0 });
    let workers = [named("a", settings.clone()), named("b", settings)];
    let (mut right, mut wrong) = (HashSet::new(), HashSet::new());
    for seed in 0..200 {
        for worker in &workers {
            let answer = ask(worker, ("t", "d"), &[], (seed, 0)).await.unwrap();
            let texts = if answer.recorded_score == Some(1.0) { &mut right } else { &mut wrong };
            texts.insert(answer.text);
        }
    }
    assert_eq!((right.len(), wrong.len()), (1, 3));
    assert!(right.is_disjoint(&wrong));
}

#[tokio::test]
async fn so_many_calls_fail_as_configured() {
    let flaky = worker(json!({ "failure_share": 0.2 }));
    let mut failed = 0;
    for seed in 0..DRAWS {
        if let Err(error) = ask(&flaky, ("t", "d"), &[], (seed, 0)).await {
            assert_eq!(error.kind, WorkerErrorKind::Unavailable);
            assert!(error.message.contains("failure_share = 0.2"), "{error}");
            failed += 1;
        }
    }
    assert!((f64::from(failed) / DRAWS as f64 - 0.2).abs() < NEAR, "{failed}");
}

/// The value below which a share of them lies.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() as f64 * share) as usize]
}

#[tokio::test]
async fn tokens_latency_and_cost_follow_their_distributions() {
    let settings = json!({ "completion_tokens_median": 1000.0, "completion_tokens_sigma": 0.8,
        "latency_median_ms": 500.0, "latency_sigma": 0.4, "effort": "high",
        "input_usd_per_million": 1.0, "output_usd_per_million": 10.0 });
    let dear = worker(settings);
    let (mut tokens, mut latencies) = (Vec::new(), Vec::new());
    for seed in 0..DRAWS {
        let usage = ask(&dear, ("t", "d"), &[], (seed, 0)).await.unwrap().usage;
        let usd = 1e-5 + usage.completion_tokens as f64 * 1e-5;
        assert!(usage.prompt_tokens == 10 && (usage.cost_usd - usd).abs() < 1e-12, "{usage:?}");
        tokens.push(usage.completion_tokens as f64);
        latencies.push(usage.latency_ms);
    }
    // High effort doubles both; 84.13 % of a normal distribution lie below one standard deviation.
    for (values, median, sigma) in [(&mut tokens, 2000.0, 0.8_f64), (&mut latencies, 1000.0, 0.4)] {
        let (half, most) = (quantile(values, 0.5), quantile(values, 0.8413));
        assert!((half / median - 1.0).abs() < 0.1, "{half} for {median}");
        assert!((most / (median * sigma.exp()) - 1.0).abs() < 0.1, "{most} above {median}");
    }
}

#[tokio::test]
async fn the_tail_takes_its_factor() {
    let settings = json!({ "latency_median_ms": 100.0, "latency_sigma": 0.0,
        "latency_tail_share": 0.1, "latency_tail_factor": 20.0 });
    let slow = worker(settings);
    let mut in_tail = 0;
    for seed in 0..DRAWS {
        let latency = ask(&slow, ("t", "d"), &[], (seed, 0)).await.unwrap().usage.latency_ms;
        if (latency - 2000.0).abs() < 1e-6 {
            in_tail += 1;
        } else {
            assert!((latency - 100.0).abs() < 1e-6, "{latency}");
        }
    }
    assert!((f64::from(in_tail) / DRAWS as f64 - 0.1).abs() < NEAR, "{in_tail}");
}

#[tokio::test(start_paused = true)]
async fn waiting_takes_the_reported_time_and_so_many_wait_at_once() {
    let settings = |wait: bool| json!({ "wait": wait, "concurrency": 2, "latency_median_ms": 300.0, "latency_sigma": 0.0 });
    let start = tokio::time::Instant::now();
    ask(&worker(settings(false)), ("t", "d"), &[], (0, 0)).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    let slow = worker(settings(true));
    let calls = (0..6).map(|seed| ask(&slow, ("t", "d"), &[], (seed, 0)));
    futures_util::future::join_all(calls).await;
    let took = start.elapsed().as_secs_f64();
    assert!((took - 0.9).abs() < 0.01, "six calls of 0.3 s, two at once: {took}");
}

#[test]
fn only_recorded_gradings_can_be_met_and_it_says_what_it_is() {
    let task = |grading| Task {
        id: "t".into(),
        domain: "d".into(),
        prompt: "?".into(),
        grading,
        parts: Vec::new(),
        date: None,
        constraint: None,
    };
    let sim = worker(json!({}));
    assert!(sim.can_be_graded(&task(Grading::Recorded)));
    assert!(!sim.can_be_graded(&task(Grading::Exact { gold: "4".into() })));
    assert!(sim.card().simulated && sim.notices()[0].contains("simulated"));
    assert_eq!(sim.card().label(), "sim (simulated)");
}

#[test]
fn settings_that_cannot_be_are_refused() {
    for (settings, setting) in [
        (json!({ "skill": { "math": 1.5 } }), "skill"),
        (json!({ "failure_share": -0.1 }), "failure_share"),
        (json!({ "latency_sigma": -1.0 }), "latency_sigma"),
    ] {
        let settings: schema::SimulatedWorker = serde_json::from_value(settings).unwrap();
        let card = WorkerCard::new("sim", WorkerCapability::General);
        let error = Simulated::new(card, &settings).err().unwrap().to_string();
        assert!(error.contains(setting) && error.contains("sim"), "{error}");
    }
}
