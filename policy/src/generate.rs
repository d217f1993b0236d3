//! Batched sampling with a key-value cache in two parts: the prompt's, computed once and shared by all samples of
//! the prompt (prompts among themselves share beginnings through a [`TokenTree`]), and each sample's own.
//!
//! Letters: R requests, G samples of each, B = R·G rows, A rows still active, P longest prompt, S tokens sampled so
//! far; N, K, D as in [`crate::model`].

use std::sync::atomic::{AtomicBool, Ordering};

use conductor_types::FinishReason;
use conductor_types::seed::SplitMix;
use tch::{IndexOp, Kind, Tensor};

use crate::PolicyError;
use crate::model::{KeysValues, Model, rotate};
use crate::tree::{Sequence, TokenTree};

/// How to sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoding {
    /// Logits are divided by it; 0 takes the likeliest token.
    pub temperature: f64,
    /// Longest completion.
    pub max_new_tokens: usize,
    /// Longest prompt.
    pub max_prompt_tokens: usize,
    /// Rows decoded at once.
    pub batch_size: usize,
    /// Tokens that end a completion.
    pub stop_tokens: Vec<i64>,
}

/// One sampled continuation.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
    /// The sampled tokens, a stop token included.
    pub tokens: Vec<i64>,
    /// Log-probability of each under the distribution that it was drawn from (for greedy decoding: temperature 1).
    pub logprobs: Vec<f32>,
    /// Why it ended.
    pub finish: FinishReason,
}

/// What a long sampling talks to while it goes on.
pub struct Monitor<'a> {
    /// Set from outside to stop at the next token.
    pub stop: &'a AtomicBool,
    /// Called with the number of finished completions.
    pub progress: &'a mut dyn FnMut(usize),
}

/// Samples `seeds[r].len()` continuations of each `prompts[r]`; the result follows both. `None` where `monitor.stop`
/// was set. `model` should come from [`Model::for_inference`].
pub fn generate(
    model: &Model,
    prompts: &[Vec<i64>],
    seeds: &[Vec<u64>],
    decoding: &Decoding,
    monitor: &mut Monitor<'_>,
) -> Result<Option<Vec<Vec<Sampled>>>, PolicyError> {
    check_prompts(model, prompts)?;
    let mut results: Vec<Vec<Option<Sampled>>> =
        seeds.iter().map(|s| vec![None; s.len()]).collect();
    let mut finished = 0;
    for batch in plan(prompts, seeds, decoding.batch_size.max(1)) {
        let Some(samples) = tch::no_grad(|| {
            Batch::new(model, prompts, seeds, &batch).run(decoding, monitor, finished)
        }) else {
            return Ok(None);
        };
        finished += samples.len();
        for (slot, sample) in batch.iter().flat_map(Unit::slots).zip(samples) {
            results[slot.0][slot.1] = Some(sample);
        }
    }
    Ok(Some(results.into_iter().map(|row| row.into_iter().flatten().collect()).collect()))
}

fn check_prompts(model: &Model, prompts: &[Vec<i64>]) -> Result<(), PolicyError> {
    for (index, prompt) in prompts.iter().enumerate() {
        check_tokens(model, &format!("prompt {index}"), prompt)?;
    }
    Ok(())
}

/// An error where `tokens` is empty or holds something that the model has no embedding for.
pub(crate) fn check_tokens(model: &Model, what: &str, tokens: &[i64]) -> Result<(), PolicyError> {
    let vocab = model.config.vocab_size;
    let reason = if tokens.is_empty() {
        "it has no tokens".into()
    } else if let Some(bad) = tokens.iter().find(|token| !(0..vocab).contains(*token)) {
        format!("token {bad} is outside the model's vocabulary of {vocab}")
    } else {
        return Ok(());
    };
    Err(PolicyError::Tokens { what: what.to_owned(), reason })
}

/// Some samples of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Unit {
    request: usize,
    samples: std::ops::Range<usize>,
}

impl Unit {
    fn slots(&self) -> impl Iterator<Item = (usize, usize)> {
        let request = self.request;
        self.samples.clone().map(move |sample| (request, sample))
    }
}

/// Prompt tokens that go through the model in one pass. Attention in the row of a tree costs the square of its length,
/// and there is little more to share among prompts that are not in the same thousand tokens.
const PREFILL_TOKENS: usize = 1024;

/// Prompt tokens whose keys and values are kept at once: 1.4 GiB of them for a model of 135M in float32.
const CACHED_TOKENS: usize = 32_768;

