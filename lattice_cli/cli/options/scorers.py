"""Options of commands that decode: language models and hot words, beams, confidences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lattice_cli.cli.options.shared import NamedNumber, applied, not_negative, positive

if TYPE_CHECKING:
    from lattice_cli.grammars.scorer_config import Scorers


judge_options = applied(
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
beam_options = applied(
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


def read_scorers(
    lm: str | None, lm_scale: float, word_energy: float, hot: tuple[tuple[str, float], ...], hot_words: str | None
) -> Scorers | None:
    """What judges answers, None for nothing. Raises FormatError, UsageError."""
    from lattice_cli.errors import UsageError

    if lm is None and (word_energy or lm_scale != 1.0):
        raise UsageError("--lm-scale and --word-energy need a language model (--lm FILE)")
    if lm is None and not hot and hot_words is None:
        return None
    from lattice_cli.formats.notations.arpa import UNKNOWN, read_arpa
    from lattice_cli.grammars.scorer_config import Scorers

    gains = dict(hot)
    if hot_words is not None:
        from lattice_cli.formats.io.sources import read_text
        from lattice_cli.formats.notations.word_list import words_of

        text, source = read_text(hot_words)
        gains = {word.name: word.energy for word in words_of(text, source)} | gains
    if not abs(word_energy) < float("inf"):
        raise UsageError(f"--word-energy is {word_energy}, expected a finite number")
    return Scorers(None if lm is None else read_arpa(lm), lm_scale, word_energy, UNKNOWN, gains)
