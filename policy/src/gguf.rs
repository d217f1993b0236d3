//! Reads a GGUF file and writes a Hugging Face folder, since GGUF is what package registries carry.
//!
//! candle de-quantises; names, the order of query and key rows, configuration and tokenizer are translated here.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::{Content, Value};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::json;

use crate::PolicyError;
use crate::config::{Architecture, ModelConfig};
use crate::gguf_tokenizer;

/// What an import made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The new folder.
    pub folder: PathBuf,
    /// Weights in it.
    pub parameters: u64,
    /// The GGUF's own name of the model.
    pub model_name: String,
}

/// The metadata of a GGUF file with errors that name file and key.
pub(crate) struct Metadata<'a> {
    pub path: &'a Path,
    pub values: &'a HashMap<String, Value>,
}

impl Metadata<'_> {
    pub fn string(&self, key: &str) -> Result<&str, PolicyError> {
        self.get(key)?.to_string().map(String::as_str).map_err(|error| self.wrong(key, &error))
    }

    pub fn number(&self, key: &str) -> Result<i64, PolicyError> {
        self.optional_number(key)?.ok_or_else(|| self.missing(key))
    }

    pub fn optional_number(&self, key: &str) -> Result<Option<i64>, PolicyError> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::U64(n)) => Ok(i64::try_from(*n).ok()),
            Some(Value::I32(n)) => Ok(Some(i64::from(*n))),
            Some(Value::I64(n)) => Ok(Some(*n)),
            Some(value) => {
                value.to_u32().map(|n| Some(i64::from(n))).map_err(|error| self.wrong(key, &error))
            }
        }
    }

    pub fn float(&self, key: &str) -> Result<f64, PolicyError> {
        self.get(key)?.to_f32().map(f64::from).map_err(|error| self.wrong(key, &error))
    }

    pub fn list(&self, key: &str) -> Result<&[Value], PolicyError> {
        self.get(key)?.to_vec().map(Vec::as_slice).map_err(|error| self.wrong(key, &error))
    }

    pub fn get(&self, key: &str) -> Result<&Value, PolicyError> {
        self.values.get(key).ok_or_else(|| self.missing(key))
    }

    pub fn wrong(&self, key: &str, reason: &dyn std::fmt::Display) -> PolicyError {
        PolicyError::malformed(self.path, format!("metadata {key}: {reason}"))
    }

    fn missing(&self, key: &str) -> PolicyError {
        PolicyError::malformed(self.path, format!("metadata {key} is missing"))
    }
}

