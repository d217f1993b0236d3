//! Llama and Qwen2 (Qwen2 adds biases to query, key and value): pre-norm transformer with rotary positions, grouped
//! heads and a gated feed-forward layer.
//!
//! Letters: T tokens of a row, H width of the residual stream, N query heads, K key-value heads, D width of a head.

use std::path::Path;

use conductor_configs::schema::{Adapter, LoraTarget};
use tch::{Kind, Tensor};

use crate::config::{ModelConfig, RopeScaling};
use crate::linear::{Linear, Lora};
use crate::tree::TokenTree;
use crate::weights::WeightFiles;
use crate::{Placement, PolicyError};

/// A model with its weights.
#[derive(Debug)]
pub struct Model {
    /// Sizes and constants.
    pub config: ModelConfig,
    /// Device and precision of the passes.
    pub placement: Placement,
    /// [vocabulary, H]
    pub(crate) embedding: Tensor,
    pub(crate) layers: Vec<Layer>,
    /// [H]
    final_norm: Tensor,
    /// [vocabulary, H]; `None` where the embedding serves.
    head: Option<Tensor>,
}

/// One transformer layer.
#[derive(Debug)]
pub(crate) struct Layer {
    attention_norm: Tensor,
    q: Linear,
    k: Linear,
    v: Linear,
    o: Linear,
    mlp_norm: Tensor,
    gate: Linear,
    up: Linear,
    down: Linear,
}

/// What every layer of one pass needs beside its input.
#[derive(Debug)]
pub(crate) struct Context {
    /// [T, D]
    cos: Tensor,
    sin: Tensor,
    /// [T, T]: 0 where seen, −∞ where not.
    mask: Tensor,
}

/// Keys and values of one layer, rotated: [K, T, D] each.
pub(crate) type KeysValues = (Tensor, Tensor);

impl Model {
    /// Loads a Hugging Face folder. Weights that are trained become float32 masters with gradients; frozen ones are
    /// kept in the precision of the passes.
    pub fn load(
        folder: &Path,
        placement: Placement,
        adapter: &Adapter,
        seed: u64,
    ) -> Result<Self, PolicyError> {
        let config = ModelConfig::read(folder)?;
        let mut files = WeightFiles::open(folder)?;
        let full = matches!(adapter, Adapter::Full);
        let kind = if full { Kind::Float } else { placement.kind };
        let mut take = |name: &str, shape: &[i64]| -> Result<Tensor, PolicyError> {
            let tensor = files.take(name, shape)?.f_to_device(placement.device)?.f_to_kind(kind)?;
            Ok(if full { tensor.set_requires_grad(true) } else { tensor })
        };
        let (h, v) = (config.hidden_size, config.vocab_size);
        let embedding = take("model.embed_tokens.weight", &[v, h])?;
        let layers = (0..config.layers)
            .map(|index| Layer::load(&config, index, &mut take))
            .collect::<Result<Vec<_>, _>>()?;
        let final_norm = take("model.norm.weight", &[h])?;
        let head = if config.tied { None } else { Some(take("lm_head.weight", &[v, h])?) };
        files.finish()?;
        let mut model = Self { config, placement, embedding, layers, final_norm, head };
        if let Adapter::Lora { rank, alpha, targets } = adapter {
            model.add_lora(i64::from(*rank), *alpha, targets, seed)?;
        }
        Ok(model)
    }

    /// Hidden states after the last norm for every token of the row: [T, H] in the precision of the passes.
    pub fn hidden(&self, tree: &TokenTree) -> Tensor {
        let context = self.context(tree);
        let mut x = self.embed(&self.token_tensor(&tree.tokens));
        for layer in &self.layers {
            x = layer.forward(&self.config, &x, &context).0;
        }
        self.norm(&x)
    }