/// Batches of at most `batch_size` rows and [`CACHED_TOKENS`] prompt tokens (a longer prompt alone is a batch) in which
/// every unit has the same number of samples.
fn plan(prompts: &[Vec<i64>], seeds: &[Vec<u64>], batch_size: usize) -> Vec<Vec<Unit>> {
    let mut by_size: std::collections::BTreeMap<usize, Vec<Unit>> =
        std::collections::BTreeMap::new();
    for (request, seeds) in seeds.iter().enumerate() {
        for start in (0..seeds.len()).step_by(batch_size) {
            let samples = start..(start + batch_size).min(seeds.len());
            by_size.entry(samples.len()).or_default().push(Unit { request, samples });
        }
    }
    let mut batches = Vec::new();
    for (size, units) in by_size {
        let most_units = (batch_size / size).max(1);
        batches.extend(pack(units, most_units, CACHED_TOKENS, |unit| prompts[unit.request].len()));
    }
    batches
}

/// Consecutive items in packs of at most `most` items and `bound` in sum; a larger item makes a pack of its own.
fn pack<T>(
    items: impl IntoIterator<Item = T>,
    most: usize,
    bound: usize,
    size: impl Fn(&T) -> usize,
) -> Vec<Vec<T>> {
    let mut packs: Vec<Vec<T>> = Vec::new();
    let mut sum = 0;
    for item in items {
        let added = size(&item);
        match packs.last_mut() {
            Some(last) if last.len() < most && sum + added <= bound => {
                sum += added;
                last.push(item);
            }
            _ => {
                sum = added;
                packs.push(vec![item]);
            }
        }
    }
    packs
}

struct Batch<'m> {
    model: &'m Model,
    groups: i64,
    samples: i64,
    prompt_lengths: Vec<i64>,
    layers: Vec<Cache>,
    /// [R, 1, 1, P]: 0 for prompt tokens, −∞ for padding.
    prefix_mask: Tensor,
    /// [R, H] states that predict the first sampled token.
    first: Tensor,
    rngs: Vec<SplitMix>,
}

/// Keys and values of one layer.
struct Cache {
    /// [R, K, P, D]
    prefix_keys: Tensor,
    prefix_values: Tensor,
    /// [B, K, capacity, D]
    own_keys: Tensor,
    own_values: Tensor,
}

/// Every layer's keys and values of the prompts, padded to `longest`: [R, K, P, D] each; and the states that predict
/// the first token after each: [R, H].
fn prefill(model: &Model, prompts: &[&[i64]], longest: usize) -> (Vec<KeysValues>, Tensor) {
    let mut layers: Vec<(Vec<Tensor>, Vec<Tensor>)> =
        model.layers.iter().map(|_| (Vec::new(), Vec::new())).collect();
    let mut states = Vec::new();
    for pack in pack(prompts, usize::MAX, PREFILL_TOKENS, |prompt| prompt.len()) {
        let sequences: Vec<Sequence<'_>> =
            pack.iter().map(|&&prompt| Sequence { prompt, response: &[] }).collect();
        let tree = TokenTree::build(&sequences);
        let (hidden, keys_values) = model.prefill(&tree);
        let mut places = Vec::with_capacity(pack.len() * longest);
        for path in &tree.prompt_places {
            places.extend(path.iter().copied().chain(std::iter::repeat_n(0, longest - path.len())));
        }
        let places = model.token_tensor(&places);
        let shape = [pack.len() as i64, longest as i64];
        let spread = |t: &Tensor| {
            t.index_select(1, &places).unflatten(1, shape).transpose(0, 1).contiguous()
        };
        for (layer, (keys, values)) in layers.iter_mut().zip(keys_values) {
            layer.0.push(spread(&keys));
            layer.1.push(spread(&values));
        }
        let last: Vec<i64> = tree.prompt_places.iter().map(|path| path[path.len() - 1]).collect();
        states.push(hidden.index_select(0, &model.token_tensor(&last)));
    }
    let layers = layers
        .into_iter()
        .map(|(keys, values)| (Tensor::cat(&keys, 0), Tensor::cat(&values, 0)))
        .collect();
    (layers, Tensor::cat(&states, 0))
}

