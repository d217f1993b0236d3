//! The byte-level BPE tokenizer inside a GGUF file, written as `tokenizer.json` and `tokenizer_config.json`.

use std::path::Path;

use candle_core::quantized::gguf_file::Value;
use serde_json::{Map, json};

use crate::PolicyError;
use crate::gguf::{Metadata, write_json};

/// GGUF token types: 3 is a control token, 4 was added by a user.
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;

pub(crate) fn write(metadata: &Metadata<'_>, folder: &Path) -> Result<(), PolicyError> {
    let model = metadata.string("tokenizer.ggml.model")?;
    if model != "gpt2" {
        return Err(PolicyError::Unsupported {
            path: metadata.path.to_owned(),
            what: format!("a tokenizer of kind {model}"),
            hint: "byte-level BPE (gpt2) is".into(),
        });
    }
    let tokens = strings(metadata, "tokenizer.ggml.tokens")?;
    let merges = strings(metadata, "tokenizer.ggml.merges")?;
    let types = token_types(metadata, tokens.len())?;

    let vocab: Map<String, serde_json::Value> =
        tokens.iter().enumerate().map(|(id, token)| ((*token).to_owned(), json!(id))).collect();
    let added: Vec<serde_json::Value> = types
        .iter()
        .enumerate()
        .filter(|(_, kind)| matches!(**kind, CONTROL | USER_DEFINED))
        .map(|(id, kind)| {
            json!({
                "id": id, "content": tokens[id], "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": *kind == CONTROL,
            })
        })
        .collect();
    let merges = merges
        .iter()
        .map(|merge| {
            merge.split_once(' ').map(|(a, b)| json!([a, b])).ok_or_else(|| {
                metadata.wrong("tokenizer.ggml.merges", &format!("\"{merge}\" is no pair"))
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let (normalizer, pre_tokenizer) = splitting(metadata)?;
    write_json(
        &folder.join("tokenizer.json"),
        &json!({
            "version": "1.0", "truncation": null, "padding": null,
            "added_tokens": added,
            "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer,
            "post_processor": null,
            "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
            "model": {
                "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "",
                "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                "vocab": vocab, "merges": merges,
            },
        }),
    )?;
    let named = |key: &str| -> Result<serde_json::Value, PolicyError> {
        let id = metadata.optional_number(key)?.and_then(|id| usize::try_from(id).ok());
        Ok(id.and_then(|id| tokens.get(id)).map_or(serde_json::Value::Null, |token| json!(token)))
    };
    write_json(
        &folder.join("tokenizer_config.json"),
        &json!({
            "tokenizer_class": "PreTrainedTokenizerFast",
            "add_bos_token": false,
            "clean_up_tokenization_spaces": false,
            "bos_token": named("tokenizer.ggml.bos_token_id")?,
            "eos_token": named("tokenizer.ggml.eos_token_id")?,
            "pad_token": named("tokenizer.ggml.padding_token_id")?,
            "chat_template": metadata.string("tokenizer.chat_template")?,
        }),
    )
}

/// Normaliser and pre-tokeniser, which GGUF only names.
fn splitting(
    metadata: &Metadata<'_>,
) -> Result<(serde_json::Value, serde_json::Value), PolicyError> {
    let byte_level = |regex: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": regex});
    let sequence = |first: serde_json::Value, second| json!({"type": "Sequence", "pretokenizers": [first, second]});
    match metadata.string("tokenizer.ggml.pre").unwrap_or("default") {
        "gpt-2" | "default" => Ok((json!(null), byte_level(true))),
        // Every digit is a token of its own.
        "smollm" => Ok((
            json!(null),
            sequence(json!({"type": "Digits", "individual_digits": true}), byte_level(true)),
        )),
        "qwen2" => {
            let pattern = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
            let split = json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false});
            Ok((json!({"type": "NFC"}), sequence(split, byte_level(false))))
        }
        other => Err(PolicyError::Unsupported {
            path: metadata.path.to_owned(),
            what: format!("a tokenizer that splits text the \"{other}\" way"),
            hint: "gpt-2, smollm and qwen2 are".into(),
        }),
    }
}

fn strings<'a>(metadata: &'a Metadata<'_>, key: &str) -> Result<Vec<&'a str>, PolicyError> {
    metadata
        .list(key)?
        .iter()
        .map(|value| {
            value.to_string().map(String::as_str).map_err(|error| metadata.wrong(key, &error))
        })
        .collect()
}

fn token_types(metadata: &Metadata<'_>, count: usize) -> Result<Vec<i64>, PolicyError> {
    let key = "tokenizer.ggml.token_type";
    let types: Vec<i64> = metadata
        .list(key)?
        .iter()
        .map(|value| match value {
            Value::U32(kind) => Ok(i64::from(*kind)),
            other => other.to_i32().map(i64::from).map_err(|error| metadata.wrong(key, &error)),
        })
        .collect::<Result<_, _>>()?;
    if types.len() == count {
        Ok(types)
    } else {
        Err(metadata.wrong(key, &format!("{} types for {count} tokens", types.len())))
    }
}