    /// As [`Model::hidden`], and every layer's keys and values.
    pub(crate) fn prefill(&self, tree: &TokenTree) -> (Tensor, Vec<KeysValues>) {
        let context = self.context(tree);
        let mut x = self.embed(&self.token_tensor(&tree.tokens));
        let mut cache = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let (next, keys_values) = layer.forward(&self.config, &x, &context);
            x = next;
            cache.push(keys_values);
        }
        (self.norm(&x), cache)
    }

    /// The output projection: [vocabulary, H].
    pub fn head(&self) -> &Tensor {
        self.head.as_ref().unwrap_or(&self.embedding)
    }

    /// tokens: [...] of int64; the result is [..., H].
    pub(crate) fn embed(&self, tokens: &Tensor) -> Tensor {
        Tensor::embedding(&self.embedding, tokens, -1, false, false).to_kind(self.placement.kind)
    }

    pub(crate) fn norm(&self, x: &Tensor) -> Tensor {
        rms_norm(x, &self.final_norm, self.config.norm_eps)
    }

    pub(crate) fn token_tensor(&self, tokens: &[i64]) -> Tensor {
        Tensor::from_slice(tokens).to_device(self.placement.device)
    }

    pub(crate) fn context(&self, tree: &TokenTree) -> Context {
        let (cos, sin) = self.rotary(&tree.positions);
        let kind = self.placement.kind;
        let hidden = tree.mask(self.placement.device).logical_not();
        let size = [tree.len() as i64, tree.len() as i64];
        let mask = Tensor::zeros(size, (kind, self.placement.device))
            .masked_fill(&hidden, f64::NEG_INFINITY);
        Context { cos, sin, mask }
    }

    /// Cosines and sines for positions: [T, D] each, in the precision of the passes.
    pub(crate) fn rotary(&self, positions: &[i64]) -> (Tensor, Tensor) {
        let device = self.placement.device;
        let frequencies = Tensor::from_slice(&self.config.rotary_frequencies()).to_device(device);
        let positions = Tensor::from_slice(positions).to_device(device).to_kind(Kind::Float);
        let angles = positions.unsqueeze(1) * frequencies.unsqueeze(0);
        let angles = Tensor::cat(&[&angles, &angles], -1);
        (angles.cos().to_kind(self.placement.kind), angles.sin().to_kind(self.placement.kind))
    }

    /// The same model without gradients, low-rank updates folded in, in the precision of the passes: for sampling.
    #[must_use]
    pub fn for_inference(&self) -> Self {
        tch::no_grad(|| {
            let kind = self.placement.kind;
            let cast = |t: &Tensor| t.detach().to_kind(kind);
            Self {
                config: self.config.clone(),
                placement: self.placement,
                embedding: cast(&self.embedding),
                layers: self.layers.iter().map(|layer| layer.merged(kind)).collect(),
                final_norm: cast(&self.final_norm),
                head: self.head.as_ref().map(cast),
            }
        })
    }

    /// Calls `f` with the model that samples. Low-rank updates are folded in, except in bfloat16: there the sum would be
    /// rounded to the base weight's precision, small updates would vanish, and the sampler would not be what is trained.
    pub fn with_sampling<T>(&self, f: impl FnOnce(&Self) -> T) -> T {
        if self.has_lora() && self.placement.kind != Kind::Float {
            f(self)
        } else {
            f(&self.for_inference())
        }
    }

    /// As [`Model::for_inference`], in storage of its own: training this model does not change the copy.
    #[must_use]
    pub fn frozen_copy(&self) -> Self {
        // Where the precision is the same already, for_inference shares its tensors with this model.
        let shared = self.for_inference();
        tch::no_grad(|| Self {
            embedding: shared.embedding.copy(),
            layers: shared.layers.iter().map(Layer::copy).collect(),
            final_norm: shared.final_norm.copy(),
            head: shared.head.as_ref().map(Tensor::copy),
            ..shared
        })
    }

    /// Whether low-rank updates lie over any projection.
    pub fn has_lora(&self) -> bool {
        self.layers
            .iter()
            .any(|layer| layer.linears().iter().any(|(_, linear)| linear.lora.is_some()))
    }

    /// What is trained, by name in a fixed order: float32 with gradients.
    pub fn trainable(&self) -> Vec<(String, Tensor)> {
        let mut found = Vec::new();
        self.visit(&mut |name, weight| {
            if weight.requires_grad() {
                found.push((name, weight.shallow_clone()));
            }
        });
        found
    }

    /// Every weight under its Hugging Face name with low-rank updates folded in: what an export holds.
    pub fn merged_weights(&self) -> Vec<(String, Tensor)> {
        let mut found = Vec::new();
        let merged = tch::no_grad(|| self.with_merged_layers());
        merged.visit(&mut |name, weight| found.push((name, weight.shallow_clone())));
        found
    }

    fn with_merged_layers(&self) -> Self {
        Self {
            config: self.config.clone(),
            placement: self.placement,
            embedding: self.embedding.detach(),
            layers: self.layers.iter().map(Layer::merged_in_place).collect(),
            final_norm: self.final_norm.detach(),
            head: self.head.as_ref().map(Tensor::detach),
        }
    }

    fn visit(&self, f: &mut dyn FnMut(String, &Tensor)) {
        f("model.embed_tokens.weight".into(), &self.embedding);
        for (index, layer) in self.layers.iter().enumerate() {
            let prefix = format!("model.layers.{index}");
            f(format!("{prefix}.input_layernorm.weight"), &layer.attention_norm);
            for (name, linear) in layer.linears() {
                f(format!("{prefix}.{name}.weight"), &linear.weight);
                if let Some(bias) = &linear.bias {
                    f(format!("{prefix}.{name}.bias"), bias);
                }
                if let Some(lora) = &linear.lora {
                    f(format!("{prefix}.{name}.lora_A.weight"), &lora.a);
                    f(format!("{prefix}.{name}.lora_B.weight"), &lora.b);
                }
            }
            f(format!("{prefix}.post_attention_layernorm.weight"), &layer.mlp_norm);
        }
        f("model.norm.weight".into(), &self.final_norm);
        if let Some(head) = &self.head {
            f("lm_head.weight".into(), head);
        }
    }

    fn add_lora(
        &mut self,
        rank: i64,
        alpha: f64,
        targets: &[LoraTarget],
        seed: u64,
    ) -> Result<(), PolicyError> {
        let options = (Kind::Float, self.placement.device);
        let mut rng = conductor_types::seed::SplitMix::new(seed);
        for layer in &mut self.layers {
            for (name, linear) in layer.linears_mut() {
                if !targets.iter().any(|target| name.ends_with(target.as_str())) {
                    continue;
                }
                let (out, input) = (linear.weight.size()[0], linear.weight.size()[1]);
                // Kaiming-uniform with a = √5, as the usual implementations start A: U(−1/√in, 1/√in).
                let bound = 1.0 / (input as f64).sqrt();
                let a: Vec<f32> = (0..rank * input)
                    .map(|_| ((2.0 * rng.next_unit() - 1.0) * bound) as f32)
                    .collect();
                let a = Tensor::f_from_slice(&a)?
                    .f_view([rank, input])?
                    .f_to_device(self.placement.device)?;
                linear.lora = Some(Lora {
                    a: a.set_requires_grad(true),
                    b: Tensor::zeros([out, rank], options).set_requires_grad(true),
                    scale: alpha / rank as f64,
                });
            }
        }
        Ok(())
    }
}