impl<'m> Batch<'m> {
    fn new(model: &'m Model, prompts: &[Vec<i64>], seeds: &[Vec<u64>], units: &[Unit]) -> Self {
        let chosen: Vec<&[i64]> =
            units.iter().map(|unit| prompts[unit.request].as_slice()).collect();
        let longest = chosen.iter().map(|prompt| prompt.len()).max().unwrap_or(0);
        let (prefixes, first) = prefill(model, &chosen, longest);
        let padding: Vec<bool> =
            chosen.iter().flat_map(|prompt| (0..longest).map(|i| i >= prompt.len())).collect();
        let shape = [units.len() as i64, longest as i64];
        let kind = model.placement.kind;
        let device = model.placement.device;
        let rows: i64 = units.iter().map(|unit| unit.samples.len() as i64).sum();
        let layers = prefixes
            .into_iter()
            .map(|(prefix_keys, prefix_values)| {
                let own = || {
                    Tensor::zeros(
                        [rows, model.config.kv_heads, 32, model.config.head_dim],
                        (kind, device),
                    )
                };
                Cache { prefix_keys, prefix_values, own_keys: own(), own_values: own() }
            })
            .collect();
        let padding =
            Tensor::from_slice(&padding).to_device(device).view([shape[0], 1, 1, shape[1]]);
        Self {
            model,
            groups: shape[0],
            samples: rows / shape[0].max(1),
            prompt_lengths: chosen.iter().map(|prompt| prompt.len() as i64).collect(),
            layers,
            prefix_mask: Tensor::zeros(padding.size(), (kind, device))
                .masked_fill(&padding, f64::NEG_INFINITY),
            first,
            rngs: units
                .iter()
                .flat_map(Unit::slots)
                .map(|(r, s)| SplitMix::new(seeds[r][s]))
                .collect(),
        }
    }

    fn run(
        mut self,
        decoding: &Decoding,
        monitor: &mut Monitor<'_>,
        finished: usize,
    ) -> Option<Vec<Sampled>> {
        let rows = (self.groups * self.samples) as usize;
        let empty =
            Sampled { tokens: Vec::new(), logprobs: Vec::new(), finish: FinishReason::Length };
        let mut samples = vec![empty; rows];
        let mut active: Vec<i64> = (0..rows as i64).collect();
        let mut hidden = self.first.repeat_interleave_self_int(self.samples, 0, None);
        for step in 0..decoding.max_new_tokens {
            if monitor.stop.load(Ordering::Relaxed) {
                return None;
            }
            let (tokens, logprobs) = self.draw(&hidden, &active, decoding.temperature);
            let mut next = Vec::with_capacity(active.len());
            for ((&row, token), logprob) in active.iter().zip(tokens).zip(logprobs) {
                let sample = &mut samples[row as usize];
                sample.tokens.push(token);
                sample.logprobs.push(logprob);
                if decoding.stop_tokens.contains(&token) {
                    sample.finish = FinishReason::Stop;
                } else {
                    next.push((row, token));
                }
            }
            (monitor.progress)(finished + rows - next.len());
            if next.is_empty() || step + 1 == decoding.max_new_tokens {
                break;
            }
            active = next.iter().map(|&(row, _)| row).collect();
            let tokens: Vec<i64> = next.iter().map(|&(_, token)| token).collect();
            hidden = self.forward(&tokens, &active, step as i64);
        }
        Some(samples)
    }

    /// hidden: [A, H] → a token and its log-probability for each active row.
    fn draw(&mut self, hidden: &Tensor, active: &[i64], temperature: f64) -> (Vec<i64>, Vec<f32>) {
        let logits = hidden.linear(self.model.head(), None::<Tensor>).to_kind(Kind::Float);
        let (tokens, all) = if temperature > 0.0 {
            let all = (logits / temperature).log_softmax(-1, Kind::Float);
            // Inverse of the distribution function at one uniform number a row: the draw depends on the row's own
            // seed only, whatever else is in the batch.
            let cumulative = all.to_kind(Kind::Double).exp().cumsum(-1, Kind::Double);
            let uniforms: Vec<f64> =
                active.iter().map(|&row| self.rngs[row as usize].next_unit()).collect();
            let total = cumulative.narrow(-1, cumulative.size()[1] - 1, 1);
            let points =
                Tensor::from_slice(&uniforms).to_device(self.model.placement.device).unsqueeze(-1)
                    * total;
            let tokens = points.searchsorted(&cumulative, false, true, "right", None::<Tensor>);
            (tokens.clamp_max(all.size()[1] - 1), all)
        } else {
            (logits.argmax(-1, true), logits.log_softmax(-1, Kind::Float))
        };
        let logprobs = all.gather(-1, &tokens, false);
        (to_vec_i64(&tokens), to_vec_f32(&logprobs))
    }

    /// Feeds one token to each active row; `step` tokens were fed before. Returns [A, H].
    fn forward(&mut self, tokens: &[i64], active: &[i64], step: i64) -> Tensor {
        let model = self.model;
        let positions: Vec<i64> = active
            .iter()
            .map(|&row| self.prompt_lengths[(row / self.samples) as usize] + step)
            .collect();
        let (cos, sin) = model.rotary(&positions);
        let rows = model.token_tensor(active);
        let mut x = model.embed(&model.token_tensor(tokens));
        for (layer, cache) in model.layers.iter().zip(&mut self.layers) {
            let (q, k, v) = layer.project(&model.config, &x);
            let (q, k) = (rotate(&q, &cos, &sin), rotate(&k, &cos, &sin));
            cache.reserve(step + 1);
            let _ = cache.own_keys.i((.., .., step)).index_copy_(0, &rows, &k.transpose(0, 1));
            let _ = cache.own_values.i((.., .., step)).index_copy_(0, &rows, &v.transpose(0, 1));
            let all_rows = self.groups * self.samples;
            let queries = Tensor::zeros(
                [all_rows, model.config.heads, model.config.head_dim],
                (q.kind(), q.device()),
            )
            .index_copy(0, &rows, &q.transpose(0, 1));
            let attended =
                cache.attend(&queries, &self.prefix_mask, [self.groups, self.samples], step + 1);
            x = layer.finish(&model.config, &x, &attended.index_select(0, &rows));
        }
        model.norm(&x)
    }
}

