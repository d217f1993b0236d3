//! Small random models against transformers, and the library's paths against one another.

mod common;

use std::sync::atomic::AtomicBool;

use conductor_configs::schema::{Adapter, LoraTarget};
use conductor_policy::generate::{Monitor, generate, to_vec_f32};
use conductor_policy::logprobs::{backward, token_stats};
use conductor_policy::tree::Sequence;
use conductor_policy::{Decoding, Model, Placement, PolicyError, TokenTree};
use tch::{Kind, Tensor};

fn model(case: &str, adapter: &Adapter) -> Model {
    let folder = tempfile::tempdir().expect("a folder");
    common::write_model(folder.path(), &common::cases()[case]);
    Model::load(folder.path(), Placement::CPU, adapter, 1).expect("the model loads")
}

fn lora() -> Adapter {
    Adapter::Lora { rank: 4, alpha: 8.0, targets: LoraTarget::all() }
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

#[test]
fn logits_equal_those_of_transformers() {
    for (name, case) in common::cases() {
        let model = model(&name, &Adapter::Full);
        let tokens: Vec<i64> = serde_json::from_value(case["tokens"].clone()).expect("tokens");
        let tree = TokenTree::build(&[Sequence { prompt: &tokens, response: &[] }]);
        let logits = tch::no_grad(|| model.hidden(&tree).linear(model.head(), None::<Tensor>));
        let expected: Vec<Vec<f64>> =
            serde_json::from_value(case["logits"].clone()).expect("logits");
        let expected = Tensor::from_slice2(&expected).to_kind(Kind::Float);
        let difference = largest_difference(&logits, &expected);
        assert!(difference < 1e-4, "{name}: {difference}");
    }
}

#[test]
fn a_tree_gives_each_sequence_what_it_would_have_alone() {
    let model = model("qwen2_untied", &Adapter::Full);
    let (a, b, c) = ([5, 6, 7, 8], [5, 6, 9], [40, 41]);
    let sequences = [
        Sequence { prompt: &a, response: &[10, 11, 12] },
        Sequence { prompt: &a, response: &[10, 13] },
        Sequence { prompt: &b, response: &[20] },
        Sequence { prompt: &c, response: &[21, 22] },
    ];
    let tree = TokenTree::build(&sequences);
    let hidden = tch::no_grad(|| model.hidden(&tree));
    for (index, sequence) in sequences.iter().enumerate() {
        let alone = TokenTree::build(&[*sequence]);
        let alone_hidden = tch::no_grad(|| model.hidden(&alone));
        let length = sequence.response.len();
        let ours =
            hidden.index_select(0, &Tensor::from_slice(&tree.predicting_places(index, length)));
        let theirs =
            alone_hidden.index_select(0, &Tensor::from_slice(&alone.predicting_places(0, length)));
        assert!(largest_difference(&ours, &theirs) < 1e-5, "sequence {index}");
    }
}

/// Gradients of Σ g·logprob by every trained weight.
fn gradients(model: &Model, recompute: bool) -> Vec<(String, Tensor)> {
    for (_, mut weight) in model.trainable() {
        weight.zero_grad();
    }
    let sequences = [
        Sequence { prompt: &[1, 2, 3], response: &[4, 5, 6] },
        Sequence { prompt: &[1, 2, 3], response: &[7, 8] },
    ];
    let tree = TokenTree::build(&sequences);
    let places: Vec<i64> =
        (0..2).flat_map(|i| tree.predicting_places(i, sequences[i].response.len())).collect();
    let targets = Tensor::from_slice(&[4_i64, 5, 6, 7, 8]);
    let gradient = Tensor::from_slice(&[0.5_f32, -1.0, 0.25, 2.0, -0.125]);
    let tape = model.tape(&tree, recompute);
    backward(tape, model, &Tensor::from_slice(&places), &targets, &gradient, 0.7);
    model.trainable().into_iter().map(|(name, weight)| (name, weight.grad().copy())).collect()
}

/// The same by plain autograd over separate sequences with full logits.
fn plain_gradients(model: &Model) -> Vec<(String, Tensor)> {
    for (_, mut weight) in model.trainable() {
        weight.zero_grad();
    }
    let mut loss = Tensor::zeros([], (Kind::Float, tch::Device::Cpu));
    let cases: [(&[i64], &[i64], &[f32]); 2] =
        [(&[1, 2, 3], &[4, 5, 6], &[0.5, -1.0, 0.25]), (&[1, 2, 3], &[7, 8], &[2.0, -0.125])];
    for (prompt, response, gradient) in cases {
        let tree = TokenTree::build(&[Sequence { prompt, response }]);
        let logits = model.hidden(&tree).linear(model.head(), None::<Tensor>) / 0.7;
        let all = logits.log_softmax(-1, Kind::Float);
        let rows = all.narrow(0, prompt.len() as i64 - 1, response.len() as i64);
        let picked =
            rows.gather(-1, &Tensor::from_slice(response).unsqueeze(-1), false).squeeze_dim(-1);
        loss += (picked * Tensor::from_slice(gradient)).sum(Kind::Float);
    }
    loss.backward();
    model.trainable().into_iter().map(|(name, weight)| (name, weight.grad().copy())).collect()
}

#[test]
fn shared_prefixes_chunks_and_recomputation_leave_gradients_as_they_are() {
    for adapter in [Adapter::Full, lora()] {
        for case in ["llama_tied", "qwen2_untied"] {
            let model = model(case, &adapter);
            let expected = plain_gradients(&model);
            assert!(!expected.is_empty());
            for recompute in [false, true] {
                for ((name, ours), (_, theirs)) in
                    gradients(&model, recompute).iter().zip(&expected)
                {
                    let difference = largest_difference(ours, theirs);
                    assert!(
                        difference < 2e-5,
                        "{case} {adapter:?} recompute={recompute} {name}: {difference}"
                    );
                }
            }
        }
    }
}

fn decoding(temperature: f64, batch_size: usize) -> Decoding {
    Decoding {
        temperature,
        max_new_tokens: 40,
        max_prompt_tokens: 1000,
        batch_size,
        stop_tokens: vec![13],
    }
}

#[test]
fn sampled_logprobs_equal_a_recomputation_and_do_not_depend_on_the_batch() {
    let model = model("qwen2_tied", &Adapter::Full).for_inference();
    let prompts = vec![vec![1, 2, 3, 4, 5], vec![1, 2, 9], vec![50]];
    let seeds = vec![vec![1, 2, 3, 4], vec![5, 6, 7, 8], vec![9]];
    let never = AtomicBool::new(false);
    let sample = |batch_size| {
        let mut monitor = Monitor { stop: &never, progress: &mut |_| {} };
        generate(&model, &prompts, &seeds, &decoding(1.3, batch_size), &mut monitor)
            .expect("sampling works")
            .expect("nobody stops it")
    };
    let together = sample(64);
    assert_eq!(together.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 1]);
    let alone = sample(1);
    for (prompt, (rows, others)) in prompts.iter().zip(together.iter().zip(&alone)) {
        for (row, other) in rows.iter().zip(others) {
            assert_eq!(row.tokens, other.tokens);
            assert_eq!(row.tokens.len(), row.logprobs.len());
            let tree = TokenTree::build(&[Sequence { prompt, response: &row.tokens }]);
            let hidden = tch::no_grad(|| model.hidden(&tree));
            let places = Tensor::from_slice(&tree.predicting_places(0, row.tokens.len()));
            let targets = Tensor::from_slice(&row.tokens);
            let stats = token_stats(&model, &hidden.index_select(0, &places), &targets, 1.3);
            for (ours, again) in row.logprobs.iter().zip(to_vec_f32(&stats.logprobs)) {
                assert!((ours - again).abs() < 1e-3, "{ours} {again}");
            }
        }
    }
    assert!(
        together.iter().flatten().any(|s| s.tokens.len() > 33),
        "the cache must have grown once"
    );
}

