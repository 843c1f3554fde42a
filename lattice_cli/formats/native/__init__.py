"""The tool's own documents: JSON and YAML, columns in .npz, inputs of recognisers.

arcs      its arcs: rows, mappings, vector arcs, columns
document  the native document
factors   where the arcs of a composition come from
inputs    inputs of recognisers
npz       columns in binary
streams   streams of native documents, cut into records
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.formats.native.npz import ALIGNMENT, GRAMMAR, arrays_of, document_of
    from lattice_cli.formats.native.streams import ModelFile

__getattr__ = lazy_names(__name__)
