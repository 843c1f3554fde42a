"""What streams of records are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from lattice_cli.errors import LatticeError
from lattice_cli.formats.io import Failure, Pause, RawPart, ReadOptions
from lattice_cli.graph import Document, Inputs

if TYPE_CHECKING:
    from lattice_cli.formats import Answered
    from lattice_cli.formats.native import ModelFile


#: What streams are made of; only evaluate reads answers, only recognize inputs, and only show models.
Item: TypeAlias = "Document | Inputs | Answered | ModelFile | Failure"
Read: TypeAlias = "Callable[[str, ReadOptions], Iterator[Item | RawPart | Pause]]"
#: A batch of records -> a result for each.
Solve: TypeAlias = Callable[..., Sequence[Any]]
#: The number of an input, from 1 on; a record of it; and the result as the report wants it, or the error in its place.
Outcome: TypeAlias = "tuple[int, Item, Any]"


class Report(Protocol):
    """Where results go.

    A report may have a method `prepare(record, result)`: the part of showing a result that needs nothing of what came
    before it. It is called where the record was solved, which may be another process, and `show` gets what it returns.
    One whose results may lie in a file for each input has the `ending` of their names.
    """

    def show(self, document: Any, result: Any) -> None:
        """One result. May raise a LatticeError for a result that is none."""

    def fail(self, record: Item, error: LatticeError) -> None:
        """A record without a result."""

    def finish(self) -> None:
        """Everything that was kept back."""


def prepared(report: Report, record: Item, result: Any) -> Any:
    """A result as `report.show` wants it."""
    prepare = getattr(report, "prepare", None)
    return result if prepare is None else prepare(record, result)
