//! Supervised learning of the workflow form, before reinforcement.

use std::sync::Arc;

use conductor_configs::Config;
use conductor_rollout::{generate, parse, prompt, render};
use conductor_types::Task;
use conductor_types::seed::{SplitMix, derive};

use crate::TrainError;
use crate::environment::Environment;
use crate::learner::Item;

/// Examples that share a task's prompt, so that the prompt is computed once for all of them.
const EXAMPLES_A_TASK: u32 = 4;

/// The examples of one update: prompts of training tasks, each with workflows drawn at random. What is learned is the
/// form; which worker suits which question is left to reinforcement.
pub(crate) fn examples(
    environment: &Environment,
    policy: &conductor_policy::Policy,
    config: &Config,
    train: &[Task],
    step: u64,
) -> Result<Vec<Item>, TrainError> {
    let mut rng = SplitMix::new(derive(config.run.seed, "warm_start", &[&step.to_string()]));
    let mut items = Vec::with_capacity(config.warm_start.batch_size as usize);
    let end = policy.model.config.eos_tokens.first().copied();
    while items.len() < config.warm_start.batch_size as usize {
        let task = &train[rng.below(train.len())];
        let messages = prompt::messages(&config.workflow, environment.pool.cards(), task);
        let prefix = &config.workflow.assistant_prefix;
        let tokens: Arc<[i64]> = policy.encode_prompt(&messages, prefix)?.into();
        for _ in 0..EXAMPLES_A_TASK.min(config.warm_start.batch_size - items.len() as u32) {
            let workflow = generate::random_workflow(
                &mut rng,
                environment.pool.cards(),
                &config.workflow,
                config.warm_start.single_step_share,
            );
            let text = render::render(&workflow, config.workflow.access)
                .map_err(|error| TrainError::Usage(format!("warm start: {error}")))?;
            // Where the policy's turn is begun for it, the example goes on from there.
            let text = text.strip_prefix(prefix.trim_start()).unwrap_or(&text);
            if parse::parse(&format!("{prefix}{text}"), &environment.rules).is_err() {
                return Err(TrainError::Usage(format!(
                    "warm start: workflow.assistant_prefix {prefix:?} does not begin a workflow, which is written \"{}\"",
                    text.lines().next().unwrap_or_default()
                )));
            }
            let mut response = policy.tokenizer.encode(text)?;
            response.extend(end);
            items.push(Item {
                prompt: tokens.clone(),
                tokens: response,
                sampled_logprobs: Vec::new(),
                advantage: 1.0,
            });
        }
    }
    Ok(items)
}

/// Rate of supervised update `step` of `steps`: up over the first tenth, then half a cosine down.
pub(crate) fn learning_rate(peak: f64, step: u64, steps: u64) -> f64 {
    let warmup = (steps / 10).max(1);
    if step < warmup {
        return peak * (step + 1) as f64 / warmup as f64;
    }
    let progress = (step - warmup) as f64 / (steps - warmup).max(1) as f64;
    peak * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the expected values are exact")]
mod tests {
    use super::learning_rate;

    #[test]
    fn the_rate_starts_above_zero_and_ends_near_it() {
        let rates: Vec<f64> = (0..20).map(|step| learning_rate(1.0, step, 20)).collect();
        assert_eq!(rates[0], 0.5);
        assert_eq!(rates[1], 1.0);
        assert!(rates[19] > 0.0 && rates[19] < 0.05);
        assert_eq!(learning_rate(1.0, 0, 1), 1.0);
    }
}
