"""Lines of handwriting: a network trained from scratch by CTC, then on through a lexicon and an n-gram.

    python benchmarks/accuracy/lines.py [SHARED] [--quick]

SHARED is the folder with data/letters and data/lexica (default: ../shared beside the checkout). A line is two to four
words, a space between, pasted together from the handwritten letters of data/letters (8 columns by 16 rows, each letter
whoever wrote it) with gaps or overlaps, up and down, with noise. Letters of the lines to learn from are of folds 0 to
6, to validate 7, to test 8 and 9. Texts are drawn from the pairs of English words of data/lexica, of the 300 likeliest
words; the bigram is estimated on the texts of the lines to learn from alone.

    ctc         LineReader of samples/networks.py, lattice train; the best path of CTC
    lexicon     words of the lexicon in a row behind it (-g)
    bigram      and the bigram of words behind that (-g twice), its scale and what a word costs by the fewest errors on
                the lines to validate

They read the energies of the network trained by CTC, of the same trained on by CTC alone, and of the same trained on
for as many epochs through CTC, lexicon and bigram (factors), which learns that scale and that cost as well: `as
learned` reads with these in place of those tried. Letters and words are errors by edit distance, for each letter
(spaces count) and word of the texts; secs and cpu those of the training. The extra `fast` makes training through the
graph some four times faster. The last line is JSON.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
LATTICE = [sys.executable, "-m", "lattice_cli"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
WORDS, HEIGHT, SEED = 300, 20, 1
FOLDS = {"train": range(7), "valid": [7], "test": [8, 9]}
LINES = {"train": 2000, "valid": 200, "test": 300}
#: Scales of the bigram and costs of a word that are tried, nats.
SCALES, COSTS = (0.25, 0.5, 1.0), (-4.0, -2.0, -1.0, 0.0)
FIRST: dict[str, float] = {"epochs": 12, "batch": 25, "rate": 0.005}
ON: dict[str, float] = {"epochs": 2, "batch": 25, "rate": 0.001}
CONFIG = f"""
train: 1
labels: " abcdefghijklmnopqrstuvwxyz"
data: {{augment: {{shift: 1}}}}
recognizer:
  kind: torch
  output: log-softmax
  torch: {{module: "{ROOT}/samples/networks.py:LineReader", reads: sequences, arguments: {{stride: 2}}}}
optimizer:
  method: torch
  clip: 5
  torch: {{name: AdamW, arguments: {{weight_decay: 0.01}}, schedule: OneCycleLR}}
