//! The learner against TRL, torch and transformers, on what scripts/make_trl_fixtures.py stored of them.
//!
//! Known differences, on purpose: the KL term here is the k2 estimator, TRL's is k3 with the ratio in front, which has
//! the same gradient on policy and another value; statistics here are means over the tokens that were computed, TRL's
//! over all.

#[path = "../common/mod.rs"]
mod common;
mod fixture;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use conductor_configs::schema::{self, Aggregation, LrSchedule};
use conductor_trainer::advantage::group_relative;
use conductor_trainer::loss::{ClipOptions, Tokens, clipped, token_weight};
use conductor_trainer::{AdamW, Item, Learner, UpdateOptions, UpdateStats, learning_rate};
use tch::{Kind, Tensor};

use crate::fixture::{Fixture, Run, Step, fixture};

/// What float32 allows for sums of a few hundred terms around 1.
const TOLERANCE: f64 = 1e-6;

fn aggregation(loss_type: &str) -> Aggregation {
    match loss_type {
        "dapo" | "bnpo" => Aggregation::TokenMean,
        "grpo" => Aggregation::SequenceMean,
        "dr_grpo" => Aggregation::ConstantLength,
        other => panic!("no aggregation for {other}"),
    }
}

fn floats(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.detach().to_kind(Kind::Double).reshape([-1])).expect("floats")
}

/// Largest |a − b|; different lengths are infinitely far apart.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[track_caller]
fn assert_near(a: f64, b: f64, tolerance: f64, what: &str) {
    assert!((a - b).abs() < tolerance, "{what}: {a} here, {b} there");
}

#[test]
fn losses_and_gradients_by_log_probability_equal_trls() {
    let cases = fixture().losses;
    assert_eq!(cases.len(), 16);
    for case in cases {
        let (mut advantages, mut weights) = (vec![], vec![]);
        for (&length, &advantage) in case.lengths.iter().zip(&case.advantages) {
            let aggregation = aggregation(&case.loss_type);
            let weight = token_weight(aggregation, length, &case.lengths, case.max_new_tokens);
            advantages.extend(std::iter::repeat_n(advantage, length));
            weights.extend(std::iter::repeat_n(weight as f32, length));
        }
        let tokens = Tokens {
            old: &Tensor::from_slice(&case.old),
            reference: None,
            advantages: &Tensor::from_slice(&advantages),
            weights: &Tensor::from_slice(&weights),
        };
        let options =
            ClipOptions { clip_low: case.clip_low, clip_high: case.clip_high, kl_weight: 0.0 };
        let loss = clipped(&Tensor::from_slice(&case.lp), &tokens, options);
        assert_near(loss.value, case.loss, TOLERANCE, &case.name);
        let apart = distance(&floats(&loss.gradient), &case.gradient);
        assert!(apart < TOLERANCE, "{}: gradients are {apart} apart", case.name);
        let share = loss.clipped / case.lp.len() as f64;
        assert_near(share, case.clip_share, TOLERANCE, &case.name);
    }
}

#[test]
fn advantages_equal_trls() {
    for case in fixture().advantages {
        let options = schema::Advantage { scale_by_std: case.scale_by_std, epsilon: case.epsilon };
        for (rewards, expected) in case.rewards.iter().zip(&case.advantages) {
            let apart = distance(&group_relative(rewards, &options), expected);
            assert!(apart < TOLERANCE, "{rewards:?}: {apart}");
        }
    }
}

#[test]
fn adamw_and_the_limit_of_the_norm_equal_torchs() {
    let case = fixture().adamw;
    let leaf = |values: &[f32], shape: &[i64]| {
        Tensor::from_slice(values).view(shape).set_requires_grad(true)
    };
    let (matrix, vector) = (leaf(&case.start.matrix, &[2, 3]), leaf(&case.start.vector, &[4]));
    let weights =
        vec![("matrix".into(), matrix.shallow_clone()), ("vector".into(), vector.shallow_clone())];
    let mut adamw = AdamW::new(case.options.clone(), weights);
    for (index, step) in case.steps.iter().enumerate() {
        for (weight, gradient) in
            [(&matrix, &step.gradients.matrix), (&vector, &step.gradients.vector)]
        {
            let gradient = Tensor::from_slice(gradient).view_as(weight);
            (weight * gradient).sum(Kind::Float).backward();
        }
        let norm = adamw.gradient_norm();
        assert_near(norm, step.norm, TOLERANCE, "the norm");
        adamw.step(case.options.lr, norm);
        for (weight, after) in [(&matrix, &step.after.matrix), (&vector, &step.after.vector)] {
            let after: Vec<f64> = after.iter().map(|&v| f64::from(v)).collect();
            let apart = distance(&floats(weight), &after);
            assert!(apart < TOLERANCE, "step {index}: {apart}");
        }
    }
}

