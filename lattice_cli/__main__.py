"""The `lattice` command as `python -m lattice_cli`."""

from __future__ import annotations

from lattice_cli.cli.main import main

main()
