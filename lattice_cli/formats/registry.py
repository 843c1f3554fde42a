"""The forms of files and what reads and writes each: one table, which the options of the commands are made of too.

A new form is its module and its line here. Code is named and loaded when it is used, so that the table costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from lattice_cli.formats.io import Pause, RawPart, ReadOptions, Source, WriteOptions, Written
    from lattice_cli.graph import Document, Inputs


class Format(NamedTuple):
    """A form of files.

    name:      as --format and --to have it; note: what it holds, for help.
    endings:   of the names of its files.
    signature: a regular expression that its first bytes match; "": its bytes leave open what they are.
    also:      forms that text with this signature may be in as well: then the name of the file decides.
    by_name:   whether a name that ends so tells the form where the first bytes leave it open.
    read:      makes the document of a file that holds one, of its text (bytes, if binary), a source, an id and options.
    split:     instead of `read`: cuts a Source into parts, of a path and options; of a form that holds many records.
    write:     makes a document, with options, what is Written.
    several:   whether a file that is written holds several documents, with `between` between them.
    binary:    whether it is no text. numbered: whether labels can be written as numbers, with a table of symbols.
    spelling:  how labels spell words, one of SPLITS, where systems with this form have it one way.

    Code is named `.module:function`, where the module is one of lattice_cli.formats.
    """

    name: str
    note: str = ""
    endings: tuple[str, ...] = ()
    signature: bytes = b""
    also: tuple[str, ...] = ()
    by_name: bool = True
    read: str = ""
    split: str = ""
    write: str = ""
    several: bool = False
    between: bytes = b""
    binary: bool = False
    numbered: bool = False
    spelling: str = "auto"

    @property
    def reader(self) -> Callable[[Any, str, str, ReadOptions], Document | Inputs]:
        """What `read` names."""
        return loaded(self.read)

    @property
    def splitter(self) -> Callable[[Source, str, ReadOptions], Iterator[RawPart | Pause]]:
        """What `split` names."""
        return loaded(self.split)

    @property
    def writer(self) -> Callable[[Document, WriteOptions], Written]:
        """What `write` names."""
        return loaded(self.write)


def loaded(name: str) -> Callable[..., Any]:
    """What `module:function` names, imported now."""
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(import_module(module, "lattice_cli.formats"), function)
    return found


_SPACE = rb"[\xef\xbb\xbf \t\r\n]*"
#: A mapping or a list; words of word lists and dictionaries may begin with a brace or a bracket as well.
_JSON = _SPACE + rb"(\{\s*([\"'}]|$)|\[\s*([\[{\"\]0-9]|(true|false|null)\b|-[0-9]|$))"
_SLF = rb"(\s*#[^\n]*\n|\s)*(VERSION|V|UTTERANCE|U|base|lmname|lmscale|wdpenalty|start|NODES|N)\s*="
#: A key, and under it a row that ends with graph and acoustic costs, or is a final node's.
_KALDI = rb"\s*[^\s=:]+[ \t]*\r?\n[0-9]+[ \t]+[0-9]+([ \t]+[^\s,]+){1,2}[ \t]+[-+.0-9eE]+,[-+.0-9eE]+(,[0-9_]*)?\s"
#: A key and a matrix in brackets behind it, as Kaldi prints it; not the key of a mapping.
_KALDI_MATRIX = rb"\s*[^\s=:{[]*[^\s=:{[,][ \t]+\[[ \t]*(\r?\n|\]|[-+.0-9])"
#: A key, and behind it the mark of Kaldi's binary objects or OpenFst's magic number.
_KALDI_BINARY = rb"\s*[^\s\0]+[ \t](\0B|\xd6\xfd\xb2\x7e)"
_SCP = rb"\s*\S+[ \t]+\S+\.ark:[0-9]+[ \t]*(\[[0-9:,]*\])?[ \t]*\r?(\n|$)"
_MESH = _SPACE + rb"(name[ \t][^\n]*\n\s*)?(numaligns|version[ \t]+[0-9]+\s+(name|initial))\s"
_PLF = _SPACE + rb"\(\s*\(\s*(\(\s*['\"]|\)\s*,)"
_PFSG = _SPACE + rb"name[ \t][^\n]*\n\s*nodes[ \t]+[0-9]"
_ARPA = rb"(?s:.*?\n)?\\data\\\s*\n\s*ngram\s"

#: Name -> form, in the order they are listed in.
FORMATS = {
    form.name: form
    for form in (
        Format("json", "", (".json",), _JSON, ("jsonl", "yaml"), False, split=".native.streams:split_json",
               write=".io.files:write_json"),
        Format("jsonl", "", (".jsonl",), split=".native.streams:split_jsonl", write=".io.files:write_json",
               several=True),
        Format("yaml", "", (".yaml", ".yml"), split=".native.streams:split_yaml",
               write=".io.files:write_yaml", several=True, between=b"---\n"),
        Format("npz", "", (".npz",), rb"PK\x03\x04", split=".native.streams:split_npz",
               write=".native.npz:write_npz", binary=True),
        Format("npy", "emission matrix: chains of vector arcs only", (".npy",), rb"\x93NUMPY",
               read=".matrices.npy:read_npy", write=".matrices.npy:write_npy", binary=True),
        Format("matrix", "emission matrix in lines of text: csv, tsv, numpy's savetxt", (".csv", ".tsv"),
               read=".matrices.text_matrix:read_rows"),
        Format("slf", "HTK SLF: named scores acoustic, lm, ngram, pronunciation, duration, x1 to x9, words",
               (".slf", ".lat"), _SLF, split=".exchange.slf:split_slf",
               write=".exchange.slf_writer:write_slf", several=True, spelling="words"),
        Format("att", "OpenFst text: labels as text, or numbers and a table (--write-symbols)", (".att", ".fst.txt"),
               split=".exchange.openfst:split_att", write=".exchange.openfst:write_att", numbered=True),
        Format("fst", "OpenFst binary, standard arcs (float32); symbol tables inside (or --write-symbols)", (".fst",),
               rb"\xd6\xfd\xb2\x7e", by_name=False, read=".binary.fst_documents:read_fst",
               write=".binary.fst_documents:write_fst", binary=True, numbered=True),
        Format("fst64", "the same with log64 arcs, which are float64", (".fst64",), by_name=False,
               read=".binary.fst_documents:read_fst", write=".binary.fst_documents:write_fst64", binary=True,
               numbered=True),
        Format("gtn", "GTN text: weight = -energy; labels: whole numbers (or --write-symbols)", (".gtn", ".gtn.txt"),
               read=".exchange.gtn:read_gtn", write=".exchange.gtn:write_gtn", numbered=True),
        Format("k2", "k2 text: score = -energy; the same", (".k2", ".k2.txt"),
               rb"\s*k2\.Fsa(Vec)?: ", split=".exchange.k2:split_k2", write=".exchange.k2:write_k2", numbered=True),
        Format("kaldi", "Kaldi text archive: named scores graph and acoustic; words are whole numbers "
               "(or --write-symbols)", (".ark", ".ark.txt", ".lat.txt"), rb"(" + _KALDI + rb"|" + _KALDI_MATRIX + rb")",
               split=".binary.kaldi_archives:split_archive", write=".exchange.kaldi_writer:write_kaldi", several=True,
               numbered=True, spelling="words"),
        Format("kaldi-binary", "Kaldi binary archive: the same; float64 where costs are no float32", (".lats",),
               _KALDI_BINARY, by_name=False, split=".binary.kaldi_archives:split_archive",
               write=".binary.kaldi_lattices:write_kaldi_binary", several=True, binary=True, numbered=True,
               spelling="words"),
        Format("scp", "", (".scp",), _SCP, split=".binary.kaldi_archives:split_scp", spelling="words"),
        Format("dot", "Graphviz", (".dot", ".gv"), write=".exchange.dot:write_dot", several=True),
        Format("mesh", "", (".mesh",), _MESH, read=".exchange.confusion_networks:read_mesh", spelling="words"),
        Format("plf", "", (".plf",), _PLF, split=".exchange.confusion_networks:split_plf", spelling="words"),
        Format("pfsg", "", (".pfsg",), _PFSG, read=".exchange.pfsg:read_pfsg", spelling="words"),
        Format("words", "", (".txt",), read=".notations.word_list:word_list"),
        Format("dict", "", (".dict", ".dic"), read=".notations.pronunciations:read_dictionary"),
        Format("arpa", "", (".arpa", ".lm"), _ARPA, read=".notations.arpa:read_arpa_grammar"),
        Format("jsgf", "", (), _SPACE + rb"#JSGF", read=".notations.jsgf:read_jsgf_grammar"),
        Format("fsg", "", (), _SPACE + rb"(#[^\n]*\n\s*)*FSG_BEGIN", read=".notations.fsg:read_fsg_grammar"),
    )
}  # fmt: skip


def readable() -> dict[str, Format]:
    """Name -> form, of those that can be read."""
    return {name: form for name, form in FORMATS.items() if form.read or form.split}


def writable() -> dict[str, Format]:
    """Name -> form, of those that can be written."""
    return {name: form for name, form in FORMATS.items() if form.write}


def numbered() -> list[str]:
    """The names of the forms with numbers for labels."""
    return [name for name, form in FORMATS.items() if form.numbered]
