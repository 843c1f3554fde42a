"""Many cases of several seeds, and how often each status was met."""

from __future__ import annotations

import argparse
import pathlib
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress

from .cases import Cases
from .running import faults
from .seeds import seeds


def main() -> int:
    """Run; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=200_000, help="how many, of all seeds together")
    parser.add_argument("--seed", type=int, action="append", help="may be repeated; default: 1 to 4")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case of each seed")
    parser.add_argument("--only", metavar="COMMAND", help="of this command alone")
    parser.add_argument("--keep", metavar="FOLDER", type=pathlib.Path, help="where the files of the cases are left")
    given = parser.parse_args()
    every = given.seed or [1, 2, 3, 4]
    counts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    since = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        cases = Cases(seeds(pathlib.Path(folder)), given.only)
        numbers = [(seed, given.first + number) for number in range(given.cases // len(every)) for seed in every]
        with suppress(KeyboardInterrupt):
            for fault in faults(cases, numbers, counts, None if given.keep is None else given.keep.resolve()):
                kinds[fault.what] += 1
                print(f"{fault}\n", flush=True)
    for name, count in sorted(counts.items()):
        print(f"{count:9,}  {name}")
    for name, count in kinds.most_common():
        print(f"{count:9,}  FAULT {name}")
    seconds = time.monotonic() - since
    print(f"{counts.total():9,}  of {len(numbers):,} cases in {seconds:.0f} s, {kinds.total()} faults")
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
