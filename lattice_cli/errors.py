"""What can go wrong, and the exit status that says so.

    LatticeError            1   anything the tool reports itself
    |-- FormatError         3   a file that is not what it should be (file, line or arc in the message)
    |-- GraphError          3   columns that do not make a graph
    |-- UsageError          2   options that do not fit each other or the data
    |-- NoPath              1   sound input, but no answer; the message says why
    |-- Diverged            4   an infinite sum or a minimum that does not exist
    |-- NumericOverflow     4   a result beyond the range of float64
    |-- NotConverged        4   a solver that has not found what it looks for
    |-- TrainingFailed      4   a loss or a gradient that is no longer a number
    `-- CheckFailed         4   a numeric check did not hold

Messages are one sentence each: the culprit's name, what was found, what was expected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any


class LatticeError(Exception):
    """Base of every error the tool reports.

    exit_status: what the process ends with. status: what a record that ends in it is called in JSON. told: what its
    line of JSON has beside the message, key by key: how a search that found nothing went.
    """

    exit_status = 1
    status = "error"
    told: Mapping[str, Any] = MappingProxyType({})


class FormatError(LatticeError):
    """A file, record or option value that cannot be read as what it claims to be."""

    exit_status = 3
    status = "bad-data"


class GraphError(LatticeError):
    """Columns that do not describe a graph: an arc to a missing node, an infinite energy."""

    exit_status = 3
    status = "bad-data"


class UsageError(LatticeError):
    """Options that contradict each other, or that do not fit the data they are applied to."""

    exit_status = 2
    status = "usage"


class NoPath(LatticeError):
    """Sound input without an answer. The message says how far one can get and what stops it."""

    exit_status = 1
    status = "no-path"


class Diverged(LatticeError):
    """A sum over infinitely many paths that does not converge, or a cycle of negative energy.

    nodes: the graph's indices of the nodes concerned, so that whoever knows their names can say them. names: as they
    have been said, None as long as nobody has; of: what then has these nodes, if it is not the record.
    """

    exit_status = 4
    status = "diverged"

    def __init__(self, what: str, nodes: Sequence[int], names: Sequence[str] | None = None, of: str = "") -> None:
        super().__init__(what + listed_nodes([str(node) for node in nodes] if names is None else names, of))
        self.what = what
        self.nodes = list(nodes)
        self.names = names
        self.of = of

    def __reduce__(self) -> tuple[Any, ...]:
        """How it is sent from process to process: its arguments are not those it was made of."""
        return Diverged, (self.what, self.nodes, self.names, self.of), {"told": dict(self.told)}

    def at(self, names: Sequence[object]) -> Diverged:
        """The same with the names that a file gives its nodes in the message; `names` is indexed by node."""
        if self.names is not None:
            return self
        return Diverged(self.what, self.nodes, [str(names[node]) for node in self.nodes])


def counted(count: int, noun: str) -> str:
    """So many of something, for a message: "1 epoch", "2 epochs"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


#: So many of a list stand in a message.
_MOST = 12


def listed(names: Sequence[str]) -> str:
    """Names for a message, a few of them: a, b and 3 more."""
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more


def listed_nodes(names: Sequence[str], of: str = "") -> str:
    """Up to twelve nodes, for the end of a message. of: what has them, if that has to be said."""
    return f" (nodes {listed(names)}{f' of {of}' if of else ''})" if names else ""


class NumericOverflow(LatticeError):
    """A result that is finite but beyond the range of float64."""

    exit_status = 4
    status = "overflow"


class NotConverged(LatticeError):
    """A solver that has not found what it looks for within its steps. item: the row of its inputs."""

    exit_status = 4
    status = "diverged"

    def __init__(self, message: str, item: int) -> None:
        super().__init__(message)
        self.item = item


class CheckFailed(LatticeError):
    """A numeric check (finite differences, stationarity) that did not hold."""

    exit_status = 4


class TrainingFailed(LatticeError):
    """A loss or gradient that is no longer a finite number: which epoch, batch and record did it."""

    exit_status = 4
    status = "diverged"


def quoted(labels: Sequence[str]) -> str:
    """Labels for a message, a few of them: 'a', 'b' and 3 more."""
    return listed([repr(label) for label in labels]) if labels else "nothing"


def printable(text: str) -> str:
    """Text with control characters as escapes, so that data cannot steer a terminal."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
