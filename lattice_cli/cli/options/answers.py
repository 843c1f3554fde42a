"""Options of commands that search for answers: how many, within which limits, and what scores them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from lattice_cli import grammars, records
from lattice_cli.cli.options.groups import Option, grouped
from lattice_cli.cli.options.shared import NamedNumber, not_negative, positive
from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats import io, notations


@dataclass(frozen=True)
class ScorerOptions:
    """What scores answers beside a grammar. lm, hot_words: files; hot: words and what they gain, nats."""

    lm: str | None
    lm_scale: float
    word_energy: float
    hot: tuple[tuple[str, float], ...]
    hot_words: str | None

    def read(self, encoding: str | None = None) -> grammars.Scorers | None:
        """What they stand for, None for nothing. encoding: of their files. Raises FormatError, UsageError."""
        if self.lm is None and (self.word_energy or self.lm_scale != 1.0):
            raise UsageError("--lm-scale and --word-energy need a language model (--lm FILE)")
        if self.lm is None and not self.hot and self.hot_words is None:
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
        return grammars.Scorers(
            None if self.lm is None else notations.read_arpa(self.lm, encoding=encoding),
            self.lm_scale,
            self.word_energy,
            notations.UNKNOWN,
            gains,
        )


def _request(beam: float | None, max_active: int | None, **asked: Any) -> records.SearchRequest:

    if asked["risk"] and (asked["n"] > 1 or asked["distinct"]):
        raise UsageError("--mbr gives one answer, -n and --distinct give the best ones by energy")
    return records.SearchRequest(**asked, beam=float("inf") if beam is None else beam, max_active=max_active)


request_options = grouped(
    "request",
    _request,
    click.option("-n", "n", metavar="N", type=click.IntRange(min=1), default=1, help="The N best paths."),
    click.option("--distinct", is_flag=True, help="The N best distinct answers instead of paths; exact."),
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
    click.option(
        "--beta",
        cls=Option,
        needs=("--confidence", "--mbr"),
        type=positive,
        default=1.0,
        show_default=True,
        help="Inverse temperature of those posteriors, in 1/nats.",
    ),
    click.option(
        "--row-time",
        cls=Option,
        needs=("--confidence",),
        metavar="SECONDS",
        type=positive,
        help="Of an emission matrix' row. Without: times are rows.",
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
scorer_options = grouped(
    "scorers",
    ScorerOptions,
    click.option("--lm", metavar="FILE", help="A language model over output words, in the ARPA form; exact."),
    click.option("--lm-scale", type=not_negative, default=1.0, show_default=True, help="Weight of its energies."),
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
