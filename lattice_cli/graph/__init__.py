"""The data, and what its structure alone tells: graphs as frozen columns, records, and operations on topology.

connect            reachability; trimming to what lies on a path (OpenFst: connect)
construct          graphs from a sequence, an emission matrix, a label loop, a list of arcs
determinize        subset construction and Hopcroft minimisation
epsilon_removal    epsilon removal, path by path: silent arcs, and arcs without input
frame_times        frames of nodes in lattices of transition-ids
graph              Graph: frozen columns, validated once; reversed, with_energy, relabelled
levels             topological levels of acyclic graphs, condensation of cyclic ones
rational           union, repetition, option, weighting of acceptors (rational operations)
record             Document and Inputs: a graph with id, names, times, named scores, target
right_answers      an answer, several, all of a lattice: acceptors of them (tries) and of all others (complement)
strong_components  strongly connected components (Tarjan)
unions             disjoint union, its members, shared label tables
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.graph.connect import (
        in_numbered_order,
        nodes_on_paths,
        on_paths,
        reachable,
        restricted,
        trimmed,
        without_arcs,
    )
    from lattice_cli.graph.construct import (
        Arc,
        LabelIndex,
        arc_columns,
        emission_graph,
        end_energies,
        graph_by_tail,
        graph_of,
        label_loop,
        linear_graph,
        with_more_arcs,
        without_any_arcs,
    )
    from lattice_cli.graph.determinize import determinized
    from lattice_cli.graph.epsilon_removal import InputEpsilonFree, epsilon_free, without_input_epsilon
    from lattice_cli.graph.graph import EPSILON, NO_LABELS, Graph, Labels, columns_of, label_index, times, with_columns
    from lattice_cli.graph.levels import Order, evaluation_order
    from lattice_cli.graph.rational import alternatives, optional, repeated, weighted
    from lattice_cli.graph.record import (
        Document,
        Inputs,
        KnownFactor,
        numbered_document,
        weighted_sum,
    )
    from lattice_cli.graph.right_answers import (
        AnyOf,
        Reference,
        Right,
        StepTargets,
        Target,
        TargetGraph,
        Targets,
        Trie,
        complement_acceptor,
        last_of,
        parts_of,
        right_answers_of,
        shown,
        steps_of,
        target_acceptor,
        told,
    )
    from lattice_cli.graph.unions import labelled_like, member, union

__getattr__ = lazy_names(__name__)
