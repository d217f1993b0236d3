//! A whole model as a Hugging Face folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{ExportError, ExportOptions, check_place, publish, write_json};
use crate::error::CheckpointError;
use crate::weights::{self, Dtype, TensorBytes};

/// Files that belong to the tokenizer and to generation, copied where the source has them.
const COPIED: [&str; 10] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "chat_template.jinja",
    "chat_template.json",
    "generation_config.json",
];

/// Writes a Hugging Face folder: the source's config.json with the tensors' precision, its tokenizer files, and
/// the tensors as `model.safetensors` (several files with an index above [`ExportOptions::max_shard_bytes`]).
///
/// `tensors` carry the names that transformers uses for the architecture; a tied output layer is left out, as there.
pub fn hugging_face(
    out: &Path,
    source_model: &Path,
    tensors: &[TensorBytes<'_>],
    options: &ExportOptions,
) -> Result<(), ExportError> {
    check_place(out, Some(source_model), options.overwrite)?;
    let config = config_with(source_model, dtype_of(tensors)?)?;
    publish(out, |folder| {
        write_json(&folder.join("config.json"), &config)?;
        for name in COPIED {
            let from = source_model.join(name);
            if from.is_file() {
                let to = folder.join(name);
                fs::copy(&from, &to).map_err(|e| CheckpointError::io("copy to", &to, e))?;
            }
        }
        write_weights(folder, tensors, options.max_shard_bytes)
    })
}

/// The precision of the first tensor; all must share one, since config.json names one.
fn dtype_of(tensors: &[TensorBytes<'_>]) -> Result<Dtype, ExportError> {
    let bad = |message: String| ExportError::BadTensors { message };
    let first = tensors.first().ok_or_else(|| bad("there are none".into()))?;
    if first.dtype() == Dtype::I64 {
        return Err(bad(format!("{} holds integers, expected F32 or BF16", first.name())));
    }
    match tensors.iter().find(|tensor| tensor.dtype() != first.dtype()) {
        Some(other) => Err(bad(format!(
            "{} is {:?} but {} is {:?}; convert them to one precision",
            first.name(),
            first.dtype(),
            other.name(),
            other.dtype()
        ))),
        None => Ok(first.dtype()),
    }
}

fn config_with(source_model: &Path, dtype: Dtype) -> Result<Value, ExportError> {
    let path = source_model.join("config.json");
    let bad = |message: String| ExportError::BadSource { path: path.clone(), message };
    let bytes = fs::read(&path).map_err(|e| bad(format!("it cannot be read ({e})")))?;
    let mut config: Value =
        serde_json::from_slice(&bytes).map_err(|e| bad(format!("it is no JSON ({e})")))?;
    let object =
        config.as_object_mut().ok_or_else(|| bad("expected a JSON object at its top".into()))?;
    // transformers 4.56 renamed `torch_dtype` to `dtype`; each program reads the one that it knows.
    let mut named = false;
    for key in ["torch_dtype", "dtype"] {
        if let Some(value) = object.get_mut(key) {
            *value = dtype.torch_name().into();
            named = true;
        }
    }
    if !named {
        object.insert("torch_dtype".into(), dtype.torch_name().into());
    }
    // The tensors are plain floats whatever the source was stored in.
    object.remove("quantization_config");
    Ok(config)
}

fn write_weights(
    folder: &Path,
    tensors: &[TensorBytes<'_>],
    max_bytes: u64,
) -> Result<(), ExportError> {
    let shards = shards(tensors, max_bytes);
    if let [only] = shards.as_slice() {
        return Ok(weights::write_some(&folder.join("model.safetensors"), only)?);
    }
    let mut map = BTreeMap::new();
    for (index, shard) in shards.iter().enumerate() {
        let file = format!("model-{:05}-of-{:05}.safetensors", index + 1, shards.len());
        weights::write_some(&folder.join(&file), shard)?;
        for tensor in shard {
            if map.insert(tensor.name().to_owned(), file.clone()).is_some() {
                let message = format!("two of them are named {}", tensor.name());
                return Err(ExportError::BadTensors { message });
            }
        }
    }
    let total: u64 = tensors.iter().map(TensorBytes::size).sum();
    let index = json!({ "metadata": { "total_size": total }, "weight_map": map });
    write_json(&folder.join("model.safetensors.index.json"), &index)
}

/// Cuts the tensors, in their order, into runs of at most `max_bytes`; a larger tensor gets a file of its own.
fn shards<'t, 'a>(tensors: &'t [TensorBytes<'a>], max_bytes: u64) -> Vec<Vec<&'t TensorBytes<'a>>> {
    let mut shards: Vec<Vec<&TensorBytes<'_>>> = Vec::new();
    let mut bytes = 0;
    for tensor in tensors {
        match shards.last_mut() {
            Some(shard) if bytes + tensor.size() <= max_bytes => shard.push(tensor),
            _ => {
                shards.push(vec![tensor]);
                bytes = 0;
            }
        }
        bytes += tensor.size();
    }
    shards
}