#[test]
fn samples_follow_the_model_distribution() {
    // 2,000 first tokens against the model's own probabilities, by a χ² statistic over the tokens expected 5 times or more.
    let model = model("llama_tied", &Adapter::Full).for_inference();
    let prompt = vec![7, 8, 9];
    let seeds: Vec<u64> = (0..2000).collect();
    let never = AtomicBool::new(false);
    let mut monitor = Monitor { stop: &never, progress: &mut |_| {} };
    let options = Decoding { max_new_tokens: 1, ..decoding(1.0, 500) };
    let samples = generate(&model, std::slice::from_ref(&prompt), &[seeds], &options, &mut monitor)
        .expect("sampling works")
        .expect("nobody stops it");
    let tree = TokenTree::build(&[Sequence { prompt: &prompt, response: &[] }]);
    let logits = model.hidden(&tree).linear(model.head(), None::<Tensor>);
    let expected = to_vec_f32(&(logits.get(2).softmax(-1, Kind::Float) * 2000.0));
    let mut counts = vec![0.0_f64; expected.len()];
    for sample in &samples[0] {
        counts[sample.tokens[0] as usize] += 1.0;
    }
    let (mut statistic, mut cells) = (0.0, 0.0);
    for (count, expected) in counts.iter().zip(&expected).filter(|(_, e)| **e >= 5.0) {
        statistic += (count - f64::from(*expected)).powi(2) / f64::from(*expected);
        cells += 1.0;
    }
    // Mean cells, standard deviation √(2·cells): four of them above the mean would be a one-in-30,000 accident.
    assert!(
        cells > 10.0 && statistic < cells + 4.0 * (2.0_f64 * cells).sqrt(),
        "χ² {statistic} over {cells}"
    );
}

