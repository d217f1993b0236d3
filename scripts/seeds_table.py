"""Print evaluation reports of several runs as the Markdown rows of docs/benchmarks.md.

    python3 scripts/seeds_table.py runs/quickstart-seed-*/eval.json
"""

import json
import random
import sys
from pathlib import Path


def interval(value: dict, sign: str = "") -> str:
    return f"{value['mean']:{sign}.3f} [{value['low']:{sign}.3f}, {value['high']:{sign}.3f}]"


def over_seeds(reports: list[dict]) -> str:
    """Trained policy minus best worker, mean over the runs, with a 95 % percentile bootstrap interval over questions."""
    per_question: dict[str, list[float]] = {}
    for report in reports:
        rows, answers = report["report"]["rows"], report["answers"]
        best = next(row["name"] for row in rows if row["kind"] == "best_worker")
        worker = {answer["task_id"]: answer["reward"] for answer in answers[best]}
        for answer in answers[rows[-1]["name"]]:
            if answer["reward"] is not None and worker.get(answer["task_id"]) is not None:
                per_question.setdefault(answer["task_id"], []).append(answer["reward"] - worker[answer["task_id"]])
    differences = [sum(values) / len(values) for _, values in sorted(per_question.items())]
    rng = random.Random(0)
    means = sorted(sum(rng.choices(differences, k=len(differences))) / len(differences) for _ in range(10_000))
    mean = sum(differences) / len(differences)
    return f"{mean:+.3f} [{means[249]:+.3f}, {means[9749]:+.3f}], n = {len(differences)}"


def main() -> None:
    # Rows that are the same in every run (workers, votes, oracles: splits do not depend on the seed) are printed once.
    rows: dict[str, list[str]] = {}
    differences = []
    kinds = []
    loaded = [json.loads(Path(path).read_text()) for path in sys.argv[1:]]
    for path, whole in zip(sys.argv[1:], loaded):
        report = whole["report"]
        run = Path(path).parent.name
        for row in report["rows"]:
            against = row["against_best_worker"]
            cells = (
                f"{row['name']} | {row['questions']} | {interval(row['accuracy'])} | {interval(row['reward'])} | "
                f"{interval(against['reward'], '+') if against else ''} | {row['valid']:.1%} | {row['usd'] * 1e6:.1f} | "
                f"{row['calls']:.2f}"
            )
            rows.setdefault(cells, []).append(run)
        for name, difference in report["against_first_policy"].items():
            differences.append(f"| {run} | {name} | {difference['questions']} | {interval(difference['reward'], '+')} |")
        best = next(row["name"] for row in report["rows"] if row["kind"] == "best_worker")
        trained = report["rows"][-1]["name"]
        for domain, means in report["by_domain"][trained].items():
            shares = sorted(means["worker_shares"].items(), key=lambda share: -share[1])
            kinds.append(
                f"| {run} | {domain} | {means['questions']} | {', '.join(f'{w} {share:.0%}' for w, share in shares)} | "
                f"{means['reward']:.3f} | {report['by_domain'][best][domain]['reward']:.3f} |"
            )
    print("| run | row | n | accuracy | reward | Δ reward, best worker | valid | µ$ | calls |")
    print("|---|---|---|---|---|---|---|---|---|")
    for cells, runs in rows.items():
        print(f"| {'all' if len(runs) == len(sys.argv) - 1 else ', '.join(runs)} | {cells} |")
    print(f"\nTrained policy minus best worker, reward, mean over {len(loaded)} runs: {over_seeds(loaded)}")
    print("\n| run | policy | n | Δ reward, untrained policy |")
    print("|---|---|---|---|")
    print("\n".join(differences))
    print("\n| run | kind | n | calls of the trained policy | reward | reward, best worker |")
    print("|---|---|---|---|---|---|")
    print("\n".join(kinds))


if __name__ == "__main__":
    main()
