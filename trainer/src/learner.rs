//! The learner: turns episodes' tokens and advantages into one update of the policy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use conductor_configs::schema;
use conductor_policy::generate::to_vec_f32;
use conductor_policy::logprobs::{backward, token_stats};
use conductor_policy::{Model, Policy};
use tch::{Kind, Tensor};

use crate::TrainError;
use crate::batch::{MicroBatch, micro_batches};
use crate::loss::{self, ClipOptions, Loss, Tokens, token_weight};
use crate::optimizer::{AdamW, learning_rate};

/// One sampled sequence as the learner sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The prompt's tokens.
    pub prompt: Arc<[i64]>,
    /// The sampled tokens, the end-of-sequence token included.
    pub tokens: Vec<i64>,
    /// The sampler's log-probabilities of `tokens`; empty where there was no sampler (supervised examples).
    pub sampled_logprobs: Vec<f32>,
    /// Its advantage.
    pub advantage: f64,
}

/// A policy and its optimiser.
#[derive(Debug)]
pub struct Learner {
    /// What is trained.
    pub policy: Policy,
    /// AdamW over [`Model::trainable`].
    pub optimizer: AdamW,
    /// The policy at the start of reinforcement; kept only where the KL term has weight.
    pub reference: Option<Model>,
}

/// What one update did; means are over the response tokens that took part.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct UpdateStats {
    /// The whole loss.
    pub loss: f64,
    /// The policy-gradient term.
    pub policy_loss: f64,
    /// Share of tokens at the clip bound.
    pub clip_share: f64,
    /// k3 estimate of KL(policy at rollout ‖ policy); 0 with one epoch, where both are the same weights.
    pub policy_kl: f64,
    /// KL term towards the reference, unweighted.
    pub reference_kl: f64,
    /// Mean entropy in nats, at the sampling temperature.
    pub entropy: f64,
    /// k3 estimate of KL(sampler ‖ learner): how far the sampler's numbers are from the learner's.
    pub sampler_kl: f64,
    /// Largest |ln ratio| between learner and sampler.
    pub sampler_log_ratio_max: f64,
    /// Norm of the gradient before it is limited.
    pub gradient_norm: f64,
    /// Learning rate.
    pub lr: f64,
    /// Response tokens in the batch.
    pub response_tokens: f64,
    /// Tokens that went through the model, shared prefixes once.
    pub computed_tokens: f64,
    /// Tokens that padded or unshared rows would have put through it.
    pub unshared_tokens: f64,
}

/// What an update needs beside the items.
#[derive(Debug, Clone, Copy)]
pub struct UpdateOptions<'a> {
    /// `[train]`.
    pub train: &'a schema::Train,
    /// `[sampling]`: temperature and longest completion.
    pub sampling: &'a schema::Sampling,
    /// Recompute activations in the backward pass.
    pub recompute: bool,
    /// Abandon the update when set and no weight has moved yet.
    pub stop: &'a AtomicBool,
}

/// A token's place in the micro-batch: all vectors [n].
struct Rows {
    places: Tensor,
    targets: Tensor,
    advantages: Tensor,
    weights: Tensor,
}

impl Learner {
    /// A fresh optimiser over what the policy trains.
    pub fn new(policy: Policy, options: schema::Optimizer) -> Self {
        let optimizer = AdamW::new(options, policy.model.trainable());
        Self { policy, optimizer, reference: None }
    }

    /// Keeps the policy as it is now as the reference of the KL term.
    pub fn keep_reference(&mut self) {
        self.reference = Some(self.policy.model.frozen_copy());
    }

