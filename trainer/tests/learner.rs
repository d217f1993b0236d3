//! What the learner must do whatever the numbers are.

#![expect(clippy::float_cmp, reason = "what must not move must not move by a bit")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use conductor_configs::schema;
use conductor_policy::{Placement, Policy};
use conductor_trainer::{Item, Learner, TrainError, UpdateOptions, UpdateStats};
use conductor_types::ChatMessage;
use tch::{Kind, Tensor};

struct Setup {
    folder: tempfile::TempDir,
    train: schema::Train,
    sampling: schema::Sampling,
    stop: AtomicBool,
}

impl Setup {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        common::tiny_model_folder(folder.path(), 1);
        let optimizer = schema::Optimizer {
            lr: 1e-3,
            warmup_share: 0.0,
            // Near 1e-8, AdamW turns the noise of gradients that are almost zero into steps of full length.
            epsilon: 1e-4,
            ..schema::Optimizer::default()
        };
        let train = schema::Train { optimizer, ..schema::Train::default() };
        let sampling = schema::Sampling { max_new_tokens: 16, ..schema::Sampling::default() };
        Self { folder, train, sampling, stop: AtomicBool::new(false) }
    }

    fn learner(&self) -> Learner {
        Learner::new(common::load(self.folder.path()), self.train.optimizer.clone())
    }

    fn update(&self, learner: &mut Learner, items: &[Item]) -> Result<UpdateStats, TrainError> {
        self.update_watched(learner, items, &mut |_, _| {})
    }

    fn update_watched(
        &self,
        learner: &mut Learner,
        items: &[Item],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<UpdateStats, TrainError> {
        let options = UpdateOptions {
            train: &self.train,
            sampling: &self.sampling,
            recompute: false,
            stop: &self.stop,
        };
        learner.update(items, 0, 10, options, progress)
    }
}

fn item(prompt: &Arc<[i64]>, tokens: &[i64], advantage: f64) -> Item {
    Item { prompt: prompt.clone(), tokens: tokens.to_vec(), sampled_logprobs: vec![], advantage }
}

/// Two groups that share the beginning of their prompts.
fn items() -> Vec<Item> {
    let (a, b): (Arc<[i64]>, Arc<[i64]>) = ([65, 66, 67].into(), [65, 66, 70, 71].into());
    vec![
        item(&a, &[72, 73, 74], 1.0),
        item(&a, &[72, 80, 81, 82, 83], -1.0),
        item(&b, &[90, 91], 0.5),
        item(&b, &[33, 34, 35, 36], -0.5),
    ]
}

fn weights(learner: &Learner) -> Vec<(String, Tensor)> {
    learner.optimizer.weights().map(|(name, w)| (name.to_owned(), w.detach().copy())).collect()
}

fn largest_change(before: &[(String, Tensor)], learner: &Learner) -> f64 {
    let after = weights(learner);
    assert_eq!(before.len(), after.len());
    before
        .iter()
        .zip(&after)
        .map(|((_, a), (_, b))| (a - b).abs().max().double_value(&[]))
        .fold(0.0, f64::max)
}

#[test]
fn the_tiny_policy_reads_and_writes_any_text() {
    let setup = Setup::new();
    let policy = common::load(setup.folder.path());
    for text in ["", "Plan: [0, 1]\n\t\"x\"", "Ünïcode — 数字 🙂", "a\u{0}b\r\n"] {
        let tokens = policy.tokenizer.encode(text).expect("tokens");
        assert_eq!(tokens.len(), text.len());
        assert_eq!(policy.tokenizer.decode(&tokens).expect("a text"), text);
    }
    let message = ChatMessage::user("hi");
    let prompt = policy.encode_prompt(&[message], "").expect("a prompt");
    let (start, end) = (common::END_OF_TURN as i64 - 1, common::END_OF_TURN as i64);
    assert_eq!(prompt[0], start);
    assert_eq!(prompt.iter().filter(|&&token| token == end).count(), 1);
    assert_eq!(policy.tokenizer.decode(&prompt).expect("a text"), "user\nhi\nassistant\n");
    assert_eq!(policy.model.config.eos_tokens, [end]);
}

#[test]
fn seeds_give_different_tiny_policies() {
    let (a, b) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    common::tiny_model_folder(a.path(), 1);
    common::tiny_model_folder(b.path(), 2);
    let logprobs = |folder: &tempfile::TempDir| {
        common::load(folder.path()).logprobs(&[65, 66, 67]).expect("numbers")
    };
    let (a, b) = (logprobs(&a), logprobs(&b));
    assert!((a[0] - b[0]).abs() > 1e-3, "{a:?} {b:?}");
}

