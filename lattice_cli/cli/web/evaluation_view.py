"""An evaluation as a page: its tables as they are printed, the reject curve as a picture, the worst records in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lattice_cli.cli.terminal import label_text
from lattice_cli.cli.web.page import page, text

_WIDTH, _HEIGHT, _EDGE = 560, 300, 48
#: Error rates that a curve may go up to.
_SCALES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True)
class PageTable:
    """A table. columns: (heading, kind), a kind of GrowingTable. rows: texts, one a column."""

    title: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[str]]

    def markup(self) -> str:
        """As HTML."""
        kinds = ["number" if kind == "number" else "" for _, kind in self.columns]
        head = "".join(_cell("th", name, kind, ' scope="col"') for (name, _), kind in zip(self.columns, kinds))
        rows = ["".join(_cell("td", cell, kind) for cell, kind in zip(row, kinds)) for row in self.rows]
        body = "\n".join(f"<tr>{row}</tr>" for row in rows)
        return f"{_heading(self.title)}<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


@dataclass(frozen=True)
class Curve:
    """Errors against rejection. points: (reject rate, error rate), of all records, from the least rejection on; at: the
    one that stays within the limit, None if none does; limit: an error rate."""

    points: Sequence[tuple[float, float]]
    at: int | None
    limit: float

    def markup(self) -> str:
        """As an inline image."""
        if not self.points:
            return ""
        highest = max(self.limit, *(error for _, error in self.points))
        most = next(rate for rate in _SCALES if rate >= highest)

        def x(rate: float) -> float:
            return _EDGE + rate * (_WIDTH - 2 * _EDGE)

        def y(rate: float) -> float:
            return _HEIGHT - _EDGE - rate / most * (_HEIGHT - 2 * _EDGE)

        line = " ".join(f"{x(reject):.1f},{y(error):.1f}" for reject, error in self.points)
        across = [_tick(x(rate), _HEIGHT - _EDGE + 18, "middle", rate) for rate in (0, 0.25, 0.5, 0.75, 1)]
        up = [_tick(_EDGE - 8, y(rate) + 4, "end", rate) for rate in (0, most / 2, most)]
        rules = [f'<line class="rule" x1="{x(0)}" x2="{x(1)}" y1="{y(r):.1f}" y2="{y(r):.1f}"/>' for r in (0, most / 2)]
        limit = f'<line class="limit" x1="{x(0)}" x2="{x(1)}" y1="{y(self.limit):.1f}" y2="{y(self.limit):.1f}"/>'
        chosen = ""
        if self.at is not None:
            reject, error = self.points[self.at]
            chosen = (
                f'<circle cx="{x(reject):.1f}" cy="{y(error):.1f}" r="5"/>'
                f'<text x="{x(reject):.1f}" y="{y(error) - 11:.1f}" text-anchor="{"end" if reject > 0.5 else "start"}">'
                f"{100 * reject:.2f} % rejected, "
                f"{100 * error:.2f} % error</text>"
            )
        told = "Error rate against reject rate: the answers that are least sure are rejected first"
        return (
            f'{_heading("errors against rejection")}<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'aria-label="{told}">{"".join([*rules, *across, *up])}{limit}'
            f'<polyline points="{line}"/>{chosen}'
            f'<text class="axis" x="{_WIDTH / 2}" y="{_HEIGHT - 6}" text-anchor="middle">rejected</text>'
            f'<text class="axis" x="{_EDGE}" y="{_EDGE - 26}" text-anchor="middle">error</text></svg>'
        )


@dataclass(frozen=True)
class Aligned:
    """A record: its id, how many errors there are, what else is said of it, and the pairs of its alignment."""

    id: str
    errors: int
    told: str
    pairs: Sequence[tuple[str | None, str | None]]


def evaluation_page(
    title: str, parts: Sequence[PageTable | Curve | str], worst: Sequence[Aligned], wrong: int, joined: bool
) -> str:
    """The page. parts: in order. worst: the records with most errors, of `wrong` that have any. joined: labels are
    characters, which stand without white space between."""
    shown = [f"<h1>{text(title)}</h1>"]
    shown += [f"<p>{text(part)}</p>" if isinstance(part, str) else part.markup() for part in parts]
    if worst:
        count = f"{wrong}" if len(worst) == wrong else f"the {len(worst)} worst of {wrong}"
        shown.append(_heading(f"records with errors: {count}"))
        shown.append(
            '<p class="quiet">Marked: <del>of the reference</del> <ins>of the answer</ins></p><table class="records">'
            '<thead><tr><th scope="col">id</th><th scope="col" class="number">errors</th>'
            '<th scope="col">reference and answer</th></tr></thead><tbody>'
        )
        shown += [_record(each, "" if joined else " ") for each in worst]
        shown.append("</tbody></table>")
    return page(title, f"<main>{chr(10).join(shown)}</main>", ("page.css", "report.css"))


def _record(record: Aligned, between: str) -> str:
    words = between.join(_pair(*pair) for pair in record.pairs)
    told = f' <span class="quiet">{text(record.told)}</span>' if record.told else ""
    return (
        f'<tr><td><bdi>{text(record.id)}</bdi>{told}</td><td class="number">{record.errors}</td>'
        f'<td class="aligned">{words}</td></tr>'
    )


def _pair(reference: str | None, answer: str | None) -> str:
    if reference == answer:
        return f"<bdi>{text(answer or '')}</bdi>"
    missing = "" if reference is None else f"<del><bdi>{text(_visible(reference))}</bdi></del>"
    said = "" if answer is None else f"<ins><bdi>{text(_visible(answer))}</bdi></ins>"
    return missing + said


def _visible(label: str) -> str:
    return "␣" if label == " " else label_text(label)


def _heading(title: str) -> str:
    return f"<h2>{text(title)}</h2>" if title else ""


def _cell(tag: str, content: str, kind: str, more: str = "") -> str:
    chosen = f' class="{kind}"' if kind else ""
    return f"<{tag}{chosen}{more}><bdi>{text(content)}</bdi></{tag}>"


def _tick(x: float, y: float, anchor: str, rate: float) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{100 * rate:.3g} %</text>'
