"""The samples of invented text are what their scripts make, and the constraint on tags is one."""

from __future__ import annotations

import importlib.util
import itertools
import json
import pathlib
from types import ModuleType

import numpy as np
import pytest
from support import ROOT
from support.grammar_oracle import energies_of, outputs_of

from lattice_cli.formats import read_one


def script(name: str) -> ModuleType:
    """A script of the benchmarks as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / "accuracy" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made_anew(name: str, folder: pathlib.Path, out: pathlib.Path) -> None:
    """Run a script and compare what it makes, array by array."""
    module = script(name)
    module.sys.argv = [name, str(out)]
    module.main()
    kept = sorted(path for path in folder.iterdir())
    assert [path.name for path in kept] == sorted(path.name for path in out.iterdir())
    for path in kept:
        if path.suffix == ".npz":
            one, other = np.load(path), np.load(out / path.name)
            assert one.files == other.files
            assert all(np.array_equal(one[array], other[array]) for array in one.files)
        else:
            assert path.read_bytes() == (out / path.name).read_bytes()


def test_tagging_samples(tmp_path: pathlib.Path) -> None:
    made_anew("make_tagging_samples", ROOT / "samples" / "tagging", tmp_path)


@pytest.mark.parametrize("name", ["scales", "sketches"])
def test_samples_of_a_file(tmp_path: pathlib.Path, name: str) -> None:
    module = script(f"make_{name}_sample")
    module.sys.argv = [f"make_{name}_sample", str(tmp_path / f"{name}.jsonl")]
    module.main()
    assert (tmp_path / f"{name}.jsonl").read_bytes() == (ROOT / "samples" / f"{name}.jsonl").read_bytes()


def test_translation_samples(tmp_path: pathlib.Path) -> None:
    made_anew("make_translation_samples", ROOT / "samples" / "translation", tmp_path)


@pytest.mark.parametrize("name", ["train", "test"])
def test_the_lexicon_has_the_right_translation_of_each_sentence_once(name: str) -> None:
    lexicon = read_one(str(ROOT / "samples" / "translation" / "lexicon.json")).graph
    lines = (ROOT / "samples" / "translation" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    for record in map(json.loads, lines[:40]):
        found = outputs_of(tuple(arc[2] for arc in record["arcs"]), lexicon)
        assert found.count(tuple(record["target"].split())) == 1


def test_sequences_that_bio_allows() -> None:
    grammar = read_one(str(ROOT / "grammars" / "bio.json")).graph
    tags = ["O", *(f"{letter}-{kind}" for kind in ("PER", "LOC", "ORG") for letter in "BI")]
    for length in range(4):
        for said in itertools.product(tags, repeat=length):
            allowed = all(
                not tag.startswith("I-") or before in (f"B{tag[1:]}", tag) for before, tag in zip(("O", *said), said)
            )
            assert energies_of(said, grammar) == [0.0] * allowed
    targets = json.loads(np.load(ROOT / "samples" / "tagging" / "train.npz")["targets"].tobytes())
    assert all(energies_of(tuple(target.split()), grammar) for target in targets)


def test_the_lexicon_and_the_bigram_of_lines(tmp_path: pathlib.Path) -> None:
    lines, words = script("lines"), ["a", "an", "no"]
    lines.write_lexicon(tmp_path / "lexicon.json", words)
    lexicon = read_one(str(tmp_path / "lexicon.json")).graph
    assert outputs_of(tuple("an a no"), lexicon) == [("an", " ", "a", " ", "no")]
    assert [outputs_of(tuple(text), lexicon) for text in ("ano", "a ", "")] == [[], [], []]
    lines.write_bigram(tmp_path / "bigram.json", [["a", "an"], ["a", "a"], ["an"]], words, 1.0, 0.0)
    bigram = read_one(str(tmp_path / "bigram.json")).graph
    single = {"a": 4 / 8, "an": 3 / 8, "no": 1 / 8}
    counts = {"<s>": {"a": 2, "an": 1}, "a": {"a": 1, "an": 1}, "an": {}, "no": {}}
    for length in range(1, 4):
        for said in itertools.product(words, repeat=length):
            expected = 1.0
            for before, word in zip(("<s>", *said), said):
                after, kinds = counts[before], len(counts[before]) or 1
                expected *= (after.get(word, 0) + kinds * single[word]) / (sum(after.values()) + kinds)
            energies = energies_of(tuple(lines.spaced(said)), bigram)
            assert np.exp(-np.array(energies)).sum() == pytest.approx(expected, rel=1e-12)
