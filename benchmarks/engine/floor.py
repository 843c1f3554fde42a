"""The C floor: limit.c, float64, one thread, over arrays that are already in order; compiled where there is gcc."""

from __future__ import annotations

import ctypes
import pathlib
import shutil
import subprocess
import tempfile
from typing import Any

import numpy as np
from workloads import Columns, members


def compiled_floor() -> ctypes.CDLL | None:
    """limit.c as a library, or None without gcc."""
    gcc = shutil.which("gcc")
    if gcc is None:
        return None
    source = pathlib.Path(__file__).with_name("limit.c")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "limit.so")
        flags = ["-O3", "-march=native", "-shared", "-fPIC"]
        subprocess.run([gcc, *flags, str(source), "-o", str(path), "-lm"], check=True)
        library = ctypes.CDLL(str(path))
    library.ref_viterbi.restype = library.ref_forward.restype = ctypes.c_double
    library.ref_kbest.restype = ctypes.c_int64
    return library


class Floor:
    """limit.c, called for one member of a union after the other."""

    name = "C"

    def __init__(self, library: ctypes.CDLL, made: Columns, count: int = 10) -> None:
        self._library = library
        self._members = [self._member(member, count) for member in members(made)]

    def _member(self, made: Columns, count: int) -> dict[str, Any]:
        nodes, arcs, finals = int(made["n_states"]), len(made["src"]), np.atleast_1d(made["finals"])
        member: dict[str, Any] = {
            "nodes": nodes,
            "arcs": arcs,
            "start": int(made["start"]),
            "finals": len(finals),
            "src": np.ascontiguousarray(made["src"], dtype=np.int32),
            "dst": np.ascontiguousarray(made["dst"], dtype=np.int32),
            "energy": np.ascontiguousarray(made["energy"], dtype=np.float64),
            "final": finals.astype(np.int64),
            "final_energy": np.zeros(len(finals)),
            "offsets": np.zeros(nodes + 1, np.int64),
            "entering": np.zeros(arcs, np.int32),
            "alpha": np.zeros(nodes),
            "gradient": np.zeros(arcs),
            "path": np.zeros(nodes, np.int32),
            "length": np.zeros(1, np.int64),
            "count": count,
            "best": np.zeros(count),
            "longest": nodes,
        }
        self._call("ref_csr", member, "nodes arcs dst offsets entering")
        return member

    def _call(self, name: str, member: dict[str, Any], arguments: str, *more: Any) -> float:
        values = [
            ctypes.c_void_p(value.ctypes.data) if isinstance(value, np.ndarray) else ctypes.c_int64(value)
            for value in (member[argument] for argument in arguments.split())
        ]
        return float(getattr(self._library, name)(*values, *more) or 0.0)

    def viterbi(self) -> np.ndarray:
        which = "nodes arcs src dst energy start finals final final_energy path length"
        return np.array([self._call("ref_viterbi", member, which) for member in self._members])

    def forward(self) -> np.ndarray:
        which = "nodes arcs src energy offsets entering start finals final final_energy alpha"
        return np.array([self._call("ref_forward", member, which) for member in self._members])

    def gradients(self) -> np.ndarray:
        which = "nodes arcs src energy offsets entering finals final final_energy alpha"
        for member, total in zip(self._members, self.forward().tolist()):
            # The last two arguments are the total and where the gradient goes.
            pointer = ctypes.c_void_p(member["gradient"].ctypes.data)
            self._call("ref_backward", member, which, ctypes.c_double(total), pointer)
        return np.concatenate([member["gradient"] for member in self._members])

    def n_best(self) -> np.ndarray:
        which = "nodes arcs src energy offsets entering start finals final final_energy count best"
        found = []
        for member in self._members:
            paths = np.zeros(member["count"] * member["longest"], np.int32)
            lengths = np.zeros(member["count"], np.int64)
            pointers = [ctypes.c_void_p(array.ctypes.data) for array in (paths, lengths)]
            self._call("ref_kbest", member, which, pointers[0], ctypes.c_int64(member["longest"]), pointers[1])
            found.append(member["best"])
        return np.concatenate(found)
