//! What a run will take, before it takes it: memory, tokens, calls and dollars.

use std::sync::Arc;

use conductor_configs::{Config, schema};
use conductor_policy::chat_template::ChatTemplate;
use conductor_policy::tokenizer::Tokenizer;
use conductor_policy::{ModelConfig, Placement, encode_prompt};
use conductor_rollout::execute::{self, RunOptions};
use conductor_types::{Split, Task, WorkerCapability};
use serde::Serialize;
use tch::Kind;

use crate::environment::{Environment, refs};
use crate::{TrainError, evaluate};

/// An estimate of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Device and precision, as they would be chosen here.
    pub placement: String,
    /// Weights of the policy.
    pub parameters: u64,
    /// Weights that are trained.
    pub trained_parameters: u64,
    /// MiB of weights, gradients and optimiser state.
    pub state_mib: f64,
    /// MiB of activations and key-value cache at the peak, roughly.
    pub working_mib: f64,
    /// Tasks by split: train, valid, test.
    pub tasks: [usize; 3],
    /// Tokens of a prompt: mean and largest over all tasks, with the longest list of workers that may be drawn.
    pub prompt_tokens: [f64; 2],
    /// Prompts longer than `sampling.max_prompt_tokens` or the model's context: the run would not start.
    pub too_long: usize,
    /// Episodes of the run.
    pub episodes: u64,
    /// Sampled tokens at most.
    pub sampled_tokens_max: u64,
    /// Worker calls: one an episode at least, `workflow.max_steps` at most.
    pub calls: [u64; 2],
    /// Dollars a call: mean over workers and some training tasks; `None` where nothing is known before the call.
    pub usd_per_call: Option<f64>,
    /// Dollars of the run, for the two numbers of calls.
    pub usd: Option<[f64; 2]>,
    /// What a person should know before the run.
    pub notices: Vec<String>,
}

/// Tasks whose prices are looked at.
const PRICED: usize = 64;

/// Estimates a run. Reads tasks, recordings and the tokenizer; loads no weights, calls no live worker, judges nothing.
pub fn plan(config: &Config) -> Result<Plan, TrainError> {
    let config = &without_waiting(config);
    let environment = Environment::open(config, None)?;
    let placement = Placement::resolve(config.policy.device, config.policy.dtype)?;
    let folder = &config.policy.model;
    let model = ModelConfig::read(folder)?;
    let train = environment.tasks.require(Split::Train)?;
    // What a run would refuse at its start.
    environment.tasks.train_order(config.train.tasks_per_step as usize)?;
    let lengths = prompt_lengths(config, &environment, &model)?;
    let limit = (config.sampling.max_prompt_tokens as usize).min(model.max_positions);
    let too_long = lengths.iter().filter(|&&n| n > limit).count();
    let mean_prompt = lengths.iter().sum::<usize>() as f64 / lengths.len().max(1) as f64;
    let train_section = &config.train;
    let episodes = u64::from(train_section.steps)
        * u64::from(train_section.tasks_per_step)
        * u64::from(train_section.group_size);
    let calls = [episodes, episodes * u64::from(config.workflow.max_steps)];
    let sample = environment.tasks.split(Split::Train).take(PRICED);
    let sample: Vec<Arc<Task>> =
        sample.map(|entry| environment.tasks.question(entry)).collect::<Result<_, _>>()?;
    let usd_per_call = known_usd_per_call(&environment, config, &refs(&sample));
    let trained = trained_parameters(config, &model);
    let (state_mib, working_mib) = memory(config, &model, placement.kind, trained, mean_prompt);
    Ok(Plan {
        placement: format!("{:?}, {:?}", placement.device, placement.kind),
        parameters: model.parameters(),
        trained_parameters: trained,
        state_mib,
        working_mib,
        tasks: [train, environment.tasks.count(Split::Valid), environment.tasks.count(Split::Test)],
        prompt_tokens: [mean_prompt, lengths.iter().copied().max().unwrap_or(0) as f64],
        too_long,
        episodes,
        sampled_tokens_max: episodes * u64::from(config.sampling.max_new_tokens),
        calls,
        usd_per_call,
        usd: usd_per_call.map(|usd| calls.map(|calls| usd * calls as f64)),
        notices: environment.notices(),
    })
}

