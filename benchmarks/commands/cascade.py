"""Cascades: what a further factor, its scores and its provenance cost, beside the same done by other means.

    python benchmarks/commands/cascade.py [SHARED] [--rounds 3]

100 CTC matrices of 20 rows through a lexicon of 20,000 words and 20,000 bigrams: the model as a second -g, and as --lm.
Six word lattices of SHARED/data/asr/lvcsr (default: ../shared beside the checkout) with a bigram model: as -g, as --lm,
composed in a pipe; with the gradient of a factor; composed with the scores of all factors, and with provenance. Seconds
are processor time beyond the start-up, MB the peak of memory, medians of rounds; bytes is what a command writes. The
last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import growth


def rows(shared: pathlib.Path, folder: pathlib.Path) -> dict[str, list[str]]:
    """The commands by what they are called."""
    lexicon, model = growth.lexicon(folder, 20_000), growth.ngrams(folder, 20_000)
    matrix = [growth.spoken(folder, 100, True), "--ctc", "_", "-g", lexicon, "--no-path-ok"]
    found = {
        "matrices, lexicon": ["viterbi", *matrix],
        "matrices, lexicon, --lm": ["viterbi", *matrix, "--lm", model],
        "matrices, lexicon, -g": ["viterbi", *matrix, "-g", model],
        "matrices, lexicon, -g, --scores": ["viterbi", *matrix, "-g", model, "--scores"],
    }
    lattices = sorted(map(str, (shared / "data" / "asr" / "lvcsr").glob("*.slf.gz")))
    if lattices:
        bigrams = str(shared / "data" / "lexica" / "en-us_bigram_lattice_vocab.arpa.gz")
        scaled = [*lattices, "--scale", "acoustic=0.05"]
        compose = ["compose", lattices[-1], "--scale", "acoustic=0.05", bigrams, "-o", f"{folder}/composed.json"]
        found |= {
            "lattices": ["viterbi", *scaled],
            "lattices, --lm": ["viterbi", *scaled, "--lm", bigrams],
            "lattices, -g": ["viterbi", *scaled, "-g", bigrams],
            "lattices, -g, forward": ["forward", *scaled, "-g", bigrams],
            "lattices, -g, forward --arcs --of 1": ["forward", *scaled, "-g", bigrams, "--arcs", "--of", "1", "--json"],
            "compose one": compose,
            "compose one, --provenance": [*compose, "--provenance"],
        }
    return found


def main() -> None:
    """Run every row and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beside = pathlib.Path(__file__).resolve().parents[3] / "shared"
    parser.add_argument("shared", type=pathlib.Path, nargs="?", default=beside)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        commands = {"start-up": ["viterbi", growth.lattices(folder, 1, 32)], **rows(given.shared, folder)}
        print(f"{'':40}{'seconds':>10}{'MB':>8}{'bytes':>12}")
        base = 0.0
        for name, command in commands.items():
            measured = [growth.run(command) for _ in range(given.rounds)]
            seconds, peak = (statistics.median(column) for column in list(zip(*measured))[:2])
            base = seconds if name == "start-up" else base
            above = seconds if name == "start-up" else max(0.0, seconds - base)
            written = folder / "composed.json"
            if command[0] == "compose":
                size = written.stat().st_size
            else:
                done = subprocess.run([sys.executable, "-m", "lattice_cli", *command], capture_output=True, check=True)
                size = len(done.stdout)
            found[name] = {"seconds": round(above, 3), "MB": peak, "bytes": size}
            print(f"{name:40}{above:10.2f}{peak:8.0f}{size:12,}", flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
