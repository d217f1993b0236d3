#!/usr/bin/env python3
"""A model of how LiveCodeBench's official evaluator spends its time on a program.

A pool of worker processes takes one program after another. For each, a worker starts a manager process for the result and
forks a child; the child imports what the evaluator's module needs and the prelude of common imports, compiles the program
into a function, calls it once a test with standard input and output replaced by objects in memory, and compares. The worker
waits for the child, then for the manager's end.

Reads one JSON object a line, {"program": text, "tests": [{"input": text, "output": text}]}, and prints one JSON object:
    {"programs", "seconds", "right", "wrong"}

Example:
    python3 official_evaluator.py --workers 2 programs.jsonl
"""

import argparse
import ast
import json
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor

PRELUDE_MODULES = (
    "string re datetime collections heapq bisect copy math random statistics itertools functools operator io sys json "
    "builtins typing"
).split()
# What the evaluator's own module imports beside the prelude.
EVALUATOR_MODULES = "ast faulthandler platform signal time decimal enum unittest.mock multiprocessing".split()


def prelude():
    stars = [f"from {name} import *" for name in PRELUDE_MODULES]
    plain = [f"import {name}" for name in PRELUDE_MODULES if name not in ("builtins", "typing")]
    return "\n".join(stars + plain + ["sys.setrecursionlimit(50000)"]) + "\n"


def as_function(source):
    """The program's statements as the body of a function, imports in front of it."""
    tree = ast.parse(source)
    imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    others = [node for node in tree.body if not isinstance(node, (ast.Import, ast.ImportFrom))]
    body = "\n".join("    " + line for node in others for line in ast.unparse(node).split("\n"))
    return prelude() + "\n".join(map(ast.unparse, imports)) + "\ndef wrapped():\n" + (body or "    pass")


def captured(function, text):
    """Calls the function with text as its standard input; what it printed."""
    import io
    from unittest.mock import patch

    out = io.StringIO()
    with patch("sys.stdin", io.StringIO(text)), patch("sys.stdout", out):
        try:
            function()
        except SystemExit:
            pass
    return out.getvalue()


def same(output, expected):
    """Equal lines, or equal decimals in them."""
    from decimal import Decimal, InvalidOperation

    ours = [line.strip() for line in output.strip().split("\n")]
    theirs = [line.strip() for line in expected.strip().split("\n")]
    if len(ours) != len(theirs):
        return False
    for left, right in zip(ours, theirs):
        if left == right:
            continue
        try:
            if [Decimal(x) for x in left.split()] != [Decimal(x) for x in right.split()]:
                return False
        except InvalidOperation:
            return False
    return True


def child(program, tests, result):
    import faulthandler
    import importlib
    import signal

    faulthandler.disable()
    for name in EVALUATOR_MODULES:
        importlib.import_module(name)

    def late(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, late)
    try:
        scope = {"__name__": "tmp_sol"}
        exec(compile(as_function(program), "<program>", "exec"), scope)
        for test in tests:
            signal.alarm(6)
            right = same(captured(scope["wrapped"], test["input"]), test["output"])
            signal.alarm(0)
            if not right:
                result.append(False)
                return
        result.append(True)
    except Exception:
        result.append(False)


def evaluate(line):
    task = json.loads(line)
    manager = multiprocessing.Manager()
    result = manager.list()
    process = multiprocessing.Process(target=child, args=(task["program"], task["tests"], result))
    process.start()
    process.join(timeout=7 * len(task["tests"]) + 5)
    if process.is_alive():
        process.kill()
        process.join()
    right = bool(result) and result[0]
    manager.shutdown()
    return right


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], epilog="bench/peers/README.md says what this models and what not."
    )
    parser.add_argument("file", help="programs as JSON lines")
    parser.add_argument("--workers", type=int, default=2, help="programs at once (2)")
    args = parser.parse_args()
    if args.workers < 1:
        parser.error("--workers: expected a number from 1")
    with open(args.file, encoding="utf-8") as file:
        lines = [line for line in file if line.strip()]
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(max_workers=args.workers, mp_context=context) as pool:
        # The pool's own start is not part of what is compared.
        list(pool.map(abs, range(args.workers)))
        start = time.perf_counter()
        verdicts = list(pool.map(evaluate, lines))
        seconds = time.perf_counter() - start
    right = sum(verdicts)
    print(json.dumps({"programs": len(lines), "seconds": seconds, "right": right, "wrong": len(lines) - right}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
