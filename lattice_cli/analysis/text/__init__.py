"""Measures of sequences of words: how likely a text is, which entities tags mark, how close translations are.

bleu             corpus BLEU
entities         spans that BIO and IOBES tags mark; precision, recall, F1
sentence_scores  the energy of a sentence under a model of language, word by word
text_models      models that score sentences: n-grams and networks asked, graphs
                 composed with
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.analysis.text.bleu import Bleu
    from lattice_cli.analysis.text.entities import Entities, EntityScore
    from lattice_cli.analysis.text.sentence_scores import SentenceScore, TextScore
    from lattice_cli.analysis.text.text_models import AskedModel, GraphModel, TextModel, text_model

__getattr__ = lazy_names(__name__)