/// The same run with simulated workers that answer at once: an estimate takes none of their time.
fn without_waiting(config: &Config) -> Config {
    let mut config = config.clone();
    for worker in &mut config.pool.workers {
        if let schema::WorkerKind::Simulated(settings) = &mut worker.kind {
            settings.wait = false;
        }
    }
    config
}

/// Mean dollars of one call over the workers that answer alone and over tasks, where every price is known without calling a live
/// worker. Answers are not judged: that can be dear, and says nothing of a price.
pub(crate) fn known_usd_per_call(
    environment: &Environment,
    config: &Config,
    tasks: &[&Task],
) -> Option<f64> {
    let live = |worker: &schema::Worker| matches!(worker.kind, schema::WorkerKind::Openai(_));
    if config.pool.workers.iter().any(live) {
        return None;
    }
    let options =
        RunOptions { part: "plan", seed: 0, sample: 0, last_nonempty: true, before: None };
    let mut usd = Vec::new();
    for (worker, card) in environment.pool.cards().iter().enumerate() {
        if card.capability == WorkerCapability::Combines {
            continue;
        }
        for task in tasks {
            let run = execute::run(&environment.pool, task, evaluate::alone(worker), options);
            usd.push(environment.runtime.block_on(run).usage().cost_usd);
        }
    }
    Some(usd.iter().sum::<f64>() / usd.len().max(1) as f64)
}

fn prompt_lengths(
    config: &Config,
    environment: &Environment,
    model: &ModelConfig,
) -> Result<Vec<usize>, TrainError> {
    let tokenizer = Tokenizer::load(&config.policy.model, model.vocab_size)?;
    let template = ChatTemplate::load(&config.policy.model)?;
    let mut lengths = Vec::with_capacity(environment.tasks.len());
    environment.tasks.for_each(|_, task| {
        let messages = environment.longest_messages(&config.workflow, task);
        let prefix = &config.workflow.assistant_prefix;
        lengths.push(encode_prompt(&template, &tokenizer, &messages, prefix)?.len());
        Ok::<(), TrainError>(())
    })?;
    Ok(lengths)
}

fn trained_parameters(config: &Config, model: &ModelConfig) -> u64 {
    match &config.policy.adapter {
        schema::Adapter::Full => model.parameters(),
        schema::Adapter::Lora { rank, targets, .. } => {
            let (h, i) = (model.hidden_size, model.intermediate_size);
            let (q, kv) = (model.heads * model.head_dim, model.kv_heads * model.head_dim);
            let ends = |target: &schema::LoraTarget| match target.as_str() {
                "q_proj" | "o_proj" => h + q,
                "k_proj" | "v_proj" => h + kv,
                _ => h + i,
            };
            let layer: i64 = targets.iter().map(ends).sum();
            layer as u64 * u64::from(*rank) * model.layers as u64
        }
    }
}

/// MiB of state, and of activations plus key-value cache. The latter is an estimate: 34 numbers a token, layer and unit
/// of width are kept for the backward pass, as counted in arXiv 2205.05198 (§4.1), or one with recomputation.
fn memory(
    config: &Config,
    model: &ModelConfig,
    kind: Kind,
    trained: u64,
    prompt: f64,
) -> (f64, f64) {
    const MIB: f64 = 1024.0 * 1024.0;
    let width = kind.elt_size_in_bytes() as f64;
    let frozen = (model.parameters() as f64 - trained as f64).max(0.0);
    let inference_copy =
        if matches!(config.policy.adapter, schema::Adapter::Full) && kind == Kind::Float {
            0.0
        } else {
            model.parameters() as f64 * width
        };
    // Master, gradient and two moments, four bytes each.
    let state = trained as f64 * 16.0 + frozen * width + inference_copy;
    let tokens = f64::from(config.train.micro_batch_tokens);
    let kept = if config.policy.recompute_activations { 2.0 } else { 34.0 };
    let activations =
        tokens * model.layers as f64 * model.hidden_size as f64 * kept * width.min(4.0) / 2.0;
    let rows = f64::from(config.sampling.batch_size);
    let cached = rows * f64::from(config.sampling.max_new_tokens)
        + rows / f64::from(config.train.group_size.max(1)) * prompt;
    let cache =
        cached * 2.0 * model.layers as f64 * (model.kv_heads * model.head_dim) as f64 * width;
    (state / MIB, activations.max(cache) / MIB)
}
