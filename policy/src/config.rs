//! `config.json` of a Hugging Face folder, as far as Llama and Qwen2 need it.

use std::path::Path;

use serde_json::Value;

use crate::PolicyError;

/// Which family of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// `LlamaForCausalLM`.
    Llama,
    /// `Qwen2ForCausalLM`: Llama with biases on query, key and value.
    Qwen2,
}

/// The sizes and constants of a model.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each says whether one weight exists")]
pub struct ModelConfig {
    /// Which family.
    pub architecture: Architecture,
    /// Rows of the embedding.
    pub vocab_size: i64,
    /// Width of the residual stream.
    pub hidden_size: i64,
    /// Width inside the feed-forward layer.
    pub intermediate_size: i64,
    /// Layers.
    pub layers: usize,
    /// Query heads.
    pub heads: i64,
    /// Key and value heads; divides `heads`.
    pub kv_heads: i64,
    /// Width of a head.
    pub head_dim: i64,
    /// ε of the root-mean-square norms.
    pub norm_eps: f64,
    /// Base of the rotary embedding.
    pub rope_theta: f64,
    /// Frequency scaling of the rotary embedding.
    pub rope_scaling: RopeScaling,
    /// Whether the output projection is the embedding.
    pub tied: bool,
    /// Biases on query, key and value.
    pub qkv_bias: bool,
    /// Bias on the attention's output projection.
    pub output_bias: bool,
    /// Biases in the feed-forward layer.
    pub mlp_bias: bool,
    /// Longest context.
    pub max_positions: usize,
    /// Tokens that end an answer, from `generation_config.json` where it names them.
    pub eos_tokens: Vec<i64>,
}

/// How rotary frequencies are scaled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RopeScaling {
    /// As trained.
    None,
    /// Every position divided by a factor.
    Linear {
        /// The divisor.
        factor: f64,
    },
    /// Llama 3's: low frequencies divided, high ones kept, a ramp between.
    Llama3 {
        /// The divisor of low frequencies.
        factor: f64,
        /// Wavelengths above `original / low` are scaled.
        low_freq_factor: f64,
        /// Wavelengths below `original / high` are kept.
        high_freq_factor: f64,
        /// The context before scaling.
        original_max_positions: f64,
    },
}

impl ModelConfig {
    /// Reads `config.json` (and `generation_config.json` where there is one) of a model folder.
    pub fn read(folder: &Path) -> Result<Self, PolicyError> {
        let path = folder.join("config.json");
        if !path.is_file() {
            return Err(PolicyError::Incomplete {
                folder: folder.to_owned(),
                missing: "config.json".into(),
            });
        }
        let mut config = Self::from_json(&read_json(&path)?, &path)?;
        let generation = folder.join("generation_config.json");
        if generation.is_file() {
            let tokens = token_list(&read_json(&generation)?["eos_token_id"]);
            if !tokens.is_empty() {
                config.eos_tokens = tokens;
            }
        }
        Ok(config)
    }

    /// Reads a parsed `config.json`; `path` is for error messages.
    pub fn from_json(json: &Value, path: &Path) -> Result<Self, PolicyError> {
        let fields = Fields { json, path };
        let architecture = match json["model_type"].as_str() {
            Some("llama") => Architecture::Llama,
            Some("qwen2") => Architecture::Qwen2,
            other => {
                return Err(PolicyError::Unsupported {
                    path: path.to_owned(),
                    what: format!("model_type {}", other.unwrap_or("(absent)")),
                    hint: "use a model of type llama or qwen2".into(),
                });
            }
        };
        if json["use_sliding_window"].as_bool() == Some(true) {
            return Err(
                fields.unsupported("sliding-window attention", "set use_sliding_window to false")
            );
        }
        if let Some(act) = json["hidden_act"].as_str().filter(|act| *act != "silu") {
            return Err(fields.unsupported(&format!("hidden_act {act}"), "use a model with silu"));
        }
        let hidden_size = fields.positive("hidden_size")?;
        let heads = fields.positive("num_attention_heads")?;
        let kv_heads = fields.positive_or("num_key_value_heads", heads)?;
        if heads % kv_heads != 0 {
            return Err(PolicyError::malformed(
                path,
                format!(
                    "num_attention_heads {heads} is no multiple of num_key_value_heads {kv_heads}"
                ),
            ));
        }
        let head_dim = fields.positive_or("head_dim", hidden_size / heads)?;
        if head_dim % 2 != 0 {
            return Err(PolicyError::malformed(
                path,
                format!("head width {head_dim} is odd; rotary embeddings need pairs"),
            ));
        }
        let attention_bias = json["attention_bias"].as_bool().unwrap_or(false);
        Ok(Self {
            architecture,
            vocab_size: fields.positive("vocab_size")?,
            hidden_size,
            intermediate_size: fields.positive("intermediate_size")?,
            layers: fields.positive("num_hidden_layers")? as usize,
            heads,
            kv_heads,
            head_dim,
            norm_eps: json["rms_norm_eps"].as_f64().unwrap_or(1e-6),
            rope_theta: rope_field(json, "rope_theta").and_then(Value::as_f64).unwrap_or(10_000.0),
            rope_scaling: rope_scaling(json, path)?,
            tied: json["tie_word_embeddings"].as_bool().unwrap_or(false),
            qkv_bias: architecture == Architecture::Qwen2 || attention_bias,
            output_bias: architecture == Architecture::Llama && attention_bias,
            mlp_bias: json["mlp_bias"].as_bool().unwrap_or(false),
            max_positions: fields.positive_or("max_position_embeddings", 2048)? as usize,
            eos_tokens: token_list(&json["eos_token_id"]),
        })
    }

