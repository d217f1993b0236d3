"""Write what Python's `random.Random` draws, as the expected values of `datasets/src/python_random.rs`.

    python scripts/make_python_random_fixture.py > datasets/tests/golden/python_random.json

Python 3.2 to 3.13 draw alike here (`sample` is given a range, `shuffle` a list).
"""

import json
import random
import struct

SEEDS = [0, 1, 42, 2**32 - 1, 2**32, 2**53 + 1, 2**64 - 1]


def bits_of(value):
    return struct.pack(">d", value).hex()


def case(seed):
    rng = random.Random(seed)
    found = {"seed": seed}
    found["random"] = [bits_of(rng.random()) for _ in range(5)]
    found["getrandbits"] = [[k, str(rng.getrandbits(k))] for k in (1, 5, 31, 32, 33, 40, 63, 64)]
    found["randbelow"] = [[n, rng.randrange(n)] for n in (1, 2, 3, 4, 6, 255, 256, 1000, 2**32, 2**40)]
    found["shuffle"] = []
    for n in (1, 2, 7, 100, 700):
        items = list(range(n))
        rng.shuffle(items)
        found["shuffle"].append(items)
    found["sample"] = []
    for n, k in ((4, 4), (4, 2), (21, 5), (22, 5), (85, 6), (86, 6), (1000, 20), (10**6, 30), (30, 30)):
        found["sample"].append([n, rng.sample(range(n), k)])
    return found


print("[\n" + ",\n".join(json.dumps(case(seed), separators=(",", ":")) for seed in SEEDS) + "\n]")