#[test]
fn low_rank_updates_start_at_nothing_and_merge_exactly() {
    let plain = model("llama_tied", &Adapter::Full);
    let adapted = model("llama_tied", &lora());
    let tree = TokenTree::build(&[Sequence { prompt: &[1, 2, 3], response: &[4] }]);
    let start = tch::no_grad(|| (plain.hidden(&tree), adapted.hidden(&tree)));
    assert!(largest_difference(&start.0, &start.1) < 1e-6);
    assert_eq!(adapted.trainable().len(), 2 * 7 * 2, "A and B of seven projections in two layers");
    tch::no_grad(|| {
        for (name, mut weight) in adapted.trainable() {
            if name.ends_with("lora_B.weight") {
                let _ = weight.fill_(0.03);
            }
        }
    });
    let (moved, merged) =
        tch::no_grad(|| (adapted.hidden(&tree), adapted.for_inference().hidden(&tree)));
    assert!(largest_difference(&moved, &start.0) > 1e-2, "the update must do something");
    assert!(largest_difference(&moved, &merged) < 1e-5);
}

#[test]
fn bfloat16_stays_near_float32() {
    let folder = tempfile::tempdir().expect("a folder");
    common::write_model(folder.path(), &common::cases()["qwen2_tied"]);
    let placement = Placement { kind: Kind::BFloat16, ..Placement::CPU };
    let narrow = Model::load(folder.path(), placement, &Adapter::Full, 1).expect("it loads");
    assert_eq!(narrow.trainable()[0].1.kind(), Kind::Float, "masters are float32");
    let wide = model("qwen2_tied", &Adapter::Full);
    let tree = TokenTree::build(&[Sequence { prompt: &[1, 2, 3, 4], response: &[] }]);
    let (a, b) = tch::no_grad(|| (narrow.hidden(&tree).to_kind(Kind::Float), wide.hidden(&tree)));
    let relative = largest_difference(&a, &b) / b.abs().max().double_value(&[]);
    assert!(relative < 0.05, "{relative}");
    assert!(!gradients(&narrow, false).is_empty());
}

