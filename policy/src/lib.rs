//! The language model that is trained: Llama and Qwen2 architectures on libtorch, their tokenizer and chat
//! template, weights in and out, token log-probabilities and batched sampling.
//!
//! This crate knows nothing of workflows, workers, rewards or optimisers. All tensors belong to the thread that
//! made them ([`tch::Tensor`] is `Send`, not `Sync`).

pub mod chat_template;
pub mod config;
pub mod device;
mod error;
pub mod generate;
pub mod gguf;
mod gguf_tokenizer;
mod linear;
pub mod logprobs;
pub mod model;
mod policy;
pub mod tape;
pub mod tokenizer;
pub mod tree;
pub mod weights;

pub use config::{Architecture, ModelConfig};
pub use device::Placement;
pub use error::{PolicyError, without_frames};
pub use generate::Decoding;
pub use model::Model;
pub use policy::{Policy, PolicySampler, encode_prompt};
pub use tree::TokenTree;
