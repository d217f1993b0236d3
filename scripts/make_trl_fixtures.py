"""Losses, gradients, advantages and updates from TRL, torch and transformers: the oracle of trainer/tests/trl.

    make oracle
    .oracle-venv/bin/python scripts/make_trl_fixtures.py --out trainer/tests/fixtures

Writes trl.json. Every number comes from the libraries' own code. Two things of TRL's trainer are replaced, and only
what the case is not about: `_generate_single_turn` returns given completions instead of sampling, and for the cases on
plain tensors `_get_per_token_logps_and_entropies` returns given log-probabilities instead of running a model. What
follows from them (advantages, ratio, clipping, aggregation, backward, clipping of the norm, AdamW, schedule) is the
libraries'. Weights of the small model follow a formula that the Rust test repeats, so none are stored.
"""

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path

import torch
import transformers
import trl
from datasets import Dataset
from make_policy_fixtures import formula
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, get_cosine_schedule_with_warmup
from trl import GRPOConfig, GRPOTrainer

PAD, EOS = 0, 2
VOCABULARY = 259
CONFIG = dict(
    vocab_size=VOCABULARY,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    rms_norm_eps=1e-5,
    rope_theta=10000.0,
    tie_word_embeddings=False,
    eos_token_id=EOS,
    bos_token_id=None,
    pad_token_id=None,
)
# Two prompts share a beginning, and one is the beginning of another, so that prefix trees have something to share.
PROMPTS = [[5, 6, 7], [5, 6, 9, 10, 11], [40, 41, 42, 43]]
COMPLETIONS = [
    [[12, 13, 14, EOS], [12, 13, EOS], [15, EOS], [16, 17, 18, 19, 20, 21]],
    [[EOS], [30, 31, 32, 33, EOS], [30, 31, EOS], [34, EOS]],
    [[50, 51, EOS], [50, EOS], [52, 53, 54, 55, 56, 57], [58, EOS]],
]
SPREAD = [[1.0, 0.0, 0.5, 0.0], [0.5, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]]
ONE_FLAT = [[1.0, 0.0, 0.5, 0.0], [0.5, 1.0, 0.0, 1.0], [0.5, 0.5, 0.5, 0.5]]
# Gradients and weights of these are stored whole; of all others, their norm.
STORED = [
    "model.layers.0.input_layernorm.weight",
    "model.layers.1.self_attn.v_proj.weight",
    "model.layers.1.post_attention_layernorm.weight",
    "model.norm.weight",
]
RUNS = {
    "token_mean": (
        ONE_FLAT,
        dict(loss_type="dapo", max_steps=3, lr_scheduler_type="cosine", warmup_steps=1, weight_decay=0.1),
    ),
    "sequence_mean_two_epochs": (
        SPREAD,
        dict(
            loss_type="grpo",
            max_steps=2,
            num_iterations=2,
            temperature=0.7,
            epsilon=0.05,
            epsilon_high=0.08,
            learning_rate=1e-2,
            adam_epsilon=1e-3,
            max_grad_norm=1e9,
        ),
    ),
    "constant_length_with_reference": (
        SPREAD,
        dict(
            loss_type="dr_grpo", max_steps=3, beta=0.1, use_bias_correction_kl=True, scale_rewards="none", max_grad_norm=0.05
        ),
    ),
}


def numbers(tensor: torch.Tensor) -> list:
    """Nine digits name a float32 exactly."""
    return [float(f"{v:.9g}") for v in tensor.detach().flatten().tolist()]


class GivenCompletions(GRPOTrainer):
    """TRL's trainer with given completions; notes what each optimiser step saw."""

    def __init__(self, completions: dict, **kwargs):
        self.completions, self.steps = completions, []
        super().__init__(**kwargs)

    def _generate_single_turn(self, prompt_ids, images, multimodal_fields, num_generations):
        seen = Counter()
        result = []
        for prompt in map(tuple, prompt_ids):
            result.append(list(self.completions[prompt][seen[prompt]]))
            seen[prompt] += 1
        return result, None

    def training_step(self, model, inputs, num_items_in_batch):
        loss = super().training_step(model, inputs, num_items_in_batch)
        gradients = {name: weight.grad.clone() for name, weight in model.named_parameters()}
        metrics = self._metrics["train"]
        self.steps.append(
            {
                "loss": loss.item(),
                "entropy": metrics["entropy"][-1],
                "clip_share": metrics["clip_ratio/region_mean"][-1],
                "reference_kl": metrics["kl"][-1] if self.beta else 0.0,
                "lr": self.optimizer.param_groups[0]["lr"],
                "gradient_norms": {n: float(f"{g.double().norm().item():.9g}") for n, g in gradients.items()},
                "gradients": {n: numbers(gradients[n]) for n in STORED},
            }
        )
        return loss


