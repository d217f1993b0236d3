"""Write the tasks and the scores of two constructed workers, one right on every question about numbers and wrong on every
other, one the reverse.

    python3 scripts/make_specialists.py --tasks data/tasks/reasoning_gym.jsonl --out data/specialists

No model gave these answers. They leave the most room that a pool can: either worker alone is right on half of the
questions, the best choice by kind on all. What is trained on them says whether routing is learned, nothing else.
"""

import argparse
import json
from pathlib import Path

SUITS = {
    "gcd": "numbers",
    "number_sequence": "numbers",
    "chain_sum": "numbers",
    "letter_counting": "letters",
    "syllogism": "letters",
    "ransom_note": "letters",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=Path, required=True, help="what scripts/export_reasoning_gym.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for tasks.jsonl and answers.jsonl")
    arguments = parser.parse_args()

    tasks, answers = [], []
    for line in arguments.tasks.read_text().splitlines():
        entry = json.loads(line)
        kind = entry["dataset"]
        if kind not in SUITS:
            continue
        tasks.append(
            {"id": entry["id"], "domain": kind, "prompt": entry["question"], "grading": {"kind": "recorded"}}
        )
        for worker in ("numbers", "letters"):
            answers.append(
                {
                    "task_id": entry["id"],
                    "worker": worker,
                    "score": float(SUITS[kind] == worker),
                    "prompt_tokens": 100,
                    "completion_tokens": 20,
                    "cost_usd": 1e-5,
                }
            )
    if {task["domain"] for task in tasks} != set(SUITS):
        raise SystemExit(f"error: {arguments.tasks} lacks some of {', '.join(SUITS)}\n next: make tasks")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, rows in (("tasks", tasks), ("answers", answers)):
        path = arguments.out / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        print(f"    {path}: {len(rows)} lines")


if __name__ == "__main__":
    main()