#[test]
fn an_advantage_that_is_no_number_is_an_error_and_leaves_the_weights() {
    let setup = Setup::new();
    let mut learner = setup.learner();
    let before = weights(&learner);
    for bad in [f64::NAN, f64::INFINITY] {
        let mut items = items();
        items[2].advantage = bad;
        let error = setup.update(&mut learner, &items).expect_err("it diverges");
        assert!(matches!(error, TrainError::Diverged { step: 0, what: "the loss", .. }), "{error}");
        assert_eq!(largest_change(&before, &learner), 0.0);
        assert_eq!(learner.optimizer.steps, 0);
    }
    // Nothing of the bad gradients is left over for the next update.
    let stats = setup.update(&mut learner, &items()).expect("the update works");
    let fresh = setup.update(&mut setup.learner(), &items()).expect("the update works");
    assert_eq!(stats, fresh);
}

#[test]
fn the_size_of_micro_batches_changes_nothing() {
    let mut setup = Setup::new();
    for aggregation in [
        schema::Aggregation::TokenMean,
        schema::Aggregation::SequenceMean,
        schema::Aggregation::ConstantLength,
    ] {
        setup.train.aggregation = aggregation;
        setup.train.micro_batch_tokens = 10_000;
        let mut whole = setup.learner();
        let expected = setup.update(&mut whole, &items()).expect("the update works");
        for (tokens, batches) in [(1, 4), (8, 4), (10, 3), (11, 2), (64, 1)] {
            setup.train.micro_batch_tokens = tokens;
            let mut learner = setup.learner();
            let mut counted = 0;
            let stats = setup
                .update_watched(&mut learner, &items(), &mut |_, total| counted = total)
                .expect("the update works");
            assert_eq!(counted, batches, "{tokens} tokens");
            assert!((stats.loss - expected.loss).abs() < 1e-6, "{tokens} tokens");
            assert!((stats.gradient_norm - expected.gradient_norm).abs() < 1e-6, "{tokens} tokens");
            assert!(largest_change(&weights(&whole), &learner) < 1e-6, "{tokens} tokens");
        }
    }
}

#[test]
fn the_order_of_the_items_changes_nothing() {
    let setup = Setup::new();
    let (mut forward, mut backward) = (setup.learner(), setup.learner());
    setup.update(&mut forward, &items()).expect("the update works");
    let reversed: Vec<Item> = items().into_iter().rev().collect();
    setup.update(&mut backward, &reversed).expect("the update works");
    assert!(largest_change(&weights(&forward), &backward) < 1e-6);
}

#[test]
fn a_group_without_advantage_leaves_the_weights() {
    let setup = Setup::new();
    let mut learner = setup.learner();
    let before = weights(&learner);
    let flat: Vec<Item> = items().into_iter().map(|item| Item { advantage: 0.0, ..item }).collect();
    let stats = setup.update(&mut learner, &flat).expect("the update works");
    assert_eq!(largest_change(&before, &learner), 0.0);
    assert_eq!((stats.loss, stats.gradient_norm, stats.computed_tokens), (0.0, 0.0, 0.0));
    assert_eq!(stats.response_tokens, 14.0);

    // Momentum of an earlier update does not move them either.
    setup.update(&mut learner, &items()).expect("the update works");
    let before = weights(&learner);
    setup.update(&mut learner, &flat).expect("the update works");
    assert_eq!(largest_change(&before, &learner), 0.0);
}

#[test]
fn a_group_without_advantage_counts_in_the_token_mean() {
    let setup = Setup::new();
    let alone = setup.update(&mut setup.learner(), &items()[..2]).expect("the update works");
    let mut both = items();
    for item in &mut both[2..] {
        item.advantage = 0.0;
    }
    let diluted = setup.update(&mut setup.learner(), &both).expect("the update works");
    // 8 tokens pull, 14 are in the mean.
    assert!((diluted.gradient_norm * 14.0 - alone.gradient_norm * 8.0).abs() < 1e-5);
    assert!((diluted.loss * 14.0 - alone.loss * 8.0).abs() < 1e-5);
    assert_eq!(diluted.computed_tokens, alone.computed_tokens);
}

#[test]
fn an_interrupt_leaves_the_weights_and_no_gradients() {
    let mut setup = Setup::new();
    setup.train.micro_batch_tokens = 8;
    let mut learner = setup.learner();
    let before = weights(&learner);
    let stop = &setup.stop;
    let error = setup
        .update_watched(&mut learner, &items(), &mut |_, _| stop.store(true, Ordering::Relaxed))
        .expect_err("it is interrupted");
    assert!(matches!(error, TrainError::Interrupted), "{error}");
    assert_eq!(largest_change(&before, &learner), 0.0);
    setup.stop.store(false, Ordering::Relaxed);
    let stats = setup.update(&mut learner, &items()).expect("the update works");
    let fresh = setup.update(&mut setup.learner(), &items()).expect("the update works");
    assert_eq!(stats, fresh);
}

