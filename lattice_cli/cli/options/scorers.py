"""Options of what scores answers beside a grammar: language models, hot words, words themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import click

from lattice_cli import grammars
from lattice_cli.cli.options.groups import ORDER, applied
from lattice_cli.cli.options.parameter_types import NamedNumber, file_read, finite_number
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

    @property
    def files(self) -> list[str]:
        """Those that are read."""
        return [*self.lm, *([] if self.hot_words is None else [self.hot_words])]

    def read(
        self, names: Sequence[str], scales: Mapping[str, float], encoding: str | None = None
    ) -> grammars.Scorers | None:
        """What they stand for, None for nothing. names: of the models; scales: of named scores, which may be theirs.
        encoding: of their files. Raises FormatError, UsageError."""
        if not self.lm and self.lm_scale:
            raise UsageError("--lm-scale needs a language model (--lm FILE)")
        if not (self.lm or self.word_energy or self.hot or self.hot_words is not None):
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
        own = self._scales()
        named = [
            (name, model, scales.get(name, 1.0) if scale is None else scale)
            for name, model, scale in zip(names, read, own)
        ]
        twice = next((name for name, scale in zip(names, own) if scale is not None and name in scales), None)
        if twice is not None:
            raise UsageError(f"--scale {twice}={scales[twice]:g} and an --lm-scale: two weights for one model")
        return grammars.Scorers(named, self.word_energy, notations.UNKNOWN, gains)

    def _scales(self) -> list[float | None]:
        """The scale of each model: the one that stands behind it, None for none; one for one wherever it stands.

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
        return scales


#: As parameters of their own; see `grouped`.
scorer_options = applied(
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
    click.option("--word-energy", metavar="NATS", type=float, default=0.0, help="What every word of an answer costs."),
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
