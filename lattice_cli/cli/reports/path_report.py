"""How paths are put out: those that viterbi found, those that sample drew."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from lattice_cli.cli.reports.fields import ARC, Cell, Field, Fields, Listing, plain
from lattice_cli.cli.reports.reporting import Printed, StreamReport, identity
from lattice_cli.cli.terminal import answer_text, label_text, number
from lattice_cli.errors import counted, printable, quoted

if TYPE_CHECKING:
    from lattice_cli.cli.stream import RunOptions
    from lattice_cli.grammars import Scorers
    from lattice_cli.graph import Document
    from lattice_cli.records import Decoded, Decoding, Draws, SearchRequest


def _spaced(times: Sequence[float | None] | None) -> str:
    return "-" if times is None else " ".join(map(number, times))


def _way(exact: bool) -> str:
    return "all answers" if exact else "recursion"


def _of_path(field: Field) -> Field:
    return replace(field, of=lambda row: field.value(row[0]))


_SPAN = plain("begin", "end")
_FIT = Field("mean_probability", "mean p")
_WORD = Fields(Field("word", "label", "label", "label", label_text), *_SPAN, Field("confidence", "confidence"), _FIT)
_PATH = Fields(
    Field("energy", "energy", lambda path: None if path.energy != path.energy else path.energy),
    *map(Field, ("output", "text", "input", "arcs")),
    Field("nodes", "nodes", kind="text", shown=lambda nodes: " ".join(map(str, nodes))),
    Field("times", "times", kind="text", shown=_spaced, optional=True),
    Field("expected_errors", "expected errors", lambda path: getattr(path.risk, "errors", None), optional=True),
    Field("exact", "by", lambda path: getattr(path.risk, "exact", None), "text", _way, optional=True),
    Field("confidence", "confidence", optional=True),
    Field("words", told=_WORD.records, optional=True),
)
#: Columns of rows (path, rank, gap or log p), by their headings.
_COLUMNS = {each.heading: _of_path(each) for each in _PATH} | {
    "rank": Field(None, "rank", 1, shown=str),
    "draw": Field(None, "draw", 1, shown=str),
    "gap": Field(None, "gap", 2),
    "log p": Field(None, "log p", 2),
    "answer": Field(None, "answer", lambda row: answer_text(row[0].output, row[0].text), "label", str),
}


@dataclass(frozen=True)
class Shown:
    """What is to be shown of what was asked: arcs, nodes, times."""

    request: SearchRequest
    arcs: bool = False
    nodes: bool = False
    times: bool = False

    @property
    def columns(self) -> Fields:
        """Those of the table of paths."""
        asked = self.request
        wanted = {
            "rank": asked.n > 1,
            "energy": True,
            "expected errors": asked.risk,
            "by": asked.risk,
            "gap": asked.limited,
            "confidence": asked.words,
            "nodes": self.nodes,
            "times": self.times,
            "answer": True,
        }
        return Fields(*(_COLUMNS[heading] for heading, shown in wanted.items() if shown))


def _rows(
    document: Document, fields: Fields, paths: Sequence[Decoded], further: Sequence[float]
) -> Iterator[list[Cell]]:
    """The cells of paths in these columns. further: of each, the value that is no part of a path."""
    for rank, (path, value) in enumerate(zip(paths, further), 1):
        yield [document.id, *fields.cells((path, rank, value))]


class ViterbiReport(StreamReport):
    """Best paths: a row a path, and tables of its words and arcs if asked for."""

    about = staticmethod(identity)

    def __init__(self, run: RunOptions, shown: Shown) -> None:
        self.fields, self._shown = shown.columns, shown
        super().__init__(run)

    def printed(self, document: Document, found: Decoding) -> Iterator[Printed]:
        search, best = found.search, found.paths[0].energy
        gap = 0.0 if search is None or search.exact else max(0.0, best - search.bound)
        for path, cells in zip(found.paths, _rows(document, self.fields, found.paths, [gap] * len(found.paths))):
            yield cells
            if path.words is not None:
                unknown = [] if any(word.begin is not None for word in path.words) else [*_SPAN]
                unknown += [] if any(word.mean_probability is not None for word in path.words) else [_FIT]
                yield Listing(Fields(*(each for each in _WORD if each not in unknown)), path.words)
            if self._shown.arcs:
                times = () if path.times is None else (path.times, path.times[1:])
                span = [Field(None, each.heading, 3 + place) for place, each in enumerate(_SPAN)] if times else []
                yield Listing(Fields(*ARC, *span), list(zip(path.arcs, path.nodes, path.nodes[1:], *times)))
        for note in found.notes:
            yield f"{document.id}: {note}"

    def objects(self, document: Document, found: Decoding) -> list[dict[str, Any]]:
        record = {**identity(document), "status": "ok", "paths": _PATH.records(found.paths)}
        if found.spelling is not None:
            record["split"], record["separator"] = found.spelling.kind, found.spelling.mark or None
        if found.confidence is not None:
            record["confidence"] = found.confidence
        if found.notes:
            record["notes"] = found.notes
        if found.search is not None:
            record["search"] = asdict(found.search)
        return [record]


class JudgedReport(ViterbiReport):
    """The same, and in the end which hot words could be in none of the answers, and which of their labels the language
    model does not have."""

    def __init__(self, run: RunOptions, shown: Shown, judges: Scorers) -> None:
        super().__init__(run, shown)
        self._model = frozenset() if judges.model is None else frozenset(judges.model.labels[1:])
        self._unsaid: frozenset[str] | None = None
        self._strange: Counter[str] = Counter()
        self._labels = 0

    def prepare(self, document: Document, found: Decoding) -> Any:
        """What is put out, what could not be said, and what was that the model does not have."""
        output = found.paths[0].output
        strange = [label for label in output if label in found.strange]
        return super().prepare(document, found), found.unsaid, strange, len(output)

    def show(self, document: Document, prepared: Any) -> None:
        """What one record could not say another may."""
        ready, unsaid, strange, labels = prepared
        self._unsaid = unsaid if self._unsaid is None else self._unsaid & unsaid
        self._strange.update(strange)
        self._labels += labels
        super().show(document, ready)

    def finish(self) -> None:
        """The results, then the words."""
        super().finish()
        if self._unsaid:
            _say(f"no answer can have these hot words, as labels or spelled: {quoted(sorted(self._unsaid))}")
        count = sum(self._strange.values())
        if count:
            listed = quoted([label for label, _ in self._strange.most_common()])
            none = "none of the" if count == self._labels else f"all but {count} of the"
            cased = (other for label in self._strange for other in (label.upper(), label.lower(), label.title()))
            other = next((other for other in cased if other in self._model), None)
            hint = f"; it has {other!r}" if other is not None else ""
            said = f"{none} {counted(self._labels, 'label')} of the best answers"
            _say(f"the language model knows {said}: not {listed}{hint}")


def _say(text: str) -> None:
    """A line on standard error, behind all output so far."""
    sys.stdout.flush()
    print(f"lattice: {printable(text)}", file=sys.stderr)


class SampleReport(StreamReport):
    """Paths in the order they were drawn."""

    fields = Fields(*(_COLUMNS[heading] for heading in ("draw", "energy", "log p", "answer")))
    about = staticmethod(identity)

    def objects(self, document: Document, found: Draws) -> list[dict[str, Any]]:
        pairs = zip(_PATH.records(found.paths), found.log_probabilities)
        paths = [{**path, "log_probability": log_probability} for path, log_probability in pairs]
        figures = {"beta": found.beta, "free_energy": found.free_energy}
        return [{**identity(document), "status": "ok", **figures, "paths": paths}]

    def printed(self, document: Document, found: Draws) -> Iterator[Printed]:
        return _rows(document, self.fields, found.paths, found.log_probabilities)