def tokenizer() -> PreTrainedTokenizerFast:
    """The word t17 is token 17."""
    words = Tokenizer(models.WordLevel({f"t{i}": i for i in range(VOCABULARY)}, unk_token=f"t{PAD}"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token=f"t{PAD}", eos_token=f"t{EOS}")


def text(tokens: list[int]) -> str:
    return " ".join(f"t{t}" for t in tokens)


def save_model(folder: Path) -> dict:
    model = LlamaForCausalLM(LlamaConfig(**CONFIG))
    state = model.state_dict()
    for index, name in enumerate(sorted(state)):
        state[name] = formula(index, state[name].numel(), "norm" in name).view(state[name].shape)
    model.load_state_dict(state)
    model.save_pretrained(folder)
    return {
        "config": json.loads(model.config.to_json_string(use_diff=False)),
        "shapes": {name: list(state[name].shape) for name in sorted(state)},
    }


def trainer(folder: Path, rewards: list, **options) -> GivenCompletions:
    of = {(tuple(p), tuple(c)): r for p, cs, rs in zip(PROMPTS, COMPLETIONS, rewards) for c, r in zip(cs, rs)}
    words = tokenizer()

    def reward(prompts, completion_ids, **_):
        return [of[tuple(words(p)["input_ids"]), tuple(c)] for p, c in zip(prompts, completion_ids)]

    # Near 1e-8, AdamW's ε turns the noise of gradients that are almost zero into steps of full length.
    defaults = dict(learning_rate=1e-3, adam_epsilon=1e-4, lr_scheduler_type="constant", max_grad_norm=1.0, max_steps=1)
    settings = GRPOConfig(
        output_dir=str(folder / "out"),
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        model_init_kwargs=dict(dtype="float32"),
        per_device_train_batch_size=sum(map(len, COMPLETIONS)),
        gradient_accumulation_steps=1,
        num_generations=len(COMPLETIONS[0]),
        max_completion_length=8,
        optim="adamw_torch",
        logging_strategy="no",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        seed=1,
        **(defaults | options),
    )
    return GivenCompletions(
        {tuple(p): c for p, c in zip(PROMPTS, COMPLETIONS)},
        model=str(folder / "model"),
        reward_funcs=reward,
        args=settings,
        train_dataset=Dataset.from_dict({"prompt": [text(p) for p in PROMPTS]}),
        processing_class=words,
    )


def run(folder: Path, rewards: list, options: dict) -> dict:
    one = trainer(folder, rewards, **options)
    one.train()
    args = one.args
    weights = dict(one.model.named_parameters())
    return {
        "rewards": rewards,
        "scale_by_std": args.scale_rewards != "none",
        "loss_type": args.loss_type,
        "temperature": args.temperature,
        "clip_low": one.epsilon_low,
        "clip_high": one.epsilon_high,
        "kl_weight": args.beta,
        "epochs": args.num_iterations,
        "max_new_tokens": args.max_completion_length,
        "max_steps": args.max_steps,
        "optimizer": {
            "lr": args.learning_rate,
            "schedule": str(args.lr_scheduler_type.value),
            "warmup_share": args.warmup_steps / args.max_steps,
            "weight_decay": args.weight_decay,
            "max_grad_norm": args.max_grad_norm,
            "epsilon": args.adam_epsilon,
        },
        "steps": one.steps,
        "weight_norms": {n: float(f"{w.double().norm().item():.9g}") for n, w in weights.items()},
        "weights": {n: numbers(weights[n]) for n in STORED},
    }


def loss_cases(folder: Path) -> list:
    """`_compute_loss` on given log-probabilities: every sign of advantage with ratios on both sides of both bounds."""
    random = torch.Generator().manual_seed(7)
    lengths = [5, 1, 3, 7, 2, 4]
    batch, longest = len(lengths), max(lengths)
    mask = (torch.arange(longest)[None] < torch.tensor(lengths)[:, None]).long()
    old = -3.0 * torch.rand(batch, longest, generator=random) - 0.05
    shift = 1.2 * torch.rand(batch, longest, generator=random) - 0.6
    advantages = torch.tensor([1.25, -0.5, -1.5, 0.75, 0.0, 2.0])
    cases = []
    for off_policy in (False, True):
        for high in (0.2, 0.28):
            for loss_type in ("dapo", "bnpo", "grpo", "dr_grpo"):
                one = trainer(folder, SPREAD, loss_type=loss_type, epsilon=0.2, epsilon_high=high)
                one.current_gradient_accumulation_steps = 1
                one.model.train()
                lp = (old + shift if off_policy else old.clone()).requires_grad_()
                one._get_per_token_logps_and_entropies = lambda *_, **__: (lp, torch.zeros_like(lp), None)  # noqa: B023
                inputs = dict(
                    prompt_ids=torch.ones(batch, 1, dtype=torch.long),
                    prompt_mask=torch.ones(batch, 1, dtype=torch.long),
                    completion_ids=torch.ones(batch, longest, dtype=torch.long),
                    completion_mask=mask,
                    advantages=advantages,
                    num_items_in_batch=mask.sum(),
                )
                if off_policy:
                    inputs["old_per_token_logps"] = old
                loss = one._compute_loss(one.model, inputs)
                loss.backward()
                kept = mask.bool()
                clipped = {end: one._metrics["train"][f"clip_ratio/{end}_mean"][-1] for end in ("low", "high", "region")}
                assert not off_policy or (clipped["low"] > 0 and clipped["high"] > 0), "both bounds must bind"
                cases.append(
                    {
                        "name": f"{loss_type}, {'off' if off_policy else 'on'} policy, high {high}",
                        "loss_type": loss_type,
                        "clip_low": one.epsilon_low,
                        "clip_high": one.epsilon_high,
                        "max_new_tokens": one.max_completion_length,
                        "lengths": lengths,
                        "advantages": numbers(advantages),
                        "lp": numbers(lp[kept]),
                        "old": numbers(old[kept]),
                        "loss": loss.item(),
                        "clip_share": clipped["region"],
                        "gradient": numbers(lp.grad[kept]),
                    }
                )
                assert lp.grad[~kept].eq(0).all()
    return cases


def advantage_cases(folder: Path) -> list:
    cases = []
    # 0.1 is no float32, so a group of it shows whether rounding makes advantages of nothing.
    uneven = [[0.1, 0.7, 0.2, 0.9], [0.0, 0.0, 0.0, 1.0], [0.1, 0.1, 0.1, 0.1]]
    for scale in ("group", "none"):
        for rewards in (uneven, ONE_FLAT):
            one = trainer(folder, rewards, scale_rewards=scale)
            one.model.train()
            inputs = [{"prompt": text(p)} for p in PROMPTS for _ in COMPLETIONS[0]]
            advantages = one._generate_and_score_completions(inputs)["advantages"]
            groups = advantages.view(len(PROMPTS), -1)
            cases.append(
                {"scale_by_std": scale == "group", "epsilon": 1e-4, "rewards": rewards, "advantages": [numbers(g) for g in groups]}
            )
    return cases


def adamw() -> dict:
    random = torch.Generator().manual_seed(3)
    matrix = torch.rand(2, 3, generator=random).sub(0.5).requires_grad_()
    vector = torch.rand(4, generator=random).requires_grad_()
    start = {"matrix": numbers(matrix), "vector": numbers(vector)}
    settings = dict(lr=0.01, betas=(0.9, 0.999), eps=1e-8)
    groups = [{"params": [matrix], "weight_decay": 0.1}, {"params": [vector], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, **settings)
    steps = []
    # The first and last step exceed the limit of the norm, the second does not.
    for scale in (3.0, 0.2, 5.0):
        for weight in (matrix, vector):
            weight.grad = scale * (torch.rand(weight.shape, generator=random) - 0.5)
        gradients = {"matrix": numbers(matrix.grad), "vector": numbers(vector.grad)}
        norm = torch.nn.utils.clip_grad_norm_([matrix, vector], 1.0)
        optimizer.step()
        after = {"matrix": numbers(matrix), "vector": numbers(vector)}
        steps.append({"gradients": gradients, "norm": norm.item(), "after": after})
    options = {"lr": 0.01, "epsilon": 1e-8, "weight_decay": 0.1, "max_grad_norm": 1.0}
    return {"options": options, "start": start, "steps": steps}


def schedules() -> list:
    cases = []
    for warmup, total in ((0, 10), (2, 10), (3, 10)):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
        schedule = get_cosine_schedule_with_warmup(optimizer, warmup, total)
        rates = []
        for _ in range(total):
            rates.append(schedule.get_last_lr()[0])
            optimizer.step()
            schedule.step()
        cases.append({"lr": 0.5, "warmup": warmup, "total": total, "rates": rates})
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fixture = {
            "versions": {"trl": trl.__version__, "transformers": transformers.__version__, "torch": torch.__version__},
            "model": save_model(folder / "model"),
            "prompts": PROMPTS,
            "completions": COMPLETIONS,
            "runs": {name: run(folder, *case) for name, case in RUNS.items()},
            "losses": loss_cases(folder),
            "advantages": advantage_cases(folder),
            "adamw": adamw(),
            "schedules": schedules(),
        }
    (out / "trl.json").write_text(json.dumps(fixture) + "\n")


if __name__ == "__main__":
    main()
