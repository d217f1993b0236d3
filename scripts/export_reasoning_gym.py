"""Write tasks from reasoning-gym's generators as JSONL, the same bytes for the same arguments.

One line a task: {"id", "dataset", "index", "question", "answer", "metadata"}. The generator's own fields are kept as
they are, so that a grader can score an answer exactly as the package does; the prompt form (what
a worker is asked to write) belongs to the Rust side (`datasets/src/sources/reasoning_gym.rs`).

    python scripts/export_reasoning_gym.py --out data/tasks/reasoning_gym.jsonl --per-dataset 60
"""

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path

# Different kinds on purpose: word problems, arithmetic, algebra, counting, logic, spelling, kinship, letters, series.
DATASETS = [
    "gsm_symbolic",
    "chain_sum",
    "simple_equations",
    "leg_counting",
    "syllogism",
    "spell_backward",
    "family_relationships",
    "letter_counting",
    "number_sequence",
    "gcd",
    "isomorphic_strings",
    "ransom_note",
]
# Some generators draw from sets of texts, whose order hangs on Python's hash seed.
HASH_SEED = "0"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--datasets", nargs="+", default=DATASETS)
    parser.add_argument("--per-dataset", type=int, default=60)
    parser.add_argument("--seed", type=int, default=42)
    args = parser.parse_args()

    try:
        import reasoning_gym
    except ImportError:
        print("reasoning-gym is not installed here; run `make tasks`, which installs it", file=sys.stderr)
        return 1

    if os.environ.get("PYTHONHASHSEED") != HASH_SEED:
        os.environ["PYTHONHASHSEED"] = HASH_SEED
        os.execv(sys.executable, [sys.executable, *sys.argv])

    lines = []
    for name in args.datasets:
        dataset = reasoning_gym.create_dataset(name, seed=args.seed, size=args.per_dataset)
        for index in range(args.per_dataset):
            entry = dataset[index]
            task = {
                "id": f"{name}/{args.seed}/{index}",
                "dataset": name,
                "index": index,
                "question": entry["question"],
                "answer": entry["answer"],
                "metadata": entry["metadata"],
            }
            # Some generators draw dates or tuples: they are kept as text.
            lines.append(json.dumps(task, ensure_ascii=False, sort_keys=True, default=str))
    text = "\n".join(lines) + "\n"
    args.out.parent.mkdir(parents=True, exist_ok=True)
    partial = args.out.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, args.out)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    print(f"{args.out}: {len(lines)} tasks from {len(args.datasets)} generators, sha256 {digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