impl ModelConfig {
    /// Radians per position of each pair of a head: D/2 numbers.
    ///
    /// In single precision by libtorch's own power, as transformers and the programs that models are trained and served with compute
    /// them: more exact ones would be others, and at a thousand tokens the angles differ by what float32 rounds.
    fn rotary_frequencies(&self) -> Vec<f32> {
        let half = (self.head_dim / 2) as usize;
        let pairs: Vec<f32> =
            (0..half).map(|pair| 2.0 * pair as f32 / self.head_dim as f32).collect();
        let pairs = Tensor::from_slice(&pairs);
        let unscaled = Tensor::pow_scalar(self.rope_theta, &pairs).reciprocal();
        let mut frequencies = vec![0_f32; half];
        unscaled.copy_data(&mut frequencies, half);
        frequencies.into_iter().map(|base| self.scaled(f64::from(base)) as f32).collect()
    }

    /// A rotary frequency after `rope_scaling`.
    fn scaled(&self, base: f64) -> f64 {
        match self.rope_scaling {
            RopeScaling::None => base,
            RopeScaling::Linear { factor } => base / factor,
            RopeScaling::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_max_positions,
            } => {
                let wavelength = 2.0 * std::f64::consts::PI / base;
                let ramp = (original_max_positions / wavelength - low_freq_factor)
                    / (high_freq_factor - low_freq_factor);
                let keep = ramp.clamp(0.0, 1.0);
                keep * base + (1.0 - keep) * base / factor
            }
        }
    }
}

type Take<'a> = &'a mut dyn FnMut(&str, &[i64]) -> Result<Tensor, PolicyError>;

impl Layer {
    fn load(config: &ModelConfig, index: usize, take: Take<'_>) -> Result<Self, PolicyError> {
        let prefix = format!("model.layers.{index}");
        let (h, i) = (config.hidden_size, config.intermediate_size);
        let (q, kv) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
        let mut linear =
            |name: &str, out: i64, input: i64, bias: bool| -> Result<Linear, PolicyError> {
                Ok(Linear {
                    weight: take(&format!("{prefix}.{name}.weight"), &[out, input])?,
                    bias: if bias {
                        Some(take(&format!("{prefix}.{name}.bias"), &[out])?)
                    } else {
                        None
                    },
                    lora: None,
                })
            };
        let bias = config.qkv_bias;
        let (q, k, v) = (
            linear("self_attn.q_proj", q, h, bias)?,
            linear("self_attn.k_proj", kv, h, bias)?,
            linear("self_attn.v_proj", kv, h, bias)?,
        );
        let o = linear("self_attn.o_proj", h, config.heads * config.head_dim, config.output_bias)?;
        let gate = linear("mlp.gate_proj", i, h, config.mlp_bias)?;
        let up = linear("mlp.up_proj", i, h, config.mlp_bias)?;
        let down = linear("mlp.down_proj", h, i, config.mlp_bias)?;
        Ok(Self {
            attention_norm: take(&format!("{prefix}.input_layernorm.weight"), &[h])?,
            mlp_norm: take(&format!("{prefix}.post_attention_layernorm.weight"), &[h])?,
            q,
            k,
            v,
            o,
            gate,
            up,
            down,
        })
    }

