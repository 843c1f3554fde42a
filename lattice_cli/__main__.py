"""The `lattice` command, as `python -m lattice_cli` and as the console script.

Modules take a moment to load. Ctrl-C before they have ends the process as it does later, without a word.
"""

from __future__ import annotations

import os
import signal
from typing import Any


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line and exit with its status."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # else whoever started this has said what Ctrl-C does
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from lattice_cli.cli.main import main as run

    signal.signal(signal.SIGINT, before)
    run(arguments)


if __name__ == "__main__":
    main()
