"""What the user says about how input files are to be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lattice_cli.errors import UsageError

#: Field -> the option that says it, and what it is said of.
OPTIONS = {
    "labels": ("--labels", "matrices"),
    "units": ("--logp, --log10, --prob and --logits", "matrices"),
    "scales": ("--scale", "graphs"),
    "node_words": ("--node-words", "slf"),
    "keep_tags": ("--keep-tags", "slf and kaldi"),
    "isymbols": ("--symbols or --isymbols", "forms with numbers for labels"),
    "osymbols": ("--symbols, --osymbols or --words", "forms with numbers for labels"),
    "epsilon": ("--epsilon", "att and kaldi"),
    "acceptor": ("--acceptor or --transducer", "att"),
}
#: What is said of matrices.
MATRIX_OPTIONS = ("labels", "units")


@dataclass(frozen=True)
class ReadOptions:
    """format: a name of registry.FORMATS, or auto. labels: path of the labels of a matrix' columns. units: what the
    numbers of matrices are, a key of matrices.UNITS. scales: weights of named scores. node_words: which links a word on
    an SLF node belongs to (auto, start, end). keep_tags: sentence tags of SLF files are labels, not epsilon. isymbols,
    osymbols: paths of the symbol tables of files with numbers for labels. acceptor: whether four columns in OpenFst
    text end with a weight, or with an output label; None: as can be told. epsilon: the label that is epsilon in text
    graphs whose labels are words; None: <eps>, or what the table has for 0. encoding: of text; None: UTF-8. split: how
    labels spell words, one of SPLITS or auto. inputs: what a recogniser works on is wanted too, beside graphs.
    as_grammar: a grammar is wanted, so that a word list is what it seems to be. models: what a trained model stands
    for: its grammar, itself, or nothing (refused)."""

    format: str = "auto"
    labels: str | None = None
    units: str = "energies"
    scales: Mapping[str, float] = field(default_factory=dict)
    node_words: str = "auto"
    keep_tags: bool = False
    isymbols: str | None = None
    osymbols: str | None = None
    acceptor: bool | None = None
    epsilon: str | None = None
    encoding: str | None = None
    split: str = "auto"
    inputs: bool = False
    as_grammar: bool = False
    models: str = "grammar"

    def require_unused(self, fields: Iterable[str], source: str, found: str) -> None:
        """Raises UsageError for the first of these fields that is set. found: what the source is, which has no use for
        them."""
        for name in fields:
            if getattr(self, name) != getattr(_UNSET, name):
                option, of = OPTIONS[name]
                option = f"--{self.units}" if name == "units" else option
                raise UsageError(f"{source}: {found}: {option} makes no difference, it is for {of}")


_UNSET = ReadOptions()
