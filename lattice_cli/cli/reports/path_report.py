"""How paths are put out: those that viterbi found, those that sample drew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from lattice_cli.cli.reports.fields import Cell, Field, Fields, Listing, known, plain, plain_text
from lattice_cli.cli.reports.reporting import Printed, StreamReport, identity
from lattice_cli.cli.reports.transcripts import ctm, srt, text, trn
from lattice_cli.cli.terminal import answer_text, complain, label_text, number
from lattice_cli.errors import UsageError, counted, quoted

if TYPE_CHECKING:
    from lattice_cli.cli.stream import Item, RunOptions
    from lattice_cli.grammars import Scorers
    from lattice_cli.graph import Document
    from lattice_cli.records import Decoded, Decoding, Draws, SearchRequest
    from lattice_cli.records.cascade import PathStep


def _told(step: PathStep) -> dict[str, Any]:
    """An arc of a path in JSON."""
    ends = {"arc": step.arc, "from": step.tail, "to": step.head}
    labels = {"label": step.input} if step.input == step.output else {"input": step.input, "output": step.output}
    times = {} if step.begin is None and step.end is None else {"begin": step.begin, "end": step.end}
    scores = {"scores": dict(step.scores)} if step.scores else {}
    return {**ends, **labels, "energy": step.energy, **scores, **times}


def _spaced(times: Sequence[float | None] | None) -> str:
    return "-" if times is None else " ".join(map(number, times))


def _way(exact: bool) -> str:
    return "all answers" if exact else "recursion"


def _of_path(field: Field) -> Field:
    return replace(field, of=lambda row: field.value(row[0]))


_SPAN = plain("begin", "end")
_FIT = Field("mean_probability", "mean p")
_WORD = Fields(Field("word", "label", "label", "label", label_text), *_SPAN, Field("confidence", "confidence"), _FIT)


def _listed(scores: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {number(value)}" for name, value in scores.items())


_STEP = (
    Field("arc", "arc", shown=str),
    Field("from", "from", "tail", "text", str),
    Field("to", "to", "head", "text", str),
    Field("label", "label", "input", "label", label_text),
    Field("output", "output", "output", "label", label_text),
    Field("energy", "energy"),
)


def _steps(steps: Sequence[PathStep]) -> Listing:
    """The arcs of a path: what each costs, and what that is made of."""
    labels = [each for each in _STEP if each.key != "output" or any(step.input != step.output for step in steps)]
    names = dict.fromkeys(name for step in steps for name in step.scores)
    scores = [Field(name, name, partial(_score, name)) for name in names]
    timed = any(step.begin is not None for step in steps)
    return Listing(Fields(*labels, *scores, *(_SPAN if timed else ())), steps)


def _score(name: str, step: PathStep) -> float | None:
    return step.scores.get(name)


_PATH = Fields(
    Field("energy", "energy", lambda path: None if path.energy != path.energy else path.energy),
    *map(Field, ("output", "text", "input", "arcs")),
    Field("free_energy", "free energy", optional=True),
    Field("scores", "scores", kind="text", shown=known(_listed), optional=True),
    Field("nodes", "nodes", kind="text", shown=lambda nodes: " ".join(map(str, nodes))),
    Field("times", "times", kind="text", shown=_spaced, optional=True),
    Field("expected_errors", "expected errors", lambda path: getattr(path.risk, "errors", None), optional=True),
    Field("exact", "by", lambda path: getattr(path.risk, "exact", None), "text", _way, optional=True),
    Field("confidence", "confidence", optional=True),
    Field("words", told=_WORD.records, optional=True),
    Field("steps", told=lambda steps: [_told(step) for step in steps], optional=True),
)
#: Columns of rows (path, rank, gap or log p), by their headings.
_COLUMNS = {each.heading: _of_path(each) for each in _PATH} | {
    "rank": Field(None, "rank", 1, shown=str),
    "draw": Field(None, "draw", 1, shown=str),
    "gap": Field(None, "gap", 2),
    "log p": Field(None, "log p", 2),
    "answer": Field(None, "answer", lambda row: answer_text(row[0].output, row[0].text), "label", str),
}


#: Rows (path, rank, gap) as columns between tabs, and what a word has besides.
_PLAIN = Fields(Field("rank", "rank", 1), _of_path(_PATH[0]), Field("text", "text", lambda row: row[0].text, "label"))
_POSTERIOR = Field("posterior", "posterior", lambda row: row[0].confidence)
_PLACES = Fields(*_SPAN, Field("label", "label"), Field("confidence", "confidence"))


@dataclass(frozen=True)
class Shown:
    """What is to be shown of what was asked: nodes, times, scores."""

    request: SearchRequest
    nodes: bool = False
    times: bool = False
    scores: bool = False

    @property
    def columns(self) -> Fields:
        """Those of the table of paths."""
        asked = self.request
        wanted = {
            "rank": asked.n > 1,
            "energy": True,
            "free energy": asked.by_sum,
            "expected errors": asked.risk,
            "by": asked.risk,
            "gap": asked.limited,
            "confidence": asked.words or asked.posteriors,
            "scores": self.scores,
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
        self.fields = shown.columns
        super().__init__(run)
        self._words, self._shown = shown.request.words, 0
        own = ("rank", "energy", "answer")
        self._further = Fields(
            *(_POSTERIOR if each.heading == "confidence" else each for each in self.fields if each.heading not in own)
        )
        written = {"ctm": ctm, "trn": trn, "text": text, "srt": srt}
        self._written: Callable[[Document, Decoding], Iterable[str]] | None = written.get(run.form)

    @property
    def headings(self) -> Sequence[str]:
        """id, rank, energy, text, whatever else was asked for, and the words, if they were."""
        return ["id", *_PLAIN.headings, *self._further.headings, *(_PLACES.headings if self._words else ())]

    def columns(self, document: Document, found: Decoding) -> Iterator[Sequence[str]]:
        """A row a path, or a row a word of it."""
        for rank, path in enumerate(found.paths, 1):
            row = (path, rank, _gap(found))
            cells = [document.id, *_PLAIN.plain(row), *self._further.plain(row)]
            for word in path.words or ():
                yield [*cells, *_PLACES.plain(word)]
            if not path.words:
                yield cells + [""] * (len(_PLACES) if self._words else 0)

    def lines(self, document: Document, found: Decoding) -> Iterable[str]:
        """The form's own lines."""
        return super().lines(document, found) if self._written is None else self._written(document, found)

    def show(self, document: Document, prepared: Any) -> None:
        """Put it out. Raises UsageError for captions of a second recording, whose times begin anew."""
        self._shown += 1
        if self.form == "srt" and self._shown > 1:
            raise UsageError(f"{document.id}: captions are of one recording, and those of another one are written")
        super().show(document, prepared)

    def missing(self, record: Item) -> str | None:
        """An empty answer, where a line stands for each record."""
        name = "_".join(record.id.split())
        return {"trn": f"({name})", "text": name}.get(self.form)

    def printed(self, document: Document, found: Decoding) -> Iterator[Printed]:
        gaps = [_gap(found)] * len(found.paths)
        for path, cells in zip(found.paths, _rows(document, self.fields, found.paths, gaps)):
            yield cells
            if path.words is not None:
                unknown = [] if any(word.begin is not None for word in path.words) else [*_SPAN]
                unknown += [] if any(word.mean_probability is not None for word in path.words) else [_FIT]
                yield Listing(Fields(*(each for each in _WORD if each not in unknown)), path.words)
            if path.steps is not None:
                yield _steps(path.steps)
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


