"""The viterbi command: best paths and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import click

from lattice_cli import graph, records
from lattice_cli.cli import options, reports, stream
from lattice_cli.cli.options import (
    StrictCommand,
    decoder_options,
    file_read,
    input_options,
    of_option,
    request_options,
    result_options,
    row_time_option,
    trust_code_option,
)
from lattice_cli.errors import UsageError
from lattice_cli.formats import io


@click.command(cls=StrictCommand)
@click.argument("graphs", metavar="[MODEL] GRAPH...", type=file_read, nargs=-1, required=True)
@decoder_options
@request_options
@row_time_option
@click.option("--arcs", "show_arcs", is_flag=True, help="Table of the arcs of each path: labels, energies, scores.")
@click.option("--scores", "show_scores", is_flag=True, help="Named scores of each path, one by one, not weighed.")
@click.option("--nodes", "show_nodes", is_flag=True, help="Nodes that each path goes through.")
@click.option("--times", "show_times", is_flag=True, help="Times of the nodes of each path, where the file has them.")
@of_option
@click.option(
    "--to",
    "answers_as",
    metavar="FORM",
    type=click.Choice(["ctm", "trn", "text", "srt"]),
    help="Best answers as other programs read them: ctm and trn of sclite, text of Kaldi, srt (captions).",
)
@trust_code_option
@input_options
@result_options
def viterbi(
    graphs: tuple[str, ...],
    decoder: options.DecoderOptions,
    request: records.SearchRequest,
    row_time: float | None,
    show_arcs: bool,
    show_scores: bool,
    show_nodes: bool,
    show_times: bool,
    side: str,
    answers_as: str | None,
    trust_code: bool,
    reading: io.ReadOptions,
    run: stream.RunOptions,
) -> int:
    """The path of least energy of each GRAPH, or the N best paths or distinct answers.

    A MODEL that lattice train wrote may stand first: what follows are its inputs, as lattice recognize takes them, and
    they are decoded with its blank, alignment and grammar; with -g another grammar takes the place of its own. Of a
    network in an ONNX file --labels names the outputs.

    With -g the graph is composed with the grammar first; arcs and nodes are still those of GRAPH (see --of). A path's
    energy is the sum of its arcs and of its start and final energies, in nats. Of paths with equal energies the one
    whose arcs come first in the searched graph is given first; of answers, the one whose labels do. Where the graph has
    cycles shorter answers come first, and a shorter path may. With --json a record's own "target" is passed on, so that
    lattice evaluate can follow in a pipe.

    An emission matrix is searched row by row through the grammar, without building their product: exactly, however
    large the grammar is. With --beam or --max-active the table says how far below the answer a lost one could be (gap;
    0: it is the best one); with --json "search" has a bound on all energies, also where a beam left no path. A search
    that has followed --max-states states without proving its answer gives the best one found, and says the bound.

    --lm and --hot judge the labels of answers on the way. --confidence and --mbr go by all paths, those of a matrix and
    a grammar within 20 nats of the best. --mbr is exact up to 1000 paths, beyond it goes by a recursion that bounds the
    expected distance from above; it needs interpretations without cycles (status 2 else), and so do posteriors of
    single labels.

    Examples:
      lattice viterbi samples/lecture-34.json -n 3
      lattice viterbi samples/lecture-cut.yaml -g grammars/lecture-words.yaml
      lattice viterbi samples/cards.slf.gz -n 3 --distinct
      lattice viterbi samples/cards.slf.gz --mbr --confidence --beta 0.05
      lattice viterbi samples/ctc-line.npy --labels samples/ctc-line.labels.txt \\
        --logp --ctc '<blank>'
      lattice viterbi check-reader.npz samples/check-reader/fields-valid.npz
      lattice viterbi samples/goforward.slf.gz --lm grammars/robot.arpa \\
        --lm-scale 10
    """
    stream.require_one_stdin(graphs, *decoder.files)
    given = options.taken(graphs, decoder, reading, trust_code)
    through = given.through
    given.decoder.require_side(side, through)
    asked = {"--scores": show_scores, "--nodes": show_nodes, "--times": show_times}
    request, run = _asked(request, show_arcs, asked, answers_as, run)
    shown = reports.Shown(request, show_nodes, show_times, show_scores)
    report = reports.JudgedReport(run, shown, through.scorers) if through.scorers else reports.ViterbiReport(run, shown)
    solve = partial(_solved, through=through, request=request, side=side, row_time=row_time, answers_as=answers_as)
    noted = stream.noting_grammars(given.paths, given.decoder.grammars, solve)
    return stream.run_records(given.paths, given.reading, noted, report, run, made=given.made)


def _solved(
    documents: list[graph.Document],
    through: records.Decoder,
    request: records.SearchRequest,
    side: str,
    row_time: float | None,
    answers_as: str | None,
) -> list[Any]:
    """The best paths of a batch. Raises UsageError for times that are not known, or known already."""
    for document in documents:
        untimed = document.rows or (document.transitions and document.clock is not None)
        if answers_as in ("ctm", "srt") and untimed and not document.in_seconds and row_time is None:
            what = "row" if document.rows else "frame"
            raise UsageError(f"{document.source}: --to {answers_as} needs seconds: --{what}-time is those of a {what}")
        if row_time is not None and document.in_seconds:
            what = "has times of its own" if document.times is not None else "is no matrix, and has no frames"
            raise UsageError(f"{document.source}: {what}: --row-time makes no difference")
    timed = documents if row_time is None else [document.timed(row_time) for document in documents]
    return list(records.decode(timed, through, request, side))


def _asked(
    request: records.SearchRequest, arcs: bool, columns: Mapping[str, bool], form: str | None, run: stream.RunOptions
) -> tuple[records.SearchRequest, stream.RunOptions]:
    """What is asked for, and how it is put out, as the form needs it. Raises UsageError for what does not fit."""
    stream.require_rows_only(run, {"--arcs": arcs})
    if form is None:
        return replace(request, steps=arcs, scores=columns["--scores"]), run
    if run.form != "table":
        raise UsageError(f"--to {form} and --{run.form} are two forms of the same results")
    if request.n > 1 and form != "text":
        raise UsageError(f"--to {form} has the best answer only; --to text, --tsv and --json have several")
    sure = {"--confidence": request.words and form != "ctm", "--posteriors": request.posteriors}
    for option, wanted in {"--arcs": arcs, **columns, **sure}.items():
        if wanted:
            raise UsageError(f"{option} is of tables and --json: --to {form} has no place for it")
    return replace(request, words=request.words or form in ("ctm", "srt")), replace(run, form=form)
