

# --- before the first fork: what every program would do for the first time -----------------------------------------------------

# What programs are made of: reading numbers, tables, sorting, text. By their form: the name that is called, a test, and the program.
REHEARSED = {
    b"stdin": (b"", (b"I", b""), b"""
import sys, math
from collections import Counter, defaultdict, deque

class Node:
    def __init__(self, value, left=None):
        self.value, self.left = value, left

def read():
    return list(map(int, sys.stdin.readline().split()))

def solve(numbers):
    seen, best = {}, 0
    for index, number in enumerate(numbers):
        seen[number] = seen.get(number, 0) + 1
        best = max(best, number * index % 7)
    queue = deque(sorted(seen.items(), key=lambda pair: (-pair[1], pair[0])))
    while queue:
        number, count = queue.popleft()
        best += math.gcd(number, count) if number > 0 else abs(count)
    return best

def main():
    try:
        count = int(input())
    except (EOFError, ValueError):
        count = 3
    numbers = read() or [count - index for index in range(count)]
    print(solve(numbers))
    print(*numbers, sep=" ", end="\\n")
    print("%d %s" % (count, "".join(str(number) for number in numbers)), f"{Node(count).value:.2f}")

if __name__ == "__main__":
    main()
"""),
    b"function": (b"solve", (b"A", b'[[3, 1, 2], "a,b,c"]'), b"""
class Solution:
    def solve(self, numbers: List[int], text: str) -> Dict[str, int]:
        seen = defaultdict(int)
        for number in numbers:
            seen[str(number)] += 1
        words = text.split(",")
        return {word: seen[word] for word in sorted(words)} if len(words) > 2 else [len(words), text, 0.5, True, None]
"""),
}
# How often: code is made fast once it has run some eight times.
OFTEN = 12


class Over(BaseException):
    """The end of a program of ours, which leaves no process."""


def over(_status):
    raise Over


def rehearse(table):
    """Runs programs of ours as programs are run. What is done for the first time, be it that a method is looked up, that a name becomes
    one of the interpreter's, or that code is rewritten because it runs often, changes memory, and each fork that does it copies pages.
    What a program can see is left as it was."""
    streams = {name: getattr(sys, name) for name in "argv stdin stdout stderr __stdin__ __stdout__ __stderr__".split()}
    modules, deepest = dict(sys.modules), sys.getrecursionlimit()
    first = posix.dup(0)
    for form, (name, test, source) in REHEARSED.items():
        fields = [form, b"native", name, b"", source]
        job = b"".join([len(field).to_bytes(4, "big") + field for field in fields])
        frames = b"".join([kind + len(data).to_bytes(4, "big") + data for kind, data in [(b"J", job)] + [test] * 3])
        for _ in range(OFTEN):
            orders, reports = posix.pipe(), posix.pipe()
            posix.write(orders[1], frames)
            posix.close(orders[1])
            link = Link(orders[0], reports[1])
            link.leave = over
            try:
                run(link, only_used(table))
            except Over:
                pass
            # The pipes, and what the program kept of its outputs.
            posix.closerange(first, first + 16)
    for name, value in streams.items():
        setattr(sys, name, value)
    streams_before[:] = [None] * 3
    sys.setrecursionlimit(deepest)
    sys.modules.clear()
    sys.modules.update(modules)
