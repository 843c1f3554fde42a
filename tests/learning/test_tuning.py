"""Scales with the fewest errors: errors along lines against listing all paths, searches, what is held out."""

from __future__ import annotations

import importlib
import math
import pathlib
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import ROOT
from support import oracle as slow
from support.strategies import graphs

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import UsageError
from lattice_cli.formats import read_one
from lattice_cli.formats.io import Failure, Pause, ReadOptions
from lattice_cli.formats.native.document import read_document
from lattice_cli.formats.reading import read_records
from lattice_cli.grammars import Spelling
from lattice_cli.graph import Document, Graph, columns_of, with_columns
from lattice_cli.learning import tuning
from lattice_cli.learning.tuning import ErrorProfile, Grid, Lines, Range, ScaledLattices, ScoredLattice
from lattice_cli.models import read_decoder
from lattice_cli.records import Decoder
from lattice_cli.records.cascade import energy_columns
from lattice_cli.search import best_paths

QUARTERS = st.integers(-20, 20).map(lambda number: number / 4)
SAMPLE = ROOT / "samples" / "scales.jsonl"


def same(labels: tuple[str, ...]) -> tuple[str, ...]:
    return labels


@st.composite
def lattices(draw: st.DrawFn) -> ScoredLattice:
    """A lattice with two scores, and a reference of its labels."""
    graph = draw(graphs(energies=QUARTERS, max_arcs=9))
    size = graph.arcs + 2 * graph.nodes
    columns = np.array(draw(st.lists(st.lists(QUARTERS, min_size=size, max_size=size), min_size=2, max_size=2)))
    rest = np.array(draw(st.lists(QUARTERS, min_size=size, max_size=size)), dtype=np.float64)
    reference = tuple(draw(st.lists(st.sampled_from(["a", "b", "c"]), max_size=3)))
    return ScoredLattice("x", graph, columns.reshape(2, size), rest, reference, same)


def possible(lattice: ScoredLattice, scales: FloatArray) -> set[int]:
    """The errors of all paths that are best at these scales; of no path all of the reference."""
    energies = np.where(np.isfinite(columns_of(lattice.graph)), lattice.rest + scales @ lattice.columns, np.inf)
    every = slow.all_paths(with_columns(lattice.graph, energies))
    least = min((path.energy for path in every), default=math.inf)
    best = [path.output for path in every if path.energy <= least + 1e-9]
    return {slow.edit_distance(lattice.reference, output) for output in best or [()]}


def require_possible(each: Sequence[ScoredLattice], scales: FloatArray, errors: int) -> None:
    ways = [possible(lattice, scales) for lattice in each]
    assert sum(map(min, ways)) <= errors <= sum(map(max, ways))


@settings(max_examples=60)
@given(st.lists(lattices(), min_size=1, max_size=4), st.tuples(*[QUARTERS] * 4), st.lists(QUARTERS, min_size=3))
def test_errors_along_a_line_are_those_of_the_best_paths(
    found: list[ScoredLattice], ends: tuple[float, ...], points: list[float]
) -> None:
    scales, direction = np.array(ends[:2]), np.array(ends[2:])
    together = ScaledLattices(found)
    profile = together.along(scales, direction, -6.0, 6.0)
    assert (np.diff(profile.bounds) > 0).all()
    assert (np.diff(profile.errors) != 0).all()
    edges = np.concatenate([[-6.0], profile.bounds, [6.0]])
    middles = (edges[:-1] + edges[1:]) / 2
    for x in [*points, *middles.tolist()]:
        if x in profile.bounds or abs(x) > 6:
            continue
        errors = int(profile.errors[int(np.searchsorted(profile.bounds, x))])
        require_possible(found, scales + x * direction, errors)
        require_possible(found, scales + x * direction, int(together.errors(scales + x * direction).sum()))
    best = profile.widest(-6.0, 6.0)
    assert profile.errors[int(np.searchsorted(profile.bounds, best))] == profile.errors.min()


