"""Handwritten words: conditional random fields and networks under them, beside crfsuite on the same splits.

    python benchmarks/accuracy/letters.py [SHARED] [--quick] [--folds N] [--protocols one,nine,words] [--only TEXT]
        [--lexicon]

SHARED is the folder with data/letters (default: ../shared beside the checkout): letters.npz, the 6,877 words of Kassel
and Taskar in ten folds, and lexicon_suffixes.txt.gz. crfsuite is for this comparison only:
`pip install python-crfsuite`; without it its rows are left out.

    one     a fold to learn from, nine to test on; mean of ten
    nine    nine to learn from, one to test on; mean of ten
    words   44 words to learn from, 11 others to test on; mean of five

Every model is learned and tested as anyone would: lattice train, then lattice recognize | lattice viterbi, in processes
of their own. crfsuite: L-BFGS, c2 = 1, the 128 pixels and a constant as attributes, in its default form (features that
occur) and with what the random field of samples/letters-crf.yaml has besides: features that do not occur, the first
and the last letter of a word. `seconds` are those of the whole process that learns, from file to model; `cpu` is the
time on the processor, which other work on the machine disturbs less. With --lexicon, rows with the lexicon of 54,871 in
place of the bigram, on the first split (two minutes each). --quick: the first split of each protocol. The last line is
JSON.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
LATTICE = [sys.executable, "-m", "lattice_cli"]
LETTERS = np.array([chr(ord("a") + number) for number in range(26)])
TESTED_WORDS = 11

_CRFSUITE = """
import json, sys
import numpy as np, pycrfsuite
train, test, everything = sys.argv[1], sys.argv[2], sys.argv[3] == "all"
def words(path):
    file = dict(np.load(path))
    ends = np.cumsum(file["lengths"])
    for end, length, word in zip(ends, file["lengths"], json.loads(file["targets"].tobytes())):
        rows = file["inputs"][end - length : end]
        items = [{**{f"p{k}": 1.0 for k in np.flatnonzero(row)}, "1": 1.0} for row in rows]
        if everything:
            items[0]["first"] = items[-1]["last"] = 1.0
        yield pycrfsuite.ItemSequence(items), word
if test == "-":
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    for items, word in words(train):
        trainer.append(items, list(word))
    trainer.set_params({"c1": 0.0, "c2": 1.0})
    if everything:
        trainer.set_params({"feature.possible_states": True, "feature.possible_transitions": True})
    trainer.train(train + ".crfsuite")
    print(json.dumps(len(trainer.logparser.iterations)))
else:
    tagger = pycrfsuite.Tagger()
    tagger.open(train + ".crfsuite")
    for items, word in words(test):
        print(json.dumps([word, "".join(tagger.tag(items))]))