#[test]
fn the_cosine_schedule_equals_that_of_transformers() {
    for case in fixture().schedules {
        let options = schema::Optimizer {
            lr: case.lr,
            warmup_share: case.warmup as f64 / case.total as f64,
            schedule: LrSchedule::Cosine,
            ..schema::Optimizer::default()
        };
        let rates: Vec<f64> =
            (0..case.total).map(|step| learning_rate(&options, step, case.total)).collect();
        let apart = distance(&rates, &case.rates);
        assert!(apart < 1e-12, "warm-up {}: {rates:?}", case.warmup);
    }
}

/// A policy and what TRL did with it.
struct Session {
    fixture: Fixture,
    folder: tempfile::TempDir,
}

impl Session {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let fixture = fixture();
        common::model_folder(folder.path(), &fixture.model);
        Self { fixture, folder }
    }

    fn learner(&self, run: &Run) -> Learner {
        let mut learner = Learner::new(common::load(self.folder.path()), run.optimizer.clone());
        if run.kl_weight > 0.0 {
            learner.keep_reference();
        }
        learner
    }

    fn items(&self, run: &Run) -> Vec<Item> {
        let options = schema::Advantage { scale_by_std: run.scale_by_std, epsilon: 1e-4 };
        let mut items = Vec::new();
        for (group, prompt) in self.fixture.prompts.iter().enumerate() {
            let prompt: Arc<[i64]> = prompt.as_slice().into();
            let advantages = group_relative(&run.rewards[group], &options);
            for (tokens, advantage) in self.fixture.completions[group].iter().zip(advantages) {
                let (prompt, tokens) = (prompt.clone(), tokens.clone());
                items.push(Item { prompt, tokens, sampled_logprobs: vec![], advantage });
            }
        }
        items
    }
}

fn train(run: &Run, micro_batch_tokens: u32) -> (schema::Train, schema::Sampling) {
    let train = schema::Train {
        clip_low: run.clip_low,
        clip_high: run.clip_high,
        kl_weight: run.kl_weight,
        epochs: run.epochs,
        aggregation: aggregation(&run.loss_type),
        micro_batch_tokens,
        optimizer: run.optimizer.clone(),
        ..schema::Train::default()
    };
    let sampling = schema::Sampling {
        temperature: run.temperature,
        max_new_tokens: run.max_new_tokens,
        ..schema::Sampling::default()
    };
    (train, sampling)
}

/// What the gradients of the last update were, before their norm was limited: from the first moments before and after.
fn last_gradients(
    learner: &Learner,
    before: &BTreeMap<String, Tensor>,
    stats: &UpdateStats,
    options: &schema::Optimizer,
) -> BTreeMap<String, Vec<f64>> {
    let limit = (options.max_grad_norm / (stats.gradient_norm + 1e-6)).min(1.0);
    first_moments(learner)
        .into_iter()
        .map(|(name, moment)| {
            let gradient =
                (moment - &before[&name] * options.beta1) / ((1.0 - options.beta1) * limit);
            (name, floats(&gradient))
        })
        .collect()
}

