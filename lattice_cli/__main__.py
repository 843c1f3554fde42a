"""`python -m lattice_cli` is the `lattice` command."""

from lattice_cli.cli.main import main

main()
