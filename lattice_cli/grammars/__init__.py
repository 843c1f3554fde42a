"""What an answer may be and what it costs: lexicons, n-grams, CTC, hot words; as graphs, or asked word by word.

context_automaton  the part of a context grammar that a graph reaches (on-the-fly
                   expansion)
ctc                CTC: topology by pairs or as a tree, and a grammar expanded by it
                   directly
edit_automaton     Scorer: the edit distance to the nearest of some answers
hot_words          contextual biasing: gains for words of a list
lexicon            word lists and pronunciations as tries and loops of words
ngrams/            back-off n-grams
recursion/         rules that call rules
rescoring          a graph composed with a scorer
scorer             Scorer: a deterministic on-demand grammar over outputs; sums of two
scorer_config      which language model and hot words judge answers
spelled_words      words and models of words spelled in labels
spelling           how labels spell words: a word each, characters, pieces
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.grammars.context_automaton import Contexts, contexts_of
    from lattice_cli.grammars.ctc import ctc_expansion, ctc_topology, ctc_tree
    from lattice_cli.grammars.edit_automaton import EditAutomaton
    from lattice_cli.grammars.lexicon import LexiconWord, distinct_words, grammar_of, pronunciation_graph, spelled
    from lattice_cli.grammars.ngrams import (
        GivenTwice,
        Grams,
        NgramGrammar,
        NgramModel,
        NgramParts,
        NgramScorer,
        exact,
        ngram_model,
        with_epsilon,
    )
    from lattice_cli.grammars.rescoring import TooManyArcs, judged
    from lattice_cli.grammars.scorer import Scorer, scorer_sum
    from lattice_cli.grammars.scorer_config import Judge, Scorers
    from lattice_cli.grammars.spelling import Spelling, spelling_of, together

__getattr__ = lazy_names(__name__)
