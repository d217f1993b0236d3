//! Tiny policy folders: a Llama whose weights follow a formula, with a tokenizer and a chat template that can carry any
//! text.

#![allow(dead_code, reason = "every test program uses its own part")]

#[path = "../../../policy/tests/common/mod.rs"]
mod small_models;

use std::path::Path;

use conductor_configs::schema;
use conductor_policy::{Placement, Policy};
use serde_json::{Value, json};

/// One token a byte, and after them these.
const SPECIAL: [&str; 3] = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
/// Tokens in the vocabulary.
pub const VOCABULARY: usize = 256 + SPECIAL.len();
/// `<|im_end|>`, which ends an answer.
pub const END_OF_TURN: usize = VOCABULARY - 1;

const CHAT_TEMPLATE: &str = "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// Writes a Hugging Face folder with a Llama of two layers of width 32, about 30k weights. Its answers look random; another
/// `seed` gives another model.
pub fn tiny_model_folder(folder: &Path, seed: u64) {
    let (hidden, inner, head) = (32, 64, 8);
    let (heads, kv_heads, layers) = (4, 2, 2);
    let config = json!({
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "vocab_size": VOCABULARY,
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": head,
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10_000.0,
        "tie_word_embeddings": true,
        "eos_token_id": END_OF_TURN,
        "torch_dtype": "float32",
    });
    let mut shapes = serde_json::Map::new();
    shapes.insert("model.embed_tokens.weight".into(), json!([VOCABULARY, hidden]));
    shapes.insert("model.norm.weight".into(), json!([hidden]));
    for layer in 0..layers {
        for (name, shape) in [
            ("input_layernorm", json!([hidden])),
            ("post_attention_layernorm", json!([hidden])),
            ("self_attn.q_proj", json!([heads * head, hidden])),
            ("self_attn.k_proj", json!([kv_heads * head, hidden])),
            ("self_attn.v_proj", json!([kv_heads * head, hidden])),
            ("self_attn.o_proj", json!([hidden, heads * head])),
            ("mlp.gate_proj", json!([inner, hidden])),
            ("mlp.up_proj", json!([inner, hidden])),
            ("mlp.down_proj", json!([hidden, inner])),
        ] {
            shapes.insert(format!("model.layers.{layer}.{name}.weight"), shape);
        }
    }
    model_folder(folder, &json!({ "config": config, "shapes": shapes, "seed": seed }));
}

/// Writes a Hugging Face folder for a model given by `config`, `shapes` by name and, where it has one, `seed`; its
/// vocabulary must hold at least [`VOCABULARY`] tokens.
pub fn model_folder(folder: &Path, case: &Value) {
    small_models::write_model(folder, case);
    let write = |name: &str, value: &Value| {
        std::fs::write(folder.join(name), value.to_string()).expect("a file of the folder");
    };
    write("tokenizer.json", &byte_tokenizer());
    write(
        "tokenizer_config.json",
        &json!({
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": SPECIAL[2],
            "pad_token": SPECIAL[0],
            "chat_template": CHAT_TEMPLATE,
        }),
    );
}

/// The policy of a folder, all weights trained, float32 on the processor.
pub fn load(folder: &Path) -> Policy {
    Policy::load_folder(folder, Placement::CPU, &schema::Adapter::Full, 0)
        .expect("the policy loads")
}

/// Byte-level BPE without merges: token b is byte b.
fn byte_tokenizer() -> Value {
    let vocabulary: serde_json::Map<String, Value> =
        byte_characters().zip(0_u16..).map(|(c, id)| (c.to_string(), json!(id))).collect();
    let added: Vec<Value> = SPECIAL
        .iter()
        .zip(256..)
        .map(|(content, id)| {
            json!({
                "id": id, "content": content, "special": true, "normalized": false,
                "single_word": false, "lstrip": false, "rstrip": false,
            })
        })
        .collect();
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": null,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": vocabulary, "merges": [],
        },
    })
}

/// The printable character that byte-level tokenizers write for each byte: itself where it is printable, the next free one
/// above 255 otherwise.
fn byte_characters() -> impl Iterator<Item = char> {
    let mut next = 256_u32;
    (0..=255_u8).map(move |byte| {
        if matches!(byte, 33..=126 | 161..=172 | 174..=255) {
            char::from(byte)
        } else {
            next += 1;
            char::from_u32(next - 1).expect("a character below 512")
        }
    })
}