    /// `train.epochs` updates on the items (the last one's numbers are returned); update number `step` of `steps` for
    /// the schedule. An interrupt before the first of them leaves the weights as they were; after it, the rest are made,
    /// so that the weights are always those of a whole step.
    pub fn update(
        &mut self,
        items: &[Item],
        step: u64,
        steps: u64,
        options: UpdateOptions<'_>,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<UpdateStats, TrainError> {
        let lengths: Vec<usize> = items.iter().map(|item| item.tokens.len()).collect();
        let weights: Vec<f64> = lengths
            .iter()
            .map(|&n| {
                token_weight(
                    options.train.aggregation,
                    n,
                    &lengths,
                    options.sampling.max_new_tokens,
                )
            })
            .collect();
        // Where the advantage is 0 and nothing else pulls, the gradient is 0: such sequences count in every mean above
        // but are not computed.
        let chosen: Vec<usize> = (0..items.len())
            .filter(|&i| lengths[i] > 0 && (items[i].advantage != 0.0 || self.reference.is_some()))
            .collect();
        let batches = micro_batches(items, &chosen, options.train.micro_batch_tokens as usize);
        let epochs = options.train.epochs.max(1) as usize;
        let old = if epochs > 1 { Some(self.old_logprobs(items, &batches, options)) } else { None };
        let mut stats = UpdateStats::default();
        for epoch in 0..epochs {
            stats = UpdateStats {
                response_tokens: lengths.iter().sum::<usize>() as f64,
                computed_tokens: batches.iter().map(|batch| batch.tree.len()).sum::<usize>() as f64,
                unshared_tokens: chosen
                    .iter()
                    .map(|&i| items[i].prompt.len() + lengths[i])
                    .sum::<usize>() as f64,
                ..UpdateStats::default()
            };
            let mut totals = Totals::default();
            for (index, batch) in batches.iter().enumerate() {
                // A later epoch is finished: half an update must not be saved as a whole one.
                if epoch == 0 {
                    self.give_way(options.stop)?;
                }
                let old = old.as_ref().map(|all| &all[index]);
                totals.add(&self.accumulate(items, &weights, batch, old, options));
                progress(epoch * batches.len() + index + 1, epochs * batches.len());
            }
            totals.finish(&mut stats);
            stats.gradient_norm = self.optimizer.gradient_norm();
            check_finite(
                &mut self.optimizer,
                step,
                &[("the loss", stats.loss), ("the gradient norm", stats.gradient_norm)],
            )?;
            let updates = steps * epochs as u64;
            stats.lr = learning_rate(
                &options.train.optimizer,
                step * epochs as u64 + epoch as u64,
                updates,
            );
            if !batches.is_empty() {
                self.optimizer.step(stats.lr, stats.gradient_norm);
            }
        }
        Ok(stats)
    }

    /// One supervised update: the mean of −ln p over the items' response tokens, at temperature 1.
    pub fn supervised_update(
        &mut self,
        items: &[Item],
        lr: f64,
        step: u64,
        options: UpdateOptions<'_>,
    ) -> Result<UpdateStats, TrainError> {
        let all: Vec<usize> = (0..items.len()).filter(|&i| !items[i].tokens.is_empty()).collect();
        let tokens: usize = items.iter().map(|item| item.tokens.len()).sum();
        let mut stats =
            UpdateStats { response_tokens: tokens as f64, lr, ..UpdateStats::default() };
        for batch in micro_batches(items, &all, options.train.micro_batch_tokens as usize) {
            self.give_way(options.stop)?;
            let weights = vec![1.0 / tokens as f64; items.len()];
            let rows = self.rows(items, &weights, &batch);
            let model = &self.policy.model;
            let tape = model.tape(&batch.tree, options.recompute);
            let token =
                token_stats(model, &tape.hidden.index_select(0, &rows.places), &rows.targets, 1.0);
            stats.loss -= (token.logprobs * &rows.weights).sum(Kind::Float).double_value(&[]);
            stats.entropy += (token.entropies * &rows.weights).sum(Kind::Float).double_value(&[]);
            stats.computed_tokens += batch.tree.len() as f64;
            backward(tape, model, &rows.places, &rows.targets, &rows.weights.neg(), 1.0);
        }
        stats.gradient_norm = self.optimizer.gradient_norm();
        check_finite(
            &mut self.optimizer,
            step,
            &[("the loss", stats.loss), ("the gradient norm", stats.gradient_norm)],
        )?;
        self.optimizer.step(lr, stats.gradient_norm);
        Ok(stats)
    }

    /// Abandons the update where someone asked to stop; the weights are as before it.
    fn give_way(&mut self, stop: &AtomicBool) -> Result<(), TrainError> {
        if stop.load(Ordering::Relaxed) {
            self.optimizer.drop_gradients();
            return Err(TrainError::Interrupted);
        }
        Ok(())
    }

    /// Log-probabilities of each micro-batch's tokens under the weights as they are.
    fn old_logprobs(
        &self,
        items: &[Item],
        batches: &[MicroBatch],
        options: UpdateOptions<'_>,
    ) -> Vec<Tensor> {
        let unit = vec![1.0; items.len()];
        batches
            .iter()
            .map(|batch| {
                let rows = self.rows(items, &unit, batch);
                logprobs(&self.policy.model, batch, &rows, options.sampling.temperature)
            })
            .collect()
    }

