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
    |-- CheckFailed         4   a numeric check did not hold
    |-- WorkerLost          4   a process, or a cluster, that could not be started or ended before its work did
    `-- InternalError      70   a fault of the tool itself

Messages are one sentence each: the culprit's name, what was found, what was expected.
"""

from __future__ import annotations

import re
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

    def __reduce__(self) -> tuple[Any, ...]:
        """How it goes from process to process: whatever it is made of, its message and its fields are what it is."""
        return _revived, (type(self), self.args, self.__dict__)


def _revived(kind: type[LatticeError], arguments: tuple[Any, ...], fields: Mapping[str, Any]) -> LatticeError:
    """An error as it was, without making it anew."""
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(fields)
    return error


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


class WorkerLost(LatticeError):
    """A process that could not be started, or ended before its work did, killed for want of memory, say; or a cluster
    that is not there."""

    exit_status = 4
    status = "worker-lost"


class InternalError(LatticeError):
    """What nobody has foreseen: a fault of the tool and not of its input. trace: where it happened, as Python tells."""

    exit_status = 70  # EX_SOFTWARE of sysexits.h
    status = "internal-error"

    def __init__(self, message: str, trace: str = "") -> None:
        super().__init__(message)
        self.trace = trace


def unforeseen(error: BaseException, place: str = "") -> InternalError:
    """What is said of an exception that nobody has foreseen. place: what was worked on, for the message."""
    import traceback

    what = " ".join(str(error).split())
    said = f"internal error: {type(error).__name__}{f': {what}' if what else ''}{f' ({place})' if place else ''}"
    report = "please report it with the command and the smallest input (lattice --version)"
    return InternalError(f"{said}; {report}", "".join(traceback.format_exception(error)))


def error_of(error: Exception, place: str = "") -> LatticeError:
    """An exception as the tool tells it; what the machine refused is raised again: whoever asked for it tells of it.

    Raises OSError, MemoryError.
    """
    if isinstance(error, LatticeError):
        return error
    if isinstance(error, (OSError, MemoryError)):
        raise error
    return unforeseen(error, place)


def quoted(labels: Sequence[str]) -> str:
    """Labels for a message, a few of them: 'a', 'b' and 3 more."""
    return listed([repr(label) for label in labels]) if labels else "nothing"


#: Characters that JSON leaves as they are, and that a terminal obeys or turns what follows around by: delete, the
#: controls C1, and those of the bidirectional algorithm (Unicode's UAX #9).
UNSEEN = "[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"


def all_seen(text: str) -> str:
    """JSON with such characters as its escapes, which read back as what they stand for."""
    if text.isascii() and "\x7f" not in text:
        return text
    return re.sub(UNSEEN, lambda found: f"\\u{ord(found[0]):04x}", text)


def printable(text: str) -> str:
    """Text with control characters as escapes, so that data cannot steer a terminal."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
