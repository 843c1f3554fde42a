"""Records through a command: read, solved in batches, reported in order, in one process or several.

manifest     what a folder of results knows of itself
outcomes     the outcomes of all records, in order
output_file  results into a file, whole or not at all
patterns     patterns for names, folders of results
report       records, outcomes, what a report is
run          read, solve in batches, report in order; the exit status
run_options  keep going, colour, processes, JSON
shards       a file of results for each input
share_read   how much of the inputs has been read
tally        what becomes of outcomes
work         what is done with records, wherever it is done
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.cli.stream.manifest import digest_of, file_digest
    from lattice_cli.cli.stream.output_file import delivered
    from lattice_cli.cli.stream.patterns import expanded
    from lattice_cli.cli.stream.report import Item
    from lattice_cli.cli.stream.run import (
        require_one_stdin,
        require_rows_only,
        run_records,
        write_records,
    )
    from lattice_cli.cli.stream.run_options import RunOptions, RunPart, Shards, names_folder
    from lattice_cli.cli.stream.work import OneByOne, noting_grammars

__getattr__ = lazy_names(__name__)