    /// x: [T, H]; the result is [T, H] and this layer's rotated keys and values.
    pub(crate) fn forward(
        &self,
        config: &ModelConfig,
        x: &Tensor,
        context: &Context,
    ) -> (Tensor, KeysValues) {
        let (q, k, v) = self.project(config, x);
        let q = rotate(&q, &context.cos, &context.sin);
        let k = rotate(&k, &context.cos, &context.sin);
        let repeat = config.heads / config.kv_heads;
        let widen = |t: &Tensor| t.repeat_interleave_self_int(repeat, 0, None).unsqueeze(0);
        let attended = Tensor::scaled_dot_product_attention(
            &q.unsqueeze(0),
            &widen(&k),
            &widen(&v),
            Some(&context.mask.unsqueeze(0).unsqueeze(0)),
            0.0,
            false,
            None,
            false,
        );
        let attended = attended.squeeze_dim(0).transpose(0, 1).flatten(1, 2);
        (self.finish(config, x, &attended), (k, v))
    }

    /// x: [T, H] → queries [N, T, D], keys and values [K, T, D], not yet rotated.
    pub(crate) fn project(&self, config: &ModelConfig, x: &Tensor) -> (Tensor, Tensor, Tensor) {
        let normed = rms_norm(x, &self.attention_norm, config.norm_eps);
        let heads = |y: Tensor, n: i64| y.unflatten(1, [n, config.head_dim]).transpose(0, 1);
        (
            heads(self.q.forward(&normed), config.heads),
            heads(self.k.forward(&normed), config.kv_heads),
            heads(self.v.forward(&normed), config.kv_heads),
        )
    }

    /// Adds the attention's output (attended: [T, N·D]) and the feed-forward layer to x: [T, H].
    pub(crate) fn finish(&self, config: &ModelConfig, x: &Tensor, attended: &Tensor) -> Tensor {
        let x = x + self.o.forward(attended);
        let normed = rms_norm(&x, &self.mlp_norm, config.norm_eps);
        let gated = self.gate.forward(&normed).silu() * self.up.forward(&normed);
        x + self.down.forward(&gated)
    }

    fn linears(&self) -> [(&'static str, &Linear); 7] {
        [
            ("self_attn.q_proj", &self.q),
            ("self_attn.k_proj", &self.k),
            ("self_attn.v_proj", &self.v),
            ("self_attn.o_proj", &self.o),
            ("mlp.gate_proj", &self.gate),
            ("mlp.up_proj", &self.up),
            ("mlp.down_proj", &self.down),
        ]
    }

    fn linears_mut(&mut self) -> [(&'static str, &mut Linear); 7] {
        [
            ("self_attn.q_proj", &mut self.q),
            ("self_attn.k_proj", &mut self.k),
            ("self_attn.v_proj", &mut self.v),
            ("self_attn.o_proj", &mut self.o),
            ("mlp.gate_proj", &mut self.gate),
            ("mlp.up_proj", &mut self.up),
            ("mlp.down_proj", &mut self.down),
        ]
    }

    fn map(&self, norm: impl Fn(&Tensor) -> Tensor, linear: impl Fn(&Linear) -> Linear) -> Self {
        Self {
            attention_norm: norm(&self.attention_norm),
            q: linear(&self.q),
            k: linear(&self.k),
            v: linear(&self.v),
            o: linear(&self.o),
            mlp_norm: norm(&self.mlp_norm),
            gate: linear(&self.gate),
            up: linear(&self.up),
            down: linear(&self.down),
        }
    }

    fn merged(&self, kind: Kind) -> Self {
        self.map(|norm| norm.detach().to_kind(kind), |linear| linear.merged(kind))
    }

    fn copy(&self) -> Self {
        self.map(Tensor::copy, Linear::copy)
    }

    fn merged_in_place(&self) -> Self {
        self.map(Tensor::detach, |linear| linear.merged(linear.weight.kind()))
    }
}

/// Root-mean-square norm (arXiv 1910.07467), computed in float32 and rounded back before the gain, as transformers does.
fn rms_norm(x: &Tensor, gain: &Tensor, eps: f64) -> Tensor {
    let kind = x.kind();
    let wide = x.to_kind(Kind::Float);
    let scale = (wide.square().mean_dim([-1_i64].as_slice(), true, Kind::Float) + eps).rsqrt();
    (wide * scale).to_kind(kind) * gain.to_kind(kind)
}

/// Rotary embedding (arXiv 2104.09864) in the half-split layout. x: [heads, T, D]; cos, sin: [T, D].
pub(crate) fn rotate(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Tensor {
    let halves = x.chunk(2, -1);
    let turned = Tensor::cat(&[&halves[1].neg(), &halves[0]], -1);
    x * cos + turned * sin
}
