"""How show puts out what it finds inside of a lattice, and what is different between two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from lattice_cli.cli.reports.fields import ARC, Field, Fields, Listing, Sheet, arc_listing, digits, plain, plain_text
from lattice_cli.cli.reports.model_report import model_sheets
from lattice_cli.cli.reports.reporting import Printed, StreamReport
from lattice_cli.cli.terminal import answer_text, label_text, number
from lattice_cli.errors import LatticeError, counted
from lattice_cli.formats.io import target_record
from lattice_cli.grammars import spelling_of
from lattice_cli.graph import Right, TargetGraph, right_answers_of, steps_of

if TYPE_CHECKING:
    from lattice_cli.analysis import Comparison, Heavy, Inventory, Key, Slot, Strip
    from lattice_cli.cli.stream import RunOptions
    from lattice_cli.graph import Document


_BAR = 20
_MOST_ROWS = 20
_LABELS_SHOWN = 20
_LONGEST_COUNT = 30


@dataclass(frozen=True)
class Parts:
    """What is to be shown beside the facts: the strip chart, the labels, the confusion sets (choices from a posterior
    on), so many of the heaviest arcs. beta: of the posteriors."""

    strip: bool
    labels: bool
    confusions: bool
    heaviest: int
    beta: float
    least: float = 0.01

    @property
    def any(self) -> bool:
        """True if something is wanted."""
        return self.strip or self.labels or self.confusions or self.heaviest > 0


#: A record, what is in it, what else was asked for, and why that cannot be had, if so; or what a trained model tells.
Found: TypeAlias = "tuple[Document, Inventory, dict[str, Listing], LatticeError | None] | dict[str, Any]"


def _said(word: str | None) -> str:
    return "-" if word is None else label_text(word)


def _others(slot: Slot) -> str:
    return ", ".join(f"{_said(label)} {number(mass, 3)}" for label, mass in slot.choices if label != slot.word)


_LABEL_USE = Fields(
    Field("label", "label", kind="label", shown=label_text),
    Field("arcs", "arcs", shown=str),
    *plain("expected", "detour", shown=digits(4)),
)
_CONFUSION = Fields(
    Field("word", "best", kind="label", shown=_said),
    Field("choices"),
    Field(None, "posterior", lambda slot: number(dict(slot.choices).get(slot.word, 0.0), 4), shown=str),
    Field(None, "instead", _others, "text", str),
)
_HEAVIEST = Fields(
    *ARC,
    Field("label", "label", 3, "label", label_text),
    *(Field(name, name, place) for place, name in enumerate(("energy", "posterior", "detour"), 4)),
)


def add_parts(found: dict[str, Listing], document: Document, parts: Parts) -> None:
    """What was asked for, added to `found`. Raises NoPath, Diverged; GraphError with all but the confusions found."""
    from lattice_cli.analysis import Anatomy

    anatomy, at = Anatomy(document, parts.beta), f"{document.id}: "
    if parts.strip:
        found["strip"] = _strip(anatomy.strips(), at)
    if parts.labels:
        title = f"{at}labels, how often an answer has them, and what insisting on them costs"
        found["label_uses"] = Listing(_LABEL_USE, anatomy.labels(), title)
    if parts.heaviest:
        rows = [_heavy(document, each) for each in anatomy.heaviest(parts.heaviest)]
        found["heaviest"] = Listing(_HEAVIEST, rows, f"{at}the heaviest arcs")
    if parts.confusions:
        title = f"{at}what stands at each place of the best answer, posteriors of {parts.least:g} or more"
        found["confusions"] = Listing(_CONFUSION, anatomy.slots(parts.least), title)


def _strip(strips: list[Strip], at: str) -> Listing:
    most = max((strip.arcs for strip in strips), default=0) or 1
    fields = (
        Field("begin", "from", shown=digits(4)),
        Field("end", "to", shown=digits(4)),
        *plain("nodes", "arcs", shown=str),
        Field(None, "", lambda strip: "█" * round(_BAR * strip.arcs / most), "name", str),
        Field("entropy", "entropy", shown=digits(3)),
        Field("labels", "best path", kind="label", shown=lambda labels: " ".join(map(label_text, labels))),
    )
    empty = f"{at}no strip chart: without times levels are needed, and cycles have none"
    return Listing(Fields(*fields), strips, f"{at}arcs along its length", empty)


def _heavy(document: Document, heavy: Heavy) -> tuple[Any, ...]:
    graph, arc = document.graph, heavy.arc
    ends = (document.names[int(graph.src[arc])], document.names[int(graph.dst[arc])])
    label = graph.labels[graph.olabel[arc]] if graph.olabel[arc] else None
    return arc, *ends, label, float(graph.energy[arc]), heavy.posterior, heavy.detour


class ShowReport(StreamReport):
    """Facts of each record, its problems, what was asked for, its arcs; what kept a part from being had is an error of
    its record, behind all the rest."""

    def __init__(self, run: RunOptions, arcs: bool) -> None:
        super().__init__(run)
        self._arcs, self.silent = arcs, LatticeError if run.form == "table" else ()
        self.problems = 0

    def prepare(self, document: Document, found: Found) -> Any:
        """What is put out, and how many problems there are."""
        return super().prepare(document, found), 0 if isinstance(found, dict) else len(found[1].problems)

    def show(self, document: Document, prepared: Any) -> None:
        """One record, its problems counted."""
        ready, problems = prepared
        self.problems += problems
        super().show(document, ready)

    def objects(self, record: Document, result: Found) -> list[dict[str, Any]]:
        if isinstance(result, dict):
            return [{"id": record.id, "status": "ok", "read_as": "model", **result}]
        document, found, parts, error = result
        told = {"read_as": document.form, **asdict(found), **{name: part.records() for name, part in parts.items()}}
        told["scores"] = {name: document.scales.get(name, 1.0) for name in document.scores}
        if document.target is not None:
            told["target"] = target_record(document.target)
        if self._arcs:
            told["arcs_table"] = arc_listing(document.graph, document.names).records()
        if error is not None:
            error.told = told
            raise error
        return [{"id": document.id, "status": "ok", **told}]

    @property
    def headings(self) -> Sequence[str]:
        return ["id", "key", "value"]

    def columns(self, record: Document, result: Found) -> Iterator[Sequence[str]]:
        """A row a fact."""
        for key, value in self.objects(record, result)[0].items():
            if key not in ("id", "status"):
                yield [record.id, key, plain_text(value)]

    def printed(self, record: Document, result: Found) -> Iterator[Printed]:
        if isinstance(result, dict):
            yield from model_sheets(record.id, result)
            return
        document, found, parts, _ = result
        yield Sheet([(document.id, "text"), ("", "text")], _facts(document, found))
        yield from (f"problem: {problem}" for problem in found.problems)
        yield from (parts[name] for name in ("strip", "label_uses", "confusions", "heaviest") if name in parts)
        if self._arcs:
            scores = [(Field(name, name), column.tolist()) for name, column in document.scores.items()]
            yield arc_listing(document.graph, document.names, f"{document.id}: arcs", *scores)

    def fault(self, result: Found) -> LatticeError | None:
        return None if isinstance(result, dict) else result[3]


def _facts(document: Document, found: Inventory) -> list[tuple[str, str]]:
    labels = " ".join(label_text(label) for label in found.labels[:_LABELS_SHOWN])
    more = f" and {len(found.labels) - _LABELS_SHOWN} more" if len(found.labels) > _LABELS_SHOWN else ""
    facts = [
        ("read as", document.form or "-"),
        ("nodes", f"{found.nodes}, {found.useful_nodes} on a path"),
        ("arcs", f"{found.arcs}, {found.useful_arcs} on a path, {found.epsilon_arcs} epsilon"),
        ("start, final nodes", f"{found.starts}, {found.finals}"),
        ("kind", f"{'transducer' if found.transducer else 'acceptor'}, {'cyclic' if found.cyclic else 'acyclic'}"),
        ("labels", f"{len(found.labels)}: {labels}{more}" if found.labels else "0"),
        ("levels", "-" if found.levels is None else str(found.levels)),
        ("paths", "infinitely many" if found.paths is None else _count(found.paths)),
        ("best, worst energy", f"{number(found.best_energy)}, {number(found.worst_energy)}"),
    ]
    timed = document.times is not None
    facts.append(("density", f"{number(found.density, 4)} labelled arcs a {'second' if timed else 'level'}"))
    if document.scores:
        scales = ", ".join(f"{name} x {number(document.scales.get(name, 1.0))}" for name in document.scores)
        facts.append(("scores", scales))
    if document.target is not None:
        facts.append(("target", " then ".join(map(_target, steps_of(document.target)))))
    return facts


def _target(target: Right) -> str:
    if isinstance(target, TargetGraph):
        return f"{target}, {'with' if target.weighted else 'without'} energies"
    each = right_answers_of(target)
    return " or ".join(answer if isinstance(answer, str) else " ".join(map(label_text, answer)) for answer in each)


def _count(paths: int) -> str:
    """The exact number, and its size where it is long; the longest are left to --json."""
    digits = str(paths)
    if len(digits) <= _LONGEST_COUNT:
        return digits
    return f"about {digits[0]}.{digits[1:4]}e{len(digits) - 1} (exact with --json)"


def comparison(names: tuple[str, str], found: Comparison) -> Iterator[Printed]:
    """Two lattices side by side, then what only one of them has, then the arcs whose energies differ."""
    pair = (found.one, found.other)
    spelling = spelling_of(frozenset(label for side in pair for label in side.answer or ()))
    facts = (
        ("nodes", [str(side.nodes) for side in pair]),
        ("arcs", [str(side.arcs) for side in pair]),
        ("arcs that the other has not", [str(len(found.only_here)), str(len(found.only_there))]),
        ("labels that the other has not", [_listed(found.labels_here), _listed(found.labels_there)]),
        (
            "best answer",
            ["-" if side.answer is None else answer_text(side.answer, spelling.text(side.answer)) for side in pair],
        ),
        ("its energy", [number(side.energy) for side in pair]),
        (
            "its energy in the other",
            ["not in it" if side.elsewhere is None else number(side.elsewhere) for side in pair],
        ),
        ("free energy", [number(side.free_energy) for side in pair]),
    )
    yield Sheet([(name, "text") for name in ("", *names)], [(heading, *cells) for heading, cells in facts])
    for keys, name in ((found.only_here, names[0]), (found.only_there, names[1])):
        more = f", the first {_MOST_ROWS} of {len(keys)}" if len(keys) > _MOST_ROWS else ""
        yield Sheet(_ARC, [_arc(key) for key in keys[:_MOST_ROWS]], f"arcs only in {name}{more}")
    count = len(found.changed)
    have = "has another energy" if count == 1 else "have other energies"
    title = f"{counted(count, 'arc')} of both {have}, {found.same} the same; the largest first"
    changes = [
        (*_arc(each.arc), *map(number, (each.energy, each.other, each.other - each.energy)))
        for each in found.changed[:_MOST_ROWS]
    ]
    yield Sheet([*_ARC, *((name, "number") for name in (*names, "change"))], changes, title)
    if found.alike:
        yield "no difference"


def _listed(labels: list[str]) -> str:
    more = f" and {len(labels) - _MOST_ROWS} more" if len(labels) > _MOST_ROWS else ""
    return " ".join(map(label_text, labels[:_MOST_ROWS])) + more if labels else "none"


_ARC = (("from", "text"), ("to", "text"), ("label", "label"))


def _arc(key: Key) -> tuple[str, str, str]:
    tail, head, taken, said = key
    label = label_text(taken) if taken == said else f"{label_text(taken)}:{label_text(said)}"
    return str(tail), str(head), label
