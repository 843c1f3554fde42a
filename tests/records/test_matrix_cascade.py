"""Matrices through several grammars: row by row the same as composed, with the gradient of every factor."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence

import numpy as np
import pytest
from support.commands import records, run
from test_decoding import MODEL, WORDS, lexicon, matrix

from lattice_cli.errors import NoPath
from lattice_cli.formats.notations.arpa import arpa_model
from lattice_cli.grammars import NgramGrammar
from lattice_cli.graph import Document, Graph, numbered_document
from lattice_cli.learning.losses import evaluate, losses
from lattice_cli.learning.losses.gradient_check import check
from lattice_cli.records import Decoder, Decoding, Forward, SearchRequest, decode, forward
from lattice_cli.records import matrix_search as rowwise
from lattice_cli.records.decoder import Grammar

NAMES = ("words", "tags", "model")


def tags() -> Document:
    """Two words at most, each as it is or, at a price, in capitals."""
    labels = ("", *WORDS, *(word.upper() for word in WORDS))
    own = np.arange(1, len(WORDS) + 1)
    node = np.repeat([0, 1], 2 * len(WORDS))
    energy = 0.25 * np.arange(len(node)) % 1.75
    final = np.array([np.inf, 0.5, 0.25])
    graph = Graph(
        node,
        node + 1,
        np.tile(own, 4),
        np.tile(np.concatenate([own, own + len(WORDS)]), 2),
        energy,
        np.array([0.5, np.inf, np.inf]),
        final,
        labels,
    )
    return numbered_document(graph, "tags", "tags.json")


def model() -> NgramGrammar:
    return NgramGrammar(arpa_model(MODEL, "model"), "model", "model.arpa")


def cascades() -> list[tuple[str, list[Grammar]]]:
    return [("words tags", [lexicon(energies=0.25), tags()]), ("words model", [lexicon(), model()])]


@pytest.fixture
def _by_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rowwise, "_SMALL", -1)
    monkeypatch.setattr("lattice_cli.records.posteriors.LARGE", -1)


@pytest.mark.usefixtures("_by_rows")
@pytest.mark.parametrize("grammars", [each for _, each in cascades()], ids=[name for name, _ in cascades()])
@pytest.mark.parametrize("ctc", ["_", None])
@pytest.mark.parametrize("scales", [{}, {"words": 2.0, "model": 0.5, "tags": 0.5}])
def test_best_paths_by_rows_are_those_of_the_composition(
    grammars: Sequence[Grammar], ctc: str | None, scales: dict[str, float]
) -> None:
    documents = [matrix(seed, steps) for seed, steps in enumerate((14, 9, 6))]
    decoder = Decoder(grammars, ctc, names=NAMES[: len(grammars)], scales=scales)
    for request in (SearchRequest(), SearchRequest(n=4, distinct=True), SearchRequest(scores=True)):
        by_rows, composed = decode(documents, decoder, request), decode(documents, decoder, request, "interpretation")
        for one, other in zip(by_rows, composed):
            assert isinstance(one, NoPath) == isinstance(other, NoPath)
            if isinstance(one, Decoding) and isinstance(other, Decoding):
                assert one.search is not None
                for mine, theirs in zip(one.paths, other.paths):
                    assert mine.energy == pytest.approx(theirs.energy, abs=1e-9)
                    assert mine.output == theirs.output
                    assert (mine.scores or {}) == pytest.approx(theirs.scores or {}, abs=1e-9)


@pytest.mark.parametrize("of", ["recognition", "words", "2"])
@pytest.mark.parametrize("ctc", ["_", None])
def test_gradients_of_each_factor_without_the_product(
    monkeypatch: pytest.MonkeyPatch, of: str, ctc: str | None
) -> None:
    document = matrix(2, 8 if ctc else 5)
    decoder = Decoder([lexicon(energies=0.25), tags()], ctc, names=NAMES[:2])
    (composed,) = forward([document], [0.5, 2.0], decoder, arcs=True, of=of)
    monkeypatch.setattr(rowwise, "_SMALL", -1)
    monkeypatch.setattr("lattice_cli.records.posteriors.LARGE", -1)
    (found,) = forward([document], [0.5, 2.0], decoder, arcs=True, of=of)
    assert isinstance(composed, list)
    assert isinstance(found, list)
    for one, other in zip(found, composed):
        assert isinstance(one, Forward)
        assert isinstance(other, Forward)
        assert one.statistics.free_energy == pytest.approx(other.statistics.free_energy, abs=1e-9)
        np.testing.assert_allclose(one.gradient, other.gradient, atol=1e-9)


@pytest.mark.parametrize("of", ["recognition", "words", "tags", "model"])
def test_losses_of_a_cascade_and_their_gradients_by_differences(of: str) -> None:
    """CTC matrix o lexicon o transducer o n-grams."""
    decoder = Decoder([lexicon(), _plain_tags(), model()], "_", names=NAMES)
    document = matrix(5, 7)
    (best,) = decode([document], decoder)
    assert isinstance(best, Decoding)
    target = " ".join(best.paths[0].output)
    chosen = [losses.LOSSES[name] for name in ("nll", "hinge", "mee")]
    (found,) = evaluate([document], chosen, losses.Settings(), [target], decoder, of=of)
    assert isinstance(found, list)
    for checked in check(found, of, np.random.default_rng(0)):  # type: ignore[arg-type]
        assert not checked.failed
        assert checked.live


def _plain_tags() -> Document:
    """The same without capitals, so that the model has every output."""
    whole = tags()
    kept = whole.graph.olabel <= len(WORDS)
    columns = [column[kept] for column in (whole.graph.src, whole.graph.dst, whole.graph.ilabel, whole.graph.olabel)]
    graph = Graph(*columns, whole.graph.energy[kept], whole.graph.start, whole.graph.final, whole.graph.labels)
    return numbered_document(graph, "tags", "tags.json")


def test_grammars_that_have_nothing_in_common_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rowwise, "_SMALL", -1)
    other = numbered_document(Graph([0], [1], [1], [1], [0.0], [0.0, np.inf], [np.inf, 0.0], ("", "dog")), "d", "d")
    (found,) = decode([matrix(0)], Decoder([lexicon(), other], "_", names=("words", "dog")))
    assert isinstance(found, NoPath)
    assert "the grammar words and the grammar dog part at the start" in str(found)


def test_in_one_command(tmp_path: pathlib.Path) -> None:
    """A matrix, CTC, a lexicon, n-grams and a neural grammar: the gradient of each, by the arcs that it has."""
    rows = matrix(4, 6)
    np.save(tmp_path / "line.npy", rows.graph.energy.reshape(6, -1))
    (tmp_path / "labels.txt").write_text("\n".join(rows.graph.labels[1:]) + "\n")
    (tmp_path / "lm.arpa").write_text(MODEL)
    (tmp_path / "text.txt").write_text("a cat\nat bat\ntab act cab\n" * 3)
    (tmp_path / "words.txt").write_text("\n".join(WORDS) + "\n")
    paths = {name: str(tmp_path / name) for name in ("line.npy", "labels.txt", "lm.arpa", "text.txt", "words.txt")}
    for words in (
        ["words", paths["words.txt"], "--loop", " ", "-o", f"{tmp_path}/lexicon.json"],
        ["neural", paths["text.txt"], "--context", "1", "--hidden", "4", "--epochs", "1", "-o", f"{tmp_path}/net.npz"],
    ):
        assert run("grammar", *words).status == 0
    # The label of the space has to survive the file of labels.
    through = ["-g", f"{tmp_path}/lexicon.json", "-g", paths["lm.arpa"], "-g", f"{tmp_path}/net.npz", "--ctc", "_"]
    line = [paths["line.npy"], "--labels", f"{tmp_path}/labels.json", *through]
    (tmp_path / "labels.json").write_text(json.dumps(rows.graph.labels[1:]))
    best = records(run("viterbi", *line, "--scores", "--json").out)[0]["paths"][0]
    assert set(best["scores"]) == {"recognition", "lm", "net"}
    assert sum(best["scores"].values()) == pytest.approx(best["energy"])
    free = set()
    for side in ("recognition", "lexicon", "lm", "net"):
        (found,) = records(run("forward", *line, "--of", side, "--arcs", "--json").out)
        free.add(round(found["free_energy"], 9))
        assert any(arc["gradient"] for arc in found["arcs"])
        target = " ".join(best["output"])
        checked = run("loss", *line, "-t", target, "--loss", "nll", "--check", "--of", side)
        assert checked.status == 0, checked.err
    assert len(free) == 1
