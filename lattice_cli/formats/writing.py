"""Documents to files in the form that the name of the file asks for.

A form turns one document into bytes, and says what it could not hold. A file of several documents is those bytes one
after the other, in the forms that hold several.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence

from lattice_cli.errors import UsageError
from lattice_cli.formats.io import WriteOptions, is_device, write_whole
from lattice_cli.formats.registry import FORMATS, Format, writable
from lattice_cli.graph import Document


def form_of(path: str) -> Format:
    """The form that the name of a file asks for. Raises UsageError for another ending."""
    if is_device(path):
        return FORMATS["jsonl"]
    name = path.removesuffix(".gz").lower()
    for form in writable().values():
        if name.endswith(form.endings):
            return form
    endings = ", ".join(form.endings[0] for form in writable().values())
    raise UsageError(f"{path}: cannot tell the form from the name, expected {endings} (or with .gz)")


def write_documents(path: str, documents: Iterable[Document], matrices: bool = False) -> None:
    """Write documents to a file in the form its name asks for, any of them with .gz.

    Raises UsageError for another ending, for several documents where the form holds one, and for a document that the
    form cannot hold whole.
    """
    form, options = form_of(path), WriteOptions(matrices=matrices)
    parts = []
    for document in documents:
        written = form.writer(document, options)
        if written.losses:
            how = "lattice convert --lossy writes the rest"
            raise UsageError(f"{path}: {document.id}: {form.name} cannot hold {'; '.join(written.losses)}; {how}")
        parts.append(written.data)
    write_encoded(path, form, parts)


def write_encoded(path: str, form: Format, parts: Sequence[bytes]) -> None:
    """Write documents that are bytes by now to a file. Raises UsageError for more than the form holds."""
    if len(parts) != 1 and not form.several:
        several = ", ".join(name for name, other in writable().items() if other.several)
        raise UsageError(f"{path}: {len(parts)} graphs for a file that holds one; {several} hold several")
    data = form.between.join(parts)
    write_whole(path, gzip.compress(data, mtime=0) if path.endswith(".gz") else data)
