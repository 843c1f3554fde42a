"""Other systems' graphs: OpenFst, Kaldi, k2, GTN, HTK SLF, confusion networks, PFSG, Graphviz.

confusion_networks  SRILM's word meshes, Moses' PLF
dot                 Graphviz
gtn                 GTN text
k2                  k2 text
kaldi               Kaldi lattices from text
kaldi_writer        Kaldi lattices fitted, and as text
openfst             OpenFst text
pfsg                SRI's grammars with words on nodes
slf                 HTK SLF read
slf_syntax          its fields
slf_writer          HTK SLF written
text_graph          a graph from columns of text
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.formats.exchange.dot import arc_labels, dot_text

__getattr__ = lazy_names(__name__)
