"""The viterbi command: best paths and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lattice_cli.cli.options.scorers import beam_options, judge_options
from lattice_cli.cli.options.shared import (
    combine_option,
    ctc_option,
    grammar_option,
    input_options,
    jobs_option,
    of_option,
    positive,
    read_options,
    result_options,
)

if TYPE_CHECKING:
    from lattice_cli.graph.record import Document


@click.command()
@click.argument("graphs", metavar="GRAPH...", nargs=-1, required=True)
@grammar_option
@ctc_option
@combine_option
@click.option("-n", "count", metavar="N", type=click.IntRange(min=1), default=1, help="The N best paths.")
@click.option("--distinct", is_flag=True, help="The N best distinct answers instead of paths; exact.")
@click.option(
    "--mbr", is_flag=True, help="The answer of least expected edit distance instead of least energy; without cycles."
)
@click.option(
    "--confidence",
    is_flag=True,
    help="The posterior of the answer, and of each label at its place; labels only where there are no cycles.",
)
@click.option("--beta", type=positive, default=1.0, show_default=True, help="Of those posteriors, in 1/nats.")
@click.option(
    "--row-time", metavar="SECONDS", type=positive, help="Of an emission matrix' row. Without: times are rows."
)
@beam_options
@judge_options
@click.option("--arcs", "show_arcs", is_flag=True, help="A table of the arcs of each path.")
@click.option("--nodes", "show_nodes", is_flag=True, help="The nodes each path goes through.")
@click.option("--times", "show_times", is_flag=True, help="The times of those nodes, where the file has them.")
@of_option
@input_options
@jobs_option
@result_options
def viterbi(
    graphs: tuple[str, ...],
    grammar: str | None,
    ctc: str | None,
    combine: str,
    count: int,
    distinct: bool,
    mbr: bool,
    confidence: bool,
    beta: float,
    row_time: float | None,
    beam: float | None,
    max_active: int | None,
    lm: str | None,
    lm_scale: float,
    word_energy: float,
    hot: tuple[tuple[str, float], ...],
    hot_words: str | None,
    show_arcs: bool,
    show_nodes: bool,
    show_times: bool,
    side: str,
    as_json: bool,
    keep_going: bool,
    jobs: int,
    color: str,
    **reading: Any,
) -> int:
    """The path of least energy of each GRAPH, or the N best paths or distinct answers.

    With -g the graph is composed with the grammar first; arcs and nodes are still those of GRAPH (see --of). A path's
    energy is the sum of its arcs and of its start and final energies, in nats. Of paths with equal energies the one
    whose arcs come first in the searched graph is given first; of answers, the one whose labels do. With --json a
    record's own "target" is passed on, so that lattice evaluate can follow in a pipe.

    An emission matrix is searched row by row through the grammar, without building their product: exactly, however
    large the grammar is. With --beam or --max-active the table says how far below the answer a lost one could be (gap;
    0: it is the best one); with --json "search" has a bound on all energies, also where a beam left no path.

    --lm and --hot judge the labels of answers on the way. --confidence and --mbr go by all paths, those of a matrix
    within 20 nats of the best. --mbr is exact up to 1000 paths, beyond it goes by a recursion that bounds the expected
    distance from above; it needs interpretations without cycles, and so do the posteriors of single labels.

    \b
    Examples:
      lattice viterbi samples/lecture-34.json -n 3
      lattice viterbi samples/lecture-cut.yaml -g grammars/lecture-words.yaml
      lattice viterbi samples/cards.slf.gz -n 3 --distinct
      lattice viterbi samples/cards.slf.gz --mbr --confidence --beta 0.05
      lattice viterbi line.npy --labels chars.txt --logp --ctc '<blank>' \\
        -g lexicon.yaml --lm news.arpa --beam 12
    """
    from lattice_cli.cli.options.scorers import read_scorers
    from lattice_cli.cli.reports.viterbi_report import Shown, viterbi_report
    from lattice_cli.cli.stream.run import require_one_stdin, require_side, run_records
    from lattice_cli.errors import UsageError
    from lattice_cli.models.grammar_argument import read_decoder
    from lattice_cli.records.decoding import decode
    from lattice_cli.records.request import SearchRequest

    require_one_stdin(graphs, grammar, lm, hot_words)
    require_side(side, grammar)
    if mbr and (count > 1 or distinct):
        raise UsageError("--mbr gives one answer, -n and --distinct give the best ones by energy")
    options = read_options(**reading)
    scorers = read_scorers(lm, lm_scale, word_energy, hot, hot_words)
    decoder = read_decoder(grammar, ctc, combine, scorers)
    limits = (float("inf") if beam is None else beam, max_active)
    request = SearchRequest(count, distinct, confidence, mbr, beta, row_time, *limits)
    hot_given = bool(scorers and scorers.hot)
    shown = Shown(count > 1, show_arcs, show_nodes, show_times, confidence, mbr, request.limited, hot_given)

    def solve(documents: list[Document]) -> list[Any]:
        return decode(documents, decoder, request, side)

    return run_records(graphs, options, solve, viterbi_report(as_json, color, shown), keep_going, jobs=jobs)
