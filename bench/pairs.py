"""Two builds of the program side by side, grading the same programs in turn: what a change of a few per cent needs on a machine whose
speed changes by more than that within seconds.

    python3 bench/pairs.py [--pairs 60] BEFORE AFTER …

Each build is a running `conductor grade --jsonl` that is given 100 programs of 20 tests, then the next one, in both orders. Prints the median
time of a program and, of the pairs of neighbours, the median ratio to the first build with its quartiles. The same build given twice shows
the noise. Python 3.11, standard library only.
"""

import argparse
import json
import statistics
import subprocess
import time

CHUNK = 100
PROGRAM = """```python
import sys

def main():
    count = int(input())
    numbers = list(map(int, sys.stdin.readline().split()))
    assert len(numbers) == count
    print(sum(numbers) - {number})

main()
```"""


def case(number: int) -> bytes:
    """A sum of three numbers with twenty tests, and a text of its own."""
    tests = [
        {"input": f"3\n{i} {i + 1} {i + 2}\n", "output": f"{3 * i + 3 - number}\n", "testtype": "stdin"} for i in range(20)
    ]
    task = {"kind": "code", "public_test_cases": tests}
    return json.dumps({"id": number, "task": task, "answer": PROGRAM.format(number=number)}).encode() + b"\n"


def chunk(process: subprocess.Popen, cases: list[bytes]) -> float:
    """Seconds until every verdict is there."""
    begun = time.perf_counter()
    process.stdin.write(b"".join(cases))
    process.stdin.flush()
    for _ in cases:
        line = process.stdout.readline()
        if b'"verdict":"right"' not in line:
            raise SystemExit(f"a right program was not right: {line.decode()!r}")
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("builds", nargs="+", metavar="BUILD")
    args = parser.parse_args()
    if len(args.builds) < 2 or args.pairs < 2:
        parser.error("expected two builds or more, and two pairs or more")
    graders = [
        subprocess.Popen(
            [build, "grade", "--jsonl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        for build in args.builds
    ]
    times = [[] for _ in graders]
    # Two rounds that do not count: what is set up at first.
    for turn in range(-2, args.pairs):
        cases = [case(turn * CHUNK + index) for index in range(CHUNK)]
        order = list(enumerate(graders))
        for place, grader in order if turn % 2 else reversed(order):
            seconds = chunk(grader, cases)
            if turn >= 0:
                times[place].append(seconds)
    for build, own in zip(args.builds, times):
        low, middle, high = statistics.quantiles([a / b for a, b in zip(own, times[0])], n=4)
        each = 1000 * statistics.median(own) / CHUNK
        print(f"{build}: {each:.3f} ms a program, {middle:.3f} times the first [{low:.3f}, {high:.3f}], {len(own)} pairs")
    for grader in graders:
        grader.stdin.close()
        grader.wait()


if __name__ == "__main__":
    main()
