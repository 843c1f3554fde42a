"""Losses of a matrix and its grammar row by row: the same numbers as of the composition."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lattice_cli.errors import LatticeError
from lattice_cli.graph import Document, Graph, emission_graph, numbered_document, with_columns
from lattice_cli.learning.losses import LOSSES, LossResult, Settings, checked, evaluate, row_energies
from lattice_cli.learning.recognizers import free
from lattice_cli.records import Decoder, matrix_search

LABELS = ("", "a", "b", "c", "_")
#: A lexicon of letters; words begin with their output, or end with it, or have it before their first letter.
ARCS = {
    "first": ([0, 1, 0, 2, 3, 0], [1, 0, 2, 3, 0, 0], [1, 2, 2, 1, 1, 3], [5, 0, 6, 0, 0, 7]),
    "last": ([0, 1, 0, 2, 3, 0], [1, 0, 2, 3, 0, 0], [1, 2, 2, 1, 1, 3], [0, 5, 0, 0, 6, 7]),
    "before": ([0, 1, 0, 2, 3, 0], [1, 0, 2, 3, 0, 0], [0, 2, 0, 1, 1, 3], [5, 0, 6, 0, 0, 7]),
    "letters": ([0, 0, 1, 1, 1], [0, 1, 0, 1, 0], [1, 2, 3, 1, 2], [1, 2, 3, 1, 2]),
}


def grammar_of(name: str, rng: np.random.Generator) -> Document:
    src, dst, ilabel, olabel = ARCS[name]
    nodes = max(src) + 1
    table = (*LABELS[:4], "_", "ab", "baa", "C")
    start, final = np.full(nodes, np.inf), np.full(nodes, np.inf)
    start[0] = final[0] = 0.0
    graph = Graph(src, dst, ilabel, olabel, np.zeros(len(src)), start, final, table)
    tied = free(graph)
    return numbered_document(with_columns(graph, tied.energies(0.5 * rng.normal(size=tied.weights))), "g", "g.json")


@contextmanager
def always_by_rows() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(matrix_search, "_SMALL", 0)
        patched.setattr(row_energies, "LARGE", 0)
        yield


@settings(max_examples=80, deadline=None)
@given(st.data(), st.sampled_from(sorted(ARCS)), st.sampled_from(["_", None]), st.sampled_from(["viterbi", None]))
def test_losses_by_rows_are_those_of_the_composition(
    data: st.DataObject, name: str, blank: str | None, latent: str | None
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    rows = data.draw(st.integers(1, 7))
    record = numbered_document(emission_graph(3 * rng.normal(size=(rows, 4)), LABELS), "m", "m.npy")
    grammar = grammar_of(name, rng)
    said = ["a", "b", "c"] if name == "letters" else ["ab", "baa", "C"]
    targets = [" ".join(data.draw(st.lists(st.sampled_from(said), max_size=3))) for _ in range(2)]
    # Expected errors of what is not composed are those of the best answers.
    decoder, losses = Decoder(grammar, blank), [loss for loss in LOSSES.values() if not loss.counts_errors]
    asked = Settings(beta=data.draw(st.sampled_from([0.7, 1.0])))
    (expected,) = evaluate([record], losses, asked, targets, decoder, latent=latent)
    with always_by_rows():
        assert isinstance(row_energies.asked_by_rows(record, decoder), row_energies.AskedByRows)
        (found,) = evaluate([record], losses, asked, targets, decoder, latent=latent)
        if isinstance(expected, LatticeError):
            assert isinstance(found, LatticeError)
            assert found.status == expected.status
            return
        assert isinstance(found, list)
        assert not any(check.failed for check in checked(found, "recognition").checks.values())
    for one, other in zip(found, expected):
        assert isinstance(one, LossResult)
        assert isinstance(other, LossResult)
        assert one.value.value == pytest.approx(other.value.value, rel=1e-9, abs=1e-9)
        assert one.notes == other.notes
        np.testing.assert_allclose(one.gradient, other.gradient, rtol=1e-9, atol=1e-9)
        # Rows know the words of the grammar, the composition only those that have a path in it: "ab", or "a" and "b".
        assert [*map("".join, (term.output or () for term in one.terms))] == [
            *map("".join, (term.output or () for term in other.terms))
        ]


def test_what_is_not_in_the_grammar_or_needs_more_rows_is_told() -> None:
    rng = np.random.default_rng(0)
    record = numbered_document(emission_graph(rng.normal(size=(4, 4)), LABELS), "m", "m.npy")
    with always_by_rows():
        for target, told in (("C C C", "needs 5 rows at least, and there are 4"), ("ab x", "is not in the grammar")):
            (found,) = evaluate([record], [LOSSES["nll"]], Settings(), [target], Decoder(grammar_of("last", rng), "_"))
            assert isinstance(found, LatticeError)
            assert told in str(found)
