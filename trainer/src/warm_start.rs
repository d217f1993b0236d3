//! Supervised learning of the workflow form, before reinforcement.

use std::sync::Arc;

use conductor_configs::Config;
use conductor_datasets::TrainOrder;
use conductor_rollout::{ParseRules, generate, parse, render};
use conductor_types::seed::{SplitMix, derive};
use conductor_types::{Split, Workflow};

use crate::TrainError;
use crate::environment::Environment;
use crate::learner::Item;
use crate::listings::Draw;

/// Examples that share a task's prompt, so that the prompt is computed once for all of them.
const EXAMPLES_A_TASK: u32 = 2;

/// The examples of one update: prompts of training tasks, each with workflows drawn at random. What is learned is the
/// form; which worker suits which question is left to reinforcement.
pub(crate) fn examples(
    environment: &Environment,
    policy: &conductor_policy::Policy,
    config: &Config,
    order: &TrainOrder,
    step: u64,
) -> Result<Vec<Item>, TrainError> {
    let mut rng = SplitMix::new(derive(config.run.seed, "warm_start", &[&step.to_string()]));
    let mut items = Vec::with_capacity(config.warm_start.batch_size as usize);
    let end = policy.model.config.eos_tokens.first().copied();
    while items.len() < config.warm_start.batch_size as usize {
        let set = &environment.tasks;
        let task = set.question(set.at(Split::Train, order.draw(&mut rng)))?;
        let draw = Draw::WarmStart(step);
        let listing = environment.listings.of(&task, draw);
        let messages = environment.messages(&config.workflow, &task, draw);
        let prefix = &config.workflow.assistant_prefix;
        let tokens: Arc<[i64]> = policy.encode_prompt(&messages, prefix)?.into();
        for _ in 0..EXAMPLES_A_TASK.min(config.warm_start.batch_size - items.len() as u32) {
            let workflow = generate::random_workflow(
                &mut rng,
                listing.cards(),
                &config.workflow,
                config.warm_start.single_step_share,
            );
            let domain = config.warm_start.name_domain.then_some(task.domain.as_str());
            let text = response(&workflow, &environment.rules, domain, prefix)?;
            let mut response = policy.tokenizer.encode(&text)?;
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

/// What the policy is taught to write after `prefix`, with which its turn is begun for it: the domain, where it is to
/// be named, and the workflow.
fn response(
    workflow: &Workflow,
    rules: &ParseRules,
    domain: Option<&str>,
    prefix: &str,
) -> Result<String, TrainError> {
    let plan = render::render(workflow, rules.access)
        .map_err(|error| TrainError::Usage(format!("warm start: {error}")))?;
    let text = match domain {
        // One line, whatever the name holds.
        Some(domain) => {
            format!("Domain: {}\n{plan}", domain.split_whitespace().collect::<Vec<_>>().join(" "))
        }
        None => plan,
    };
    let rest = text.strip_prefix(prefix.trim_start()).unwrap_or(&text);
    if parse::parse(&format!("{prefix}{rest}"), rules).as_ref() == Ok(workflow) {
        return Ok(rest.to_owned());
    }
    let begins = text.lines().next().unwrap_or_default();
    Err(TrainError::Usage(if prefix.is_empty() {
        format!(
            "warm start: no workflow can be read behind {begins:?}, the line that warm_start.name_domain puts before it; \
             give these tasks another domain or switch it off"
        )
    } else {
        format!(
            "warm start: workflow.assistant_prefix {prefix:?} does not begin what is to be learned, which begins {begins:?}"
        )
    }))
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
    use conductor_rollout::ParseRules;
    use conductor_types::{Access, AccessKind, Step, Workflow};

    use super::{learning_rate, response};

    #[test]
    fn the_domain_stands_before_the_workflow_on_one_line() {
        let step = Step::new(1, "Solve it.", Access::new());
        let workflow = Workflow { steps: vec![step] };
        let rules = ParseRules { access: AccessKind::ByStep, max_steps: 3, workers: 2 };
        let plan = "model_id: [1]\nsubtasks: [\"Solve it.\"]\naccess_list: [[]]";
        let taught = |domain, prefix| response(&workflow, &rules, domain, prefix);
        assert_eq!(taught(None, "").unwrap(), plan);
        assert_eq!(taught(None, "model_id:").unwrap(), plan["model_id:".len()..]);
        assert_eq!(taught(Some("gcd"), "").unwrap(), format!("Domain: gcd\n{plan}"));
        assert_eq!(taught(Some("two\nlines"), "Domain:").unwrap(), format!(" two lines\n{plan}"));

        let error = taught(Some("model_id: [0]"), "").unwrap_err().to_string();
        assert!(error.contains("warm_start.name_domain"), "{error}");
        let error = taught(Some("gcd"), "model_id: [").unwrap_err().to_string();
        assert!(error.contains("assistant_prefix") && error.contains("Domain: gcd"), "{error}");
    }

    #[test]
    fn the_rate_starts_above_zero_and_ends_near_it() {
        let rates: Vec<f64> = (0..20).map(|step| learning_rate(1.0, step, 20)).collect();
        assert_eq!(rates[0], 0.5);
        assert_eq!(rates[1], 1.0);
        assert!(rates[19] > 0.0 && rates[19] < 0.05);
        assert_eq!(learning_rate(1.0, 0, 1), 1.0);
    }
}
