"""How tuned scales are put out: errors before and after, of what was held out and of all, and a line to copy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.cli.reports.fields import Field, Fields, Listing, digits, known
from lattice_cli.cli.reports.reporting import Printed, print_all
from lattice_cli.cli.stream import RunOptions
from lattice_cli.cli.terminal import console, put, write_json
from lattice_cli.errors import counted
from lattice_cli.learning.tuning import Grid, Lines, Tuning, TuningData


@dataclass(frozen=True)
class _Row:
    """What scales do. tuned_on, fitted: errors of the other records, which they were tuned on, before and after; None
    for all records together. scales: None for a sum over groups."""

    held_out: str
    records: int
    words: int
    delivered: int
    errors: int
    tuned_on: int | None
    fitted: int | None
    scales: dict[str, float] | None

    @property
    def rate(self) -> float | None:
        """Errors of all words."""
        return self.errors / self.words if self.words else None

    @property
    def ratio(self) -> float | None:
        """Errors of those with the scales that were given."""
        return self.errors / self.delivered if self.delivered else None


def _listed(scales: dict[str, float]) -> str:
    return " ".join(f"{name}={scale:.4g}" for name, scale in scales.items())


_COUNTS = (
    Field("records", "records", shown=str),
    Field("words", "words", shown=str),
    Field("delivered", "delivered", shown=str),
    Field("errors", "errors", shown=str),
    Field("rate", "rate", shown=known(digits(4))),
    Field("ratio", "ratio", shown=known(digits(4))),
)
_OTHERS = (
    Field("tuned_on", "others before", shown=known(str)),
    Field("fitted", "after", shown=known(str)),
)
_SCALES = Field("scales", "scales", kind="text", shown=known(_listed))
_FOLD = Fields(Field("held_out", "held out", kind="text", shown=str), *_COUNTS, *_OTHERS, _SCALES)
_ALL = Fields(*_COUNTS, _SCALES)
#: What tables have of them.
_FEW = [each for each in _COUNTS if each.key not in ("records", "rate")]
_OF_OTHERS = Field(
    None, "others", lambda row: "" if row.fitted is None else f"{row.tuned_on} → {row.fitted}", "text", str
)
_FOLD_SHOWN = Fields(_FOLD[0], *_FEW, _OF_OTHERS, _SCALES)
_ALL_SHOWN = Fields(*_FEW, _SCALES)


def put_out_tuning(
    found: Tuning, data: TuningData, search: Grid | Lines, run: RunOptions, models: Sequence[str]
) -> None:
    """All of it. models: the files of the language models, in their order."""
    folds, whole = _folds(found, data), _whole(found, data)
    if run.as_json:
        write_json(_object(folds, whole, data, search, models))
    elif run.form == "tsv":
        rows = [_FOLD.headings, *(_FOLD.plain(row) for row in [*folds, whole])]
        put("".join("\t".join(row) + "\n" for row in rows))
    else:
        print_all(console(run.color, run.every_row), _printed(folds, whole, data, search, models))


def _folds(found: Tuning, data: TuningData) -> list[_Row]:
    """A row for each group that was held out, and one for all of them."""
    rows = [
        _Row(
            each.name,
            len(each.places),
            int(found.words[each.places].sum()),
            int(found.delivered[each.places].sum()),
            int(each.errors.sum()),
            each.others,
            each.tuned.errors,
            _named(each.tuned.scales, data),
        )
        for each in found.folds
    ]
    if rows:
        records, words = sum(row.records for row in rows), sum(row.words for row in rows)
        delivered, errors = sum(row.delivered for row in rows), sum(row.errors for row in rows)
        rows.append(_Row("all", records, words, delivered, errors, None, None, None))
    return rows


def _whole(found: Tuning, data: TuningData) -> _Row:
    words, delivered, errors = (int(each.sum()) for each in (found.words, found.delivered, found.errors))
    return _Row("", len(found.words), words, delivered, errors, None, None, _named(found.tuned.scales, data))


def _named(scales: FloatArray, data: TuningData) -> dict[str, float]:
    return dict(zip(data.names, scales.tolist()))


def _tried(search: Grid, data: TuningData) -> list[tuple[dict[str, float], int]]:
    """The points of a grid with their errors: the scales that it has values of."""
    names = [data.names[place] for place in search.axes]
    errors: IntArray = search.errors.sum(axis=1)
    points = search.points[:, [*search.axes]].tolist()
    return [(dict(zip(names, point)), wrong) for point, wrong in zip(points, errors.tolist())]


def _object(
    folds: list[_Row], whole: _Row, data: TuningData, search: Grid | Lines, models: Sequence[str]
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "status": "ok",
        **_ALL.record(whole),
        "no_path": data.no_path,
        "given": _named(data.start, data),
    }
    if isinstance(search, Grid):
        found["grid"] = [{"scales": scales, "errors": errors} for scales, errors in _tried(search, data)]
    else:
        found["ranges"] = {
            name: [each.low, each.high] for name, each in zip(data.names, search.ranges) if each.high > each.low
        }
        found["at_an_end"] = _at_an_end(whole, data, search)
    if folds:
        found["held_out"] = {**Fields(*_COUNTS).record(folds[-1]), "groups": _FOLD.records(folds[:-1])}
    return {**found, "options": _options(whole, data, models)}


def _printed(
    folds: list[_Row], whole: _Row, data: TuningData, search: Grid | Lines, models: Sequence[str]
) -> Iterator[Printed]:
    if isinstance(search, Grid):
        points = _tried(search, data)
        axes = [Field(None, name, place) for place, name in enumerate(points[0][0])]
        fields = Fields(*axes, Field(None, "errors", len(axes), shown=str))
        yield Listing(fields, [(*scales.values(), errors) for scales, errors in points], "every point of the grid")
    if folds:
        yield Listing(_FOLD_SHOWN, folds, "word errors of what was held out, by scales that were tuned on the others")
    yield Listing(_ALL_SHOWN, [whole], "word errors of all records, by scales that were tuned on them")
    if data.no_path:
        yield f"without a path: {counted(data.no_path, 'record')}, counted as empty answers"
    yield f"given: {_listed(_named(data.start, data))}"
    if isinstance(search, Lines):
        fixed = [name for name, each in zip(data.names, search.ranges) if each.high == each.low]
        yield f"not tuned: {', '.join(fixed)}" if fixed else "all scales were tuned"
        if ends := _at_an_end(whole, data, search):
            yield f"at an end of its range: {', '.join(ends)} (--range NAME=LOW:HIGH gives it another)"
    yield _options(whole, data, models)


def _at_an_end(whole: _Row, data: TuningData, search: Lines) -> list[str]:
    assert whole.scales is not None
    return [data.names[place] for place in search.at_an_end(np.array([*whole.scales.values()])).tolist()]


def _options(whole: _Row, data: TuningData, models: Sequence[str]) -> str:
    """The scales as options of the other commands, those of language models behind their files."""
    assert whole.scales is not None
    files = dict(zip(data.judges, models))
    shown = {name: repr(scale).removesuffix(".0") for name, scale in whole.scales.items()}
    told = [f"--scale {quote(f'{name}={scale}')}" for name, scale in shown.items() if name not in files]
    told += [f"--lm {quote(file)} --lm-scale {shown[name]}" for name, file in files.items()]
    return " ".join(told)
