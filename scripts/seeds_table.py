"""Print evaluation reports of several runs as the Markdown rows of docs/benchmarks.md.

    python3 scripts/seeds_table.py runs/quickstart-seed-*/eval.json
"""

import json
import sys
from pathlib import Path


def interval(value: dict, sign: str = "") -> str:
    return f"{value['mean']:{sign}.3f} [{value['low']:{sign}.3f}, {value['high']:{sign}.3f}]"


def main() -> None:
    # Rows that are the same in every run (workers, votes, oracles: splits do not depend on the seed) are printed once.
    rows: dict[str, list[str]] = {}
    differences = []
    kinds = []
    for path in sys.argv[1:]:
        report = json.loads(Path(path).read_text())["report"]
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
    print("\n| run | policy | n | Δ reward, untrained policy |")
    print("|---|---|---|---|")
    print("\n".join(differences))
    print("\n| run | kind | n | calls of the trained policy | reward | reward, best worker |")
    print("|---|---|---|---|---|---|")
    print("\n".join(kinds))


if __name__ == "__main__":
    main()