#[test]
fn an_interrupt_after_the_first_epoch_lets_the_update_finish() {
    let mut setup = Setup::new();
    setup.train.epochs = 3;
    let mut learner = setup.learner();
    let stop = &setup.stop;
    let interrupted = setup
        .update_watched(&mut learner, &items(), &mut |_, _| stop.store(true, Ordering::Relaxed))
        .expect("weights that have begun to move are moved to the end");
    setup.stop.store(false, Ordering::Relaxed);
    let mut undisturbed = setup.learner();
    let stats = setup.update(&mut undisturbed, &items()).expect("the update works");
    assert_eq!(interrupted, stats);
    assert_eq!(largest_change(&weights(&undisturbed), &learner), 0.0);
}

#[test]
fn a_second_epoch_is_off_policy() {
    let mut setup = Setup::new();
    (setup.train.clip_low, setup.train.clip_high) = (0.01, 0.01);
    let one = setup.update(&mut setup.learner(), &items()).expect("the update works");
    assert_eq!((one.clip_share, one.policy_kl), (0.0, 0.0));
    setup.train.epochs = 2;
    let mut learner = setup.learner();
    let mut seen = vec![];
    let two = setup
        .update_watched(&mut learner, &items(), &mut |done, total| seen.push((done, total)))
        .expect("the update works");
    assert!(two.clip_share > 0.0 && two.clip_share <= 1.0, "{two:?}");
    assert!(two.policy_kl > 0.0, "{two:?}");
    assert_eq!(learner.optimizer.steps, 2);
    assert_eq!(seen, [(1, 2), (2, 2)]);
}

#[test]
fn the_reference_stays_where_it_was_and_pulls_back() {
    let mut setup = Setup::new();
    let mut free = setup.learner();
    setup.train.kl_weight = 10.0;
    let mut held = setup.learner();
    held.keep_reference();
    let first = setup.update(&mut held, &items()).expect("the update works");
    assert_eq!(first.reference_kl, 0.0);
    let second = setup.update(&mut held, &items()).expect("the update works");
    assert!(second.reference_kl > 1e-4, "{second:?}");
    for _ in 0..20 {
        setup.update(&mut held, &items()).expect("the update works");
        setup.train.kl_weight = 0.0;
        setup.update(&mut free, &items()).expect("the update works");
        setup.train.kl_weight = 10.0;
    }
    let start = setup.learner();
    let drift = |learner: &Learner| {
        let tokens = [65, 66, 67, 72, 73, 74];
        let numbers = |learner: &Learner| learner.policy.logprobs(&tokens).expect("numbers");
        numbers(learner)
            .iter()
            .zip(numbers(&start))
            .map(|(a, b)| (a - b).abs())
            .fold(0.0_f32, f32::max)
    };
    assert!(drift(&held) < 0.5 * drift(&free), "{} {}", drift(&held), drift(&free));
}

#[test]
fn updates_raise_what_was_good_and_lower_what_was_bad() {
    let setup = Setup::new();
    let mut learner = setup.learner();
    let mean = |learner: &Learner, item: &Item| {
        let all: Vec<i64> = item.prompt.iter().chain(&item.tokens).copied().collect();
        let numbers = learner.policy.logprobs(&all).expect("numbers");
        let response = &numbers[item.prompt.len() - 1..];
        Tensor::from_slice(response).mean(Kind::Double).double_value(&[])
    };
    let before: Vec<f64> = items().iter().map(|item| mean(&learner, item)).collect();
    for _ in 0..5 {
        setup.update(&mut learner, &items()).expect("the update works");
    }
    for (item, before) in items().iter().zip(before) {
        let change = mean(&learner, item) - before;
        assert!(change * item.advantage > 0.0, "{item:?}: {change}");
    }
}

#[test]
fn a_low_rank_update_trains_alone_and_has_a_reference_of_its_own() {
    let mut setup = Setup::new();
    setup.train.kl_weight = 0.1;
    let adapter = schema::Adapter::Lora { rank: 4, alpha: 8.0, targets: schema::LoraTarget::all() };
    let policy = Policy::load_folder(setup.folder.path(), Placement::CPU, &adapter, 3)
        .expect("the policy loads");
    let mut learner = Learner::new(policy, setup.train.optimizer.clone());
    learner.keep_reference();
    let before = weights(&learner);
    assert!(before.iter().all(|(name, _)| name.contains(".lora_")), "{before:?}");
    setup.update(&mut learner, &items()).expect("the update works");
    let second = setup.update(&mut learner, &items()).expect("the update works");
    assert!(largest_change(&before, &learner) > 1e-4);
    assert!(second.reference_kl > 0.0, "{second:?}");
}

#[test]
fn no_items_are_no_update() {
    let setup = Setup::new();
    let mut learner = setup.learner();
    let before = weights(&learner);
    let stats = setup.update(&mut learner, &[]).expect("nothing to do");
    assert_eq!(stats.response_tokens, 0.0);
    assert_eq!(largest_change(&before, &learner), 0.0);
}
