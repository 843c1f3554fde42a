"""Language models at working size, beside KenLM: what a command pays to have one, what a question costs, and growth.

    python benchmarks/commands/lm.py [--rounds 3] [--ngrams 65600,131200,262400,524800,1050000] [--peer PYTHON]

The model is drawn by Zipf's law: 6 % words, 48 % pairs, 46 % triples. `arpa` is `lattice viterbi --lm X.arpa` of a
small record, `compile` is `lattice grammar lm X.arpa -o X.npz`, `npz` the first with that file, `grammar` the same by
-g; `start-up` is the command without a model. Seconds are processor time of whole processes, MB their peak memory,
medians of rounds in which the commands run in turn. `step` is a question among 100,000 that are asked at once, in
microseconds. --peer is a Python that has kenlm: it reads the ARPA file, answers the same sentences one by one, and the
largest difference is of log10 of whole sentences (KenLM keeps float32). The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np

from lattice_cli.formats.notations import read_ngrams

LATTICE = [sys.executable, "-m", "lattice_cli"]
_SENTENCES, _LENGTH, _QUESTIONS = 500, 20, 100_000

#: A process starts at the memory of the one that it is forked from: this one is small.
_LAUNCHER = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""
_PEER = """
import json, sys, time
import kenlm
path, sentences = sys.argv[1:]
begun = time.process_time()
model = kenlm.Model(path)
read = time.process_time() - begun
lines = open(sentences, encoding="utf-8").read().splitlines()
begun = time.process_time()
scores = [model.score(line) for line in lines]
asked = time.process_time() - begun
words = sum(len(line.split()) + 1 for line in lines)
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({"read": read, "step": 1e6 * asked / words, "scores": scores, "MB": peak / 1024}))
"""


def drawn(path: pathlib.Path, ngrams: int, seed: int = 1) -> None:
    """Write an ARPA file of about so many n-grams."""
    rng = np.random.default_rng(seed)
    words, pairs = max(10, round(0.057 * ngrams)), round(0.476 * ngrams)
    names = ["<unk>", "<s>", "</s>", *(f"{'aeiou'[n % 5]}{n:x}{'bdgk'[n % 4]}" for n in range(words - 3))]
    share = 1 / np.arange(1, words - 2)
    share /= share.sum()

    def word(size: int, tags: bool) -> Any:
        """Numbers of words: 1 is <s>, which stands before others; 2 is </s>, which stands behind them."""
        found = 3 + rng.choice(words - 3, size=size, p=share)
        return np.where(rng.random(size) < 0.1, 1 if tags else 2, found)

    def distinct(keys: Any, size: int) -> Any:
        keys = np.unique(keys)
        return np.sort(rng.choice(keys, size=min(size, len(keys)), replace=False))

    pair = distinct(word(3 * pairs, True) * words + word(3 * pairs, False), pairs)
    head, tail = np.divmod(pair, words)
    # Of a triple both pairs are listed: KenLM makes little room for others.
    begin, end = np.searchsorted(head, tail), np.searchsorted(head, tail, side="right")
    triples = ngrams - words - len(pair)
    first = rng.choice(np.flatnonzero(end > begin), size=4 * triples)
    second = begin[first] + (rng.random(len(first)) * (end - begin)[first]).astype(int)
    first, last = np.divmod(distinct(first * words + tail[second], triples), words)
    with path.open("w", encoding="utf-8") as file:
        file.write(f"\\data\\\nngram 1={words}\nngram 2={len(pair)}\nngram 3={len(last)}\n\n\\1-grams:\n")
        log_p, weight = -6 * rng.random(words), -rng.random(words)
        log_p[1] = -99
        file.writelines(f"{p:.7g}\t{name}\t{w:.7g}\n" for p, name, w in zip(log_p, names, weight))
        file.write("\n\\2-grams:\n")
        log_p, weight = -4 * rng.random(len(pair)), -rng.random(len(pair))
        rows = zip(log_p.tolist(), head.tolist(), tail.tolist(), weight.tolist())
        file.writelines(f"{p:.7g}\t{names[one]} {names[two]}\t{w:.7g}\n" for p, one, two, w in rows)
        file.write("\n\\3-grams:\n")
        rows = zip((-3 * rng.random(len(last))).tolist(), head[first].tolist(), tail[first].tolist(), last.tolist())
        file.writelines(f"{p:.7g}\t{names[one]} {names[two]} {names[three]}\n" for p, one, two, three in rows)
        file.write("\n\\end\\\n")


def run(command: list[str]) -> tuple[float, float]:
    """Seconds of processor time of a process, and MB at its peak."""
    done = subprocess.run([sys.executable, "-c", _LAUNCHER, *command], check=True, capture_output=True, text=True)
    seconds, peak = map(float, done.stdout.split())
    return seconds, peak


def sentences(path: pathlib.Path, words: list[str]) -> list[list[str]]:
    """Sentences by Zipf's law, a line each."""
    rng = np.random.default_rng(2)
    share = 1 / np.arange(1, len(words) + 1)
    found = rng.choice(len(words), size=(_SENTENCES, _LENGTH), p=share / share.sum())
    listed = [[words[word] for word in row] for row in found.tolist()]
    path.write_text("".join(" ".join(row) + "\n" for row in listed), encoding="utf-8")
    return listed


