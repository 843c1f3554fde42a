"""What the command line says of itself; imported when help is asked for.

blocks     which options stand together in --help, which ones -h has, which pages go further
help_text  -h, one screen, and --help, everything
topics     the pages that `lattice help TOPIC` shows
versions   what a report has to say of the program and what it runs on
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.cli.help.blocks import BLOCKS, BRIEF, OF_COMMAND, PAGES
    from lattice_cli.cli.help.help_text import brief, full, pairs
    from lattice_cli.cli.help.topics import Topic, read_topic, topic_names
    from lattice_cli.cli.help.versions import version_lines

__getattr__ = lazy_names(__name__)