impl Cache {
    fn reserve(&mut self, length: i64) {
        let capacity = self.own_keys.size()[2];
        if length > capacity {
            self.own_keys = Tensor::cat(&[&self.own_keys, &self.own_keys.zeros_like()], 2);
            self.own_values = Tensor::cat(&[&self.own_values, &self.own_values.zeros_like()], 2);
        }
    }

    /// queries: [B, N, D] → [B, N·D]: softmax over the shared prompt and the row's own first `length` tokens at once.
    fn attend(
        &self,
        queries: &Tensor,
        prefix_mask: &Tensor,
        [groups, samples]: [i64; 2],
        length: i64,
    ) -> Tensor {
        let size = self.own_keys.size();
        let (kv_heads, width) = (size[1], size[3]);
        let repeat = queries.size()[1] / kv_heads;
        let queries = queries * (width as f64).powf(-0.5);
        // [R, G, K, N/K, D] → [R, K, G·N/K, D]: all samples of a prompt meet its keys in one product.
        let together = queries
            .view([groups, samples, kv_heads, repeat, width])
            .transpose(1, 2)
            .reshape([groups, kv_heads, samples * repeat, width]);
        let prefix_scores = together.matmul(&self.prefix_keys.transpose(-1, -2)) + prefix_mask;
        let own_keys = self.own_keys.narrow(2, 0, length);
        let own_scores =
            queries.view([-1, kv_heads, repeat, width]).matmul(&own_keys.transpose(-1, -2));
        let own_scores = own_scores
            .view([groups, samples, kv_heads, repeat, length])
            .transpose(1, 2)
            .reshape([groups, kv_heads, samples * repeat, length]);
        let weights = Tensor::cat(&[prefix_scores, own_scores], -1)
            .softmax(-1, Kind::Float)
            .to_kind(queries.kind());
        let prefix_length = self.prefix_keys.size()[2];
        let from_prefix = weights.narrow(-1, 0, prefix_length).matmul(&self.prefix_values);
        let from_prefix =
            from_prefix.view([groups, kv_heads, samples, repeat, width]).transpose(1, 2);
        let own_weights = weights
            .narrow(-1, prefix_length, length)
            .reshape([groups, kv_heads, samples, repeat, length])
            .transpose(1, 2)
            .reshape([-1, kv_heads, repeat, length]);
        let from_own = own_weights.matmul(&self.own_values.narrow(2, 0, length));
        let sum = from_prefix + from_own.view([groups, samples, kv_heads, repeat, width]);
        sum.reshape([groups * samples, kv_heads * repeat * width])
    }
}

pub(crate) fn to_vec_i64(tensor: &Tensor) -> Vec<i64> {
    let flat = tensor.to_device(tch::Device::Cpu).flatten(0, -1);
    let mut values = vec![0_i64; flat.numel()];
    flat.copy_data(&mut values, flat.numel());
    values
}

/// The values of a float32 tensor, brought to the processor.
pub fn to_vec_f32(tensor: &Tensor) -> Vec<f32> {
    let flat = tensor.detach().to_kind(Kind::Float).to_device(tch::Device::Cpu).flatten(0, -1);
    let mut values = vec![0_f32; flat.numel()];
    flat.copy_data(&mut values, flat.numel());
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_bounded_in_rows_and_in_prompt_tokens() {
        let prompts = vec![vec![1; 12_000]; 5];
        let rows = |plan: Vec<Vec<Unit>>| plan.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(rows(plan(&prompts, &vec![vec![0]; 5], 64)), [2, 2, 1]);
        assert_eq!(rows(plan(&prompts, &vec![vec![0; 4]; 5], 4)), [1; 5]);
        // Nine samples of one prompt at four rows: 1, 4 and 4, and a prompt over the bound is a batch of its own.
        assert_eq!(rows(plan(&[vec![1; 40_000]], &[vec![0; 9]], 4)), [1, 1, 1]);
        assert_eq!(rows(plan(&prompts[..1], &[vec![]], 4)), [0; 0]);
    }
}
