"""Checks this program on a GPU, against transformers on the same GPU, and measures both.

    make check-gpu
    python scripts/check_gpu.py --conductor target/release/conductor --tokenizer models/smollm2-135m-instruct [--parts numbers,greedy]

Weights are random, so that nothing is fetched. Needs torch and transformers (`make oracle`), the tasks (`make tasks`) and a tokenizer's
folder. `--device cpu` runs the same checks on the processor, which tries this script rather than the program.

  numbers  log-probabilities of four architectures in float32 and bfloat16, beside transformers', against float64
  greedy   64 greedy tokens, the same as transformers'
  train    a warm start, steps of reinforcement on recorded answers, validation, checkpoint
  resume   the same run killed and gone on with: do the weights differ more than those of two whole runs?
  speed    sampling and updates of the sizes in --sizes, beside transformers on as many tokens
  memory   a model that is too large for the GPU: the error, and what is left on the disk

Exit code 1 where a check fails. `--out FILE` writes what was measured as JSON.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config

PARTS = ["numbers", "greedy", "train", "resume", "speed", "memory"]
SMALL = dict(
    vocab_size=49152,
    hidden_size=512,
    intermediate_size=1024,
    num_hidden_layers=6,
    num_attention_heads=8,
    num_key_value_heads=2,
    max_position_embeddings=4096,
    initializer_range=0.08,
    bos_token_id=1,
    eos_token_id=2,
)
ARCHITECTURES = {
    "llama_tied": (LlamaConfig, dict(tie_word_embeddings=True)),
    "llama_biases": (LlamaConfig, dict(tie_word_embeddings=False, attention_bias=True, rope_theta=500000.0)),
    "qwen2_tied": (Qwen2Config, dict(tie_word_embeddings=True, rope_theta=1000000.0)),
    "qwen2_untied": (Qwen2Config, dict(tie_word_embeddings=False)),
}
# The published shapes; the vocabulary is larger than the tokenizer's, as it is in theirs.
SIZES = {
    "tiny": (LlamaConfig, SMALL | dict(num_hidden_layers=2, hidden_size=64, intermediate_size=96, num_attention_heads=4)),
    "135m": (
        LlamaConfig,
        SMALL
        | dict(
            hidden_size=576,
            intermediate_size=1536,
            num_hidden_layers=30,
            num_attention_heads=9,
            num_key_value_heads=3,
            max_position_embeddings=8192,
            rope_theta=100000.0,
            tie_word_embeddings=True,
            initializer_range=0.02,
        ),
    ),
    "1.5b": (
        Qwen2Config,
        SMALL
        | dict(
            vocab_size=151936,
            hidden_size=1536,
            intermediate_size=8960,
            num_hidden_layers=28,
            num_attention_heads=12,
            max_position_embeddings=32768,
            rope_theta=1000000.0,
            tie_word_embeddings=True,
            initializer_range=0.02,
        ),
    ),
    "7b": (
        Qwen2Config,
        SMALL
        | dict(
            vocab_size=152064,
            hidden_size=3584,
            intermediate_size=18944,
            num_hidden_layers=28,
            num_attention_heads=28,
            num_key_value_heads=4,
            max_position_embeddings=32768,
            rope_theta=1000000.0,
            tie_word_embeddings=False,
            initializer_range=0.02,
        ),
    ),
}


class Check:
    """What the parts share: where things are, and what was found."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.device = args.device
        self.work = args.work.resolve()
        self.conductor = args.conductor.resolve()
        self.found = {"device": torch.cuda.get_device_name(0) if self.device == "cuda" else "cpu", "torch": torch.__version__}
        self.failed = []

    def say(self, name: str, ok: bool | None, detail: str, **values) -> None:
        """One finding; `ok` is None for what is only measured."""
        print(f"{'    ' if ok is None else 'ok  ' if ok else 'FAIL'} {name}: {detail}", flush=True)
        self.found[name] = values | {"ok": ok, "detail": detail}
        if ok is False:
            self.failed.append(name)

    def run(self, *arguments: str, input: str | None = None, timeout: int = 600) -> subprocess.CompletedProcess:
        return subprocess.run(
            [str(self.conductor), *arguments], input=input, capture_output=True, text=True, timeout=timeout, check=False
        )

    def lines(self, *arguments: str, rows: list[dict]) -> list[dict]:
        """Rows in, rows out."""
        done = self.run(*arguments, input="".join(json.dumps(row) + "\n" for row in rows))
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()[-1500:]}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def model(self, name: str, config_class: type, sizes: dict, dtype: torch.dtype = torch.float32):
        """A model with random weights, and its folder. Made where it runs: a processor takes minutes for 7B."""
        folder = self.work / name
        config = config_class(**sizes)
        config.dtype = dtype
        torch.manual_seed(0)
        with torch.device(self.device):
            model = AutoModelForCausalLM.from_config(config, dtype=dtype).eval()
        if not (folder / "config.json").exists():
            model.save_pretrained(folder)
            for file in ("tokenizer.json", "tokenizer_config.json"):
                shutil.copy(self.args.tokenizer / file, folder / file)
        return model, folder

    def train(self, model: Path, run: str, *extra: str, timeout: int = 600) -> tuple[int, list[dict], str]:
        """A run of the quick start's task and pool with another model; its exit code, its events, its errors."""
        settings = [
            f'run.name="{run}"',
            f'policy.model="{model}"',
            f'policy.device="{self.device}"',
            'sandbox.require="C"',
            *extra,
        ]
        done = self.run("train", "quickstart", "--json", *[part for s in settings for part in ("--set", s)], timeout=timeout)
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return done.returncode, events, done.stderr


