"""Handwritten words: conditional random fields and networks under them, beside crfsuite on the same splits.

    python benchmarks/accuracy/letters.py [SHARED] [--quick] [--folds N] [--protocols one,nine,words] [--only TEXT]
        [--lexicon]

SHARED is the folder with data/letters (default: ../shared beside the checkout): letters.npz, the 6,877 words of Kassel
and Taskar in ten folds, and lexicon_suffixes.txt.gz. crfsuite is for this comparison only:
`pip install python-crfsuite`; without it its rows are left out.

    one     a fold to learn from, nine to test on; mean of ten
    nine    nine to learn from, one to test on; mean of ten
    words   44 words to learn from, 11 others to test on; mean of five

Rows of torch: the CNN of samples/networks.py (and with an LSTM over its letters) by samples/letters-torch.yaml, which
needs the extra torch; torchcrf: the same network, data, steps and changes of images under the CRF layer of pytorch-crf
(`pip install pytorch-crf`), in a loop of torch's own.

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
import os
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
#: One thread, so that `cpu` is what one core does.
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
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

_TORCHCRF = """
import json, sys
import numpy as np, torch, torchcrf
sys.path.insert(0, sys.argv[3] + "/samples")
from networks import SmallCnn
EPOCHS, BATCH = 12, 50
torch.manual_seed(1)
rng = np.random.default_rng(1)
def words(path):
    file = dict(np.load(path))
    ends = np.cumsum(file["lengths"])
    for end, length, word in zip(ends, file["lengths"], json.loads(file["targets"].tobytes())):
        yield file["inputs"][end - length : end].astype(np.float32).reshape(-1, 8, 16), word
def shifted(images):
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    at = rng.integers(0, 3, (len(images), 2))
    return np.stack([each[x : x + 8, y : y + 16] for each, (x, y) in zip(padded, at)])
def batch(some, change):
    longest = max(len(word) for _, word in some)
    mask = torch.tensor([[place < len(word) for place in range(longest)] for _, word in some])
    images = np.concatenate([each for each, _ in some])
    rows = net(torch.from_numpy((shifted(images) if change else images).reshape(-1, 128)))
    return torch.zeros(*mask.shape, 26).masked_scatter(mask[:, :, None], rows), mask
train, net, crf = list(words(sys.argv[1])), SmallCnn(128, 26, (8, 16)), torchcrf.CRF(26, batch_first=True)
weights = [*net.parameters(), *crf.parameters()]
steps = EPOCHS * -(-len(train) // BATCH)
optimizer = torch.optim.AdamW(weights, lr=0.01, weight_decay=0.01)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=steps)
for epoch in range(EPOCHS):
    order = rng.permutation(len(train))
    for low in range(0, len(order), BATCH):
        some = [train[number] for number in order[low : low + BATCH]]
        scores, mask = batch(some, True)
        tags = torch.zeros(mask.shape, dtype=torch.long)
        for row, (_, word) in zip(tags, some):
            row[: len(word)] = torch.tensor([ord(letter) - 97 for letter in word])
        loss = -crf(scores, tags, mask, reduction="mean")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
net.eval()
pairs = []
with torch.no_grad():
    test = list(words(sys.argv[2]))
    for low in range(0, len(test), 200):
        some = test[low : low + 200]
        found = crf.decode(*batch(some, False))
        pairs += [[word, "".join(chr(97 + tag) for tag in tags)] for (_, word), tags in zip(some, found)]
print(json.dumps([EPOCHS, pairs]))
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
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
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
    first = subprocess.Popen(
        [*LATTICE, "recognize", "--trust-code", str(model), str(test)], stdout=subprocess.PIPE, env=ENVIRONMENT
    )
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


