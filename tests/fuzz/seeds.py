"""Sound files of every form, to begin with: those of the checkout, and one that each writer writes."""

from __future__ import annotations

import json
import pathlib
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from lattice_cli.errors import FormatError
from lattice_cli.formats import read_one, writable
from lattice_cli.formats.io import ReadOptions, WriteOptions
from lattice_cli.graph import emission_graph, numbered_document

ROOT = pathlib.Path(__file__).resolve().parents[2]
#: Larger files only take longer.
_LARGEST = 40_000
_CONFIG = """train: 1
labels: ab
data: {train: inputs.jsonl, hold_out: 0.3}
recognizer: {kind: mlp, hidden: [3]}
grammar: {ngram: 2}
objective: {loss: nll, l2: 0.001}
optimizer: {method: adam, rate: 0.01}
training: {epochs: 1, batch: 2}
"""
#: Forms that nobody writes here, and that the checkout has no file of.
_SMALL = {
    "x.scp": b"two 05-two.ark:4\n",
    "x.mesh": b"numaligns 3\nposterior 1\nalign 0 <s> 1\nalign 1 a 0.75 b 0.25\nreference 1 a\nalign 2 </s> 1\n",
    "x.plf": b"((('a',0.5,1),('b',-0.25,2),),(('c',1,1),),)\n",
    "x.csv": b"a,b,_\n0.1,2.5,1\n3,0.5,1e-3\n",
    "x.tsv": b"0.1\t2.5\n3\t0.5\n",
    "x.jsgf": b"#JSGF V1.0;\ngrammar g;\npublic <a> = /2/ go [left] | /1/ <b>* {tag};\n<b> = stop | (wait)+;\n",
    "x.fsg": b"FSG_BEGIN g\nNUM_STATES 3\nSTART_STATE 0\nFINAL_STATE 2\nT 0 1 0.5 a\nT 0 1 0.5 b\nT 1 2 1\nFSG_END\n",
    "answers.jsonl": b'{"id": "cut", "output": ["c", "u", "t"], "energy": 1.5, "status": "ok"}\n',
    "references.txt": b"cut\tcut\nlecture-34\t34\n",
}
#: The training that the seeds of models and checkpoints are of.
MODEL = "model.npz"


class Seeds(NamedTuple):
    """name -> bytes: of files that are read by themselves, and of those among them that have to do with training."""

    files: dict[str, bytes]
    trained: dict[str, bytes]


def seeds(folder: pathlib.Path) -> Seeds:
    """All seeds. folder: where a model is trained that is one of them."""
    found = dict(_SMALL)
    for place in ("samples", "grammars", "tests/cases", "tests/cases/faults"):
        for path in sorted((ROOT / place).iterdir()):
            if path.is_file() and path.suffix != ".md" and path.stat().st_size < _LARGEST and "bomb" not in path.name:
                found[path.name] = path.read_bytes()
    lecture = read_one(str(ROOT / "samples" / "lecture-34.json"), ReadOptions())
    cut = read_one(str(ROOT / "samples" / "lecture-cut.yaml"), ReadOptions())
    labels = ("", *(str(number) for number in range(1, len(lecture.graph.labels))))
    numbered = replace(lecture, graph=replace(lecture.graph, labels=labels), target=None)
    matrix = numbered_document(emission_graph(np.arange(6.0).reshape(2, 3), ("", "a", "b", "_")), "matrix", "matrix")
    for name, form in writable().items():
        written = 0
        for document in (lecture, cut, numbered, matrix):
            try:
                data = form.writer(document, WriteOptions()).data
            except FormatError:
                continue  # it does not go into this form
            written += 1
            found[f"{name}{written}{form.endings[0]}"] = data
        assert written, name
    return Seeds(found, _trained(folder))


def _trained(folder: pathlib.Path) -> dict[str, bytes]:
    """A configuration, its inputs, and what a training of it writes."""
    from lattice_cli.models import train

    rows = [
        {
            "lattice": 1,
            "id": f"r{number}",
            "inputs": [[number % 2, 0.5], [1 - number % 2, 0.1 * number]],
            "target": text,
        }
        for number, text in enumerate(("ab", "ba", "aa", "bb"))
    ]
    (folder / "inputs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "config.yaml").write_text(_CONFIG)
    train(folder / "config.yaml", folder / MODEL)
    names = ("inputs.jsonl", "config.yaml", MODEL, f"{MODEL}.checkpoint", f"{MODEL}.history.jsonl")
    return {name: (folder / name).read_bytes() for name in names}
