//! A policy: model, tokenizer and chat template of one folder, and the sampler that rollout sees.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use conductor_configs::schema;
use conductor_types::{
    ChatMessage, Completion, FinishReason, SampleRequest, Sampler, SamplerError,
};

use crate::chat_template::ChatTemplate;
use crate::generate::{Decoding, Monitor, Sampled, check_tokens, generate, to_vec_f32};
use crate::logprobs::token_stats;
use crate::model::Model;
use crate::tokenizer::Tokenizer;
use crate::tree::{Sequence, TokenTree};
use crate::{Placement, PolicyError};

/// A language model with everything needed to talk to it.
#[derive(Debug)]
pub struct Policy {
    /// The network.
    pub model: Model,
    /// Text to tokens and back.
    pub tokenizer: Tokenizer,
    /// Messages to text.
    pub template: ChatTemplate,
    /// The folder that it was loaded from.
    pub folder: PathBuf,
}

impl Policy {
    /// Loads a Hugging Face folder as the configuration says; `seed` starts low-rank updates.
    pub fn load(config: &schema::Policy, seed: u64) -> Result<Self, PolicyError> {
        let placement = Placement::resolve(config.device, config.dtype)?;
        Self::load_folder(&config.model, placement, &config.adapter, seed)
    }

    /// Loads a Hugging Face folder.
    pub fn load_folder(
        folder: &Path,
        placement: Placement,
        adapter: &schema::Adapter,
        seed: u64,
    ) -> Result<Self, PolicyError> {
        if !folder.is_dir() {
            return Err(PolicyError::Incomplete {
                folder: folder.to_owned(),
                missing: "the folder itself".into(),
            });
        }
        // Cheap checks first: a wrong tokenizer must not cost the loading of the weights.
        let vocab_size = crate::ModelConfig::read(folder)?.vocab_size;
        let tokenizer = Tokenizer::load(folder, vocab_size)?;
        let template = ChatTemplate::load(folder)?;
        let mut model = Model::load(folder, placement, adapter, seed)?;
        if model.config.eos_tokens.is_empty() {
            model.config.eos_tokens.extend(tokenizer.token_id(template.eos_token()));
        }
        if model.config.eos_tokens.is_empty() {
            let reason = "it names no eos_token_id, so that no completion would end; add the id of the token that ends a turn";
            return Err(PolicyError::malformed(&folder.join("config.json"), reason));
        }
        if let Some(bad) =
            model.config.eos_tokens.iter().find(|token| !(0..vocab_size).contains(*token))
        {
            return Err(PolicyError::TokenizerMismatch {
                folder: folder.to_owned(),
                reason: format!("eos_token_id {bad} is outside the vocabulary of {vocab_size}"),
            });
        }
        Ok(Self { model, tokenizer, template, folder: folder.to_owned() })
    }

    /// The tokens of a conversation up to the opening of the policy's turn, and of the start of that turn.
    pub fn encode_prompt(
        &self,
        messages: &[ChatMessage],
        assistant_prefix: &str,
    ) -> Result<Vec<i64>, PolicyError> {
        encode_prompt(&self.template, &self.tokenizer, messages, assistant_prefix)
    }

    /// How the policy decodes under a configuration.
    pub fn decoding(&self, sampling: &schema::Sampling, temperature: f64) -> Decoding {
        Decoding {
            temperature,
            max_new_tokens: sampling.max_new_tokens as usize,
            max_prompt_tokens: (sampling.max_prompt_tokens as usize)
                .min(self.model.config.max_positions),
            batch_size: sampling.batch_size as usize,
            stop_tokens: self.model.config.eos_tokens.clone(),
        }
    }

    /// A sampler that continues prompts with the weights as they are now; `monitor` sees progress and may stop it.
    pub fn sampler<'a>(&'a self, decoding: Decoding, monitor: Monitor<'a>) -> PolicySampler<'a> {
        PolicySampler { policy: self, decoding, monitor }
    }

