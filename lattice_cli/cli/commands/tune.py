"""The tune command: the scales of named scores with the fewest word errors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial

import click
from click.core import ParameterSource

from lattice_cli import formats
from lattice_cli.cli import options, reports, stream
from lattice_cli.cli.options import (
    NamedRange,
    StrictCommand,
    decoder_options,
    file_read,
    input_options,
    result_options,
)
from lattice_cli.errors import FormatError, UsageError, counted, listed
from lattice_cli.formats import io
from lattice_cli.learning import tuning

#: Where a scale is looked for: this much below and above where it starts; one that starts at 0, so far from it.
_FACTOR, _AROUND = 10.0, 10.0


@click.command(cls=StrictCommand)
@click.argument("lattices", metavar="LATTICE...", type=file_read, nargs=-1, required=True)
@click.option(
    "-r", "--references", metavar="FILE", type=file_read, help="The right answers. Default: the target of each record."
)
@click.option(
    "--tune",
    "asked",
    metavar="NAME[,NAME...]",
    help="The scores whose scales are tuned. Default: words and all others but the first, as only ratios matter.",
)
@click.option(
    "--range",
    "ranges",
    type=NamedRange("NAME=LOW:HIGH"),
    multiple=True,
    help="Where the scale of a score is looked for. Default: from a tenth to ten times of where it starts; of one that "
    "starts at 0 from -10 to 10.",
)
@click.option(
    "--grid",
    type=NamedRange("NAME=LOW:HIGH:STEPS", steps=True),
    multiple=True,
    help="Try this many scales of a score, evenly spaced, with all those of other --grid, instead of line searches.",
)
@click.option(
    "--folds",
    metavar="K",
    type=click.IntRange(min=2),
    help="Hold out one of K parts of the records in turn: the first record and each K-th behind it, and so on.",
)
@click.option(
    "--leave-out",
    metavar="REGEX",
    help="Hold out one group of records in turn: those in whose ids the expression finds the same, of one with "
    "brackets what is in the first of them.",
)
@click.option(
    "--directions",
    metavar="N",
    type=click.IntRange(min=0),
    default=4,
    show_default=True,
    help="Lines in random directions a round, besides one along each score.",
)
@click.option(
    "--restarts",
    metavar="N",
    type=click.IntRange(min=0),
    default=2,
    show_default=True,
    help="Line searches from random scales, besides the one from those that are given.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of the random numbers.",
)
@decoder_options
@input_options
@result_options
def tune(
    lattices: tuple[str, ...],
    references: str | None,
    asked: str | None,
    ranges: tuple[tuple[str, float, float, int], ...],
    grid: tuple[tuple[str, float, float, int], ...],
    folds: int | None,
    leave_out: str | None,
    directions: int,
    restarts: int,
    seed: int,
    decoder: options.DecoderOptions,
    reading: io.ReadOptions,
    run: stream.RunOptions,
) -> int:
    """The scales of the named scores of LATTICES with the fewest word errors, by what was said.

    Scores are those that arcs carry, of every factor (-g, --lm), and words, the number of labels that the record says,
    whose scale is an energy a word. Scales start where --scale and the files have them. The best answer depends on
    their ratios only, so one of them may stay as it is.

    Along a line through the scales the errors of the best answers are piecewise constant; all of the answers that are
    best somewhere are found, over all paths, and the line goes to the middle of the widest piece with fewest errors
    (Och 2003; Macherey et al. 2008). A round takes a line along each score and some in random directions; rounds end
    when one has not lowered the errors. Of several searches the first with fewest errors counts. Scales are given with
    as few digits as leave the errors as they are.

    --folds and --leave-out say what such scales do with records that they were not tuned on: scales are tuned on the
    others and tried on those. delivered are the errors with the scales that were given. What is printed last can be
    copied: scales that were tuned on all records. A record without a path counts as an empty answer; cycles are
    refused. References are read as evaluate reads them.

    Examples:
      lattice tune samples/scales.jsonl
      lattice tune samples/scales.jsonl --scale acoustic=0.05 --folds 4
      lattice tune samples/scales.jsonl --grid lm=0:2:5 --grid words=-1:1:3
    """
    stream.require_one_stdin(lattices, *decoder.files, references)
    if folds and leave_out is not None:
        raise UsageError("--folds and --leave-out are two ways to hold out records, expected one of them")
    context = click.get_current_context()
    of_lines = ("asked", "ranges", "directions", "restarts", "seed")
    given = {each: context.get_parameter_source(each) is ParameterSource.COMMANDLINE for each in of_lines}
    if grid and any(given.values()):
        named = {parameter.name: parameter.opts[0] for parameter in context.command.params}
        first = next(named[each] for each in of_lines if given[each])
        raise UsageError(f"{first} is of line searches, --grid is what is tried instead")
    expression = _compiled(leave_out)
    through, reading = decoder.read(reading)
    known = formats.read_references(references, reading.encoding) if references else None
    reader = reports.Reader(known, ["tune"], False)
    collected = reports.Collected(reading.split)
    status, going = reports.read_all(lattices, reading, partial(tuning.scored, decoder=through), collected, run, reader)
    if not going:
        return status
    records = [each for each in collected.assessed if isinstance(each, tuning.ScoredRecord)]
    data = tuning.tuning_data(records, collected.spelling)
    scaled = tuning.ScaledLattices(data.lattices)
    search: tuning.Grid | tuning.Lines
    if grid:
        _require_once("--grid", [name for name, *_ in grid])
        axes = {_place(name, data): _spaced(low, high, steps) for name, low, high, steps in grid}
        search = tuning.Grid(scaled, data.start, axes)
    else:
        search = tuning.Lines(scaled, data.start, _ranges(data, asked, ranges), directions, restarts, seed)
    held_out = _held_out([each.id for each in records], folds, expression)
    found = tuning.tune(scaled, data.start, search, held_out)
    reports.put_out_tuning(found, data, search, run, decoder.scorers.lm)
    return status


def _compiled(expression: str | None) -> re.Pattern[str] | None:
    try:
        return None if expression is None else re.compile(expression)
    except re.error as error:
        raise UsageError(f"--leave-out {expression!r} is no regular expression: {error}") from None


def _place(name: str, data: tuning.TuningData) -> int:
    """The place of a score. Raises UsageError."""
    if name not in data.names:
        raise UsageError(f"no score is called {name!r}, expected one of {listed(data.names)}")
    return data.names.index(name)


def _spaced(low: float, high: float, steps: int) -> list[float]:
    """So many numbers from one to another, as far from each other."""
    return [low + (high - low) * step / (steps - 1) for step in range(steps)]


def _require_once(option: str, names: Sequence[str]) -> None:
    """Raises UsageError for a score that is given twice."""
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise UsageError(f"{option} {twice[0]} is given twice, expected once")


def _ranges(
    data: tuning.TuningData, asked: str | None, given: Sequence[tuple[str, float, float, int]]
) -> list[tuning.Range]:
    """Where the scale of each score is looked for. Raises UsageError where nothing can be tuned."""
    others = [name for name in data.names if name != tuning.WORDS]
    if not others:
        raise UsageError(f"nothing to tune: the scores are {listed(data.names) or 'none'}, expected one besides words")
    names = [name for name in data.names if name != others[0]] if asked is None else asked.split(",")
    tuned = {_place(name, data) for name in names}
    found = [tuning.Range(scale, scale) for scale in data.start.tolist()]
    for place in tuned:
        ends = sorted((found[place].low / _FACTOR, found[place].low * _FACTOR))
        found[place] = tuning.Range(*ends) if ends[1] > ends[0] else tuning.Range(-_AROUND, _AROUND)
    _require_once("--range", [name for name, *_ in given])
    for name, low, high, _ in given:
        place = _place(name, data)
        if place not in tuned:
            raise UsageError(f"--range {name}: its scale is not tuned, but {listed(names)}")
        if not low <= data.start[place] <= high:
            scale = f"{data.start[place]:g}"
            raise UsageError(
                f"--range {name}={low:g}:{high:g}: its scale starts at {scale}; --scale {name}=VALUE sets it"
            )
        found[place] = tuning.Range(low, high)
    return found


def _held_out(ids: Sequence[str], folds: int | None, expression: re.Pattern[str] | None) -> Mapping[str, list[int]]:
    """The places of the records of each group that is held out, by its name. Raises UsageError, FormatError."""
    found: dict[str, list[int]] = {}
    if folds is not None:
        if folds > len(ids):
            raise UsageError(
                f"--folds {folds}: there are {counted(len(ids), 'record')}, expected one for each part at least"
            )
        return {f"{part + 1} of {folds}": [*range(part, len(ids), folds)] for part in range(folds)}
    for place, record_id in enumerate(ids) if expression is not None else ():
        assert expression is not None
        match = expression.search(record_id)
        if match is None:
            raise FormatError(f"{record_id}: --leave-out {expression.pattern!r} finds nothing in this id")
        found.setdefault((match[1] if expression.groups else match[0]) or "", []).append(place)
    if len(found) == 1:
        raise UsageError(f"--leave-out: all records are of one group, {next(iter(found))!r}, expected two at least")
    return found