fn first_moments(learner: &Learner) -> BTreeMap<String, Tensor> {
    learner
        .optimizer
        .moments()
        .filter_map(|(name, moment)| {
            Some((name.strip_prefix("first.")?.to_owned(), moment.to_kind(Kind::Double)))
        })
        .collect()
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// Statistics of one update against those of TRL's step.
fn compare_stats(what: &str, run: &Run, items: &[Item], stats: &UpdateStats, step: &Step) {
    let all: usize = items.iter().map(|item| item.tokens.len()).sum();
    let computed: usize = items
        .iter()
        .filter(|item| item.advantage != 0.0 || run.kl_weight > 0.0)
        .map(|item| item.tokens.len())
        .sum();
    let every_token = computed == all;
    let (all, computed) = (all as f64, computed as f64);
    // TRL's loss holds its KL term, whose value is another estimator's.
    let kl_in_loss = run.kl_weight * step.reference_kl * all
        / (items.len() as f64 * f64::from(run.max_new_tokens));
    assert_near(stats.policy_loss, step.loss - kl_in_loss, TOLERANCE, what);
    assert_near(stats.lr, step.lr, 1e-12, what);
    assert_near(stats.clip_share * computed, step.clip_share * all, 1e-4, what);
    if every_token {
        assert_near(stats.entropy, step.entropy, 5e-6, what);
    }
    let theirs = norm(&step.gradient_norms.values().copied().collect::<Vec<_>>());
    assert_near(stats.gradient_norm, theirs, TOLERANCE * theirs.max(1.0), what);
}

fn compare_run(session: &Session, name: &str, micro_batch_tokens: u32, recompute: bool) {
    let run = &session.fixture.runs[name];
    let items = session.items(run);
    let mut learner = session.learner(run);
    let (train, sampling) = train(run, micro_batch_tokens);
    let stop = AtomicBool::new(false);
    let options = UpdateOptions { train: &train, sampling: &sampling, recompute, stop: &stop };
    let updates = run.max_steps / u64::from(run.epochs);
    for update in 0..updates {
        let what = format!("{name}, {micro_batch_tokens} tokens, update {update}");
        let before = first_moments(&learner);
        let stats = learner
            .update(&items, update, updates, options, &mut |_, _| {})
            .expect("the update works");
        let theirs = &run.steps[((update + 1) * u64::from(run.epochs) - 1) as usize];
        compare_stats(&what, run, &items, &stats, theirs);
        if run.epochs > 1 {
            // The moments hold two epochs; the weights below show that both were right.
            continue;
        }
        let gradients = last_gradients(&learner, &before, &stats, &run.optimizer);
        assert_eq!(gradients.len(), theirs.gradient_norms.len());
        for (weight, ours) in &gradients {
            assert_near(
                norm(ours),
                theirs.gradient_norms[weight],
                TOLERANCE,
                &format!("{what}: {weight}"),
            );
        }
        for (weight, expected) in &theirs.gradients {
            let apart = distance(&gradients[weight], expected);
            assert!(apart < TOLERANCE, "{what}: gradients of {weight} are {apart} apart");
        }
    }
    let ours: BTreeMap<&str, Vec<f64>> =
        learner.optimizer.weights().map(|(name, weight)| (name, floats(weight))).collect();
    assert_eq!(ours.len(), run.weight_norms.len());
    for (weight, theirs) in &run.weight_norms {
        let apart = (norm(&ours[weight.as_str()]) - theirs).abs();
        assert!(apart < TOLERANCE * theirs, "{name}: the norm of {weight} is {apart} off");
    }
    for (weight, theirs) in &run.weights {
        let apart = distance(&ours[weight.as_str()], theirs);
        assert!(apart < TOLERANCE, "{name}: {weight} is {apart} off");
    }
}

/// Small enough for every sequence alone, for a few, and for all at once: the result must not depend on it.
const MICRO_BATCHES: [u32; 3] = [8, 20, 10_000];

#[test]
fn a_run_by_token_mean_with_warm_up_decay_and_limited_norm_equals_trls() {
    let session = Session::open();
    for tokens in MICRO_BATCHES {
        compare_run(&session, "token_mean", tokens, false);
    }
    compare_run(&session, "token_mean", 20, true);
}

#[test]
fn two_epochs_by_sequence_mean_with_both_clips_equal_trls() {
    let session = Session::open();
    assert!(session.fixture.runs["sequence_mean_two_epochs"].steps[1].clip_share > 0.1);
    for tokens in MICRO_BATCHES {
        compare_run(&session, "sequence_mean_two_epochs", tokens, false);
    }
}

#[test]
fn a_run_by_constant_length_with_a_reference_equals_trls() {
    let session = Session::open();
    assert!(session.fixture.runs["constant_length_with_reference"].steps[2].reference_kl > 1e-3);
    for tokens in MICRO_BATCHES {
        compare_run(&session, "constant_length_with_reference", tokens, false);
    }
}