def torchcrf(split: Split, model: Path) -> Found:
    """The CNN of samples/networks.py under the CRF layer of pytorch-crf, in a training loop of torch's own."""
    told, seconds, cpu = timed([sys.executable, "-c", _TORCHCRF, str(split.train), str(split.test), str(ROOT)])
    steps, pairs = json.loads(told)
    return Found(*rates([(word, answer) for word, answer in pairs]), seconds, cpu, steps)


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
CONTEXT = ("recognizer.torch.module=networks.py:CnnBiLstm", "recognizer.torch.reads=sequences")
#: A ninth of the words: more epochs of smaller batches.
FEW = ("training.epochs=40", "training.batch=20")
SYSTEMS: dict[str, dict[str, Callable[[Split, Path], Found]]] = {
    "one": {
        "crfsuite, default": crfsuite("occur"),
        "crfsuite, all features": crfsuite("all"),
        "linear + bigram": lattice("letters-crf.yaml", 2.0),
        "linear": lattice("letters-crf.yaml", 2.0, ALONE),
        "mlp + bigram": lattice("letters-mlp.yaml", 6.0),
        "mlp": lattice("letters-mlp.yaml", 6.0, ALONE),
        "torch: cnn + bigram": lattice("letters-torch.yaml", 0.0, *FEW),
    },
    "nine": {
        "crfsuite, default": crfsuite("occur"),
        "crfsuite, all features": crfsuite("all"),
        "linear + bigram": lattice("letters-crf.yaml", 2.0),
        "linear": lattice("letters-crf.yaml", 2.0, ALONE),
        "mlp + bigram": lattice("letters-mlp.yaml", 6.0, *MANY),
        "mlp": lattice("letters-mlp.yaml", 6.0, ALONE, *MANY),
        "torch: cnn + bigram": lattice("letters-torch.yaml", 0.0),
        "torch: cnn": lattice("letters-torch.yaml", 0.0, ALONE),
        "torch: cnn, lstm + bigram": lattice("letters-torch.yaml", 0.0, *CONTEXT),
        "torchcrf: cnn + bigram": torchcrf,
    },
    "words": {
        "crfsuite, default": crfsuite("occur"),
        "linear + bigram": lattice("letters-crf.yaml", 2.0),
        "linear": lattice("letters-crf.yaml", 2.0, ALONE),
        "mlp": lattice("letters-mlp.yaml", 6.0, ALONE, *MANY),
        "torch: cnn": lattice("letters-torch.yaml", 0.0, ALONE),
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
    missing = []
    peers = (("crfsuite", "pycrfsuite", "python-crfsuite"), ("torch", "torch", "torch"))
    for start, module, package in (*peers, ("torchcrf", "torchcrf", "pytorch-crf")):
        if importlib.util.find_spec(module) is None:
            missing.append(start)
            print(f"{module} is not installed (pip install {package}): its rows are left out", file=sys.stderr)
    found: dict[str, dict[str, dict[str, float | int | None]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Letters(told.shared, Path(folder))
        print(
            f"{'protocol':<9}{'system':<25}{'letters':>7}{'+-':>7}{'words':>7}{'+-':>7}{'secs':>6}{'cpu':>5}"
            f"{'steps':>6}{'of':>3}"
        )
        for protocol in told.protocols.split(","):
            rows: dict[str, list[Found]] = {}
            for number, split in enumerate(data.splits(protocol)):
                if number >= (1 if told.quick else told.folds):
                    break
                for name, run in SYSTEMS[protocol].items():
                    if told.only not in name or name.startswith(tuple(missing)):
                        continue
                    model = Path(folder) / "model.npz"
                    rows.setdefault(name, []).append(run(split, model))
                    if told.lexicon and name in ("linear", "mlp", "torch: cnn") and not number:
                        rows[f"{name} + lexicon"] = [Found(*decoded(model, split.test, str(data.lexicon)))]
                    print(f"\r{protocol}: {number + 1} {name:<40}", end="", file=sys.stderr)
            print("\r" + " " * 50 + "\r", end="", file=sys.stderr)
            found[protocol] = {name: row(protocol, name, each) for name, each in rows.items()}
    print(json.dumps(found))


def row(protocol: str, name: str, each: list[Found]) -> dict[str, float | int | None]:
    """Means over the splits, and how far the splits are apart (standard deviations), printed and returned."""

    def of(field: str, reduce: Callable[[list[float]], float] = np.mean) -> float | None:
        values = [getattr(one, field) for one in each]
        return None if None in values else float(reduce(values))

    cells = {field: of(field) for field in ("letters", "words", "seconds", "cpu", "steps")}
    spread = {f"{field} sd": of(field, np.std) for field in ("letters", "words")}
    told = (cells["letters"], spread["letters sd"], cells["words"], spread["words sd"])
    texts = [f"{value:.4f}" for value in told]
    texts += ["" if cells[field] is None else f"{cells[field]:.0f}" for field in ("seconds", "cpu", "steps")]
    print(
        f"{protocol:<9}{name:<25}" + "".join(f"{text:>{width}}" for text, width in zip(texts, (7, 7, 7, 7, 6, 5, 6))),
        end="",
    )
    print(f"{len(each):>3}", flush=True)
    rounded = {field: None if value is None else round(value, 4) for field, value in (cells | spread).items()}
    return {**rounded, "splits": len(each)}


if __name__ == "__main__":
    main()
