"""The `lattice` command as `python -m lattice_cli`."""

from lattice_cli.cli.main import main

main()
