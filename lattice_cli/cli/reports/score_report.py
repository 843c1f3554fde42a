"""How scores of sentences are put out: a row each, of their words if asked for, and the sums of all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lattice_cli.analysis.text import SentenceScore, TextScore
from lattice_cli.analysis.text.sentence_scores import NATS
from lattice_cli.cli.reports.fields import Field, Fields, Listing, digits, known
from lattice_cli.cli.reports.reporting import Entry, StreamReport
from lattice_cli.cli.stream import RunOptions
from lattice_cli.cli.terminal import label_text, number, say, write_json
from lattice_cli.errors import LatticeError, NoPath, counted

#: So many unknown words are named below a table.
_NAMED = 10

_TEXT = Fields(
    Field("words", "words", shown=str),
    Field("oov", "OOV", shown=str),
    Field("energy", "energy", "total_energy"),
    Field("log10", "log10 p"),
    Field("perplexity", "perplexity", shown=known(digits(5))),
    Field("ppl", "ppl", shown=known(digits(5))),
    Field("ppl1", "ppl1", shown=known(digits(5))),
)


@dataclass(frozen=True)
class _Word:
    """A word of a sentence, or its end: `word` None."""

    word: str | None
    energy: float | None
    known: bool
    order: int | None
    history: tuple[str, ...] | None

    @property
    def log10(self) -> float | None:
        return None if self.energy is None else 0.0 - self.energy / NATS

    @property
    def told(self) -> str:
        """The order, and whether a longer history was there to be backed off from."""
        if self.order is None or self.history is None or not self.order:
            return ""
        return f"{self.order}{' of ' + str(len(self.history) + 1) if self.order <= len(self.history) else ''}"


_WORD = Field("word", "word", shown=lambda word: "(end)" if word is None else label_text(word), kind="label")
_COST = (Field("energy", "energy"), Field("log10", "log10 p"))
_UNKNOWN = Field("known", "", shown=lambda known: "" if known else "OOV", kind="text")
_ORDER = Field("order", None, optional=True)
_BACKED_OFF = Field(None, "n-gram", "told", "text", str)
_HISTORY = Field(
    "history", "after", shown=known(lambda words: " ".join(map(label_text, words))), kind="label", optional=True
)


class ScoreReport(StreamReport):
    """An entry a sentence, and at the end one of all; a sentence without a path is an error of it, once shown."""

    fields = _TEXT
    silent = NoPath

    def __init__(self, run: RunOptions, per_word: bool, best: bool) -> None:
        """per_word: a row for each word too. best: energies of ambiguous sentences are those of their best path."""
        super().__init__(run)
        self._per_word, self._best = per_word, best
        self._all = TextScore()
        self.failed = 0

    def entries(self, document: Any, found: SentenceScore) -> Iterator[Entry]:
        """The one of a sentence."""
        score = TextScore.of(found)
        below: dict[str, Any] = {}
        if self._per_word:
            words = _words(found)
            shown = [_WORD, *_COST, _UNKNOWN]
            if found.orders is not None:
                shown += [_ORDER, _BACKED_OFF]
            if found.histories is not None:
                shown.append(_HISTORY)
            below["tokens"] = Listing(Fields(*shown), words, document.id)
        yield Entry(score, below)

    def objects(self, document: Any, found: SentenceScore) -> Iterable[dict[str, Any]]:
        """The object of a sentence: with its words that the model does not have, and what these cost."""
        (entry,) = self.entries(document, found)
        status = {"status": "ok"} if not found.why else {"status": NoPath.status, "message": found.why}
        told: dict[str, Any] = {"text": document.text, **self.fields.record(entry.row)}
        told["oov"] = list(found.unknown)
        told["oov_energy"] = found.unknown_energy
        if found.several is not None:
            told["ambiguous"] = found.several
        yield {
            **self.about(document), **status, **told, **{key: each.records() for key, each in entry.below.items()},
        }  # fmt: skip

    @property
    def headings(self) -> Sequence[str]:
        """See StreamReport; a row a word has the columns of a word."""
        return ["id", *_ROW.headings] if self._per_word else super().headings

    def columns(self, document: Any, found: SentenceScore) -> Iterable[Sequence[str]]:
        """A row a sentence, or a word."""
        if not self._per_word:
            yield from super().columns(document, found)
            return
        for each in _words(found):
            yield [document.id, *_ROW.plain(each)]

    def fault(self, found: SentenceScore) -> LatticeError | None:
        """Why a sentence has no path."""
        return NoPath(found.why) if found.why else None

    def prepare(self, document: Any, found: SentenceScore) -> Any:
        """What is put out, and what goes into the sums."""
        return super().prepare(document, found), found

    def show(self, document: Any, prepared: Any) -> None:
        """Put it out. Raises its fault."""
        ready, found = prepared
        self._all.add(found)
        super().show(document, ready)

    def fail(self, record: Any, error: LatticeError) -> None:
        """See StreamReport."""
        self.failed += not isinstance(error, NoPath)
        super().fail(record, error)

    def finish(self) -> None:
        """The sums."""
        found = self._all
        if self.as_json and found.sentences:
            figures = {"sentences": found.sentences, **_TEXT.record(found)}
            more = {
                "oov_energy": found.unknown_energy,
                "no_path": found.no_path,
                "ambiguous": found.several,
                "left_out": self.failed,
            }
            write_json({"status": "ok", "total": {**figures, **more, "oov_words": dict(found.unknown.most_common())}})
        elif self.as_table and found.sentences:
            self._rows.add(counted(found.sentences, "sentence"), *_TEXT.cells(found))
        super().finish()
        if self.as_table:
            for line in _below(found, self._best, self.failed):
                say(self.out, line)


#: Of rows between tabs, which all have the same columns.
_ROW = Fields(_WORD, *_COST, Field("known", "known"), Field("order", "order"), _HISTORY)


def _words(found: SentenceScore) -> list[_Word]:
    """Its words and its end."""
    words: list[str | None] = [*found.words, None]
    nothing: list[None] = [None] * len(words)
    energies = nothing if found.energies is None else [e if math.isfinite(e) else None for e in found.energies]
    return [
        _Word(*each)
        for each in zip(words, energies, (*found.known, True), found.orders or nothing, found.histories or nothing)
    ]


def _below(found: TextScore, best: bool, failed: int) -> Iterator[str]:
    """What has to be said of the figures."""
    if found.unknown:
        named = ", ".join(f"{label_text(word)} ({times})" for word, times in found.unknown.most_common(_NAMED))
        more = len(found.unknown) - _NAMED
        cost = f"; they cost {number(found.unknown_energy)} nats" if found.unknown_energy else ""
        yield f"out of vocabulary: {named}{f', {more} more' if more > 0 else ''}{cost}"
    if found.no_path:
        which = "its energy is" if found.no_path == 1 else "their energies are"
        yield f"without a path: {counted(found.no_path, 'sentence')}; {which} in no sum"
    if found.several:
        what = "of the best path, --by sum: of all" if best else "sums over all paths"
        yield f"several paths: {counted(found.several, 'sentence')}; energies are {what}"
    if failed:
        yield f"left out: {counted(failed, 'line')}, not read"