def test_the_widest_of_the_best_pieces_counts_and_the_first_of_equal_ones() -> None:
    assert ErrorProfile(np.array([1.0, 2.0, 5.0]), np.array([1, 3, 1, 2])).widest(0.0, 6.0) == 3.5
    assert ErrorProfile(np.array([1.0, 2.0]), np.array([1, 3, 1])).widest(0.0, 3.0) == 0.5
    assert ErrorProfile(np.zeros(0), np.array([4])).widest(-1.0, 3.0) == 1.0


def tenth_of(value: float) -> Range:
    return Range(value / 10, value * 10)


def sample(decoder: Decoder | None = None) -> tuning.TuningData:
    documents = [each for each in read_records(str(SAMPLE), ReadOptions()) if not isinstance(each, (Pause, Failure))]
    assert all(isinstance(each, Document) for each in documents)
    return tuning.tuning_data(tuning.scored(documents, decoder or Decoder()), Spelling("words"))  # type: ignore[arg-type]


def test_searches_find_no_worse_than_they_were_given_and_grids_the_best_point() -> None:
    data = sample()
    assert (data.names, data.start.tolist(), data.judges) == (("acoustic", "lm", "words"), [1.0, 1.0, 0.0], ())
    scaled, every = ScaledLattices(data.lattices), np.arange(len(data.lattices))
    given_errors = int(scaled.errors(data.start).sum())
    ranges = [Range(1.0, 1.0), tenth_of(1.0), Range(-10.0, 10.0)]
    alone = Lines(scaled, data.start, ranges, 0, 0).best(every)
    more = Lines(scaled, data.start, ranges, 4, 2, 1).best(every)
    assert more.errors <= alone.errors < given_errors / 1.5
    for found in (alone, more):
        assert found.scales[0] == 1.0
        assert int(scaled.errors(found.scales).sum()) == found.errors
    again = Lines(scaled, data.start, ranges, 4, 2, 1).best(every)
    assert again.scales.tolist() == more.scales.tolist()
    grid = Grid(scaled, data.start, {1: [1.0, 5.0], 2: [0.0, 2.0, 4.0]})
    listed = [int(scaled.errors(np.array([1.0, lm, words])).sum()) for lm in (1.0, 5.0) for words in (0.0, 2.0, 4.0)]
    assert grid.errors.sum(axis=1).tolist() == listed
    assert grid.best(every).errors == min(listed)
    assert grid.points[0].tolist() == [1.0, 1.0, 0.0]


def test_what_is_held_out_has_no_part_in_its_scales() -> None:
    data = sample()
    scaled = ScaledLattices(data.lattices)
    search = Lines(scaled, data.start, [Range(1.0, 1.0), tenth_of(1.0), Range(-10.0, 10.0)], 1, 0)
    groups = {"even": [*range(0, 24, 2)], "odd": [*range(1, 24, 2)]}
    found = tuning.tune(scaled, data.start, search, groups)
    for fold, others in zip(found.folds, ("odd", "even")):
        own = scaled.some(np.array(groups[others]))
        alone = Lines(own, data.start, search.ranges, 1, 0).best(np.arange(12))
        assert fold.tuned.scales.tolist() == alone.scales.tolist()
        assert fold.tuned.errors == int(own.errors(alone.scales).sum())
        assert fold.others == int(own.errors(data.start).sum())
        assert fold.errors.tolist() == scaled.errors(alone.scales)[groups[fold.name]].tolist()
    assert found.delivered.sum() == sum(fold.others for fold in found.folds)
    assert int(found.errors.sum()) == found.tuned.errors
    assert found.words.sum() == 110


