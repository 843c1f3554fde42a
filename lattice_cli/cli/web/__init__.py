"""Pages for a browser: files that are whole in themselves, load nothing and send nothing.

evaluation_view  an evaluation as a report
lattice_view     lattices to be looked at: what lattice.js draws
page             the frame of a page: its policy, its script, data and text that cannot become markup
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.cli.web.evaluation_view import Aligned, Curve, PageTable, evaluation_page
    from lattice_cli.cli.web.lattice_view import lattice_data, lattice_page

__getattr__ = lazy_names(__name__)
