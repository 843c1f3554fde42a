"""Other systems' grammars: word lists, dictionaries, ARPA, JSGF, FSG, regular expressions.

arpa                ARPA n-grams
arpa_rows           their rows, many at once
compiled_ngrams     n-grams as arrays that are mapped
expression_builder  pieces that regex and JSGF are built of
fsg                 Sphinx FSG
jsgf                JSGF
pronunciations      CMUdict
regular_expression  regular expressions over labels
word_list           word lists and tries
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.formats.notations.arpa import UNKNOWN, read_arpa
    from lattice_cli.formats.notations.compiled_ngrams import is_ngrams, ngrams_of, read_ngrams, write_ngrams
    from lattice_cli.formats.notations.fsg import read_fsg
    from lattice_cli.formats.notations.jsgf import jsgf_rules, read_jsgf
    from lattice_cli.formats.notations.word_list import WORD_KEYS, word_grammar, words_of

__getattr__ = lazy_names(__name__)
