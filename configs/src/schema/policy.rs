//! `[policy]`: the language model that is trained.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// A Hugging Face folder: `config.json`, `*.safetensors`, `tokenizer.json`, `tokenizer_config.json`.
    #[schemars(length(min = 1))]
    pub model: PathBuf,
    /// Where it runs.
    #[serde(default)]
    pub device: Device,
    /// Precision of the forward and backward passes; master weights and optimiser state are always float32.
    #[serde(default)]
    pub dtype: Dtype,
    /// What is trained.
    #[serde(default)]
    pub adapter: Adapter,
    /// Recompute each layer's activations in the backward pass: slower, with much less memory.
    #[serde(default)]
    pub recompute_activations: bool,
}

/// Where tensors live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// A GPU where one can be used, else the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// The GPU; an error where there is none.
    Cuda,
}

/// Precision of the forward and backward passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dtype {
    /// bfloat16 on a GPU and on processors with bfloat16 arithmetic, else float32.
    #[default]
    Auto,
    /// 32-bit floats.
    Float32,
    /// bfloat16 arithmetic over float32 master weights.
    Bfloat16,
}

/// What is trained.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Adapter {
    /// Every weight.
    #[default]
    Full,
    /// Low-rank updates (arXiv 2106.09685) of the named projections; the rest is frozen.
    Lora {
        /// Rank of the update.
        #[schemars(range(min = 1))]
        rank: u32,
        /// The update is scaled by alpha / rank.
        #[schemars(extend("exclusiveMinimum" = 0))]
        alpha: f64,
        /// Which projections.
        #[serde(default = "LoraTarget::all")]
        #[schemars(length(min = 1), extend("uniqueItems" = true))]
        targets: Vec<LoraTarget>,
    },
}

/// A projection that low-rank updates can be laid over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the weights' own")]
pub enum LoraTarget {
    QProj,
    KProj,
    VProj,
    OProj,
    GateProj,
    UpProj,
    DownProj,
}

impl LoraTarget {
    /// Every projection.
    pub fn all() -> Vec<Self> {
        vec![
            Self::QProj,
            Self::KProj,
            Self::VProj,
            Self::OProj,
            Self::GateProj,
            Self::UpProj,
            Self::DownProj,
        ]
    }

    /// The name in weight files ("`q_proj`").
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QProj => "q_proj",
            Self::KProj => "k_proj",
            Self::VProj => "v_proj",
            Self::OProj => "o_proj",
            Self::GateProj => "gate_proj",
            Self::UpProj => "up_proj",
            Self::DownProj => "down_proj",
        }
    }
}
