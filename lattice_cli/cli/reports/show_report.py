"""How show puts out what it finds inside of a lattice, and what is different between two."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lattice_cli.cli.terminal.tables import GrowingTable, answer_text, label_text, number, say

if TYPE_CHECKING:
    from lattice_cli.analysis import Anatomy, Comparison, Key
    from lattice_cli.graph import Document


_BAR = 20
_MOST_ROWS = 20


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


def add_parts(found: dict[str, Any], document: Document, parts: Parts) -> None:
    """What was asked for, as values, added to `found`. Raises NoPath, Diverged; GraphError with all but the confusions
    found."""
    from lattice_cli.analysis import Anatomy

    anatomy = Anatomy(document, parts.beta)
    if parts.strip:
        found["strip"] = [asdict(strip) for strip in anatomy.strips()]
    if parts.labels:
        found["label_uses"] = [asdict(use) for use in anatomy.labels()]
    if parts.heaviest:
        found["heaviest"] = _heaviest(document, anatomy, parts.heaviest)
    if parts.confusions:
        found["confusions"] = [
            {"word": slot.word, "choices": [list(choice) for choice in slot.choices]}
            for slot in anatomy.slots(parts.least)
        ]


def _heaviest(document: Document, anatomy: Anatomy, count: int) -> list[dict[str, Any]]:
    graph = document.graph
    found = []
    for heavy in anatomy.heaviest(count):
        arc = heavy.arc
        label = graph.labels[graph.olabel[arc]] if graph.olabel[arc] else None
        ends = [document.names[node] for node in (int(graph.src[arc]), int(graph.dst[arc]))]
        energy = float(graph.energy[arc])
        shown = {"arc": arc, "from": ends[0], "to": ends[1], "label": label, "energy": energy}
        found.append({**shown, "posterior": heavy.posterior, "detour": heavy.detour})
    return found


def print_parts(out: Any, document: Document, found: dict[str, Any], parts: Parts) -> None:
    """The tables of what was asked for."""
    at = f"{document.id}: "
    for name, table in (
        ("strip", _print_strip),
        ("label_uses", _print_labels),
        ("confusions", _print_confusions),
        ("heaviest", _print_heaviest),
    ):
        if name in found:
            table(out, at, found[name], parts)


def _print_strip(out: Any, at: str, strips: list[dict[str, Any]], parts: Parts) -> None:
    if not strips:
        say(out, f"{at}no strip chart: without times levels are needed, and cycles have none")
        return
    headings = [("from", "number"), ("to", "number"), ("nodes", "number"), ("arcs", "number"), ("", "name")]
    headings += [("entropy", "number"), ("best path", "label")]
    rows = GrowingTable(out, headings, f"{at}arcs along its length", every=0)
    most = max(strip["arcs"] for strip in strips) or 1
    for strip in strips:
        bar = "█" * round(_BAR * strip["arcs"] / most)
        numbers = [number(strip["begin"], 4), number(strip["end"], 4), str(strip["nodes"]), str(strip["arcs"])]
        said = " ".join(map(label_text, strip["labels"]))
        rows.add(*numbers, bar, number(strip["entropy"], 3), said)
    rows.flush()


def _print_labels(out: Any, at: str, uses: list[dict[str, Any]], parts: Parts) -> None:
    headings = [("label", "label"), ("arcs", "number"), ("expected", "number"), ("detour", "number")]
    rows = GrowingTable(
        out, headings, f"{at}labels, how often an answer has them, and what insisting on them costs", every=0
    )
    for use in uses:
        rows.add(label_text(use["label"]), str(use["arcs"]), number(use["expected"], 4), number(use["detour"], 4))
    rows.flush()


def _print_confusions(out: Any, at: str, slots: list[dict[str, Any]], parts: Parts) -> None:
    title = f"{at}what stands at each place of the best answer, posteriors of {parts.least:g} or more"
    rows = GrowingTable(out, [("best", "label"), ("posterior", "number"), ("instead", "text")], title, every=0)
    for slot in slots:
        choices = dict(slot["choices"])
        others = [
            f"{'-' if label is None else label_text(label)} {number(mass, 3)}"
            for label, mass in choices.items()
            if label != slot["word"]
        ]
        own = "-" if slot["word"] is None else label_text(slot["word"])
        rows.add(own, number(choices.get(slot["word"], 0.0), 4), ", ".join(others))
    rows.flush()


def _print_heaviest(out: Any, at: str, arcs: list[dict[str, Any]], parts: Parts) -> None:
    numbers = ("energy", "posterior", "detour")
    headings = [("arc", "number"), ("from", "text"), ("to", "text"), ("label", "label")]
    rows = GrowingTable(out, [*headings, *((name, "number") for name in numbers)], f"{at}the heaviest arcs", every=0)
    for arc in arcs:
        cells = [str(arc["arc"]), str(arc["from"]), str(arc["to"]), label_text(arc["label"])]
        rows.add(*cells, *(number(arc[name]) for name in numbers))
    rows.flush()


def print_comparison(out: Any, names: tuple[str, str], found: Comparison) -> None:
    """Two lattices side by side, then what only one of them has, then the arcs whose energies differ."""
    rows = GrowingTable(out, [("", "text"), *((name, "text") for name in names)], every=0)
    pair = (found.one, found.other)
    joined = all(len(label) == 1 for side in pair for label in side.answer or [])
    for heading, cells in (
        ("nodes", [str(side.nodes) for side in pair]),
        ("arcs", [str(side.arcs) for side in pair]),
        ("arcs that the other has not", [str(len(found.only_here)), str(len(found.only_there))]),
        ("labels that the other has not", [_listed(found.labels_here), _listed(found.labels_there)]),
        ("best answer", ["-" if side.answer is None else answer_text(side.answer, joined) for side in pair]),
        ("its energy", [number(side.energy) for side in pair]),
        (
            "its energy in the other",
            ["not in it" if side.elsewhere is None else number(side.elsewhere) for side in pair],
        ),
        ("free energy", [number(side.free_energy) for side in pair]),
    ):
        rows.add(heading, *cells)
    rows.flush()
    for keys, name in ((found.only_here, names[0]), (found.only_there, names[1])):
        _print_arcs(out, keys, f"only in {name}")
    if found.changed:
        title = f"{len(found.changed)} arcs of both have other energies, {found.same} the same; the largest first"
        headings = [("from", "text"), ("to", "text"), ("label", "label")]
        table = GrowingTable(
            out, [*headings, *((name, "number") for name in names), ("change", "number")], title, every=0
        )
        for change in found.changed[:_MOST_ROWS]:
            numbers = (change.energy, change.other, change.other - change.energy)
            table.add(*_arc(change.arc), *(number(value) for value in numbers))
        table.flush()
    if found.alike:
        say(out, "no difference")


def _listed(labels: list[str]) -> str:
    more = f" and {len(labels) - _MOST_ROWS} more" if len(labels) > _MOST_ROWS else ""
    return " ".join(map(label_text, labels[:_MOST_ROWS])) + more if labels else "none"


def _print_arcs(out: Any, keys: list[Key], title: str) -> None:
    if not keys:
        return
    more = f", the first {_MOST_ROWS} of {len(keys)}" if len(keys) > _MOST_ROWS else ""
    rows = GrowingTable(out, [("from", "text"), ("to", "text"), ("label", "label")], f"arcs {title}{more}", every=0)
    for key in keys[:_MOST_ROWS]:
        rows.add(*_arc(key))
    rows.flush()


def _arc(key: Key) -> tuple[str, str, str]:
    tail, head, taken, said = key
    label = label_text(taken) if taken == said else f"{label_text(taken)}:{label_text(said)}"
    return str(tail), str(head), label
