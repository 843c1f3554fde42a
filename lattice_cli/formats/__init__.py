"""Files to records and back: one registry of forms, and what reads and writes each.

binary/          binary files of other systems
io/              bytes, values and options that all forms share
native/          the tool's own documents
matrices/        emission matrices
exchange/        other systems' graphs
notations/       other systems' grammars
config_file      YAML into frozen dataclasses, strictly
model_file       models and checkpoints as .npz
reading          files to records, as they arrive
references       reference files
registry         the one list of forms: name, endings, signature, reader, writer
results          lines of viterbi --json read back
sentences        texts as streams of sentences
sniffing         what form a file has
target_lattices  lattices of right answers
text_drawing     small graphs drawn in text
writing          records to files
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.formats.config_file import bind, config_lines, overridden, read_config
    from lattice_cli.formats.model_file import (
        StoredModel,
        model_of,
        read_checkpoint,
        read_model,
        read_model_if_one,
        write_checkpoint,
        write_model,
    )
    from lattice_cli.formats.reading import form_of_file, read_inputs, read_one, read_records, split_records
    from lattice_cli.formats.references import Reference, References, read_references
    from lattice_cli.formats.registry import Format, numbered, readable, writable
    from lattice_cli.formats.results import Answered, read_results, read_threshold
    from lattice_cli.formats.sentences import Sentence, split_sentences
    from lattice_cli.formats.text_drawing import sketch
    from lattice_cli.formats.writing import form_of, write_documents, write_encoded

__getattr__ = lazy_names(__name__)
