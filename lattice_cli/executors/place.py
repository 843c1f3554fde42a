"""Where work is done."""

from __future__ import annotations

import os
from dataclasses import dataclass

#: What stands for the ranks of MPI in place of an address.
MPI = "mpi"


@dataclass(frozen=True)
class Place:
    """jobs: processes of this machine. cluster: the address of Dask's scheduler, the JSON file that it wrote, or "mpi";
    None: this machine."""

    jobs: int = 1
    cluster: str | None = None

    @property
    def here(self) -> bool:
        """True where this process does all by itself."""
        return self.jobs == 1 and self.cluster is None


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
