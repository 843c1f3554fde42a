"""How viterbi puts out what it found."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lattice_cli.cli.reports.fields import JsonReport, TableReport, identity, path_fields
from lattice_cli.cli.stream.report import prepared
from lattice_cli.cli.terminal.tables import GrowingTable, answer_text, label_text, number, say

if TYPE_CHECKING:
    from lattice_cli.cli.stream.report import Report
    from lattice_cli.cli.stream.run_options import RunOptions
    from lattice_cli.graph import Document
    from lattice_cli.records import Decoded, Decoding, Search, SearchRequest, Word


#: So many words are named where some are passed over.
_MOST_WORDS = 5


@dataclass(frozen=True)
class Shown:
    """What is to be shown of what was asked: arcs, nodes, times. hot: whether there are hot words."""

    request: SearchRequest
    arcs: bool = False
    nodes: bool = False
    times: bool = False
    hot: bool = False


def viterbi_report(run: RunOptions, shown: Shown) -> Report:
    """The report on standard output."""
    report: Report = JsonReport(_record, identity) if run.as_json else ViterbiTables(run.color, shown)
    return Listening(report) if shown.hot else report


class Listening:
    """A report of answers that says in the end which hot words could be in none of them."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._unsaid: frozenset[str] | None = None
        self.fail = report.fail

    def prepare(self, document: Document, found: Decoding) -> Any:
        """What is shown, and what could not be said."""
        return prepared(self._report, document, found), found.unsaid

    def show(self, document: Document, shown: Any) -> None:
        """What one record could not say another may."""
        result, unsaid = shown
        self._unsaid = unsaid if self._unsaid is None else self._unsaid & unsaid
        self._report.show(document, result)

    def finish(self) -> None:
        """The results, then the words."""
        self._report.finish()
        if self._unsaid:
            sys.stdout.flush()
            words = sorted(self._unsaid)
            more = f" and {len(words) - _MOST_WORDS} more" if len(words) > _MOST_WORDS else ""
            listed = ", ".join(map(repr, words[:_MOST_WORDS])) + more
            print(f"lattice: no answer can have these hot words, as labels or spelled: {listed}", file=sys.stderr)


def _record(document: Document, found: Decoding) -> list[dict[str, Any]]:
    """The JSON object of one record."""
    record = {**identity(document), "status": "ok", "paths": [path_fields(path) for path in found.paths]}
    if found.confidence is not None:
        record["confidence"] = found.confidence
    if found.notes:
        record["notes"] = found.notes
    if found.search is not None:
        record["search"] = asdict(found.search)
    return [record]


class ViterbiTables(TableReport):
    """Best paths: a row a path, and tables of its words and arcs if asked for."""

    def __init__(self, color: str, shown: Shown) -> None:
        self._shown = shown
        asked = shown.request
        columns = [
            ("id", "text", True),
            ("rank", "number", asked.n > 1),
            ("energy", "number", True),
            ("expected errors", "number", asked.risk),
            ("by", "text", asked.risk),
            ("gap", "number", asked.limited),
            ("nodes", "text", shown.nodes),
            ("times", "text", shown.times),
            ("answer", "label", True),
        ]
        super().__init__(color, [(heading, kind) for heading, kind, wanted in columns if wanted])

    def show(self, document: Document, found: Decoding) -> None:
        """The rows of one record."""
        shown, asked = self._shown, self._shown.request
        run_together = all(len(label) == 1 for path in found.paths for label in path.output)
        for rank, path in enumerate(found.paths, 1):
            cells = [document.id, *([str(rank)] if asked.n > 1 else []), number(path.energy)]
            if path.risk is not None:
                cells += [number(path.risk.errors), "all answers" if path.risk.exact else "recursion"]
            if asked.limited:
                cells.append(_gap(found.search, found.paths[0]))
            if shown.nodes:
                cells.append(" ".join(str(node) for node in path.nodes))
            if shown.times:
                cells.append("-" if path.times is None else " ".join(number(time) for time in path.times))
            self.rows.add(*cells, answer_text(path.output, run_together))
            if path.words is not None:
                self.rows.flush()
                self._word_table(path.words)
            if shown.arcs:
                self.rows.flush()
                self._arc_table(document, path)
        for note in found.notes:
            self.rows.flush()
            say(self.out, f"{document.id}: {note}")

    def _word_table(self, words: Sequence[Word]) -> None:
        timed = any(word.begin is not None for word in words)
        times = [("begin", "number"), ("end", "number")] if timed else []
        rows = GrowingTable(self.out, [("label", "label"), *times, ("confidence", "number")], every=0)
        for word in words:
            span = [number(word.begin), number(word.end)] if timed else []
            rows.add(label_text(word.label), *span, number(word.confidence))
        rows.flush()

    def _arc_table(self, document: Document, path: Decoded) -> None:
        timed = path.times is not None
        times = [("begin", "number"), ("end", "number")] if timed else []
        rows = GrowingTable(self.out, [("arc", "number"), ("from", "text"), ("to", "text"), *times], every=0)
        for position, arc in enumerate(path.arcs):
            span = path.times[position : position + 2] if path.times is not None else []
            nodes = path.nodes[position : position + 2]
            rows.add(str(arc), *(str(node) for node in nodes), *(number(time) for time in span))
        rows.flush()


def _gap(search: Search | None, best: Decoded) -> str:
    """How far below the answer one could be that a beam lost."""
    return "0" if search is None or search.exact else number(max(0.0, best.energy - search.bound))
