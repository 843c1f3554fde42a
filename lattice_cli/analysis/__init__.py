"""What a record is like, how two differ, how good answers are against references, and bounds on free energies.

bootstrap          intervals of rates over records
comparison         what is different between two lattices
contents           what is in a record, and what is odd about it
error_rates        exact answers, label and word error rates, confusions
evaluate_records   records decoded against references
node_places        where nodes and arcs stand on a drawing
pictures           what a drawing shows of a record
profile            a lattice level by level, label by label, place by place
pruning            smaller graphs with a guarantee
rejection          error against rejection by confidence
text/              texts under a model of language, entities of tags, BLEU
variational_bound  F <= <E>_q - H(q)/beta: exact, sampled, importance weighted
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.analysis.bootstrap import Share
    from lattice_cli.analysis.comparison import Comparison, Key, compare
    from lattice_cli.analysis.contents import Inventory, inventory
    from lattice_cli.analysis.error_rates import (
        Answers,
        BestOf,
        Evaluation,
        Labels,
        alike_in_form,
        evaluate,
        words_by,
    )
    from lattice_cli.analysis.evaluate_records import Assessed, assess
    from lattice_cli.analysis.node_places import Places, has_times, places
    from lattice_cli.analysis.pictures import Nearest, Picture, picture, with_reference
    from lattice_cli.analysis.profile import Anatomy
    from lattice_cli.analysis.pruning import Pruned
    from lattice_cli.analysis.rejection import RejectCurve
    from lattice_cli.analysis.text import Bleu, Entities, SentenceScore, TextModel, TextScore, text_model
    from lattice_cli.analysis.variational_bound import (
        SampledBound,
        VariationalBound,
        Weighted,
        bound,
        gibbs,
        importance,
        log_weights,
        require_same_paths,
        sampled,
    )

__getattr__ = lazy_names(__name__)