"""
ALONE = CONFIG + "alignment: {kind: ctc}\n"
GRAPH = CONFIG + "factors: [{ctc: _}, lexicon.json, {file: bigram.json, learn: scores}]\n"


class Texts:
    """Texts by the pairs of words in an ARPA file, of its likeliest words. pairs: (words, chances) behind a word."""

    def __init__(self, path: Path) -> None:
        logs: dict[tuple[str, ...], float] = {}
        order = 0
        with gzip.open(path, "rt") as file:
            for line in file:
                if line.startswith("\\"):
                    order = int(line[1]) if line[1].isdigit() else 0
                elif order and (fields := line.split()):
                    logs[tuple(fields[1 : 1 + order])] = float(fields[0])
        words = [key[0] for key in logs if len(key) == 1 and key[0].isascii() and key[0].isalpha() and key[0].islower()]
        likeliest = sorted((word for word in words if len(word) > 1 or word in "ai"), key=lambda word: -logs[(word,)])
        self.words = sorted(likeliest[:WORDS])
        self.pairs = {}
        for before in ("<s>", *self.words):
            after = [word for word in self.words if (before, word) in logs]
            chances = 10.0 ** np.array([logs[before, word] for word in after])
            self.pairs[before] = after, chances / chances.sum()

    def drawn(self, rng: np.random.Generator) -> list[str]:
        """Two to four words."""
        found = ["<s>"]
        for _ in range(rng.integers(2, 5)):
            after, chances = self.pairs[found[-1]]
            found.append(after[rng.choice(len(after), p=chances)])
        return found[1:]


class Images:
    """Lines of letters of some folds."""

    def __init__(self, shared: Path, folds: Iterable[int]) -> None:
        file = np.load(shared / "data" / "letters" / "letters.npz")
        fold = np.repeat(file["folds"], file["lengths"].astype(int))
        images = np.unpackbits(file["images"], axis=1).reshape(-1, 16, 8).transpose(0, 2, 1)
        self.of = [images[(file["labels"] == label) & np.isin(fold, list(folds))] for label in range(26)]

    def line(self, text: str, rng: np.random.Generator) -> np.ndarray:
        """(columns, HEIGHT), 0 or 1. Letters are 2 columns over the one before to 1 apart, up to 2 rows up and down; a
        space is 4 to 7 columns; one pixel of fifty is the wrong one."""
        image = np.zeros((9 * len(text) + 16, HEIGHT), dtype=np.uint8)
        at = int(rng.integers(1, 4))
        for letter in text:
            if letter == " ":
                at += int(rng.integers(4, 8))
                continue
            chosen = self.of[ord(letter) - ord("a")]
            low = int(rng.integers(0, HEIGHT - 15))
            image[at : at + 8, low : low + 16] |= chosen[rng.integers(len(chosen))]
            at += 8 + int(rng.integers(-2, 2))
        image = image[: at + int(rng.integers(1, 4))]
        return image ^ (rng.random(image.shape) < 0.02)


def write_lines(path: Path, lines: Sequence[list[str]], images: Images, rng: np.random.Generator) -> None:
    """Files of lines: to be read as letters, and beside it (graph-...) as words and the spaces between them."""
    drawn = [images.line(" ".join(words), rng) for words in lines]
    for prefix, targets in (("", [" ".join(each) for each in lines]), ("graph-", [spaced(each) for each in lines])):
        np.savez(
            path.with_name(prefix + path.name),
            inputs=np.concatenate(drawn).astype(np.uint8),
            lengths=[len(image) for image in drawn],
            targets=np.frombuffer(json.dumps(targets).encode(), dtype=np.uint8),
        )


def spaced(words: Sequence[str]) -> list[str]:
    """With a space between words."""
    return [part for word in words for part in (" ", word)][1:]


def write_lexicon(path: Path, words: Sequence[str]) -> None:
    """A transducer from letters and spaces to words and spaces: words in a row, with a space between."""
    node = {"": 0}
    arcs: list[list[object]] = [[1, 0, " ", " ", 0.0]]
    for word in words:
        for place, letter in enumerate(word[:-1]):
            prefix = word[: place + 1]
            if prefix not in node:
                node[prefix] = len(node) + 1
                arcs.append([node[word[:place]], node[prefix], letter, None, 0.0])
        arcs.append([node[word[:-1]], 1, word[-1], word, 0.0])
    path.write_text(json.dumps({"lattice": 1, "start": 0, "final": 1, "arcs": arcs}))


def write_bigram(path: Path, lines: Sequence[list[str]], words: Sequence[str], scale: float, cost: float) -> None:
    """The bigram of texts, of Witten and Bell (1991): p(w | v) = (c(v, w) + t(v) p(w)) / (c(v) + t(v)), where t(v)
    different words are behind v; p(w) is smoothed by adding one.

    It is written as the mixture that it is: the space behind v leads to the words seen there, and, at -ln of the share
    of p(w), to all words. So there is no arc that takes nothing, and the sum over both ways is p(w | v) itself. Two
    scores an arc: `bigram`, -ln p, times `scale`, and `word`, 1 for each word, times `cost`.
    """
    counts: dict[str, Counter[str]] = {word: Counter() for word in ("<s>", *words)}
    for line in lines:
        for before, word in zip(["<s>", *line], line):
            counts[before][word] += 1
    single = Counter(word for line in lines for word in line)
    total = single.total() + len(words)
    # Nodes: 0 the start, 1 any word comes next, then of each word those before and behind the space after it.
    said = {word: 2 + 2 * number for number, word in enumerate(words)}
    arcs: list[tuple[int, int, str, float, int]] = []
    for before, after in counts.items():
        here = 0 if before == "<s>" else said[before] + 1
        seen = after.total() + len(after)
        rest = -math.log(len(after) / seen) if seen else 0.0
        if before != "<s>":
            arcs.append((said[before], 1, " ", rest, 0))
            if seen:
                arcs.append((said[before], here, " ", 0.0, 0))
        arcs += [(here, said[word], word, -math.log(count / seen), 1) for word, count in after.items()]
        if before == "<s>":
            arcs += [(0, said[word], word, rest - math.log((single[word] + 1) / total), 1) for word in words]
    arcs += [(1, said[word], word, -math.log((single[word] + 1) / total), 1) for word in words]
    src, dst, label, energy, ones = zip(*arcs)
    columns = {"from": src, "to": dst, "label": label, "scores": {"bigram": energy, "word": ones}}
    final = {str(node): 0.0 for node in said.values()}
    told = {"lattice": 1, "start": 0, "final": final, "scales": {"bigram": scale, "word": cost}, "arcs": columns}
    path.write_text(json.dumps(told))


def called(*command: str) -> str:
    """What lattice writes."""
    done = subprocess.run([*LATTICE, *command], capture_output=True, text=True, env=ENVIRONMENT)
    if done.returncode > 1:
        raise SystemExit(f"lattice {' '.join(command[:4])} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def trained(place: Path, name: str, config: str, start: Path | None, **training: float) -> tuple[Path, list[float]]:
    """A model; the seconds of its training, and those of them on the processor."""
    model, told = place / f"{name}.npz", place / f"{name}.yaml"
    prefix = "graph-" if config == GRAPH else ""
    settings = {f"data.{part}": f"{prefix}{name}.npz" for part, name in (("train", "train"), ("validation", "valid"))}
    settings |= {"optimizer.rate": training.pop("rate")} | {f"training.{key}": one for key, one in training.items()}
    settings |= {"training.start": start} if start else {}
    told.write_text(config)
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    overrides = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    called("train", str(told), "-o", str(model), "--json", *overrides)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return model, [time.perf_counter() - begun, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime]


def distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Edit distance."""
    row = list(range(len(other) + 1))
    for number, left in enumerate(one, 1):
        before, row[0] = row[0], number
        for column, right in enumerate(other, 1):
            before, row[column] = row[column], min(before + (left != right), row[column] + 1, row[column - 1] + 1)
    return row[-1]


