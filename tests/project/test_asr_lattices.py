"""Lattices that pocketsphinx made, against its own best paths, normalisers and posteriors (marked: reads ../shared)."""

from __future__ import annotations

import gzip
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from lattice_cli.formats import read_one
from lattice_cli.formats.io import ReadOptions
from lattice_cli.graph import Document, Graph
from lattice_cli.records import Decoding, decode
from lattice_cli.sweep import LogSemiring, sweep

pytestmark = pytest.mark.shared

UNIT = 1024 * math.log(1.0001)
FSG_GROUPS = ("tidigits", "cards")
NGRAM_GROUPS = ("turtle", "lvcsr", "tts", "amount")


def lattices(shared: Path, groups: tuple[str, ...]) -> list[Path]:
    found = [path for group in groups for path in sorted((shared / "data" / "asr" / group).glob("*.slf.gz"))]
    assert found
    return found


def about(path: Path) -> dict:
    return json.loads(path.with_name(path.name.replace(".slf.gz", ".json")).read_text())


def link_posteriors(path: Path) -> np.ndarray:
    text = gzip.decompress(path.read_bytes()).decode()
    return np.array([float(found) for found in re.findall(r"^J=.*\bp=(\S+)", text, re.M)])


def test_grammar_lattices_give_the_recognisers_own_answers(shared: Path) -> None:
    for path in lattices(shared, FSG_GROUPS):
        expected = about(path)
        document = read_one(str(path), ReadOptions())
        (result,) = decode([document])
        assert isinstance(result, Decoding), path
        assert round(-result.paths[0].energy / UNIT) == expected["bestpath_score"], path
        assert " ".join(result.paths[0].output) == expected["hyp"], path


def test_grammar_lattices_give_the_recognisers_own_posteriors(shared: Path) -> None:
    for path in lattices(shared, FSG_GROUPS):
        graph = read_one(str(path), ReadOptions()).graph
        swept = sweep(graph, LogSemiring(0.05))
        norm = -about(path)["norm"] * math.log(1.0001)
        assert swept.totals[0] * 0.05 == pytest.approx(norm, abs=0.02), path
        assert np.abs(swept.pullback().arcs - link_posteriors(path)).max() < 5e-4, path


def with_language_model(path: Path) -> Document:
    """The lattice with the energies that its posteriors were computed with: E_ac / 20 + E_lm (SEMANTICS.md)."""
    document = read_one(str(path), ReadOptions())
    table = gzip.decompress(path.with_name(path.name.replace(".slf.gz", ".arcs.tsv.gz")).read_bytes()).decode()
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    names = {name: index for index, name in enumerate(document.names)}
    by_ends = {(names[int(row[0])], names[int(row[1])]): float(row[3]) / 20 + float(row[4]) for row in rows}
    ends = zip(document.graph.src.tolist(), document.graph.dst.tolist())
    energy = np.array([by_ends[pair] for pair in ends])
    assert len(energy) == len(rows)
    graph = document.graph.with_energy(energy)
    assert isinstance(graph, Graph)
    return Document(graph, document.id, document.source, document.names)


def test_ngram_lattices_give_the_recognisers_own_posteriors(shared: Path) -> None:
    for path in lattices(shared, NGRAM_GROUPS):
        expected = about(path)
        swept = sweep(with_language_model(path).graph, LogSemiring(1.0))
        final = expected["final_node_ascr"] * 1024 / 20
        norm = -(expected["norm"] - final) * math.log(1.0001)
        assert swept.totals[0] == pytest.approx(norm, abs=0.02), path
        assert np.abs(swept.pullback().arcs - link_posteriors(path)).max() < 2e-3, path
