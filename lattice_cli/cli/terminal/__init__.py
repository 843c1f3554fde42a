"""Process and screen: tables, JSON lines, progress, threads and memory.

growing_table     a table that is printed while it grows; numbers as text
json_lines        JSON lines
notes_said        notes of readers
page_shown        pages of Markdown, through a pager
process           threads, memory, garbage
progress          progress bars on standard error
standard_streams  closed, full and foreign standard streams; documents onto standard output
tables            the screen; labels and answers as text
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.cli.terminal.growing_table import GrowingTable, number
    from lattice_cli.cli.terminal.json_lines import write_json
    from lattice_cli.cli.terminal.notes_said import begin_notes, say_notes
    from lattice_cli.cli.terminal.page_shown import show_page
    from lattice_cli.cli.terminal.process import collect_seldom, keep_freed_memory, one_thread
    from lattice_cli.cli.terminal.progress import ProgressBar
    from lattice_cli.cli.terminal.standard_streams import STDOUT, complain, discard_output, open_streams, put
    from lattice_cli.cli.terminal.tables import TableConsole, answer_text, console, label_text, say

__getattr__ = lazy_names(__name__)