def errors(energies: Path, *grammar: str) -> tuple[float, float]:
    """Errors for each letter and for each word of the texts, of the best paths."""
    wrong, there = np.zeros(2), np.zeros(2)
    for line in called("viterbi", str(energies), "--json", *grammar).splitlines():
        record = json.loads(line)
        right = record["target"] if isinstance(record["target"], str) else "".join(record["target"])
        found = "".join(record["paths"][0]["output"]) if record["paths"] else ""
        for number, (one, other) in enumerate(((right, found), (right.split(), found.split()))):
            wrong[number] += distance(one, other)
            there[number] += len(one)
    letters, words = wrong / there
    return float(letters), float(words)


def recognized(model: Path, name: str) -> Path:
    """The energies of the lines to test or to validate."""
    found = model.with_name(f"{model.stem}-{name}.jsonl")
    called("recognize", "--trust-code", str(model), str(model.with_name(f"{name}.npz")), "-o", str(found))
    return found


def read(model: Path) -> dict[str, Any]:
    """Errors on the lines to test of all ways to read, and the scales of the bigram that were found to validate."""
    place = model.parent
    lexicon = ("-g", str(place / "lexicon.json"))
    valid, test = recognized(model, "valid"), recognized(model, "test")

    def through(scale: float, cost: float) -> tuple[str, ...]:
        return *lexicon, "-g", str(place / "bigram.json"), "--scale", f"bigram={scale}", "--scale", f"word={cost}"

    tried = {(scale, cost): errors(valid, *through(scale, cost)) for scale in SCALES for cost in COSTS}
    best = min(tried, key=lambda each: sum(tried[each]))
    return {
        "ctc": errors(test),
        "lexicon": errors(test, *lexicon),
        "bigram": errors(test, *through(*best)),
        "bigram scale, cost of a word": best,
    }