"""


@dataclass(frozen=True)
class Split:
    """Files to learn from and to test on; words: how many there are to learn from."""

    train: Path
    test: Path
    words: int


@dataclass(frozen=True)
class Found:
    """letters, words: fractions read correctly; seconds, cpu: of learning; steps: of L-BFGS, or epochs."""

    letters: float
    words: float
    seconds: float | None = None
    cpu: float | None = None
    steps: int | None = None


class Letters:
    """The words, and files of some of them."""

    def __init__(self, shared: Path, scratch: Path) -> None:
        folder = shared / "data" / "letters"
        file = np.load(folder / "letters.npz")
        self.scratch, self.folds = scratch, file["folds"]
        # Rows of inputs are images column by column: 8 columns of 16 rows.
        images = np.unpackbits(file["images"], axis=1).reshape(-1, 16, 8)
        self._pixels = images.transpose(0, 2, 1).reshape(-1, 128)
        self._lengths = file["lengths"].astype(int)
        letters = "".join(LETTERS[file["labels"]])
        ends = np.cumsum(self._lengths)
        self.words = np.array([letters[end - length : end] for end, length in zip(ends, self._lengths)])
        self.lexicon = scratch / "lexicon.txt"
        self.lexicon.write_bytes(gzip.decompress((folder / "lexicon_suffixes.txt.gz").read_bytes()))

    def splits(self, protocol: str) -> Iterator[Split]:
        """The splits of a protocol."""
        if protocol == "words":
            different = np.unique(self.words)
            order = np.random.default_rng(0).permutation(len(different))
            tests = [np.isin(self.words, different[order[low::5]]) for low in range(len(different) // TESTED_WORDS)]
        else:
            tests = [(self.folds == fold) != (protocol == "one") for fold in range(10)]
        for number, test in enumerate(tests):
            name = f"{protocol}{number}"
            yield Split(self._file(f"{name}-train", ~test), self._file(f"{name}-test", test), int((~test).sum()))

    def _file(self, name: str, chosen: np.ndarray) -> Path:
        def text(strings: list[str]) -> np.ndarray:
            return np.frombuffer(json.dumps(strings).encode(), dtype=np.uint8)

        path = self.scratch / f"{name}.npz"
        np.savez(
            path,
            inputs=self._pixels[np.repeat(chosen, self._lengths)],
            lengths=self._lengths[chosen],
            targets=text(self.words[chosen].tolist()),
            ids=text([str(number) for number in np.flatnonzero(chosen)]),
        )
        return path


def timed(command: list[str]) -> tuple[str, float, float]:
    """Standard output, wall seconds and processor seconds of a command."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True)
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:6])} ended with {done.returncode}: {done.stderr}")
    return done.stdout, seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rates(pairs: list[tuple[str, str]]) -> tuple[float, float]:
    """Fractions of letters, place by place, and of words that are right; pairs: (word, answer)."""
    letters = sum(len(word) for word, _ in pairs)
    right = sum(a == b for word, answer in pairs for a, b in zip(word, answer))
    return right / letters, sum(word == answer for word, answer in pairs) / len(pairs)


def decoded(model: Path, test: Path, grammar: str | None) -> tuple[float, float]:
    """Rates of lattice recognize | lattice viterbi."""
    first = subprocess.Popen([*LATTICE, "recognize", str(model), str(test)], stdout=subprocess.PIPE)
    command = [*LATTICE, "viterbi", "-", "--json", *(["-g", grammar] if grammar else [])]
    done = subprocess.run(command, stdin=first.stdout, capture_output=True, text=True)
    if first.wait() or done.returncode > 1:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    return rates([(each["target"], "".join(each["paths"][0]["output"]) if each["paths"] else "") for each in records])


def lattice(sample: str, penalty: float, *settings: str) -> Callable[[Split, Path], Found]:
    """A model of samples/, with l2 = penalty / words."""

    def run(split: Split, model: Path) -> Found:
        given = [f"data.train={split.train}", f"objective.l2={penalty / split.words!r}", *settings]
        overrides = [part for each in given for part in ("--set", each)]
        command = [*LATTICE, "train", str(ROOT / "samples" / sample), "-o", str(model), "--json", *overrides]
        told, seconds, cpu = timed(command)
        steps = [json.loads(line) for line in told.splitlines()][-2]["epoch"]
        found = decoded(model, split.test, None if "grammar.ngram=0" in settings else str(model))
        return Found(*found, seconds, cpu, steps)

    return run


def crfsuite(features: str) -> Callable[[Split, Path], Found]:
    """crfsuite with features that `occur`, or with `all`."""

    def run(split: Split, model: Path) -> Found:
        told, seconds, cpu = timed([sys.executable, "-c", _CRFSUITE, str(split.train), "-", features])
        answers, _, _ = timed([sys.executable, "-c", _CRFSUITE, str(split.train), str(split.test), features])
        pairs = [tuple(json.loads(line)) for line in answers.splitlines()]
        return Found(*rates(pairs), seconds, cpu, json.loads(told))

    return run


