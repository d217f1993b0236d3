"""Write tasks from reasoning-gym's generators as JSONL, the same bytes for the same arguments.

One line a task: {"id", "dataset", "index", "question", "answer", "metadata"}. The generator's own fields are kept as
they are, so that a grader can score an answer exactly as the package does; the prompt form (what
a worker is asked to write) belongs to the Rust side (`datasets/src/sources/reasoning_gym.rs`). JSON has no tuples: where a
scorer tells them from lists, they stand as {"__tuple__": [...]}. "answer" is null where a question has many right ones.

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


def marked(value):
    """Tuples as objects that say so."""
    if isinstance(value, tuple):
        return {"__tuple__": [marked(item) for item in value]}
    if isinstance(value, list):
        return [marked(item) for item in value]
    if isinstance(value, dict):
        return {key: marked(item) for key, item in value.items()}
    return value


def needs_tuples(dataset, entry) -> bool:
    """Whether the scorer no longer takes the generator's own answer once its entry has been through JSON."""
    if entry["answer"] is None:
        return False
    plain = {key: entry[key] for key in ("question", "answer", "metadata")}
    through_json = json.loads(json.dumps(plain, default=str))
    return dataset.score_answer(answer=entry["answer"], entry=through_json) < dataset.score_answer(
        answer=entry["answer"], entry=entry
    )


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
                "metadata": marked(entry["metadata"]) if needs_tuples(dataset, entry) else entry["metadata"],
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