/// Imports `path` into the new folder `out`: config.json, model.safetensors (float32), tokenizer.json,
/// tokenizer_config.json, generation_config.json. The folder appears whole or not at all.
pub fn import(
    path: &Path,
    out: &Path,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Imported, PolicyError> {
    if out.exists() {
        return Err(PolicyError::Io {
            action: "create",
            path: out.to_owned(),
            source: std::io::Error::other("it exists already; remove it or choose another folder"),
        });
    }
    let file = File::open(path).map_err(PolicyError::io("read", path))?;
    let mut reader = BufReader::new(file);
    let content = Content::read(&mut reader)
        .map_err(|error| PolicyError::malformed(path, format!("no readable GGUF file: {error}")))?;
    let metadata = Metadata { path, values: &content.metadata };
    let config_json = config_of(&metadata, &content)?;
    let config = ModelConfig::from_json(&config_json, path)?;

    let aside = out.with_extension("partial");
    if aside.exists() {
        std::fs::remove_dir_all(&aside).map_err(PolicyError::io("remove", &aside))?;
    }
    std::fs::create_dir_all(&aside).map_err(PolicyError::io("create", &aside))?;
    write_json(&aside.join("config.json"), &config_json)?;
    write_json(
        &aside.join("generation_config.json"),
        &json!({ "eos_token_id": config.eos_tokens }),
    )?;
    gguf_tokenizer::write(&metadata, &aside)?;
    write_weights(
        path,
        &content,
        &mut reader,
        &config,
        &aside.join("model.safetensors"),
        progress,
    )?;
    std::fs::rename(&aside, out).map_err(PolicyError::io("rename", &aside))?;
    Ok(Imported {
        folder: out.to_owned(),
        parameters: config.parameters(),
        model_name: metadata.string("general.name").unwrap_or("unnamed").to_owned(),
    })
}

fn config_of(metadata: &Metadata<'_>, content: &Content) -> Result<serde_json::Value, PolicyError> {
    let family = metadata.string("general.architecture")?;
    let architecture = match family {
        "llama" => "LlamaForCausalLM",
        "qwen2" => "Qwen2ForCausalLM",
        other => {
            return Err(PolicyError::Unsupported {
                path: metadata.path.to_owned(),
                what: format!("architecture {other}"),
                hint: "llama and qwen2 are".into(),
            });
        }
    };
    let scaling = metadata.string(&format!("{family}.rope.scaling.type")).unwrap_or("none");
    if scaling != "none" || content.tensor_infos.contains_key("rope_freqs.weight") {
        return Err(PolicyError::Unsupported {
            path: metadata.path.to_owned(),
            what: "rotary scaling inside a GGUF".into(),
            hint: "import a model without it, or use its Hugging Face folder".into(),
        });
    }
    let key = |name: &str| format!("{family}.{name}");
    let heads = metadata.number(&key("attention.head_count"))?;
    let hidden = metadata.number(&key("embedding_length"))?;
    let vocab = metadata.list("tokenizer.ggml.tokens")?.len();
    let kv_heads = metadata.optional_number(&key("attention.head_count_kv"))?.unwrap_or(heads);
    let head_dim =
        metadata.optional_number(&key("attention.key_length"))?.unwrap_or(hidden / heads.max(1));
    Ok(json!({
        "architectures": [architecture],
        "model_type": family,
        "vocab_size": vocab,
        "hidden_size": hidden,
        "intermediate_size": metadata.number(&key("feed_forward_length"))?,
        "num_hidden_layers": metadata.number(&key("block_count"))?,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": head_dim,
        "hidden_act": "silu",
        "rms_norm_eps": metadata.float(&key("attention.layer_norm_rms_epsilon"))?,
        "rope_theta": metadata.float(&key("rope.freq_base")).unwrap_or(10_000.0),
        "max_position_embeddings": metadata.number(&key("context_length"))?,
        "tie_word_embeddings": !content.tensor_infos.contains_key("output.weight"),
        "attention_bias": family == "llama" && content.tensor_infos.contains_key("blk.0.attn_q.bias"),
        "mlp_bias": false,
        "bos_token_id": metadata.optional_number("tokenizer.ggml.bos_token_id")?,
        "eos_token_id": metadata.number("tokenizer.ggml.eos_token_id")?,
        "torch_dtype": "float32",
    }))
}

fn write_weights(
    path: &Path,
    content: &Content,
    reader: &mut BufReader<File>,
    config: &ModelConfig,
    out: &Path,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(), PolicyError> {
    let mut names: Vec<&String> = content.tensor_infos.keys().collect();
    names.sort_unstable();
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let broken = |error: candle_core::Error| {
            PolicyError::malformed(path, format!("weight {name}: {error}"))
        };
        let target = hugging_face_name(name).ok_or_else(|| {
            PolicyError::malformed(
                path,
                format!("weight {name} has no place in a {:?} model", config.architecture),
            )
        })?;
        let device = candle_core::Device::Cpu;
        let tensor = content
            .tensor(reader, name, &device)
            .and_then(|quantised| quantised.dequantize(&device))
            .map_err(broken)?;
        let shape = tensor.dims().to_vec();
        let values = tensor.flatten_all().and_then(|flat| flat.to_vec1::<f32>()).map_err(broken)?;
        let values = match (config.architecture, heads_of(name, config)) {
            (Architecture::Llama, Some(heads)) => {
                unpermute(&values, heads as usize, config.head_dim as usize)
            }
            _ => values,
        };
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        tensors.push((target, shape, bytes));
        progress(index + 1, names.len());
    }
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| {
            Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes)?))
        })
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|error| PolicyError::malformed(path, error))?;
    let info = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize_to_file(views, Some(info), out)
        .map_err(|error| PolicyError::malformed(out, format!("it cannot be written: {error}")))
}