def logprobs(model, tokens: list[int], device: str) -> torch.Tensor:
    ids = torch.tensor([tokens], device=device)
    with torch.no_grad():
        logits = model(ids).logits[0, :-1].double()
    return logits.log_softmax(-1).gather(-1, ids[0, 1:, None])[:, 0].cpu()


def numbers(check: Check) -> None:
    generator = torch.Generator().manual_seed(1)
    rows = [
        {"id": index, "tokens": torch.randint(3, SMALL["vocab_size"], (length,), generator=generator).tolist()}
        for index, length in enumerate([40, 130, 257, 700])
    ]
    for name, (config_class, extra) in ARCHITECTURES.items():
        model, folder = check.model(name, config_class, SMALL | extra)
        error = {}
        ours = {
            dtype: check.lines(
                "policy", "logprobs", "--model", str(folder), "--device", check.device, "--dtype", dtype, rows=rows
            )
            for dtype in ("float32", "bfloat16")
        }
        theirs32 = [logprobs(model, row["tokens"], check.device) for row in rows]
        # The weights alone: rotary frequencies stay in float32, as they do in a model that is loaded in bfloat16.
        for parameter in model.parameters():
            parameter.data = parameter.data.bfloat16()
        theirs16 = [logprobs(model, row["tokens"], check.device) for row in rows]
        exact, _ = check.model(name, config_class, SMALL | extra)
        exact = [logprobs(exact.double(), row["tokens"], check.device) for row in rows]
        for key, values in {
            "ours float32": [torch.tensor(row["logprobs"], dtype=torch.float64) for row in ours["float32"]],
            "transformers float32": theirs32,
            "ours bfloat16": [torch.tensor(row["logprobs"], dtype=torch.float64) for row in ours["bfloat16"]],
            "transformers bfloat16": theirs16,
        }.items():
            gaps = torch.cat([(a - b).abs() for a, b in zip(values, exact, strict=True)])
            error[key] = {"max": gaps.max().item(), "mean": gaps.mean().item()}
        ok = error["ours float32"]["max"] <= 2e-4
        ok &= error["ours bfloat16"]["mean"] <= 1.5 * error["transformers bfloat16"]["mean"]
        detail = ", ".join(f"{key} {value['max']:.1e} (mean {value['mean']:.1e})" for key, value in error.items())
        check.say(f"numbers {name}", ok, f"largest error against float64: {detail}", error=error)


def greedy(check: Check) -> None:
    generator = torch.Generator().manual_seed(2)
    for name, (config_class, extra) in ARCHITECTURES.items():
        model, folder = check.model(name, config_class, SMALL | extra)
        prompts = [torch.randint(3, SMALL["vocab_size"], (30 + 9 * i,), generator=generator).tolist() for i in range(10)]
        ours = check.lines(
            "policy",
            "generate",
            "--model",
            str(folder),
            "--device",
            check.device,
            "--max-new-tokens",
            "64",
            rows=[{"id": index, "tokens": tokens} for index, tokens in enumerate(prompts)],
        )
        same = 0
        for row, tokens in zip(ours, prompts, strict=True):
            ids = torch.tensor([tokens], device=check.device)
            mask = torch.ones_like(ids)
            with torch.no_grad():
                full = model.generate(ids, attention_mask=mask, do_sample=False, max_new_tokens=64, pad_token_id=0)
            expected = full[0, len(tokens) :].tolist()
            same += row["tokens"] == expected or row["tokens"] == expected[:-1]
        check.say(f"greedy {name}", same == len(prompts), f"{same} of {len(prompts)} continuations are the same")