#[test]
fn a_bfloat16_sampler_follows_updates_too_small_for_the_base_weights() {
    // B is so small that most of W + scale·B·A rounds back to W: a sampler of folded weights would not be the learner.
    let folder = tempfile::tempdir().expect("a folder");
    common::write_model(folder.path(), &common::cases()["qwen2_tied"]);
    let tree = TokenTree::build(&[Sequence { prompt: &[1, 2, 3, 4, 5], response: &[6, 7] }]);
    let hidden = |model: &Model| tch::no_grad(|| model.hidden(&tree).to_kind(Kind::Float));
    let loaded = |kind| {
        let placement = Placement { kind, ..Placement::CPU };
        let model = Model::load(folder.path(), placement, &lora(), 1).expect("it loads");
        tch::no_grad(|| {
            for (name, mut weight) in model.trainable() {
                if name.ends_with("lora_B.weight") {
                    let _ = weight.fill_(1e-3);
                }
            }
        });
        model
    };
    let narrow = loaded(Kind::BFloat16);
    let learner = hidden(&narrow);
    assert!(largest_difference(&narrow.with_sampling(hidden), &learner) == 0.0);
    assert!(largest_difference(&hidden(&narrow.for_inference()), &learner) > 1e-3);
    // In float32 nothing is lost, and folded weights sample faster.
    let wide = loaded(Kind::Float);
    assert!(!wide.with_sampling(Model::has_lora));
    assert!(largest_difference(&wide.with_sampling(hidden), &hidden(&wide)) < 1e-5);
}

#[test]
fn damaged_folders_are_named() {
    let fresh = || {
        let folder = tempfile::tempdir().expect("a folder");
        common::write_model(folder.path(), &common::cases()["llama_tied"]);
        folder
    };
    let error = |folder: &std::path::Path| {
        Model::load(folder, Placement::CPU, &Adapter::Full, 0).expect_err("damaged").to_string()
    };

    let folder = fresh();
    let weights = folder.path().join("model.safetensors");
    let bytes = std::fs::read(&weights).expect("bytes");
    std::fs::write(&weights, &bytes[..bytes.len() - 100]).expect("cut");
    let message = error(folder.path());
    assert!(
        message.contains("truncated") && message.contains(&bytes.len().to_string()),
        "{message}"
    );

    std::fs::remove_file(&weights).expect("removed");
    assert!(error(folder.path()).contains("model.safetensors"));

    let folder = fresh();
    let config = folder.path().join("config.json");
    let text = std::fs::read_to_string(&config).expect("text");
    std::fs::write(&config, text.replace("\"vocab_size\":101", "\"vocab_size\":102"))
        .expect("changed");
    let message = error(folder.path());
    assert!(
        message.contains("model.embed_tokens.weight") && message.contains("[101, 64]"),
        "{message}"
    );

    std::fs::write(&config, text.replace("\"num_hidden_layers\":2", "\"num_hidden_layers\":1"))
        .expect("changed");
    assert!(error(folder.path()).contains("no place"), "{}", error(folder.path()));
    std::fs::write(&config, text.replace("\"model_type\":\"llama\"", "\"model_type\":\"mamba\""))
        .expect("changed");
    assert!(error(folder.path()).contains("mamba"));
}

#[test]
fn tokens_outside_the_vocabulary_are_refused() {
    let model = model("llama_tied", &Adapter::Full).for_inference();
    let never = AtomicBool::new(false);
    let mut monitor = Monitor { stop: &never, progress: &mut |_| {} };
    for bad in [vec![], vec![101], vec![-1]] {
        let result = generate(&model, &[bad], &[vec![1]], &decoding(1.0, 4), &mut monitor);
        assert!(matches!(result, Err(PolicyError::Tokens { .. })));
    }
}

#[test]
fn sampling_stops_when_asked() {
    let model = model("llama_tied", &Adapter::Full).for_inference();
    let stop = AtomicBool::new(true);
    let mut monitor = Monitor { stop: &stop, progress: &mut |_| {} };
    let result = generate(&model, &[vec![1]], &[vec![1]], &decoding(1.0, 4), &mut monitor)
        .expect("no error");
    assert!(result.is_none());
}