fn hugging_face_name(gguf: &str) -> Option<String> {
    match gguf {
        "token_embd.weight" => return Some("model.embed_tokens.weight".into()),
        "output_norm.weight" => return Some("model.norm.weight".into()),
        "output.weight" => return Some("lm_head.weight".into()),
        _ => {}
    }
    let (layer, rest) = gguf.strip_prefix("blk.")?.split_once('.')?;
    let (part, field) = rest.rsplit_once('.')?;
    let part = match part {
        "attn_norm" => "input_layernorm",
        "ffn_norm" => "post_attention_layernorm",
        "attn_q" => "self_attn.q_proj",
        "attn_k" => "self_attn.k_proj",
        "attn_v" => "self_attn.v_proj",
        "attn_output" => "self_attn.o_proj",
        "ffn_gate" => "mlp.gate_proj",
        "ffn_up" => "mlp.up_proj",
        "ffn_down" => "mlp.down_proj",
        _ => return None,
    };
    Some(format!("model.layers.{layer}.{part}.{field}"))
}

/// Heads of a query or key weight; `None` for every other.
fn heads_of(name: &str, config: &ModelConfig) -> Option<i64> {
    if name.contains(".attn_q.") {
        Some(config.heads)
    } else if name.contains(".attn_k.") {
        Some(config.kv_heads)
    } else {
        None
    }
}

/// GGUF stores the rows of Llama's query and key heads for rotary pairs that stand side by side; Hugging Face's
/// layout has the two halves of all pairs one behind the other.
fn unpermute(values: &[f32], heads: usize, head_dim: usize) -> Vec<f32> {
    let width = values.len() / (heads * head_dim);
    let mut out = Vec::with_capacity(values.len());
    for head in 0..heads {
        for half in 0..2 {
            for pair in 0..head_dim / 2 {
                let row = head * head_dim + 2 * pair + half;
                out.extend_from_slice(&values[row * width..(row + 1) * width]);
            }
        }
    }
    out
}

pub(crate) fn write_json(path: &Path, value: &serde_json::Value) -> Result<(), PolicyError> {
    let mut text =
        serde_json::to_string_pretty(value).map_err(|error| PolicyError::malformed(path, error))?;
    text.push('\n');
    std::fs::write(path, text).map_err(PolicyError::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_head_are_put_back_in_halves() {
        // One head of width 4, one column: stored as pairs (a0 b0 a1 b1), wanted as halves (a0 a1 b0 b1).
        assert_eq!(unpermute(&[1.0, 10.0, 2.0, 20.0], 1, 4), [1.0, 2.0, 10.0, 20.0]);
    }

    #[test]
    fn every_kind_of_weight_has_its_name() {
        assert_eq!(
            hugging_face_name("blk.3.attn_q.bias").as_deref(),
            Some("model.layers.3.self_attn.q_proj.bias")
        );
        assert_eq!(hugging_face_name("output.weight").as_deref(), Some("lm_head.weight"));
        assert_eq!(hugging_face_name("blk.0.ssm_in.weight"), None);
    }

    #[test]
    fn a_file_that_is_no_gguf_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("x.gguf");
        std::fs::write(&path, b"not a model").expect("written");
        let error = import(&path, &dir.path().join("out"), &mut |_, _| {})
            .expect_err("no GGUF")
            .to_string();
        assert!(error.contains("x.gguf") && error.contains("GGUF"), "{error}");
        assert!(!dir.path().join("out").exists());
    }
}
