"""The forms documents are written in: one list of them, which names what each is called and what it can hold.

A form turns one document into bytes, and says what it could not hold. A file of several documents is those bytes one
after the other, in the forms that hold several.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lattice_cli.errors import UsageError
from lattice_cli.formats.io.files import as_record, is_device, json_line, write_whole, yaml_text
from lattice_cli.formats.io.lossy import WriteOptions, Written
from lattice_cli.formats.io.options import ReadOptions
from lattice_cli.graph.record import Document


@dataclass(frozen=True)
class Form:
    """name: as --to has it. endings: of files in this form. encode: a document in this form. several: whether a file
    holds several documents, with `between` between them. binary: whether it is no text. note: a line of help."""

    name: str
    endings: tuple[str, ...]
    encode: Callable[[Document, WriteOptions], Written]
    note: str
    several: bool = False
    between: bytes = b""
    binary: bool = False


def _json(document: Document, options: WriteOptions) -> Written:
    return Written((json_line(as_record(document, options.matrices)) + "\n").encode())


def _yaml(document: Document, options: WriteOptions) -> Written:
    return Written(yaml_text(document).encode())


def _npz(document: Document, options: WriteOptions) -> Written:
    from lattice_cli.formats.native.npz import write_npz

    return Written(write_npz(document))


def _npy(document: Document, options: WriteOptions) -> Written:
    from lattice_cli.formats.native.npy import write_npy

    return write_npy(document, options)


def _slf(document: Document, options: WriteOptions) -> Written:
    from lattice_cli.formats.exchange.slf_writer import write_slf

    return write_slf(document, options)


def _att(document: Document, options: WriteOptions) -> Written:
    from lattice_cli.formats.exchange.openfst import write_att

    return write_att(document, options)


def _gtn(document: Document, options: WriteOptions) -> Written:
    from lattice_cli.formats.exchange.gtn import write_gtn

    return write_gtn(document, options)


def _k2(document: Document, options: WriteOptions) -> Written:
    from lattice_cli.formats.exchange.k2 import write_k2

    return write_k2(document, options)


def _kaldi(document: Document, options: WriteOptions) -> Written:
    from lattice_cli.formats.exchange.kaldi import write_kaldi

    return write_kaldi(document, options)


def _dot(document: Document, options: WriteOptions) -> Written:
    from lattice_cli.formats.exchange.dot import write_dot

    return write_dot(document, options)


FORMS = {
    form.name: form
    for form in (
        Form("json", (".json",), _json, "native"),
        Form("jsonl", (".jsonl",), _json, "native, a document a line", several=True),
        Form("yaml", (".yaml", ".yml"), _yaml, "native", several=True, between=b"---\n"),
        Form("npz", (".npz",), _npz, "native, binary", binary=True),
        Form("npy", (".npy",), _npy, "emission matrix", binary=True),
        Form("slf", (".slf", ".lat"), _slf, "HTK Standard Lattice Format"),
        Form("att", (".att", ".fst.txt"), _att, "OpenFst text"),
        Form("gtn", (".gtn", ".gtn.txt"), _gtn, "GTN text"),
        Form("k2", (".k2", ".k2.txt"), _k2, "k2 text"),
        Form("kaldi", (".ark", ".ark.txt", ".lat.txt"), _kaldi, "Kaldi text archive", several=True),
        Form("dot", (".dot", ".gv"), _dot, "Graphviz", several=True),
    )
}
_NATIVE = ("json", "jsonl", "yaml", "npz")


def form_of(path: str) -> Form:
    """The form that the name of a file asks for. Raises UsageError for another ending."""
    if is_device(path):
        return FORMS["jsonl"]
    name = path.removesuffix(".gz").lower()
    for form in FORMS.values():
        if name.endswith(form.endings):
            return form
    endings = ", ".join(form.endings[0] for form in FORMS.values())
    raise UsageError(f"{path}: cannot tell the form from the name, expected {endings} (or with .gz)")


def write_documents(path: str, documents: Iterable[Document], matrices: bool = False) -> None:
    """Write documents to a file in the form its name asks for, any of them with .gz.

    Raises UsageError for another ending, for several documents where the form holds one, and for a document that the
    form cannot hold whole.
    """
    form, options = form_of(path), WriteOptions(matrices=matrices)
    parts = []
    for document in documents:
        written = form.encode(document, options)
        if written.losses:
            how = "lattice convert --lossy writes the rest"
            raise UsageError(f"{path}: {document.id}: {form.name} cannot hold {'; '.join(written.losses)}; {how}")
        parts.append(written.data)
    write_encoded(path, form, parts)


def write_encoded(path: str, form: Form, parts: Sequence[bytes]) -> None:
    """Write documents that are bytes by now to a file. Raises UsageError for more than the form holds."""
    if len(parts) != 1 and not form.several:
        several = ", ".join(name for name, other in FORMS.items() if other.several)
        raise UsageError(f"{path}: {len(parts)} graphs for a file that holds one; {several} hold several")
    data = form.between.join(parts)
    write_whole(path, gzip.compress(data, mtime=0) if path.endswith(".gz") else data)


def grammar_document(form: str, text: str, source: str, record_id: str) -> Document:
    """A grammar that another system wrote, as `lattice grammar` builds it without further options."""
    if form == "dict":
        from lattice_cli.formats.notations.pronunciations import dictionary, pronunciations

        return dictionary(pronunciations(text, source), source, record_id)
    if form == "arpa":
        from lattice_cli.formats.notations.arpa import arpa_model
        from lattice_cli.grammars.ngram_automaton import exact

        graph = exact(arpa_model(text, source))
    elif form == "jsgf":
        from lattice_cli.formats.notations.jsgf import read_jsgf

        graph = read_jsgf(text, source)
    else:
        from lattice_cli.formats.notations.fsg import read_fsg

        graph = read_fsg(text, source)
    return Document(graph, record_id, source, range(graph.nodes))


def column_reader(form: str) -> Callable[[str, str, str, ReadOptions], Document]:
    """The reader of att (OpenFst), gtn or k2 text: of a text, its source, an id, and the options."""
    if form == "att":
        from lattice_cli.formats.exchange.openfst import read_att

        return read_att
    if form == "gtn":
        from lattice_cli.formats.exchange.gtn import read_gtn

        return read_gtn
    from lattice_cli.formats.exchange.k2 import read_k2

    return read_k2
