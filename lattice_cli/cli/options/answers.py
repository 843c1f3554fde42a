"""Options of commands that search for answers: how many, within which limits, and what scores them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from lattice_cli import grammars, records
from lattice_cli.cli.options.groups import ORDER, Option, grouped
from lattice_cli.cli.options.shared import NamedNumber, finite_number, positive
from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats import io, notations


@dataclass(frozen=True)
class ScorerOptions:
    """What scores answers beside a grammar. lm, hot_words: files; hot: words and what they gain, nats."""

    lm: tuple[str, ...]
    lm_scale: tuple[float, ...]
    word_energy: float
    hot: tuple[tuple[str, float], ...]
    hot_words: str | None

    def read(self, encoding: str | None = None) -> grammars.Scorers | None:
        """What they stand for, None for nothing. encoding: of their files. Raises FormatError, UsageError."""
        if not self.lm and (self.word_energy or self.lm_scale):
            raise UsageError("--lm-scale and --word-energy need a language model (--lm FILE)")
        if not self.lm and not self.hot and self.hot_words is None:
            return None

        gains = dict(self.hot)
        if self.hot_words is not None:
            text, source = io.read_text(self.hot_words, encoding)
            listed = notations.words_of(text, source)
            idle = next((word for word in listed if not word.energy), None)
            if idle is not None:
                raise FormatError(f"{idle.place}: the hot word {idle.name!r} gains nothing, expected word, tab, nats")
            gains = {word.name: word.energy for word in listed} | gains
        if not abs(self.word_energy) < float("inf"):
            raise UsageError(f"--word-energy is {self.word_energy}, expected a finite number")
        models = [notations.read_arpa(path, encoding=encoding) for path in self.lm]
        scales = self._scales()
        first, scale = (models[0], scales[0]) if models else (None, 1.0)
        further = list(zip(models, scales))[1:]
        return grammars.Scorers(first, scale, self.word_energy, notations.UNKNOWN, gains, further)

    def _scales(self) -> list[float]:
        """The scale of each model: the one that stands behind it, else 1; one for one wherever it stands.

        Raises UsageError for a scale without a model before it, and for two behind one.
        """
        if len(self.lm) == 1 and len(self.lm_scale) == 1:
            return [*self.lm_scale]
        scales: list[float | None] = []
        left = list(self.lm_scale)
        for name in click.get_current_context().meta.get(ORDER, ()):
            if name == "lm":
                scales.append(None)
            elif name == "lm_scale":
                if not scales or scales[-1] is not None:
                    raise UsageError("each --lm-scale belongs behind the --lm that it weighs, one behind each")
                scales[-1] = left.pop(0)
        return [1.0 if scale is None else scale for scale in scales]


def _request(beam: float | None, max_active: int | None, by: str, **asked: Any) -> records.SearchRequest:
    by_sum = by == "sum"
    if asked["risk"] and (asked["n"] > 1 or asked["distinct"] or by_sum):
        raise UsageError("--mbr gives one answer, -n, --distinct and --by give the best ones by energy")
    limits: dict[str, Any] = {"beam": float("inf") if beam is None else beam, "max_active": max_active}
    return records.SearchRequest(**asked, by_sum=by_sum, **limits)


request_options = grouped(
    "request",
    _request,
    click.option("-n", "n", metavar="N", type=click.IntRange(min=1), default=1, help="The N best paths."),
    click.option("--distinct", is_flag=True, help="The N best distinct answers instead of paths; exact."),
    click.option(
        "--by",
        type=click.Choice(["path", "sum"]),
        default="path",
        show_default=True,
        help="Rank by the best path, or answers by the sum over all of their paths: their free energies.",
    ),
    click.option(
        "--mbr",
        "risk",
        is_flag=True,
        help="The answer of least expected edit distance instead of least energy; without cycles.",
    ),
    click.option(
        "--confidence",
        "words",
        is_flag=True,
        help="The posterior of the answer, and of each label at its place; labels only where there are no cycles.",
    ),
    click.option("--posteriors", is_flag=True, help="The posterior of each answer, over all its paths."),
    click.option(
        "--beta",
        cls=Option,
        needs=("--confidence", "--mbr", "--posteriors", "--by"),
        type=positive,
        default=1.0,
        show_default=True,
        help="Inverse temperature of those posteriors, in 1/nats.",
    ),
    click.option(
        "--beam",
        metavar="NATS",
        type=positive,
        help="Of an emission matrix: drop what is that far above the best of its row. Without: exact.",
    ),
    click.option(
        "--max-active", metavar="N", type=click.IntRange(min=1), help="Of an emission matrix: N states a row at most."
    ),
)
row_time_option = click.option(
    "--row-time",
    "--frame-time",
    "row_time",
    cls=Option,
    needs=("--confidence", "--to", "--times", "--arcs"),
    metavar="SECONDS",
    type=positive,
    help="Seconds of a row of a matrix, or of a frame of a Kaldi lattice. Without: times are in rows or frames.",
)
scorer_options = grouped(
    "scorers",
    ScorerOptions,
    click.option(
        "--lm",
        metavar="FILE",
        multiple=True,
        help="A language model over output words, in the ARPA form; exact. May be repeated.",
    ),
    click.option(
        "--lm-scale",
        metavar="X",
        type=finite_number,
        multiple=True,
        help="Weight of the energies of the --lm before it, 1 without; below 0 they are taken out.",
    ),
    click.option(
        "--word-energy", metavar="NATS", type=float, default=0.0, help="With --lm: what every word costs besides."
    ),
    click.option(
        "--hot",
        "hot",
        type=NamedNumber("WORD=NATS"),
        multiple=True,
        help="A word that answers gain by; may be repeated.",
    ),
    click.option("--hot-words", metavar="FILE", help="Such words, one a line: word, tab, nats."),
)
