"""A command that a copy of the first process of `warm` runs; as a program, the command `lattice` for shells.

It is started once for each command of a page, so it imports little.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence


class Running:
    """`python -m lattice_cli` with arguments, an environment, a folder and three files as standard streams, begun.

    address: where the first process listens. code: Python that is run instead of the module, as `python -c` does.
    """

    def __init__(
        self,
        address: str,
        arguments: Sequence[str],
        env: Mapping[str, str],
        cwd: str | os.PathLike[str],
        streams: Sequence[int],
        code: str = "",
    ) -> None:
        os.umask(mask := os.umask(0))
        told = json.dumps([list(arguments), dict(env), os.path.abspath(cwd), mask, code]).encode()
        self._report = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._report.connect(address)
        socket.send_fds(self._report, [len(told).to_bytes(8, "big")], list(streams))
        self._report.sendall(told)

    def wait(self, timeout: float | None = None) -> int:
        """Its status, or minus the number of the signal that ended it."""
        self._report.settimeout(timeout)
        with self._report:
            told = self._report.recv(64)
        assert told, "the first process is gone"
        return int(told)


if __name__ == "__main__":
    status = Running(sys.argv[1], sys.argv[2:], os.environ, ".", [0, 1, 2]).wait()
    if status < 0:
        os.kill(os.getpid(), -status)
    sys.exit(status)
