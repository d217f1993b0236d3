"""Expected logits and greedy continuations, from transformers: the oracle of policy/tests.

    make oracle
    .oracle-venv/bin/python scripts/make_policy_fixtures.py --out policy/tests/fixtures [--model models/smollm2-135m-instruct]

Writes small_models.json (weights follow a formula that the Rust test repeats, so none are stored) and, where the
model folder is given, smollm2.json: for each prompt its text, its tokens, logits of the last position at some
vocabulary ids, log-probabilities of the prompt's tokens and 64 greedy tokens.
"""

import argparse
import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

SIZES = dict(
    vocab_size=101,
    hidden_size=64,
    intermediate_size=96,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=256,
    rms_norm_eps=1e-5,
)
CASES = {
    "llama_tied": (LlamaConfig, LlamaForCausalLM, dict(tie_word_embeddings=True, rope_theta=10000.0)),
    "llama_untied_biases": (
        LlamaConfig,
        LlamaForCausalLM,
        dict(tie_word_embeddings=False, attention_bias=True, mlp_bias=True, rope_theta=500.0),
    ),
    "llama_wide_heads": (LlamaConfig, LlamaForCausalLM, dict(tie_word_embeddings=False, head_dim=32)),
    "llama_scaled_linear": (
        LlamaConfig,
        LlamaForCausalLM,
        dict(tie_word_embeddings=True, rope_scaling=dict(rope_type="linear", factor=4.0)),
    ),
    "llama_scaled_3": (
        LlamaConfig,
        LlamaForCausalLM,
        dict(
            tie_word_embeddings=True,
            rope_scaling=dict(
                rope_type="llama3",
                factor=8.0,
                low_freq_factor=1.0,
                high_freq_factor=4.0,
                original_max_position_embeddings=64,
            ),
        ),
    ),
    "qwen2_tied": (Qwen2Config, Qwen2ForCausalLM, dict(tie_word_embeddings=True, rope_theta=1000000.0)),
    "qwen2_untied": (Qwen2Config, Qwen2ForCausalLM, dict(tie_word_embeddings=False)),
}
TOKENS = [3, 14, 15, 92, 65, 35, 89, 79, 32, 38, 46, 26, 43, 3, 0, 100]

PROMPTS = [
    "What is 17 + 25?",
    "Name the capital of France and one river in it.",
    "Write a Python function that reverses a list.",
    "def fibonacci(n):",
    "List three colours, separated by commas.",
    "Translate 'good morning' to Spanish.",
    "Is 91 a prime number? Answer yes or no, and say why.",
    "Spell the word 'orchestra' backward.",
    "If all cats are animals and Tom is a cat, what is Tom?",
    "Ünïcode, tabs\tand 12345 digits: repeat them.",
]


def formula(index: int, count: int, is_norm: bool) -> torch.Tensor:
    """The same in policy/tests/common: whole numbers only, so that both sides agree to the bit."""
    i = torch.arange(count, dtype=torch.int64)
    unit = (((i * 2654435761 + index * 40503) >> 7) & 0xFFFF).to(torch.float32) / 65536.0 - 0.5
    return 1.0 + 0.25 * unit if is_norm else 0.5 * unit


def small_models() -> dict:
    cases = {}
    for name, (config_class, model_class, extra) in CASES.items():
        config = config_class(**SIZES, **extra)
        model = model_class(config).eval()
        state = model.state_dict()
        names = sorted(n for n in state if not (config.tie_word_embeddings and n == "lm_head.weight"))
        for index, key in enumerate(names):
            weight = state[key]
            state[key] = formula(index, weight.numel(), "norm" in key).view(weight.shape)
        if config.tie_word_embeddings:
            state["lm_head.weight"] = state["model.embed_tokens.weight"]
        model.load_state_dict(state)
        with torch.no_grad():
            logits = model(torch.tensor([TOKENS])).logits[0].double()
        cases[name] = {
            "config": json.loads(config.to_json_string(use_diff=False)),
            "shapes": {n: list(state[n].shape) for n in names},
            "tokens": TOKENS,
            "logits": [[round(v, 7) for v in row] for row in logits.tolist()],
        }
    return cases


def real_model(folder: Path) -> dict:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    prompts = []
    for text in PROMPTS:
        messages = [{"role": "user", "content": text}]
        rendered = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        tokens = tokenizer(rendered, add_special_tokens=False)["input_ids"]
        ids = torch.tensor([tokens])
        with torch.no_grad():
            logits = model(ids).logits[0]
            greedy = model.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=64, temperature=None, top_p=None
            )[0, len(tokens) :]
        logprobs = logits[:-1].double().log_softmax(-1).gather(-1, ids[0, 1:, None])[:, 0]
        probe = list(range(0, logits.shape[-1], 487))
        prompts.append(
            {
                "text": text,
                "rendered": rendered,
                "tokens": tokens,
                "probe": probe,
                "last_logits": [round(float(logits[-1, i]), 6) for i in probe],
                "logprobs": [round(float(v), 6) for v in logprobs],
                "greedy": greedy.tolist(),
            }
        )
    return {"prompts": prompts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "small_models.json").write_text(json.dumps(small_models()) + "\n")
    if args.model:
        (args.out / "smollm2.json").write_text(json.dumps(real_model(args.model), ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
