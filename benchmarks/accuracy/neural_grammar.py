"""Label errors with no grammar, learned n-grams, a neural grammar and a lexicon: on handwritten words and on CTC lines.

    python benchmarks/accuracy/neural_grammar.py [SHARED] [--splits 5] [--only letters|prose]

SHARED is the folder with data/letters, data/ctc and data/lexica (default: ../shared beside the checkout).

letters  44 words to learn the recogniser from (samples/letters-mlp.yaml without letter pairs), 11 others to test on.
         n-grams (Witten-Bell) and neural grammars learn from the 54,871 words of the lexicon without the 11; the
         lexicon itself has them. `together` are learned with the recogniser, from the 44 words alone.
prose    40 lines read by PP-OCRv4. The text is 8,000 lines of words drawn by their frequency; the lexicon is the same
         words with -ln of the frequencies. No model knows which word follows which. Scales of the grammars
         and a bonus for every label are chosen on the other half of the lines (odd, even).

Everything runs as users would run it. Recognition graphs are pruned once (`lattice prune --posterior`), and all
grammars search the same; how probable the paths were that are gone is printed. Prints a table and, last, one line of
JSON.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from letters import LATTICE, MANY, ROOT, Letters, Split

SCALES = (0.3, 0.6)
#: For every label: what a grammar charges for it, frames that are left blank do not pay.
BONUSES = (0.0, 1.5, 3.0)
#: Arcs that are less probable than this are left out before the search.
POSTERIOR, POSTERIOR_OF_LINES = 1e-3, 0.03
PROSE = ("--context", "3", "--embedding", "24", "--hidden", "128", "--epochs", "5", "--batch", "512")
NEURAL = ("--context", "4", "--embedding", "24", "--hidden", "192", "--hold-out", "0.02", "--epochs", "12")


def lattice(*arguments: object, stdin: str = "") -> tuple[str, str]:
    """Standard output and standard error of a command."""
    done = subprocess.run([*LATTICE, *map(str, arguments)], input=stdin, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"lattice {' '.join(map(str, arguments))[:200]} ended with {done.returncode}: {done.stderr}")
    return done.stdout, done.stderr


def arpa(lines: Iterable[Sequence[str]], order: int, path: Path) -> Path:
    """An n-gram model of these lines with Witten-Bell smoothing, written in the ARPA form."""
    counts: list[Counter[tuple[str, ...]]] = [Counter() for _ in range(order)]
    for line in lines:
        padded = ["<s>", *line, "</s>"]
        for place in range(1, len(padded)):
            for size in range(min(order, place + 1)):
                counts[size][tuple(padded[place - size : place + 1])] += 1
    types = Counter(gram[:-1] for table in counts for gram in table)
    seen = Counter()
    for table in counts:
        for gram, count in table.items():
            seen[gram[:-1]] += count
    words = len(counts[0])
    chance: dict[tuple[str, ...], float] = {}
    for table in counts:
        for gram, count in table.items():
            history = gram[:-1]
            shorter = chance[gram[1:]] if history else 1.0 / words
            chance[gram] = (count + types[history] * shorter) / (seen[history] + types[history])
    with path.open("w") as file:
        file.write("\\data\\\n" + "".join(f"ngram {n + 1}={len(t) + (n == 0)}\n" for n, t in enumerate(counts)))
        for size, table in enumerate(counts):
            file.write(f"\n\\{size + 1}-grams:\n")
            for gram in [*([("<s>",)] if not size else []), *table]:
                weight = f"\t{math.log10(types[gram] / (seen[gram] + types[gram])):.8f}" if gram in types else ""
                named = " ".join("<sp>" if each == " " else each for each in gram)
                file.write(f"{math.log10(chance[gram]) if gram in chance else -99:.8f}\t{named}{weight}\n")
        file.write("\n\\end\\\n")
    return path


def pruned(graphs: str, posterior: float, *options: str) -> tuple[str, float]:
    """The graphs without improbable arcs, and the mean probability of the paths that are gone."""
    kept, told = lattice("prune", "-", "--posterior", posterior, *options, stdin=graphs)
    return kept, float(np.mean([float(each) for each in re.findall(r"had a probability of ([-+.e0-9]+)", told)]))


def answers(graphs: str, *options: object) -> tuple[list[tuple[str, str]], float]:
    """(target, answer) of each graph, and the seconds it took."""
    begun = time.perf_counter()
    told, _ = lattice("viterbi", "-", "--json", *options, stdin=graphs)
    records = [json.loads(line) for line in told.splitlines()]
    found = [(each["target"], "".join(each["paths"][0]["output"]) if each.get("paths") else "") for each in records]
    return found, time.perf_counter() - begun


def errors(pairs: Sequence[tuple[str, str]]) -> tuple[int, int, int]:
    """Label errors, labels, and whole answers that are wrong."""
    wrong = [_distance(*pair) for pair in pairs]
    return sum(wrong), sum(len(target) for target, _ in pairs), sum(each > 0 for each in wrong)


def _distance(target: str, answer: str) -> int:
    row = list(range(len(answer) + 1))
    for place, label in enumerate(target, 1):
        previous, row[0] = row[0], place
        for column, other in enumerate(answer, 1):
            previous, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, previous + (label != other))
    return row[-1]


class Rows:
    """Errors by system, summed over splits."""

    def __init__(self, task: str) -> None:
        self.task, self.found = task, dict[str, list[float]]()

    def add(self, name: str, pairs: Sequence[tuple[str, str]], learned: float, seconds: float) -> None:
        own = self.found.setdefault(name, [0.0] * 6)
        for place, number in enumerate((*errors(pairs), len(pairs), learned, seconds)):
            own[place] += number
        print(f"\r{self.task}: {name:<60}", end="", file=sys.stderr)

    def show(self) -> dict[str, Any]:
        print(f"\r{self.task:<44}{'label error':>12}{'answer error':>13}{'learn s':>9}{'decode s':>9}" + " " * 20)
        told = {}
        for name, (wrong, labels, missed, records, learned, seconds) in self.found.items():
            print(f"  {name:<42}{wrong / labels:12.4f}{missed / records:13.4f}{learned:9.1f}{seconds:9.1f}", flush=True)
            told[name] = {"label_error": wrong / labels, "answer_error": missed / records, "learn": learned}
        return told


def letters(shared: Path, work: Path, splits: int) -> dict[str, Any]:
    data, rows, gone = Letters(shared, work), Rows("letters, words not seen in training"), []
    for number, split in enumerate(data.splits("words")):
        if number >= splits:
            break
        told = [*MANY, f"data.train={split.train}", f"objective.l2={6.0 / split.words!r}"]
        alone, seconds = _trained(work, "alone", [*told, "grammar.ngram=0"])
        graphs, lost = pruned(lattice("recognize", alone, split.test)[0], POSTERIOR)
        gone.append(lost)
        rows.add("no grammar", *_scored(graphs, seconds))
        for name, settings in (
            ("pairs of letters, together", ["grammar.ngram=2"]),
            ("neural grammar of 1, together", ["grammar.ngram=0", "grammar.neural.context=1"]),
        ):
            model, seconds = _trained(work, "together", [*told, *settings])
            own, _ = pruned(lattice("recognize", model, split.test)[0], POSTERIOR)
            rows.add(name, *_scored(own, seconds, "-g", model))
        text = _text(data, split, work)
        for order in (2, 3):
            begun = time.perf_counter()
            grammar = work / "ngram.npz"
            lattice("grammar", "arpa", arpa(text.read_text().split(), order, work / "m.arpa"), "-o", grammar)
            rows.add(f"{order}-grams of the text", *_scored(graphs, time.perf_counter() - begun, "-g", grammar))
        begun = time.perf_counter()
        lattice("grammar", "neural", text, "-o", work / "neural.npz", *NEURAL)
        taken = time.perf_counter() - begun
        rows.add("neural grammar of 4 of the text", *_scored(graphs, taken, "-g", work / "neural.npz"))
        rows.add("lexicon of 54,871 words", *_scored(graphs, 0.0, "-g", data.lexicon))
    told_of = rows.show()
    print(f"  paths that pruning took away had a probability of {np.mean(gone):.2g} (mean)")
    return {"splits": splits, "pruned": float(np.mean(gone)), "rows": told_of}


def _trained(work: Path, name: str, settings: list[str]) -> tuple[Path, float]:
    begun, model = time.perf_counter(), work / f"{name}.npz"
    overrides = [part for each in settings for part in ("--set", each)]
    lattice("train", ROOT / "samples" / "letters-mlp.yaml", "-o", model, "--restart", *overrides)
    return model, time.perf_counter() - begun


def _scored(graphs: str, learned: float, *options: object) -> tuple[list[tuple[str, str]], float, float]:
    pairs, seconds = answers(graphs, *options)
    return pairs, learned, seconds


def _text(data: Letters, split: Split, work: Path) -> Path:
    """The lexicon without the words that are tested."""
    tested = set(json.loads(np.load(split.test)["targets"].tobytes()))
    path = work / "text.txt"
    path.write_text("".join(f"{word}\n" for word in data.lexicon.read_text().split() if word not in tested))
    return path


def prose(shared: Path, work: Path) -> dict[str, Any]:
    file = np.load(shared / "data" / "ctc" / "share_ascii.npz")
    told = json.loads((shared / "data" / "ctc" / "share.json").read_text())
    labels = [str(each) for each in file["columns"].tolist()]
    lines, first = [], 0
    for record, steps in zip(told, file["lens"].tolist()):
        if record["kind"] == "prose":
            energies = -file["logp"][first : first + steps].astype(float)
            whole = {"lattice": 1, "id": record["id"], "target": list(record["text"]), "labels": labels}
            lines.append(json.dumps({**whole, "emissions": energies.tolist()}))
        first += steps
    graphs, gone = pruned("\n".join(lines), POSTERIOR_OF_LINES)
    words = [line.split("\t") for line in _unzipped(shared / "data" / "lexica" / "wordfreq_en_50k.tsv.gz")]
    known = [(word, float(energy)) for word, _, energy in words if set(word) <= set(labels)]
    chance = np.exp([-energy for _, energy in known])
    rng = np.random.default_rng(0)
    text = []
    for _ in range(8_000):
        drawn = [known[each][0] for each in rng.choice(len(known), 8, p=chance / chance.sum())]
        text.append(" ".join([drawn[0].capitalize() if rng.random() < 0.5 else drawn[0], *drawn[1:]]))
    (work / "prose.txt").write_text("\n".join(text) + "\n")
    (work / "labels.txt").write_text("".join(f"{label}\n" for label in labels))
    lattice("grammar", "ctc", work / "labels.txt", "--blank", labels[0], "--form", "pairs", "-o", work / "ctc.npz")
    said, _ = lattice("compose", "-", work / "ctc.npz", stdin=graphs)
    rewarded = {}
    for bonus in BONUSES:
        words_of = dict.fromkeys(labels[1:], -bonus)
        loop = {"from": [0] * len(words_of), "to": [0] * len(words_of), "label": [*words_of]}
        whole = {"lattice": 1, "start": 0, "final": 0, "arcs": {**loop, "energy": [*words_of.values()]}}
        (work / "bonus.json").write_text(json.dumps(whole))
        rewarded[bonus] = lattice("compose", "-", work / "bonus.json", stdin=said)[0] if bonus else said
    rows = Rows("prose lines, CTC")
    scaled: dict[str, tuple[list[Path], float]] = {}
    begun = time.perf_counter()
    lattice("grammar", "neural", work / "prose.txt", "-o", work / "neural.npz", *PROSE)
    taken = time.perf_counter() - begun
    name = "neural grammar of 3 of the text"
    scaled[name] = ([], taken)
    for scale in SCALES:
        on = ("--start", work / "neural.npz", "--epochs", 0, "--scale", scale, "-o", work / f"neural-{scale}.npz")
        lattice("grammar", "neural", work / "prose.txt", *on)
        scaled[name][0].append(work / f"neural-{scale}.npz")
    for order in (2, 3):
        begun, model = time.perf_counter(), arpa(text, order, work / "p.arpa")
        lattice("grammar", "arpa", model, "-o", work / "p.json")
        taken = time.perf_counter() - begun
        scaled[f"{order}-grams of the text"] = (_rescaled(work / "p.json", f"{order}gram", {"<sp>": " "}), taken)
    lexicon: dict[str, float] = {}
    for word, energy in known:
        lexicon.setdefault(word, energy)
        lexicon.setdefault(word.capitalize(), energy + 3.0)
    scaled[f"lexicon of {len(known):,} words"] = (_lexica(lexicon, work), 0.0)
    rows.add("no grammar", *_scored(said, 0.0))
    chosen: dict[str, list[tuple[float, float]]] = {}
    for name, (grammars, learned) in scaled.items():
        tried = [(scale, bonus) for scale in SCALES for bonus in BONUSES]
        found = [answers(rewarded[bonus], "-g", grammars[SCALES.index(scale)]) for scale, bonus in tried]
        picked: list[tuple[str, str]] = []
        chosen[name] = []
        for half in (0, 1):
            best = int(np.argmin([errors(pairs[1 - half :: 2])[0] for pairs, _ in found]))
            chosen[name].append(tried[best])
            picked += found[best][0][half::2]
        rows.add(name, picked, learned, float(np.mean([seconds for _, seconds in found])))
    told_of = rows.show()
    print(f"  paths that pruning took away had a probability of {gone:.2g} (mean); scales, bonuses: {chosen}")
    return {"lines": len(lines), "pruned": gone, "chosen": chosen, "rows": told_of}


def _unzipped(path: Path) -> list[str]:
    return [line for line in gzip.decompress(path.read_bytes()).decode().split("\n") if line and line[0] != "#"]


def _rescaled(path: Path, name: str, renamed: dict[str, str]) -> list[Path]:
    """The grammar at each scale, labels renamed."""
    record = json.loads(path.read_text())
    for column in ("labels",) if "labels" in record else ():
        record[column] = [renamed.get(each, each) for each in record[column]]
    found = []
    for scale in SCALES:
        final = record["final"]
        arcs = {**record["arcs"], "energy": [scale * each for each in record["arcs"]["energy"]]}
        ends = {node: scale * energy for node, energy in final.items()} if isinstance(final, dict) else final
        found.append(path.with_name(f"{name}-{scale}.json"))
        found[-1].write_text(json.dumps({**record, "final": ends, "arcs": arcs}))
    return found


def _lexica(words: dict[str, float], work: Path) -> list[Path]:
    found = []
    for scale in SCALES:
        found.append(work / f"lexicon-{scale}.json")
        scaled = {word: scale * energy for word, energy in words.items()}
        found[-1].write_text(json.dumps({"lattice": 1, "words": scaled, "loop": " "}))
    return found


def main() -> None:
    """Run both and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", nargs="?", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--splits", type=int, default=5, help="splits of the letters")
    parser.add_argument("--only", choices=["letters", "prose"])
    told = parser.parse_args()
    if not (told.shared / "data" / "letters" / "letters.npz").exists():
        raise SystemExit(f"{told.shared}/data is not there; see the head of this file")
    found: dict[str, Any] = {"benchmark": "neural_grammar"}
    with tempfile.TemporaryDirectory() as folder:
        if told.only != "prose":
            found["letters"] = letters(told.shared, Path(folder), told.splits)
        if told.only != "letters":
            found["prose"] = prose(told.shared, Path(folder))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
