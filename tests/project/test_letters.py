"""Handwritten words through a lexicon of 54,871, against brute force (marked: reads ../shared)."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lattice_cli.formats import read_one
from lattice_cli.formats.io import ReadOptions
from lattice_cli.graph import Document, emission_graph
from lattice_cli.records import Decoder, forward

pytestmark = [pytest.mark.shared, pytest.mark.slow]

LETTERS = ("", *map(chr, range(ord("a"), ord("z") + 1)))


@pytest.fixture
def lexicon(shared: Path, tmp_path: Path) -> Path:
    path = tmp_path / "suffixes.txt"
    path.write_bytes(gzip.decompress((shared / "data" / "letters" / "lexicon_suffixes.txt.gz").read_bytes()))
    return path


def matrices(shared: Path) -> list[tuple[int, np.ndarray]]:
    file = np.load(shared / "data" / "letters" / "energies_train0_test1.npz")
    ends = np.cumsum(file["lengths"].astype(int))
    return list(zip(file["word_index"].tolist(), np.split(file["energies"].astype(np.float64), ends[:-1])))


def expected(shared: Path) -> dict[int, dict]:
    words = json.loads((shared / "data" / "letters" / "expected_train0_test1.json").read_text())["words"]
    return {word["index"]: word for word in words}


def test_every_word_as_one_stream(shared: Path, tmp_path: Path, lexicon: Path) -> None:
    stream = tmp_path / "words.jsonl"
    with stream.open("w") as file:
        for index, matrix in matrices(shared):
            record = {"lattice": 1, "id": str(index), "labels": LETTERS[1:], "emissions": matrix.tolist()}
            file.write(json.dumps(record) + "\n")
    command = [sys.executable, "-m", "lattice_cli", "viterbi", str(stream), "-g", str(lexicon), "-n", "2", "--json"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    wanted = expected(shared)
    assert len(lines) == len(wanted) == 704
    for line in lines:
        found = json.loads(line)
        truth = wanted[int(found["id"])]["lex_suffix"]
        best, second = found["paths"]
        assert "".join(best["output"]) == truth["word"]
        assert best["energy"] == pytest.approx(truth["energy"], abs=1e-4)
        assert "".join(second["output"]) == truth["second"]
        assert second["energy"] == pytest.approx(truth["second_energy"], abs=1e-4)


def test_every_free_energy(shared: Path, lexicon: Path) -> None:
    grammar = read_one(str(lexicon), ReadOptions())
    wanted = expected(shared)
    for index, matrix in matrices(shared):
        document = Document(emission_graph(matrix, LETTERS), str(index), "letters", range(len(matrix) + 1))
        (found,) = forward([document], [1.0], Decoder(grammar))
        assert isinstance(found, list)
        assert found[0].statistics.free_energy == pytest.approx(
            wanted[index]["lex_suffix"]["free_energy_beta1"], abs=2e-5
        )