    /// Weights of the model, embeddings counted once where they are tied.
    pub fn parameters(&self) -> u64 {
        let (h, i, d) = (self.hidden_size, self.intermediate_size, self.head_dim);
        let (q, kv) = (self.heads * d, self.kv_heads * d);
        let bias = |on: bool, n: i64| if on { n } else { 0 };
        let layer = h * (q + 2 * kv)
            + q * h
            + 3 * h * i
            + 2 * h
            + bias(self.qkv_bias, q + 2 * kv)
            + bias(self.output_bias, h)
            + bias(self.mlp_bias, 2 * i + h);
        let embeddings = self.vocab_size * h * if self.tied { 1 } else { 2 };
        (embeddings + h + layer * self.layers as i64) as u64
    }
}

struct Fields<'a> {
    json: &'a Value,
    path: &'a Path,
}

impl Fields<'_> {
    fn positive(&self, key: &str) -> Result<i64, PolicyError> {
        match &self.json[key] {
            Value::Null => {
                Err(PolicyError::malformed(self.path, format!("the key {key} is missing")))
            }
            value => value.as_i64().filter(|v| (1..=1 << 40).contains(v)).ok_or_else(|| {
                PolicyError::malformed(
                    self.path,
                    format!("{key} must be a positive whole number, not {value}"),
                )
            }),
        }
    }

    fn positive_or(&self, key: &str, default: i64) -> Result<i64, PolicyError> {
        if self.json[key].is_null() { Ok(default) } else { self.positive(key) }
    }

    fn unsupported(&self, what: &str, hint: &str) -> PolicyError {
        PolicyError::Unsupported {
            path: self.path.to_owned(),
            what: what.into(),
            hint: hint.into(),
        }
    }
}

/// Newer files keep rotary settings in `rope_parameters`, older ones at the top and in `rope_scaling`.
fn rope_field<'a>(json: &'a Value, key: &str) -> Option<&'a Value> {
    [&json["rope_parameters"][key], &json[key], &json["rope_scaling"][key]]
        .into_iter()
        .find(|value| !value.is_null())
}

fn rope_scaling(json: &Value, path: &Path) -> Result<RopeScaling, PolicyError> {
    let kind = rope_field(json, "rope_type").or_else(|| rope_field(json, "type"));
    let number = |key: &str| {
        rope_field(json, key).and_then(Value::as_f64).ok_or_else(|| {
            PolicyError::malformed(path, format!("rotary scaling needs the number {key}"))
        })
    };
    match kind.and_then(Value::as_str) {
        None | Some("default") => Ok(RopeScaling::None),
        Some("linear") => Ok(RopeScaling::Linear { factor: number("factor")? }),
        Some("llama3") => Ok(RopeScaling::Llama3 {
            factor: number("factor")?,
            low_freq_factor: number("low_freq_factor")?,
            high_freq_factor: number("high_freq_factor")?,
            original_max_positions: number("original_max_position_embeddings")?,
        }),
        Some(other) => Err(PolicyError::Unsupported {
            path: path.to_owned(),
            what: format!("rotary scaling of type {other}"),
            hint: "default, linear and llama3 are".into(),
        }),
    }
}

fn token_list(value: &Value) -> Vec<i64> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_i64).collect(),
        other => other.as_i64().into_iter().collect(),
    }
}

/// Reads a JSON file with an error that names it.
pub(crate) fn read_json(path: &Path) -> Result<Value, PolicyError> {
    let text = std::fs::read_to_string(path).map_err(PolicyError::io("read", path))?;
    serde_json::from_str(&text)
        .map_err(|error| PolicyError::malformed(path, format!("no valid JSON: {error}")))
}