def _gap(found: Decoding) -> float:
    """How far below the best path found one may be that was lost, nats."""
    search = found.search
    return 0.0 if search is None or search.exact else max(0.0, found.paths[0].energy - search.bound)


class JudgedReport(ViterbiReport):
    """The same, and in the end which hot words could be in none of the answers, and which of their labels the language
    model does not have."""

    def __init__(self, run: RunOptions, shown: Shown, judges: Scorers) -> None:
        super().__init__(run, shown)
        self._model = judges.models[0][1].numbers if judges.models else {}
        self._unsaid: frozenset[str] | None = None
        self._strange: Counter[str] = Counter()
        self._labels, self._charged = 0, 0.0

    def prepare(self, document: Document, found: Decoding) -> Any:
        """What is put out, what could not be said, and what was that the model does not have."""
        output = found.paths[0].output
        strange = [label for label in output if label in found.strange]
        return super().prepare(document, found), found.unsaid, strange, found.strange_energy, len(output)

    def show(self, document: Document, prepared: Any) -> None:
        """What one record could not say another may."""
        ready, unsaid, strange, charged, labels = prepared
        self._unsaid = unsaid if self._unsaid is None else self._unsaid & unsaid
        self._strange.update(strange)
        self._labels, self._charged = self._labels + labels, self._charged + charged
        super().show(document, ready)

    def finish(self) -> None:
        """The results, then the words."""
        super().finish()
        if self._unsaid:
            complain(f"no answer can have these hot words, as labels or spelled: {quoted(sorted(self._unsaid))}")
        count = sum(self._strange.values())
        if count:
            listed = quoted([label for label, _ in self._strange.most_common()])
            none = "none of the" if count == self._labels else f"all but {count} of the"
            cased = (other for label in self._strange for other in (label.upper(), label.lower(), label.title()))
            other = next((other for other in cased if other in self._model), None)
            hint = f"; it has {other!r}" if other is not None else ""
            said = f"{none} {counted(self._labels, 'label')} of the best answers"
            cost = f"; they cost {number(self._charged)}" if self._charged else ""
            complain(f"the language model knows {said}: not {listed}{hint}{cost}")


class SampleReport(StreamReport):
    """Paths in the order they were drawn."""

    fields = Fields(*(_COLUMNS[heading] for heading in ("draw", "energy", "log p", "answer")))
    about = staticmethod(identity)

    def objects(self, document: Document, found: Draws) -> list[dict[str, Any]]:
        pairs = zip(_PATH.records(found.paths), found.log_probabilities)
        paths = [{**path, "log_probability": log_probability} for path, log_probability in pairs]
        figures = {"beta": found.beta, "free_energy": found.free_energy}
        return [{**identity(document), "status": "ok", **figures, "paths": paths}]

    @property
    def headings(self) -> Sequence[str]:
        return ["id", "draw", "energy", "text", "log_probability"]

    def columns(self, document: Document, found: Draws) -> Iterator[Sequence[str]]:
        """A row a path."""
        for draw, (path, log_probability) in enumerate(zip(found.paths, found.log_probabilities), 1):
            yield [document.id, *map(plain_text, (draw, path.energy, path.text, log_probability))]

    def printed(self, document: Document, found: Draws) -> Iterator[Printed]:
        return _rows(document, self.fields, found.paths, found.log_probabilities)