def row(name: str, found: dict[str, Any], seconds: list[float]) -> None:
    """A row of the table."""
    cells = ["{:.4f} / {:.4f}".format(*found[way]) if way in found else "" for way in ("ctc", "lexicon", "bigram")]
    print(
        f"{name:<14}" + "".join(f"{each:>17}" for each in cells) + "".join(f"{each:>6.0f}" for each in seconds),
        flush=True,
    )


def run(place: Path, shared: Path, less: int) -> None:
    """Make the lines, train, print a row for each network. less: a part of the lines, for a try."""
    rng = np.random.default_rng(SEED)
    texts = Texts(shared / "data" / "lexica" / "en-us_bigram_lattice_vocab.arpa.gz")
    lines = {name: [texts.drawn(rng) for _ in range(count // less)] for name, count in LINES.items()}
    for name, some in lines.items():
        write_lines(place / f"{name}.npz", some, Images(shared, FOLDS[name]), rng)
    write_lexicon(place / "lexicon.json", texts.words)
    write_bigram(place / "bigram.json", lines["train"], texts.words, 1.0, 0.0)
    print(f"{'network':<14}" + "".join(f"{way:>17}" for way in ("ctc", "lexicon", "bigram")) + f"{'secs':>6}{'cpu':>6}")
    print(" " * 14 + 3 * f"{'letters / words':>17}")
    found: dict[str, Any] = {}
    begun = time.perf_counter()
    first, seconds = trained(place, "ctc", ALONE, None, **FIRST)
    model, took = first, seconds
    for name, config in (("ctc", ALONE), ("on by ctc", ALONE), ("on through", GRAPH)):
        if found:
            model, took = trained(place, name.replace(" ", "-"), config, first, **ON)
        found[name] = {**read(model), "seconds": round(took[0]), "cpu": round(took[1])}
        row(name, found[name], took)
        if len(found) == 1:  # where the scales begin that are learned
            scales = found[name]["bigram scale, cost of a word"]
            write_bigram(place / "bigram.json", lines["train"], texts.words, *scales)
    with np.load(model) as file:
        learned = file["parameter/grammar.bigram.weights"].tolist()
    own = errors(model.with_name(f"{model.stem}-test.jsonl"), "-g", str(model))
    found["as learned"] = {"bigram": own, "bigram scale, cost of a word": learned}
    row("as learned", {"bigram": own}, [])
    print(f"scale of the bigram and cost of a word: {learned[0]:.2f}, {learned[1]:.2f} learned; tried:")
    for name in list(found)[:3]:
        print(f"    {name:<14}{'{}, {}'.format(*found[name]['bigram scale, cost of a word'])}")
    found["seconds"] = round(time.perf_counter() - begun)
    print(f"{found['seconds']} s in all")
    print(json.dumps(found))


def main() -> None:
    """Run it in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", nargs="?", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--quick", action="store_true", help="a tenth of the lines: does it run")
    told = parser.parse_args()
    if not (told.shared / "data" / "letters" / "letters.npz").exists():
        raise SystemExit(f"{told.shared}/data/letters/letters.npz is not there; see the head of this file")
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), told.shared, 10 if told.quick else 1)


if __name__ == "__main__":
    main()
