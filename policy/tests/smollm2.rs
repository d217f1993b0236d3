//! SmolLM2-135M-Instruct against transformers: logits, log-probabilities, chat prompt, greedy tokens.
//!
//! Needs the model folder that `make models` writes; says that it skips where there is none. The expectations are
//! scripts/make_policy_fixtures.py's.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use conductor_configs::schema::{self, Adapter};
use conductor_policy::generate::Monitor;
use conductor_policy::tree::Sequence;
use conductor_policy::{Placement, Policy, TokenTree};
use conductor_types::{ChatMessage, SampleRequest, Sampler};
use serde::Deserialize;
use tch::{Kind, Tensor};

#[derive(Deserialize)]
struct Fixture {
    prompts: Vec<Prompt>,
}

#[derive(Deserialize)]
struct Prompt {
    text: String,
    rendered: String,
    tokens: Vec<i64>,
    probe: Vec<i64>,
    last_logits: Vec<f64>,
    logprobs: Vec<f64>,
    greedy: Vec<i64>,
}

fn policy() -> Option<Policy> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models/smollm2-135m-instruct");
    if !folder.is_dir() {
        println!("skipped: no model at models/smollm2-135m-instruct; `make models` brings it");
        return None;
    }
    Some(Policy::load_folder(&folder, Placement::CPU, &Adapter::Full, 0).expect("the model loads"))
}

#[test]
fn everything_equals_transformers() {
    let Some(policy) = policy() else { return };
    let fixture: Fixture =
        serde_json::from_str(include_str!("fixtures/smollm2.json")).expect("the fixture is JSON");
    assert_eq!(fixture.prompts.len(), 10);
    let (mut worst_logit, mut worst_logprob) = (0.0_f64, 0.0_f64);
    for prompt in &fixture.prompts {
        let messages = [ChatMessage::user(&prompt.text)];
        assert_eq!(policy.template.render(&messages).expect("it renders"), prompt.rendered);
        assert_eq!(policy.encode_prompt(&messages, "").expect("it encodes"), prompt.tokens);

        let tree = TokenTree::build(&[Sequence { prompt: &prompt.tokens, response: &[] }]);
        let last = tch::no_grad(|| policy.model.hidden(&tree)).narrow(0, tree.len() as i64 - 1, 1);
        let logits = last.linear(policy.model.head(), None::<Tensor>).squeeze_dim(0);
        let ours = logits.index_select(0, &Tensor::from_slice(&prompt.probe)).to_kind(Kind::Double);
        let difference = (ours - Tensor::from_slice(&prompt.last_logits)).abs().max();
        worst_logit = worst_logit.max(difference.double_value(&[]));

        let logprobs = policy.logprobs(&prompt.tokens).expect("log-probabilities");
        for (ours, theirs) in logprobs.iter().zip(&prompt.logprobs) {
            worst_logprob = worst_logprob.max((f64::from(*ours) - theirs).abs());
        }
    }
    // All prompts in one batch, as evaluation decodes them.
    let requests: Vec<SampleRequest> = fixture
        .prompts
        .iter()
        .map(|prompt| SampleRequest {
            messages: vec![ChatMessage::user(&prompt.text)],
            assistant_prefix: String::new(),
            seeds: vec![0],
        })
        .collect();
    let sampling = schema::Sampling { max_new_tokens: 64, ..schema::Sampling::default() };
    let never = AtomicBool::new(false);
    let monitor = Monitor { stop: &never, progress: &mut |_| {} };
    let greedy =
        policy.sampler(policy.decoding(&sampling, 0.0), monitor).sample(&requests).expect("tokens");
    for (prompt, completions) in fixture.prompts.iter().zip(greedy) {
        assert_eq!(completions[0].tokens, prompt.greedy, "{}", prompt.text);
    }
    assert!(worst_logit <= 2e-4, "logits differ by {worst_logit}");
    assert!(worst_logprob <= 2e-4, "log-probabilities differ by {worst_logprob}");
}