    /// Adds a micro-batch's gradients.
    fn accumulate(
        &self,
        items: &[Item],
        weights: &[f64],
        batch: &MicroBatch,
        old: Option<&Tensor>,
        options: UpdateOptions<'_>,
    ) -> BatchResult {
        let temperature = options.sampling.temperature;
        let model = &self.policy.model;
        let rows = self.rows(items, weights, batch);
        let tape = model.tape(&batch.tree, options.recompute);
        let stats = token_stats(
            model,
            &tape.hidden.index_select(0, &rows.places),
            &rows.targets,
            temperature,
        );
        // With one epoch the policy at rollout is this policy, so its own numbers serve as old.
        let old = old.map_or_else(|| stats.logprobs.shallow_clone(), Tensor::shallow_clone);
        let reference =
            self.reference.as_ref().map(|reference| logprobs(reference, batch, &rows, temperature));
        let loss = loss::clipped(
            &stats.logprobs,
            &Tokens {
                old: &old,
                reference: reference.as_ref(),
                advantages: &rows.advantages,
                weights: &rows.weights,
            },
            ClipOptions {
                clip_low: options.train.clip_low,
                clip_high: options.train.clip_high,
                kl_weight: options.train.kl_weight,
            },
        );
        backward(tape, model, &rows.places, &rows.targets, &loss.gradient, temperature);
        let sampled: Vec<f32> =
            batch.items.iter().flat_map(|&i| items[i].sampled_logprobs.iter().copied()).collect();
        BatchResult {
            loss,
            entropy: stats.entropies.sum(Kind::Double).double_value(&[]),
            mismatch: to_vec_f32(&old)
                .into_iter()
                .zip(sampled)
                .map(|(a, b)| f64::from(a - b))
                .collect(),
            tokens: rows.places.size()[0] as f64,
        }
    }

    fn rows(&self, items: &[Item], weights: &[f64], batch: &MicroBatch) -> Rows {
        let (mut places, mut targets, mut advantages, mut token_weights) =
            (vec![], vec![], vec![], vec![]);
        for (sequence, &index) in batch.items.iter().enumerate() {
            let item = &items[index];
            let length = item.tokens.len();
            places.extend(batch.tree.predicting_places(sequence, length));
            targets.extend_from_slice(&item.tokens);
            advantages.extend(std::iter::repeat_n(item.advantage as f32, length));
            token_weights.extend(std::iter::repeat_n(weights[index] as f32, length));
        }
        let device = self.policy.model.placement.device;
        Rows {
            places: Tensor::from_slice(&places).to_device(device),
            targets: Tensor::from_slice(&targets).to_device(device),
            advantages: Tensor::from_slice(&advantages).to_device(device),
            weights: Tensor::from_slice(&token_weights).to_device(device),
        }
    }
}

fn logprobs(model: &Model, batch: &MicroBatch, rows: &Rows, temperature: f64) -> Tensor {
    let hidden = tch::no_grad(|| model.hidden(&batch.tree).index_select(0, &rows.places));
    token_stats(model, &hidden, &rows.targets, temperature).logprobs
}

/// An error where something is not finite; the gradients are dropped so that nothing of them can reach the weights.
fn check_finite(
    optimizer: &mut AdamW,
    step: u64,
    values: &[(&'static str, f64)],
) -> Result<(), TrainError> {
    match values.iter().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some(&(what, value)) => {
            optimizer.drop_gradients();
            Err(TrainError::Diverged { step, what, value, episodes: "episodes/".into() })
        }
    }
}

struct BatchResult {
    loss: Loss,
    entropy: f64,
    /// ln(learner / sampler) of each token
    mismatch: Vec<f64>,
    tokens: f64,
}

#[derive(Default)]
struct Totals {
    loss: f64,
    policy: f64,
    clipped: f64,
    policy_kl: f64,
    reference_kl: f64,
    entropy: f64,
    tokens: f64,
    sampler_kl: f64,
    sampler_max: f64,
    sampler_tokens: f64,
}

impl Totals {
    fn add(&mut self, batch: &BatchResult) {
        self.loss += batch.loss.value;
        self.policy += batch.loss.policy;
        self.clipped += batch.loss.clipped;
        self.policy_kl += batch.loss.policy_kl;
        self.reference_kl += batch.loss.reference_kl;
        self.entropy += batch.entropy;
        self.tokens += batch.tokens;
        for log_ratio in &batch.mismatch {
            self.sampler_kl += log_ratio.exp() - 1.0 - log_ratio;
            self.sampler_max = self.sampler_max.max(log_ratio.abs());
            self.sampler_tokens += 1.0;
        }
    }

    fn finish(&self, stats: &mut UpdateStats) {
        let mean = |sum: f64, count: f64| if count > 0.0 { sum / count } else { 0.0 };
        stats.loss = self.loss;
        stats.policy_loss = self.policy;
        stats.clip_share = mean(self.clipped, self.tokens);
        stats.policy_kl = self.policy_kl;
        stats.reference_kl = self.reference_kl;
        stats.entropy = mean(self.entropy, self.tokens);
        stats.sampler_kl = mean(self.sampler_kl, self.sampler_tokens);
        stats.sampler_log_ratio_max = self.sampler_max;
    }
}
