"""Pictures of graphs: as DOT, as images that Graphviz makes of it, drawn in text, or as a page for a browser."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lattice_cli.analysis import Picture
from lattice_cli.cli.stream import Item
from lattice_cli.cli.terminal import complain, number, put
from lattice_cli.cli.web import lattice_data, lattice_page
from lattice_cli.errors import FormatError, LatticeError, UsageError, printable
from lattice_cli.formats import sketch
from lattice_cli.formats.exchange import dot_text
from lattice_cli.formats.io import require_place, write_whole
from lattice_cli.graph import Document

_ENDINGS = {
    ".txt": "text", ".dot": "dot", ".gv": "dot", ".svg": "svg", ".png": "png", ".pdf": "pdf",
    ".html": "html", ".htm": "html",
}  # fmt: skip
_MOST_ARCS = 200


def form_of(output: str | None, form: str | None) -> str:
    """The form of a drawing: as asked for, by the name of the file, or for a terminal text and for a pipe DOT.

    Raises UsageError.
    """
    if form is not None:
        return form
    if output is None:
        return "text" if sys.stdout.isatty() else "dot"
    ending = Path(output).suffix.lower()
    if ending not in _ENDINGS:
        raise UsageError(f"{output}: cannot tell the form from the name, expected {', '.join(_ENDINGS)}, or --to")
    return _ENDINGS[ending]


class Drawing:
    """Draws pictures, one after the other; a file appears whole."""

    def __init__(self, output: str | None, form: str, beta: float, most_arcs: int) -> None:
        """beta: of the posteriors. most_arcs: of all the graphs of a page."""
        self._output = None if output == "-" else output
        self._form = form
        self._beta = beta
        self._parts: list[bytes] = []
        self._on_page: list[tuple[str, str]] = []
        self._most_arcs, self._arcs = most_arcs, 0
        if self._output is not None:
            require_place(self._output)
        if form not in ("text", "dot"):
            if form != "html":
                require_graphviz(form)
            if self._output is None and sys.stdout.isatty():
                raise UsageError(f"{form} is not for a terminal, expected -o FILE")

    def require_size(self, arcs: int) -> None:
        """Raises UsageError for more arcs than are drawn."""
        if self._form == "html" and arcs > self._most_arcs:
            raise UsageError(
                f"{arcs} arcs are too many for a page, at most {self._most_arcs}; expected fewer (lattice prune "
                "--beam NATS), or --max-arcs N"
            )

    def prepare(self, document: Document, result: Picture) -> tuple[list[str], int, str]:
        """What is missing in a picture, its arcs, and the picture in text, DOT, or as a page has it."""
        told = []
        if result.why:
            missing = "posteriors" if result.best else "a best path"
            told.append(f"{document.id}: drawn without {missing}: {result.why}")
        if result.unfound:
            told.append(f"{document.id}: drawn without the reference: {result.unfound}")
        arcs = result.document.graph.arcs
        self.require_size(arcs)
        if self._form == "html":
            return told, arcs, lattice_data(result, self._beta)
        return told, arcs, text_of(result) if self._form == "text" else styled(result)

    def show(self, document: Document, prepared: tuple[list[str], int, str]) -> None:
        """One picture. Raises UsageError for a second image, for too many arcs, or what Graphviz cannot draw."""
        told, arcs, picture = prepared
        if self._form == "html":
            self._arcs += arcs
            self.require_size(self._arcs)
        for each in told:
            complain(each)
        if self._form == "html":
            self._on_page.append((document.id, picture))
            return
        image = self._form not in ("text", "dot")
        if image and self._parts:
            raise UsageError(f"{document.id}: an image is of one graph; text, dot and html hold several")
        self._parts.append(graphviz(picture.encode(), self._form) if image else picture.encode())
        if self._output is None:
            put(self._parts[-1])

    def fail(self, record: Item, error: LatticeError) -> None:
        """A record that cannot be read is not drawn."""

    def finish(self) -> None:
        """Files are written at the end, by `write`."""

    def write(self) -> None:
        """Write the file that was asked for, whole; a page has its end with the last graph, wherever it goes."""
        if self._on_page:
            page = lattice_page(self._on_page)
            if self._output is None:
                put(page)
            self._parts.append(page.encode())
        if self._output is not None and self._parts:
            write_whole(self._output, b"".join(self._parts))


def text_of(result: Picture) -> str:
    """A drawing in text, and a line about its best path. Raises UsageError for a graph that is too large for it."""
    document, best = result.document, result.best
    if document.graph.arcs > _MOST_ARCS:
        raise UsageError(
            f"{document.graph.arcs} arcs are too many for a drawing in text; expected --to dot, svg, png or html"
        )
    drawn = sketch(document, best.arcs if best else ())
    legend = "" if best is None else f"━ best path, energy {number(best.energy)}"
    return f"{printable(document.id)}\n{drawn}{legend}\n"


def styled(result: Picture) -> str:
    """DOT: an arc is as wide and as dark as it is likely, and red on the best path."""
    best: Sequence[int] = result.best.arcs if result.best else ()
    if result.posterior is None:
        return dot_text(
            result.document, [_BEST if arc in set(best) else "" for arc in range(result.document.graph.arcs)]
        )
    marked = set(best)
    attributes = []
    for arc, share in enumerate(result.posterior.tolist()):
        share = min(max(share, 0.0), 1.0)
        shade = (
            f"0.000 {0.4 + 0.6 * share:.3f} 0.850" if arc in marked else f"0.600 {share:.3f} {0.75 - 0.15 * share:.3f}"
        )
        attributes.append(f' color="{shade}" penwidth={0.5 + 3.5 * share:.3f} tooltip="posterior {share:.6g}"')
    return dot_text(result.document, attributes)


_BEST = ' color="0.000 0.900 0.850"'


def require_graphviz(form: str) -> None:
    """Raises UsageError where Graphviz is not there."""
    if shutil.which("dot") is None:
        raise UsageError(
            f"{form} is made by Graphviz, but there is no command dot: expected it installed, or --to html"
        )


def graphviz(source: bytes, form: str) -> bytes:
    """The image that Graphviz makes. Raises FormatError with its own words."""
    done = subprocess.run(["dot", f"-T{form}"], input=source, capture_output=True, check=False)
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().split("\n")[0]
        raise FormatError(f"Graphviz cannot draw this: {words}")
    return done.stdout