    fn sample(
        &self,
        requests: &[SampleRequest],
        decoding: &Decoding,
        monitor: &mut Monitor<'_>,
    ) -> Result<Vec<Vec<Completion>>, SamplerError> {
        let failed = |error: PolicyError| SamplerError::Failed(error.to_string());
        let mut prompts = Vec::with_capacity(requests.len());
        for (index, request) in requests.iter().enumerate() {
            let tokens =
                self.encode_prompt(&request.messages, &request.assistant_prefix).map_err(failed)?;
            if tokens.len() > decoding.max_prompt_tokens {
                return Err(SamplerError::PromptTooLong {
                    index,
                    tokens: tokens.len(),
                    limit: decoding.max_prompt_tokens,
                });
            }
            prompts.push(tokens);
        }
        let seeds: Vec<Vec<u64>> = requests.iter().map(|request| request.seeds.clone()).collect();
        let sampled = self
            .model
            .with_sampling(|model| generate(model, &prompts, &seeds, decoding, monitor))
            .map_err(failed)?
            .ok_or(SamplerError::Interrupted)?;
        prompts
            .into_iter()
            .zip(sampled)
            .map(|(prompt, samples)| {
                let prompt: Arc<[i64]> = prompt.into();
                samples
                    .into_iter()
                    .map(|sample| self.completion(&prompt, sample).map_err(failed))
                    .collect()
            })
            .collect()
    }

    /// Greedy continuation of raw tokens, at most `max_new_tokens`, the end-of-sequence token included.
    pub fn greedy(
        &self,
        prompt: &[i64],
        max_new_tokens: usize,
    ) -> Result<(Vec<i64>, FinishReason), PolicyError> {
        let decoding = Decoding {
            temperature: 0.0,
            max_new_tokens,
            max_prompt_tokens: usize::MAX,
            batch_size: 1,
            stop_tokens: self.model.config.eos_tokens.clone(),
        };
        let never = AtomicBool::new(false);
        let mut monitor = Monitor { stop: &never, progress: &mut |_| {} };
        let sampled = self.model.with_sampling(|model| {
            generate(model, &[prompt.to_vec()], &[vec![0]], &decoding, &mut monitor)
        })?;
        let sample = sampled.and_then(|mut all| all.pop()).and_then(|mut one| one.pop());
        Ok(sample
            .map_or((Vec::new(), FinishReason::Length), |sample| (sample.tokens, sample.finish)))
    }

    /// Log-probability of each token but the first, given those before it.
    pub fn logprobs(&self, tokens: &[i64]) -> Result<Vec<f32>, PolicyError> {
        check_tokens(&self.model, "the sequence", tokens)?;
        let tree = TokenTree::build(&[Sequence { prompt: &tokens[..1], response: &tokens[1..] }]);
        let hidden = tch::no_grad(|| self.model.hidden(&tree));
        let predicting = hidden.narrow(0, 0, tokens.len() as i64 - 1);
        let targets = self.model.token_tensor(&tokens[1..]);
        Ok(to_vec_f32(&token_stats(&self.model, &predicting, &targets, 1.0).logprobs))
    }

    fn completion(&self, prompt: &Arc<[i64]>, sample: Sampled) -> Result<Completion, PolicyError> {
        Ok(Completion {
            prompt_tokens: prompt.clone(),
            text: self.tokenizer.decode(&sample.tokens)?,
            tokens: sample.tokens,
            logprobs: sample.logprobs,
            finish: sample.finish,
        })
    }
}

/// The tokens of a conversation up to the opening of the policy's turn, and of the start of that turn. Needs no weights.
pub fn encode_prompt(
    template: &ChatTemplate,
    tokenizer: &Tokenizer,
    messages: &[ChatMessage],
    assistant_prefix: &str,
) -> Result<Vec<i64>, PolicyError> {
    tokenizer.encode(&(template.render(messages)? + assistant_prefix))
}

/// The policy as rollout sees it.
pub struct PolicySampler<'a> {
    policy: &'a Policy,
    decoding: Decoding,
    monitor: Monitor<'a>,
}

impl Sampler for PolicySampler<'_> {
    fn sample(&mut self, requests: &[SampleRequest]) -> Result<Vec<Vec<Completion>>, SamplerError> {
        self.policy.sample(requests, &self.decoding, &mut self.monitor)
    }
}