@pytest.mark.parametrize("scales", [{"acoustic": 0.05, "robot": 2.0, "words": 1.5}, {"robot": -0.5, "words": -1.0}])
def test_columns_of_a_cascade_give_its_energies_at_any_scales(scales: dict[str, float]) -> None:
    path, grammar = str(ROOT / "samples" / "goforward.slf.gz"), str(ROOT / "grammars" / "robot.arpa")

    def interpreted(given: dict[str, float]) -> tuple[Graph, object]:
        decoder = read_decoder((grammar,), None, "add", None, None, ("robot",), given)
        own = {name: scale for name, scale in given.items() if name not in decoder.taken_scales}
        interpretation = decoder.interpret(read_one(path, ReadOptions(scales={"words": 0.0, **own})))
        return interpretation.graph, energy_columns(interpretation)

    graph, made_of = interpreted({})
    other, _ = interpreted(scales)
    assert made_of.names == ("acoustic", "words", "robot")  # type: ignore[attr-defined]
    weights = np.array([scales.get(name, 1.0) for name in made_of.names])  # type: ignore[attr-defined]
    assert not made_of.rest.any()  # type: ignore[attr-defined]
    energies = np.where(np.isfinite(columns_of(graph)), weights @ made_of.columns, np.inf)  # type: ignore[attr-defined]
    (one,), (two,) = best_paths(with_columns(graph, energies)), best_paths(other)
    assert one is not None
    assert two is not None
    assert one.energy == pytest.approx(two.energy, rel=1e-12)


def test_records_have_the_same_scores_and_no_cycles() -> None:
    loop = Graph([0, 0], [0, 1], [1, 1], [1, 1], [1.0, 1.0], [0, math.inf], [math.inf, 0], ("", "a"))
    document = Document(loop, "l", "l.json", range(2), target="a")
    with pytest.raises(UsageError, match=r"l\.json: .* no cycles, found a cycle \(nodes 0 of l\.json\)"):
        tuning.scored([document], Decoder())
    line = Graph([0], [1], [1], [1], [1.0], [0, math.inf], [math.inf, 0], ("", "a"))
    one = Document(line, "1", "1.json", range(2), scores={"lm": np.ones(1)}, target="a")
    two = Document(line, "2", "2.json", range(2), scores={"am": np.ones(1)}, target="a")
    with pytest.raises(UsageError, match=r"2\.json: has the scores am, words, 1\.json lm, words"):
        tuning.tuning_data(tuning.scored([one, two], Decoder()), Spelling("words"))
    three = Document(line, "3", "3.json", range(2), scores={"lm": np.ones(1)}, scales={"lm": 2.0}, target="a")
    with pytest.raises(UsageError, match=r"3\.json: the scale of lm is 2, in 1\.json 1"):
        tuning.tuning_data(tuning.scored([one, three], Decoder()), Spelling("words"))


@pytest.mark.shared
def test_scales_of_recognised_lattices_make_fewer_errors_in_groups_that_they_have_not_seen(
    shared: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20 lattices of pocketsphinx: 75 errors of 179 words as delivered, 61 was the best by training before."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "accuracy"))
    lattice_scales = importlib.import_module("lattice_scales")
    documents, groups = [], dict[str, list[int]]()
    for group in lattice_scales.GROUPS:
        for path in sorted((shared / "data" / "asr").glob(f"{group}/*.json")):
            groups.setdefault(group, []).append(len(documents))
            documents.append(read_document(lattice_scales.record(path), str(path), path.stem, ReadOptions()))
    data = tuning.tuning_data(tuning.scored(documents, Decoder()), Spelling("words"))
    scaled = ScaledLattices(data.lattices)
    assert (data.names, int(scaled.errors(data.start).sum())) == (("acoustic", "lm", "words", "fillers"), 75)
    ranges = [Range(0.005, 0.5), Range(1.0, 1.0), Range(-10.0, 10.0), Range(0.0, 0.0)]
    found = tuning.tune(scaled, data.start, Lines(scaled, data.start, ranges, 0, 0), groups)
    held_out = {fold.name: int(fold.errors.sum()) for fold in found.folds}
    assert sum(held_out.values()) <= 66, held_out
    assert found.tuned.errors <= 62