MANY = ("training.epochs=15", "training.batch=50", "optimizer.decay=0.85")
ALONE = "grammar.ngram=0"
SYSTEMS: dict[str, dict[str, Callable[[Split, Path], Found]]] = {
    "one": {
        "crfsuite, default": crfsuite("occur"),
        "crfsuite, all features": crfsuite("all"),
        "linear + bigram": lattice("letters-crf.yaml", 2.0),
        "linear": lattice("letters-crf.yaml", 2.0, ALONE),
        "mlp + bigram": lattice("letters-mlp.yaml", 6.0),
        "mlp": lattice("letters-mlp.yaml", 6.0, ALONE),
    },
    "nine": {
        "crfsuite, default": crfsuite("occur"),
        "crfsuite, all features": crfsuite("all"),
        "linear + bigram": lattice("letters-crf.yaml", 2.0),
        "linear": lattice("letters-crf.yaml", 2.0, ALONE),
        "mlp + bigram": lattice("letters-mlp.yaml", 6.0, *MANY),
        "mlp": lattice("letters-mlp.yaml", 6.0, ALONE, *MANY),
    },
    "words": {
        "crfsuite, default": crfsuite("occur"),
        "linear + bigram": lattice("letters-crf.yaml", 2.0),
        "linear": lattice("letters-crf.yaml", 2.0, ALONE),
        "mlp": lattice("letters-mlp.yaml", 6.0, ALONE, *MANY),
    },
}


def main() -> None:
    """Run every row and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", nargs="?", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--quick", action="store_true", help="the first split of each protocol")
    parser.add_argument("--folds", type=int, default=10, help="at most so many splits of each protocol")
    parser.add_argument("--protocols", default="one,nine,words")
    parser.add_argument("--only", default="", help="systems whose name has this text in it")
    parser.add_argument("--lexicon", action="store_true", help="rows with the lexicon, on the first split")
    told = parser.parse_args()
    if not (told.shared / "data" / "letters" / "letters.npz").exists():
        raise SystemExit(f"{told.shared}/data/letters/letters.npz is not there; see the head of this file")
    has_crfsuite = importlib.util.find_spec("pycrfsuite") is not None
    if not has_crfsuite:
        print("crfsuite is not installed (pip install python-crfsuite): its rows are left out", file=sys.stderr)
    found: dict[str, dict[str, dict[str, float | int | None]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Letters(told.shared, Path(folder))
        print(
            f"{'protocol':<10}{'system':<34}{'letters':>8}{'words':>8}{'seconds':>9}{'cpu':>8}{'steps':>7}{'splits':>8}"
        )
        for protocol in told.protocols.split(","):
            rows: dict[str, list[Found]] = {}
            for number, split in enumerate(data.splits(protocol)):
                if number >= (1 if told.quick else told.folds):
                    break
                for name, run in SYSTEMS[protocol].items():
                    if told.only not in name or (name.startswith("crfsuite") and not has_crfsuite):
                        continue
                    model = Path(folder) / "model.npz"
                    rows.setdefault(name, []).append(run(split, model))
                    if told.lexicon and name in ("linear", "mlp") and not number:
                        rows[f"{name} + lexicon"] = [Found(*decoded(model, split.test, str(data.lexicon)))]
                    print(f"\r{protocol}: {number + 1} {name:<40}", end="", file=sys.stderr)
            print("\r" + " " * 50 + "\r", end="", file=sys.stderr)
            found[protocol] = {name: row(protocol, name, each) for name, each in rows.items()}
    print(json.dumps(found))


def row(protocol: str, name: str, each: list[Found]) -> dict[str, float | int | None]:
    """Means over the splits, printed and returned."""

    def mean(field: str) -> float | None:
        values = [getattr(one, field) for one in each]
        return None if None in values else float(np.mean(values))

    cells = {field: mean(field) for field in ("letters", "words", "seconds", "cpu", "steps")}
    texts = ["" if value is None else f"{value:.{digits}f}" for value, digits in zip(cells.values(), (4, 4, 2, 2, 0))]
    widths = (8, 8, 9, 8, 7)
    print(f"{protocol:<10}{name:<34}" + "".join(f"{text:>{width}}" for text, width in zip(texts, widths)), end="")
    print(f"{len(each):>8}", flush=True)
    rounded = {field: None if value is None else round(value, 4) for field, value in cells.items()}
    return {**rounded, "splits": len(each)}


if __name__ == "__main__":
    main()
