"""How chains of states with costs are put out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lattice_cli.cli.reports.fields import Field, Fields, Listing, small
from lattice_cli.cli.reports.reporting import Entry, StreamReport
from lattice_cli.cli.terminal import complain
from lattice_cli.errors import LatticeError

if TYPE_CHECKING:
    from lattice_cli.cli.stream import RunOptions
    from lattice_cli.graph import Document
    from lattice_cli.learning.chains import Checked, Fit, Solved


@dataclass(frozen=True, eq=False)
class ChainResult:
    """found: the chain. names: weights and states, whose gradients are reported. fit: how it was come by, None for as
    its file has it. check: the differences, if asked for."""

    found: Solved
    names: Sequence[str]
    fit: Fit | None
    check: Checked | None


_FIGURES = Fields(
    Field("steps", "steps", lambda result: result.found.chain.steps, shown=str),
    Field("cost", "cost", lambda result: result.found.total),
    Field("first_cost", "at first", lambda result: result.fit.costs[0]),
    Field("residual_z", "|dL/dz|", lambda result: float(abs(result.found.residuals[1]).max()), shown=small),
    Field("residual_lambda", "|dL/dlambda|", lambda result: float(abs(result.found.residuals[0]).max()), shown=small),
    Field("error", "error", lambda result: result.check.error, shown=small),
)


class ChainReport(StreamReport):
    """A row a chain, and below it its states with their multipliers, and the gradient by weights and first states."""

    fields = _FIGURES

    def __init__(self, run: RunOptions, checked: bool, fitted: bool) -> None:
        idle = {key for key, asked in (("error", checked), ("first_cost", fitted)) if not asked}
        self.fields = Fields(*(each for each in _FIGURES if each.key not in idle))
        super().__init__(run)
        self.failed = False

    def entries(self, document: Document, result: ChainResult) -> Iterator[Entry]:
        yield Entry(result, {"states": _states(document.id, result), "gradients": _gradients(document.id, result)})

    def prepare(self, document: Document, result: ChainResult) -> Any:
        """What is put out, and whether its gradients differ from their differences."""
        return super().prepare(document, result), result.check is not None and result.check.failed

    def show(self, document: Document, prepared: Any) -> None:
        """One chain."""
        ready, failed = prepared
        super().show(document, ready)
        if failed:
            self.failed = True
            complain(f"{document.id}: the gradient check failed")

    def fault(self, result: Any) -> LatticeError | None:
        """None: a failed check is said, and the status tells of it."""
        return None


def _states(name: str, result: ChainResult) -> Listing:
    found, chain = result.found, result.found.chain
    fields = [Field("k", "k", 0, shown=str)]
    columns: list[list[Any]] = [list(range(chain.steps + 1))]
    for kind, table in (("", found.z), ("lambda ", found.multipliers)):
        for place, state in enumerate(chain.states):
            fields.append(Field(f"{kind}{state}".replace(" ", "_"), f"{kind}{state}", len(columns)))
            columns.append(table[:, place].tolist())
    fields.append(Field("cost", "cost", len(columns)))
    columns.append(found.costs.tolist())
    for weight in chain.weights:
        if weight not in chain.shared:
            fields.append(Field(f"gradient_{weight}", f"dL/d{weight}", len(columns)))
            columns.append([*found.by_weight[weight].tolist(), None])
    return Listing(Fields(*fields), list(zip(*columns)), f"{name}: states and multipliers")


def _gradients(name: str, result: ChainResult) -> Listing:
    found, chain, rows = result.found, result.found.chain, list[tuple[Any, ...]]()
    values, gradient = chain.theta(result.names), found.gradient(result.names)
    place = 0
    by_step = any(each in chain.weights and each not in chain.shared for each in result.names)
    for each in result.names:
        count = 1 if each not in chain.weights or each in chain.shared else chain.steps
        for step in range(count):
            at = [step if count > 1 else None] if by_step else []
            differences = [] if result.check is None else [float(result.check.gradient[place])]
            rows.append((each, *at, float(values[place]), float(gradient[place]), *differences))
            place += 1
    steps = [Field("k", "k", 1, shown=lambda k: "" if k is None else str(k))] if by_step else []
    keys = ["value", "gradient", *([] if result.check is None else ["difference"])]
    fields = [Field("name", "name", 0, "text", str), *steps]
    fields += [Field(key, key, column) for column, key in enumerate(keys, len(fields))]
    return Listing(Fields(*fields), rows, f"{name}: gradients by weights and first states")
