"""Options of commands that search for answers: how many, within which limits, and what scores them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from lattice_cli import grammars, models, records
from lattice_cli.choices import MAX_STATES
from lattice_cli.cli.options.groups import ORDER, Option, grouped
from lattice_cli.cli.options.parameter_types import NamedNumber, Number, file_read, finite_number, positive
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
        read = [notations.read_ngrams(path, encoding) for path in self.lm]
        named = list(zip(models.factor_names(self.lm), read, self._scales()))
        return grammars.Scorers(named, self.word_energy, notations.UNKNOWN, gains)

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


def _request(
    beam: float | None, max_active: int | None, max_states: int | None, by: str, **asked: Any
) -> records.SearchRequest:
    if max_states is not None and (beam is not None or max_active is not None):
        raise UsageError("--max-states is that of an exact search; with --beam or --max-active there is none")
    by_sum = by == "sum"
    if asked["risk"] and (asked["n"] > 1 or asked["distinct"] or by_sum):
        raise UsageError("--mbr gives one answer, -n, --distinct and --by give the best ones by energy")
    limits: dict[str, Any] = {"beam": float("inf") if beam is None else beam, "max_active": max_active}
    limits |= {} if max_states is None else {"max_states": max_states}
    return records.SearchRequest(**asked, by_sum=by_sum, **limits)


request_options = grouped(
    "request",
    _request,
    click.option(
        "-n",
        "--nbest",
        "n",
        metavar="N",
        type=click.IntRange(min=1),
        default=1,
        help="How many of the best paths to find.",
    ),
    click.option("--distinct", is_flag=True, help="Best distinct answers (-n) instead of paths; exact."),
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
        help="Posteriors of the answer and of each of its labels; of labels only where there are no cycles.",
    ),
    click.option("--posteriors", is_flag=True, help="Posterior of each answer, over all of its paths."),
    click.option(
        "--beta",
        cls=Option,
        needs=("--confidence", "--mbr", "--posteriors", "--by"),
        type=positive,
        default=1.0,
        show_default=True,
        help="Inverse temperature of the posteriors, in 1/nats.",
    ),
    click.option(
        "--beam",
        metavar="NATS",
        type=positive,
        help="Drop what is that far above the best of its row of a matrix. Default: nothing, the search is exact.",
    ),
    click.option(
        "--max-active",
        metavar="N",
        type=click.IntRange(min=1),
        help="How many states a row of a matrix may have at most. Default: no limit.",
    ),
    click.option(
        "--max-states",
        metavar="N",
        type=click.IntRange(min=1),
        help="How many states an exact search of a matrix may follow before it says how far it came. Default: "
        f"{MAX_STATES:,}.",
    ),
)
#: Seconds: a day.
_LONGEST_ROW = 86_400.0
row_time_option = click.option(
    "--row-time",
    "--frame-time",
    "row_time",
    cls=Option,
    needs=("--confidence", "--to", "--times", "--arcs"),
    metavar="SECONDS",
    type=Number(min=0, min_open=True, max=_LONGEST_ROW),
    help="Seconds from row to row of a matrix, or frame to frame of a Kaldi lattice. Default: times are in these.",
)
scorer_options = grouped(
    "scorers",
    ScorerOptions,
    click.option(
        "--lm",
        metavar="FILE",
        type=file_read,
        multiple=True,
        help="Language model over output words, ARPA or compiled (grammar lm); exact. May be repeated.",
    ),
    click.option(
        "--lm-scale",
        metavar="X",
        type=finite_number,
        multiple=True,
        help="Weight of the energies of the --lm before it; below 0 they are taken out. Default: 1.",
    ),
    click.option(
        "--word-energy", metavar="NATS", type=float, default=0.0, help="What every word costs besides its --lm."
    ),
    click.option(
        "--hot",
        "hot",
        type=NamedNumber("WORD=NATS"),
        multiple=True,
        help="A word that answers gain by, and how much; may be repeated.",
    ),
    click.option(
        "--hot-words", metavar="FILE", type=file_read, help="File of words that answers gain by: word, tab, nats."
    ),
)