def asked(model: Any, listed: list[list[str]]) -> tuple[float, list[float]]:
    """Microseconds of a question among many at once, and log10 p of sentences."""
    words = np.array([[model.numbers[word] for word in row] for row in listed])
    history, total = np.full(len(words), model.first), np.zeros(len(words))
    for column in words.T:
        energy, history = model.step(history, column)
        total += energy
    many = np.random.default_rng(3).integers(0, words.size, _QUESTIONS)
    histories = np.random.default_rng(4).integers(0, model.histories, _QUESTIONS)
    begun = time.process_time()
    model.step(histories, words.reshape(-1)[many])
    step = 1e6 * (time.process_time() - begun) / _QUESTIONS
    return step, (-(total + model.ends[history]) / math.log(10)).tolist()


def measured(scratch: pathlib.Path, ngrams: int, rounds: int, peer: str | None) -> dict[str, Any]:
    """One size: seconds and MB of each command, the cost of a question, and the peer."""
    arpa, npz, record, text = (scratch / name for name in ("x.arpa", "x.npz", "record.json", "sentences.txt"))
    drawn(arpa, ngrams)
    arcs = [[0, 1, "a0b", 1], [0, 1, "e1d", 0.5], [1, 2, "i2g", 0.3], [1, 2, "o3k", 0.4], [2, 3, "u4b", 0]]
    record.write_text(json.dumps({"lattice": 1, "id": "r", "start": 0, "final": 3, "arcs": arcs}))
    decode = [*LATTICE, "viterbi", str(record)]
    commands = {
        "start-up": decode,
        "arpa": [*decode, "--lm", str(arpa)],
        "compile": [*LATTICE, "grammar", "lm", str(arpa), "-o", str(npz)],
        "npz": [*decode, "--lm", str(npz)],
        "grammar": [*decode, "-g", str(npz)],
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            found = run(command)
            if number:
                times[name].append(found)
    row: dict[str, Any] = {"n-grams": ngrams, "arpa file": arpa.stat().st_size / 1e6}
    row["npz file"] = npz.stat().st_size / 1e6
    for name, each in times.items():
        row[name], row[f"{name} MB"] = (statistics.median(values) for values in zip(*each))
    model = read_ngrams(str(npz))
    listed = sentences(text, [label for label in model.labels[1:] if label[0] != "<"])
    row["step us"], scores = asked(model, listed)
    if peer:
        done = subprocess.run([peer, "-c", _PEER, str(arpa), str(text)], check=True, capture_output=True, text=True)
        told = json.loads(done.stdout)
        row |= {f"kenlm {name}": told[name] for name in ("read", "MB", "step")}
        row["largest difference"] = max(abs(one - two) for one, two in zip(scores, told["scores"]))
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ngrams", default="65600,131200,262400,524800,1050000")
    parser.add_argument("--peer", metavar="PYTHON")
    options = parser.parse_args()
    peer = options.peer
    if not peer or subprocess.run([peer, "-c", "import kenlm"], capture_output=True, check=False).returncode:
        print("no kenlm (--peer PYTHON has it): its columns are left out")
        peer = None
    rows: list[dict[str, Any]] = []
    for size in map(int, options.ngrams.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measured(pathlib.Path(folder), size, options.rounds, peer))
        if len(rows) == 1:
            print("  ".join(f"{name:>9}" for name in rows[0]))
        print("  ".join(f"{value:>{max(len(name), 9)}.4g}" for name, value in rows[-1].items()), flush=True)
    growth: dict[str, float] = {}
    if len(rows) > 1:
        first, last = rows[-2:]
        for name in ("arpa", "compile", "npz"):
            for unit in ("", " MB"):
                # Beyond the start-up; what is mapped may cost nothing that can be measured.
                one, two = (max(row[name + unit] - row["start-up" + unit], 1e-3) for row in (first, last))
                growth[name + unit] = math.log(two / one) / math.log(last["n-grams"] / first["n-grams"])
        print("exponents of the last step:", ", ".join(f"{name} {value:.2f}" for name, value in growth.items()))
    print(json.dumps({"rounds": options.rounds, "rows": rows, "exponents": growth}))


if __name__ == "__main__":
    main()
