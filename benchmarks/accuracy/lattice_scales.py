"""Scales of word lattices: acoustic score, language model and word penalty, learned and tested on other lattices.

    python benchmarks/accuracy/lattice_scales.py [SHARED]

SHARED is the folder with data/asr (default: ../shared beside the checkout): 20 lattices of pocketsphinx in four
groups, with acoustic and bigram energies for each link and what was said. Each group is decoded with scales that were
learned from the other three (lattice train samples/lattice-scales.yaml, then lattice recognize | lattice viterbi |
lattice evaluate), by nll, by the minimum empirical error, by the expected
word error and by the perceptron, and with a fourth scale, a penalty for
each silence or noise; and with scales that lattice tune finds by counting errors (one search, along the scores), also
with the bigrams of data/lexica in place of those of the lattices, whose word before a silence is a guess; beside
pocketsphinx's own best path, which a trigram model chose, the scales that its posteriors are computed with (1/20, 1,
0), and the fewest errors that any path has. The last line is JSON.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LATTICE = [sys.executable, "-m", "lattice_cli"]
GROUPS = ("amount", "lvcsr", "tts", "turtle")
SCALES = {"acoustic": 1 / 20, "lm": 1.0, "words": 0.0, "fillers": 0.0}
PERCEPTRON = (
    "objective.loss=perceptron",
    "optimizer.method=adam",
    "optimizer.rate=0.003",
    "optimizer.decay=0.9",
    "training.epochs=30",
    "training.batch=4",
)
FILLERS = ("recognizer.scores=[acoustic, lm, words, fillers]", "recognizer.initial=[0.05, 1, 0, 0]")
METHODS: dict[str, tuple[str, ...]] = {
    "nll": (),
    "nll, fillers": FILLERS,
    "mee": ("objective.loss=mee",),
    "mwer": ("objective.loss=mwer",),
    "perceptron": PERCEPTRON,
}
SEARCH = ("--directions", "0", "--restarts", "0", "--tune")
#: What lattice tune tunes; MODEL is the file of bigrams.
TUNED: dict[str, tuple[str, ...]] = {
    "tune": (*SEARCH, "acoustic,words"),
    "tune, fillers": (*SEARCH, "acoustic,words,fillers"),
    "tune acoustic, bigrams anew": (*SEARCH, "acoustic", "-g", "MODEL", "--as", "bigrams", "--scale", "lm=0"),
    "tune, bigrams anew": (*SEARCH, "acoustic,words", "-g", "MODEL", "--as", "bigrams", "--scale", "lm=0"),
}
#: Of the words of pocketsphinx's dictionary, those that are none.
TAGS = {"-", "<s>", "</s>"}


def record(path: Path) -> dict[str, Any]:
    """A lattice as a graph document, its arcs in columns with four scores each."""
    about = json.loads(path.read_text())
    lines = gzip.decompress(path.with_name(f"{path.stem}.arcs.tsv.gz").read_bytes()).decode().splitlines()
    ends = dict(part.split("=") for part in lines[1].removeprefix("# ").split())
    cells = [line.split("\t") for line in lines if line and not line.startswith("#")]
    words = [cell[2] for cell in cells]
    spoken = [word not in TAGS for word in words]
    return {
        "lattice": 1,
        "id": about["id"],
        "target": about["ref"].split(),
        "start": int(ends["start"]),
        "final": int(ends["end"]),
        "scales": SCALES,
        "arcs": {
            "from": [int(cell[0]) for cell in cells],
            "to": [int(cell[1]) for cell in cells],
            "label": [word if real else None for word, real in zip(words, spoken)],
            "scores": {
                "acoustic": [float(cell[3]) for cell in cells],
                "lm": [float(cell[4]) for cell in cells],
                "words": [int(real) for real in spoken],
                "fillers": [int(not real) for real in spoken],
            },
        },
    }


def run(*arguments: str, given: str | None = None) -> str:
    """Standard output of a lattice command."""
    done = subprocess.run([*LATTICE, *arguments], input=given, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"lattice {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def write(path: Path, records: list[dict[str, Any]]) -> Path:
    """Records as JSON Lines."""
    path.write_text("".join(json.dumps(each) + "\n" for each in records))
    return path


def errors(results: str, *options: str, what: str = "labels") -> tuple[int, int]:
    """Word errors and words of the references, by lattice evaluate."""
    told = json.loads(run("evaluate", "-", "--json", *options, given=results))
    return told[what]["errors"], told["labels"]["reference"]


def own(path: Path) -> str:
    """pocketsphinx's own best path as a line of lattice viterbi --json."""
    about = json.loads(path.read_text())
    paths = [{"energy": 0.0, "output": about["hyp"].split()}]
    return json.dumps({"id": about["id"], "target": about["ref"].split(), "status": "ok", "paths": paths}) + "\n"