def steps_of(events: list[dict], phase: str) -> list[dict]:
    return [event["metrics"] for event in events if event["event"] == "step_done" and event["phase"] == phase]


def median(rows: list[dict], name: str) -> float:
    values = sorted(row[name] for row in rows if row.get(name) is not None)
    return values[len(values) // 2] if values else float("nan")


SHORT = ["train.steps=4", "eval.every_steps=4", "eval.max_tasks=16"]
WHOLE = [*SHORT, 'policy.adapter={kind="full"}', "checkpoint.every_steps=1000"]


def train(check: Check) -> None:
    size = check.args.sizes[0]
    _, folder = check.model(f"size-{size}", *SIZES[size], torch.bfloat16)
    warm = "120" if check.device == "cuda" else "4"
    begun = time.monotonic()
    code, events, errors = check.train(folder, "gpu-train", f"warm_start.steps={warm}", *WHOLE)
    steps = steps_of(events, "update")
    losses = [row["warm_start/loss"] for row in steps_of(events, "warm_start")]
    if code or not steps:
        check.say("train", False, f"exit code {code}: {errors.strip()[-1500:]}")
        return
    check.say(
        "train",
        losses[-1] < losses[0],
        f"{size}, every weight: warm start {losses[0]:.2f} to {losses[-1]:.2f} nats in {warm} steps, valid "
        f"{steps[-1].get('workflow/valid')}, reward {steps[-1].get('critic/rewards/mean')}, step {median(steps, 'timing_s/step'):.2f} s, "
        f"{time.monotonic() - begun:.0f} s in all",
        steps=steps,
        warm=losses[:: max(1, len(losses) // 10)],
    )


def weights(run: str) -> dict:
    return load_file(Path("runs") / run / "checkpoints" / "step-000004" / "trainable.safetensors")


def resume(check: Check) -> None:
    size = check.args.sizes[0]
    _, folder = check.model(f"size-{size}", *SIZES[size], torch.bfloat16)
    extra = ["warm_start.steps=2", "checkpoint.every_steps=2", "train.kl_weight=0.001", *SHORT]
    for run in ("gpu-whole", "gpu-again"):
        code, _, errors = check.train(folder, run, *extra)
        if code:
            check.say("resume", False, f"{run} ended with {code}: {errors.strip()[-1500:]}")
            return
    # Killed as soon as the second step is on the disk.
    settings = [f'run.name="gpu-cut"', f'policy.model="{folder}"', f'policy.device="{check.device}"', 'sandbox.require="C"', *extra]
    command = [str(check.conductor), "train", "quickstart", *[part for s in settings for part in ("--set", s)]]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 300
    while not Path("runs/gpu-cut/checkpoints/step-000002").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    code, events, errors = check.train(folder, "gpu-cut", *extra)
    began = [event["step"] for event in events if event["event"] == "run_started"]
    if code:
        check.say("resume", False, f"going on ended with {code}: {errors.strip()[-1500:]}")
        return
    whole, again, cut = weights("gpu-whole"), weights("gpu-again"), weights("gpu-cut")
    repeated = max((whole[name] - again[name]).abs().max().item() for name in whole)
    gap = max((whole[name] - cut[name]).abs().max().item() for name in whole)
    check.say(
        "resume",
        began == [2] and gap <= repeated,
        f"went on from step {began}; largest difference of a weight: {gap:.1e} after a kill, {repeated:.1e} between two whole runs",
        after_kill=gap,
        repeated=repeated,
    )


class Memory(threading.Thread):
    """The most memory that the GPU had in use while it ran."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most, self.over = 0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.3) and torch.cuda.is_available():
            free, total = torch.cuda.mem_get_info()
            self.most = max(self.most, total - free)


def speed(check: Check) -> None:
    for size in check.args.sizes:
        model, folder = check.model(f"size-{size}", *SIZES[size], torch.bfloat16)
        response, rows = 96, 64
        theirs = transformers_speed(model, check.device, rows, 160, response)
        del model
        torch.cuda.empty_cache()
        memory = Memory()
        memory.start()
        # Every sequence goes through the update, also where all rewards are the same.
        code, events, errors = check.train(
            folder,
            f"gpu-speed-{size}",
            "warm_start.steps=2",
            "train.steps=4",
            "train.kl_weight=0.001",
            "train.micro_batch_tokens=16384",
            "eval.every_steps=4",
            "eval.max_tasks=4",
            "checkpoint.every_steps=4",
            timeout=400,
        )
        memory.over.set()
        steps = steps_of(events, "update")[1:]
        if code or not steps:
            check.say(f"speed {size}", False, f"exit code {code}: {errors.strip()[-1500:]}")
            continue
        sampled = median(steps, "perf/response_tokens") / median(steps, "timing_s/sample")
        learned = median(steps, "perf/unshared_tokens") / median(steps, "timing_s/update")
        check.say(
            f"speed {size}",
            None,
            f"LoRA, 8 x 8 completions of up to {response} tokens: sampling {sampled:,.0f} tokens/s (transformers {theirs['sample']:,.0f}), "
            f"update {learned:,.0f} tokens/s with what is shared counted for each row (transformers, forward and backward of "
            f"every weight, {theirs['learn']:,.0f}), GPU memory {memory.most / 2**30:.1f} GiB",
            ours={"sample": sampled, "learn": learned, "memory_bytes": memory.most},
            transformers=theirs,
            steps=steps,
        )
        shutil.rmtree(Path("runs") / f"gpu-speed-{size}", ignore_errors=True)
        if size != check.args.sizes[0]:
            shutil.rmtree(folder, ignore_errors=True)


def transformers_speed(model, device: str, rows: int, prompt: int, response: int) -> dict:
    """Tokens a second of generation, and of a forward and a backward pass over prompts and responses."""

    def seconds(work) -> float:
        times = []
        for _ in range(2):
            if device == "cuda":
                torch.cuda.synchronize()
            begun = time.monotonic()
            work()
            if device == "cuda":
                torch.cuda.synchronize()
            times.append(time.monotonic() - begun)
        return times[-1]

    ids = torch.randint(3, 49000, (rows, prompt), device=device)

    def generate() -> None:
        with torch.no_grad():
            model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=True,
                min_new_tokens=response,
                max_new_tokens=response,
                pad_token_id=0,
            )

    whole = torch.randint(3, 49000, (rows // 8, prompt + response), device=device)

    def learn() -> None:
        for _ in range(8):
            model(whole, labels=whole).loss.backward()
        model.zero_grad(set_to_none=True)

    sample = rows * response / seconds(generate)
    model.train()
    learned = rows * (prompt + response) / seconds(learn)
    model.zero_grad(set_to_none=True)
    return {"sample": sample, "learn": learned}


def memory(check: Check) -> None:
    size = check.args.sizes[0]
    _, folder = check.model(f"size-{size}", *SIZES[size], torch.bfloat16)
    # Filled from outside, as by another program of the user's.
    free, _ = torch.cuda.mem_get_info()
    held = torch.empty(free - (1 << 30), dtype=torch.uint8, device="cuda")
    code, _, errors = check.train(folder, "gpu-memory", "warm_start.steps=2", *WHOLE)
    del held
    torch.cuda.empty_cache()
    partial = sorted(path.name for path in Path("runs/gpu-memory").rglob(".*.partial*"))
    ok = code == 1 and "memory" in errors and "next:" in errors and not partial
    ok &= "panicked" not in errors and "frame #" not in errors
    check.say("memory", ok, f"exit code {code}, left {partial}: {errors.strip()[-1200:]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conductor", type=Path, default=Path("target/release/conductor"))
    parser.add_argument("--tokenizer", type=Path, default=Path("models/smollm2-135m-instruct"))
    parser.add_argument("--work", type=Path, default=Path("target/check-gpu"))
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--sizes", default="135m,1.5b,7b")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    args.sizes = args.sizes.split(",")
    args.work.mkdir(parents=True, exist_ok=True)
    if args.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("no GPU: this torch finds none; check `nvidia-smi`, or try the script itself with --device cpu")
    check = Check(args)
    doctor = check.run("doctor")
    print(doctor.stdout, flush=True)
    seen = any("GPU" in line and line.startswith("ok") for line in doctor.stdout.splitlines())
    check.say("doctor", seen or args.device == "cpu", f"{'finds' if seen else 'does not find'} the GPU")
    for part in args.parts.split(","):
        begun = time.monotonic()
        try:
            globals()[part](check)
        except Exception as error:  # The time of a GPU is dear: the other parts are tried all the same.
            check.say(part, False, f"{type(error).__name__}: {error}")
        print(f"     {part}: {time.monotonic() - begun:.0f} s", flush=True)
        if args.out:
            args.out.write_text(json.dumps(check.found, indent=1) + "\n")
    print("failed: " + ", ".join(check.failed) if check.failed else "all checks passed")
    raise SystemExit(1 if check.failed else 0)


if __name__ == "__main__":
    main()
