"""Documents to text and files. A file appears whole or not at all."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shutil
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.errors import FormatError, all_seen
from lattice_cli.formats.io.lossy import WriteOptions, Written
from lattice_cli.formats.io.values import target_record
from lattice_cli.graph import EPSILON, Document, KnownFactor, emission_graph
from lattice_cli.remote import RemoteFile, is_remote

#: From this many arcs on labels are written as positions in the label list.
_INDEXED_ARCS = 1000
_LONG_KEY = 100
#: So much of the name of a file has its temporary one, which may be no longer than names may be.
_BEGINNING = 60
#: What it ends in, as tempfile has it.
_RANDOM = "[a-z0-9_]{8}"
#: Compiled when first used, which takes 4 ms.
_NOT_IN_YAML = "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"


def as_record(document: Document, matrices: bool = False) -> dict[str, Any]:
    """The native document, version 1, with its arcs in columns; reading it gives the same graph to the last bit.

    matrices: a chain of steps with an arc for every label is written as an emission matrix.
    """
    if matrices and is_matrix(document):
        return _emission_record(document)
    graph, names = document.graph, list(document.names)
    record: dict[str, Any] = {"lattice": 1, "id": document.id}
    if document.target is not None:
        record["target"] = target_record(document.target)
    if document.blank is not None:
        record["blank"] = document.blank
    record["start"] = _ends(graph.start, names)
    record["final"] = _ends(graph.final, names)
    tails, heads = [names[node] for node in graph.src.tolist()], [names[node] for node in graph.dst.tolist()]
    if document.times is not None or not _inferred(names, tails, heads, graph.starts, graph.finals):
        record["nodes"] = names
    if document.times is not None:
        record["times"] = [None if np.isnan(time) else time for time in document.times.tolist()]
    if document.scales:
        record["scales"] = dict(document.scales)
    by_position = graph.arcs >= _INDEXED_ARCS
    if by_position:
        record["labels"] = graph.labels[1:]
    columns: dict[str, Any] = {"from": tails, "to": heads}
    if np.array_equal(graph.ilabel, graph.olabel):
        columns["label"] = _label_column(graph.ilabel, graph.labels, by_position)
    else:
        columns["input"] = _label_column(graph.ilabel, graph.labels, by_position)
        columns["output"] = _label_column(graph.olabel, graph.labels, by_position)
    if document.scores:
        columns["scores"] = {name: column.tolist() for name, column in document.scores.items()}
    else:
        columns["energy"] = graph.energy.tolist()
    record["arcs"] = columns
    if document.factors:
        record["factors"] = factor_records(document)
    return record


def factor_records(document: Document) -> list[dict[str, Any]]:
    """The entries of `factors` of a record that knows what it was composed of."""
    return [_factor_record(factor) for factor in document.factors]


def _factor_record(factor: KnownFactor) -> dict[str, Any]:
    graph, names = factor.graph, factor.names
    labels = [[graph.labels[label] or None for label in column.tolist()] for column in (graph.ilabel, graph.olabel)]
    same = labels[0] == labels[1]
    columns = {
        "arc": factor.number.tolist(),
        "from": [names[node] for node in graph.src.tolist()],
        "to": [names[node] for node in graph.dst.tolist()],
        **({"label": labels[0]} if same else {"input": labels[0], "output": labels[1]}),
        "energy": graph.energy.tolist(),
    }
    return {
        "name": factor.name,
        "source": factor.source,
        "weight": factor.weight,
        "arcs": columns,
        "arc": [None if arc < 0 else int(factor.number[arc]) for arc in factor.arc.tolist()],
        "node": [names[node] for node in factor.node.tolist()],
    }


def is_matrix(document: Document) -> bool:
    """True if reading the emission matrix of a graph gives that graph."""
    graph, classes = document.graph, len(document.graph.labels) - 1
    steps = graph.nodes - 1
    if (
        document.scores
        or document.factors
        or document.times is not None
        or list(document.names) != list(range(graph.nodes))
    ):
        return False
    if steps < 1 or classes < 1 or graph.arcs != steps * classes:
        return False
    like = emission_graph(graph.energy.reshape(steps, classes), graph.labels)
    columns = ("src", "dst", "ilabel", "olabel", "start", "final")
    return all(np.array_equal(getattr(graph, name), getattr(like, name)) for name in columns)


def _emission_record(document: Document) -> dict[str, Any]:
    graph = document.graph
    target = {} if document.target is None else {"target": target_record(document.target)}
    matrix = graph.energy.reshape(graph.nodes - 1, -1).tolist()
    blank = {} if document.blank is None else {"blank": document.blank}
    return {"lattice": 1, "id": document.id, **target, "labels": graph.labels[1:], **blank, "emissions": matrix}


def _label_column(label: IntArray, labels: tuple[str, ...], by_position: bool) -> list[Any]:
    if by_position:
        return [None if number == EPSILON else number - 1 for number in label.tolist()]
    return [None if number == EPSILON else labels[number] for number in label.tolist()]


def _ends(column: FloatArray, names: list[int | str]) -> Any:
    """Start or final nodes: a node, a list of nodes, or a mapping where energies are not 0."""
    nodes = np.flatnonzero(np.isfinite(column)).tolist()
    if (column[nodes] != 0).any() or np.signbit(column[nodes]).any():
        return {str(names[node]): float(column[node]) for node in nodes}
    return names[nodes[0]] if len(nodes) == 1 else [names[node] for node in nodes]


def _inferred(names: list[Any], tails: list[Any], heads: list[Any], starts: IntArray, finals: IntArray) -> bool:
    """True if a reader finds the same nodes in the same order without being told."""
    used = dict.fromkeys([names[node] for node in starts.tolist()])
    for tail, head in zip(tails, heads):
        used[tail] = used[head] = None
    used.update(dict.fromkeys(names[node] for node in finals.tolist()))
    if all(isinstance(name, int) for name in used):
        return sorted(used) == names
    return list(used) == names


def json_line(value: Any) -> str:
    """A value as one line of JSON: full float precision, and an error rather than a NaN."""
    return all_seen(json.dumps(value, ensure_ascii=False, allow_nan=False))


def _yaml_value(value: Any) -> str:
    """JSON, with the characters escaped that YAML does not take as they are, and `?` before keys too long for it."""
    if isinstance(value, dict):
        pairs = [(json_line(key), _yaml_value(inner)) for key, inner in value.items()]
        return "{" + ", ".join(f"{'? ' * (len(key) > _LONG_KEY)}{_escaped(key)}: {inner}" for key, inner in pairs) + "}"
    return _escaped(json_line(value))


def _escaped(text: str) -> str:
    return re.sub(_NOT_IN_YAML, lambda found: f"\\u{ord(found[0]):04x}", text)


def yaml_text(document: Document) -> str:
    """A document as YAML: JSON flow style inside block keys. Quoted labels stay labels, numbers keep every digit."""
    record = as_record(document)
    columns = record.pop("arcs")
    lines = [f"{key}: {_yaml_value(value)}" for key, value in record.items()]
    lines += ["arcs:", *(f"  {key}: {_yaml_value(value)}" for key, value in columns.items())]
    return "\n".join(lines) + "\n"


def write_json(document: Document, options: WriteOptions) -> Written:
    """A document as a line of JSON."""
    return Written((json_line(as_record(document, options.matrices)) + "\n").encode())


def write_yaml(document: Document, options: WriteOptions) -> Written:
    """A document as YAML."""
    return Written(yaml_text(document).encode())


def is_device(path: str) -> bool:
    """True for a pipe, a terminal, /dev/null, or standard output by its name, whatever that is."""
    target = Path(path)
    return path.startswith("/dev/") or (target.exists() and not target.is_file() and not target.is_dir())


def require_place(path: str) -> None:
    """Raises FormatError where a file cannot be written: what takes long asks before, not after. Of a URL that shows
    when it is written."""
    if is_device(path) or is_remote(path):
        return
    folder = _target(path).parent
    if Path(path).is_dir():
        raise FormatError(f"{path}: cannot write: it is a folder")
    if not folder.is_dir():
        raise FormatError(f"{path}: cannot write: its folder does not exist")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise FormatError(f"{path}: cannot write: its folder may not be written to")


def _target(path: str) -> Path:
    """What is written: a link stays a link. Raises FormatError for links in a circle."""
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise FormatError(f"{path}: cannot write: {os.strerror(errno.ELOOP)}")
    return target


def _unfinished(name: str, process: int) -> str:
    """How the temporary name of a file begins: it says whose it is."""
    return f".{name[:_BEGINNING]}.{process}."


def unfinished_name(name: str, process: int) -> re.Pattern[str]:
    """The temporary names that a process gives a file of this name until it is whole."""
    return re.compile(re.escape(_unfinished(name, process)) + _RANDOM)


def remove_unfinished(paths: Iterable[str]) -> None:
    """Remove what processes that are no more have left of these files, which nobody else must be writing."""
    folders: dict[str, set[str]] = {}
    for path in paths:
        folder, name = os.path.split(path)
        folders.setdefault(folder, set()).add(name[:_BEGINNING])
    temporary = re.compile(rf"\.(.+)\.[0-9]+\.{_RANDOM}", re.DOTALL)
    for folder, names in folders.items():
        for entry in os.scandir(folder or ".") if os.path.isdir(folder or ".") else ():
            match = temporary.fullmatch(entry.name)
            if match and match[1] in names:
                Path(entry.path).unlink(missing_ok=True)


class _Named(io.FileIO):
    """A file whose faults name what it is to be."""

    def __init__(self, handle: int, path: str) -> None:
        super().__init__(handle, "wb")
        self._path = path

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            error.filename = self._path
            raise


class WholeFile:
    """A file that is there whole or not at all: written under another name beside it, then renamed by `keep`.

    A file that is replaced leaves its mode, and its owner as far as the system lets it. One that has several names
    (hard links) is to keep them: then what is whole is copied into it. A device or a pipe has no wholeness to keep, and
    is written at once. What is not kept is removed at the end.
    """

    def __init__(self, path: str) -> None:
        """Raises FormatError where it cannot be written."""
        self.path, self._target = path, _target(path)
        self._temporary: str | None = None
        try:
            if is_device(path):
                self.file: IO[bytes] = open(path, "wb")  # noqa: SIM115
            else:
                import tempfile

                handle, self._temporary = tempfile.mkstemp(
                    prefix=_unfinished(self._target.name, os.getpid()), dir=self._target.parent
                )
                self.file = io.BufferedWriter(_Named(handle, path))
        except OSError as error:
            raise FormatError(f"{path}: cannot write: {error.strerror or error}") from None

    def keep(self) -> None:
        """It is whole. Raises FormatError if the last of it cannot be written."""
        try:
            self.file.close()
            if self._temporary is None:
                return
            if self._names() > 1:
                with open(self._temporary, "rb") as whole, open(self._target, "wb") as several:
                    shutil.copyfileobj(whole, several)
                return
            _with_rights_of(self._target, self._temporary)
            os.replace(self._temporary, self._target)
            self._temporary = None
        except OSError as error:
            raise FormatError(f"{self.path}: cannot write: {error.strerror or error}") from None

    def _names(self) -> int:
        """How many names the file has that is there now."""
        try:
            return self._target.stat().st_nlink
        except FileNotFoundError:
            return 0

    def __enter__(self) -> WholeFile:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self.file.close()
        if self._temporary is not None:
            Path(self._temporary).unlink(missing_ok=True)


def _with_rights_of(old: Path, new: str) -> None:
    """Give a file mode and owner of the one that it replaces; if there is none, the mode of any new file."""
    try:
        found = old.stat()
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(new, 0o666 & ~umask)
        return
    mode = stat.S_IMODE(found.st_mode)
    own = os.stat(new)
    if (own.st_uid, own.st_gid) != (found.st_uid, found.st_gid):
        try:
            os.chown(new, found.st_uid, found.st_gid)
        except OSError:
            mode &= ~(stat.S_IRWXG | stat.S_ISUID | stat.S_ISGID)  # they were meant for another group, or as another
    os.chmod(new, mode)


def whole_file(path: str) -> WholeFile | RemoteFile:
    """A file that is there whole or not at all, here or at a URL. Raises FormatError, UsageError."""
    return RemoteFile(path) if is_remote(path) else WholeFile(path)


def write_whole(path: str, data: bytes) -> None:
    """Write a file so that it is there whole or not at all. Raises FormatError."""
    with whole_file(path) as whole:
        try:
            whole.file.write(data)
        except OSError as error:
            raise FormatError(f"{path}: cannot write: {error.strerror or error}") from None
        whole.keep()