def learned(scratch: Path, group: str, others: list[dict[str, Any]], test: Path, settings: tuple[str, ...]) -> Any:
    """Word errors with learned scales, the scales, and the seconds that learning took."""
    model = scratch / "scales.npz"
    train = write(scratch / f"without-{group}.jsonl", others)
    overrides = [part for each in (f"data.train={train}", *settings) for part in ("--set", each)]
    begun = time.perf_counter()
    run("train", str(ROOT / "samples" / "lattice-scales.yaml"), "-o", str(model), "--json", *overrides)
    seconds = time.perf_counter() - begun
    recognized = run("recognize", str(model), str(test))
    scales = json.loads(recognized.splitlines()[0])["scales"]
    return errors(run("viterbi", "-", "--json", given=recognized))[0], scales, seconds


def tuned(records: Path, model: Path, settings: tuple[str, ...]) -> Any:
    """What lattice tune finds, with the errors of each group that was held out."""
    options = [str(model) if each == "MODEL" else each for each in settings]
    begun = time.perf_counter()
    told = json.loads(run("tune", str(records), "--leave-out", "^[^/]*", "--json", *options))
    held_out = {each["held_out"]: each["errors"] for each in told["held_out"]["groups"]}
    seconds = round(time.perf_counter() - begun, 2)
    return {**held_out, "all": told["held_out"]["errors"], "tuned on all": told["errors"], "seconds": seconds}


def main() -> None:
    """Every group, and all of them."""
    shared = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared"
    folder = shared / "data" / "asr"
    if not folder.is_dir():
        raise SystemExit(f"{folder} is not there; see the head of this file")
    files = {group: sorted(folder.glob(f"{group}/*.json")) for group in GROUPS}
    records = {group: [record(path) for path in paths] for group, paths in files.items()}
    columns = ("pocketsphinx", "1/20, 1, 0", *METHODS, "oracle")
    print(f"{'group':<8}{'words':>6}" + "".join(f"{name:>14}" for name in columns))
    found: dict[str, dict[str, Any]] = {}
    learnt: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        for group in GROUPS:
            test = write(scratch / f"{group}.jsonl", records[group])
            others = [each for other in GROUPS if other != group for each in records[other]]
            before, words = errors(run("viterbi", str(test), "--json"))
            cells: dict[str, Any] = {"words": words, "pocketsphinx": errors("".join(map(own, files[group])))[0]}
            cells["1/20, 1, 0"] = before
            for method, settings in METHODS.items():
                cells[method], scales, seconds = learned(scratch, group, others, test, settings)
                cells[f"{method} scales"], cells[f"{method} seconds"] = scales, round(seconds, 2)
                learnt.setdefault(method, []).append(", ".join(f"{scales[name]:.3g}" for name in SCALES))
            cells["oracle"] = errors(test.read_text(), "--oracle", what="oracle")[0]
            found[group] = cells
            show(group, cells, columns)
        every = [{**each, "id": f"{group}/{each['id']}"} for group in GROUPS for each in records[group]]
        whole = write(scratch / "all.jsonl", every)
        model = shared / "data" / "lexica" / "en-us_bigram_lattice_vocab.arpa.gz"
        by_errors = {name: tuned(whole, model, settings) for name, settings in TUNED.items()}
    total = {name: sum(cells[name] for cells in found.values()) for name in ("words", *columns)}
    show("all", total, columns)
    for method, scales in learnt.items():
        print(f"scales without each group, {method}: {'; '.join(scales)}")
    for name, told in by_errors.items():
        print(f"{name}: {', '.join(f'{key} {value}' for key, value in told.items())}")
    print(json.dumps({**found, "all": total, **by_errors}))


def show(group: str, cells: dict[str, Any], columns: tuple[str, ...]) -> None:
    """Errors and error rates of a group."""
    rates = [f"{cells[name]} {100 * cells[name] / cells['words']:5.1f} %" for name in columns]
    print(f"{group:<8}{cells['words']:>6}" + "".join(f"{rate:>14}" for rate in rates), flush=True)


if __name__ == "__main__":
    main()
