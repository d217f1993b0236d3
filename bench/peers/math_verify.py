#!/usr/bin/env python3
"""How long math-verify takes over pairs of answers.

Reads one JSON object a line, {"gold": "...", "pred": "..."}, and does with each what math-verify's own documentation does:
parse both texts, then verify, with the library's default settings. Prints one JSON object:
    {"version", "pairs", "seconds", "right", "failed"}
"seconds" is wall time over all pairs; importing the library and one pair before the first are not in it.

Needs math-verify 0.9.0 (pip install math-verify==0.9.0), which brings SymPy and its LaTeX parser.

Example:
    printf '{"gold": "1/2", "pred": "0.5"}\\n' | python3 math_verify.py /dev/stdin
"""

import argparse
import importlib.metadata
import json
import logging
import sys
import time


def verdict(verify, parse, gold, pred):
    """Whether the two are equal to the library; None where it fails."""
    try:
        return bool(verify(parse(gold), parse(pred)))
    except Exception:  # Whatever it raises, the pair has no verdict, and the next one has its turn.
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("pairs", help="one JSON object a line")
    arguments = parser.parse_args()
    # This file has the library's own name, and its folder comes first on the path.
    sys.path.pop(0)
    from math_verify import parse, verify

    logging.disable(logging.CRITICAL)
    with open(arguments.pairs, encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    pairs = [(row["gold"], row["pred"]) for row in rows]
    verdict(verify, parse, "1/2", "0.5")
    started = time.perf_counter()
    verdicts = [verdict(verify, parse, gold, pred) for gold, pred in pairs]
    seconds = time.perf_counter() - started
    json.dump(
        {
            "version": importlib.metadata.version("math-verify"),
            "pairs": len(pairs),
            "seconds": seconds,
            "right": sum(verdict is True for verdict in verdicts),
            "failed": sum(verdict is None for verdict in verdicts),
        },
        sys.stdout,
    )
    print()


if __name__ == "__main__":
    main()
