"""Options that several commands share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import click

from lattice_cli import grammars, models, records
from lattice_cli.choices import COMBINE, SIDES, SPLITS
from lattice_cli.cli import stream
from lattice_cli.cli.options.groups import Option, applied, grouped
from lattice_cli.cli.options.parameter_types import NamedNumber, Operator, file_named, file_read
from lattice_cli.cli.stream import RunOptions
from lattice_cli.cli.terminal import begin_notes
from lattice_cli.errors import UsageError
from lattice_cli.formats import io, numbered, readable


def _processors() -> int:

    return stream.processors()


@dataclass(frozen=True)
class DecoderOptions:
    """What records are decoded through. grammar: a file; ctc: the blank; combine: the name of an operator."""

    grammar: str | None
    ctc: str | None
    combine: str

    def read(self, encoding: str | None, scorers: grammars.Scorers | None = None) -> records.Decoder:
        """The decoder, with its grammar read. encoding: of its file. Raises FormatError."""
        return models.read_decoder(self.grammar, self.ctc, self.combine, scorers, encoding)


grammar_option = click.option(
    "-g",
    "--grammar",
    metavar="GRAMMAR",
    type=file_read,
    help="Compose each graph with a grammar. A graph, a word list, ARPA, JSGF, FSG or a dictionary.",
)
ctc_option = click.option("--ctc", metavar="BLANK", help="Read labels as CTC: repeats merge unless BLANK is between.")
combine_option = click.option(
    "--combine",
    cls=Option,
    needs=("-g",),
    type=Operator(COMBINE),
    default="add",
    show_default=True,
    help="How the energies of two matching arcs of graph and grammar become one. Two numbers with a comma between them "
    "weigh those of the graph and those of the grammar.",
)
decoder_options = grouped("decoder", DecoderOptions, grammar_option, ctc_option, combine_option)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead of tables.")
_tsv_option = click.option(
    "--tsv", "as_tsv", is_flag=True, help="Columns between tabs instead of tables, under their names, with every digit."
)
_every_row_option = click.option(
    "--all", "every_row", is_flag=True, help="Every row of a long table, on a terminal too."
)
#: Where commands that make graphs write them.
graph_output_option = click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=file_named,
    help="The file to write: .json, .jsonl, .yaml, .npz, or any with .gz.",
)
_output_option = click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=file_named,
    help="Where to write the results, whole or not at all; gzipped where the name ends in .gz.",
)
color_option = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colour in tables; auto: on a terminal, unless NO_COLOR is set or TERM is dumb.",
)
_keep_going_option = click.option(
    "--keep-going", is_flag=True, help="Go on after a bad record; the exit status tells of it."
)
_no_path_option = click.option(
    "--no-path-ok",
    is_flag=True,
    help="Records without a path are reported, but the exit status is 0 if nothing else went wrong.",
)
of_option = click.option(
    "--of",
    "side",
    cls=Option,
    needs=("-g", "--ctc"),
    type=click.Choice(SIDES),
    default="recognition",
    show_default=True,
    help="Whose arcs and nodes to report, with a grammar.",
)

encoding_option = click.option(
    "--encoding", metavar="NAME", help="Encoding of input that is not UTF-8: latin-1, utf-16, cp1252, ..."
)
split_option = click.option(
    "--split",
    type=click.Choice(["auto", *SPLITS]),
    default="auto",
    help="How labels spell words, and texts become labels: a label a word (words, labels), characters, or pieces "
    "with marks (▁he, ##llo, he@@, |); auto: as all the labels tell.",
)

_form_options = applied(
    click.option(
        "--format",
        "--from",
        "form",
        type=click.Choice(["auto", *readable()]),
        metavar="FORM",
        default="auto",
        help=f"Form of the input, if it cannot be told: {', '.join(readable())}; att is OpenFst's text.",
    ),
    click.option(
        "--labels",
        metavar="FILE",
        type=file_read,
        help="Labels of a matrix' columns. A label a line, `label id` lines, or JSON (a list, {label: id}).",
    ),
    click.option("--logp", is_flag=True, help="Matrices hold log-probabilities (energy = -logp)."),
    click.option("--log10", is_flag=True, help="Matrices hold log-probabilities to base 10."),
    click.option("--prob", is_flag=True, help="Matrices hold probabilities (energy = -ln p)."),
    click.option("--logits", is_flag=True, help="Matrices hold scores of a network (energy = -log softmax)."),
    click.option(
        "--scale",
        "scales",
        type=NamedNumber(),
        multiple=True,
        help="Weight of a named score in the energy; may be repeated.",
    ),
    click.option(
        "--node-words",
        type=click.Choice(["auto", "start", "end"]),
        default="auto",
        help="Links that words on nodes of SLF belong to: those that leave the node (start) or enter it (end).",
    ),
    click.option(
        "--keep-tags",
        is_flag=True,
        help="Keep !SENT_START, !ENTER, <s> and the like of SLF and Kaldi as labels, not epsilon.",
    ),
    split_option,
    encoding_option,
)
_symbol_options = applied(
    click.option(
        "--symbols",
        metavar="FILE",
        type=file_read,
        help=f"Symbol table, `label number` a line, of input and output: for numbers in {', '.join(numbered())}.",
    ),
    click.option("--isymbols", metavar="FILE", type=file_read, help="Symbol table of the input labels only."),
    click.option(
        "--osymbols",
        "--words",
        "osymbols",
        metavar="FILE",
        type=file_read,
        help="Symbol table of the output labels; Kaldi's words.txt.",
    ),
    click.option(
        "--epsilon",
        metavar="SYMBOL",
        help="Epsilon of att and kaldi where labels are words, whatever they look like; 0: labels are numbers. "
        "Default: <eps>, and @0@ of HFST.",
    ),
    click.option(
        "--acceptor/--transducer", default=None, help="Four columns of att end with a weight / with an output label."
    ),
)


def _read_options(
    form: str,
    labels: str | None,
    logp: bool,
    log10: bool,
    prob: bool,
    logits: bool,
    scales: tuple[tuple[str, float], ...],
    node_words: str,
    keep_tags: bool,
    split: str,
    encoding: str | None,
    symbols: str | None,
    isymbols: str | None,
    osymbols: str | None,
    epsilon: str | None,
    acceptor: bool | None,
) -> io.ReadOptions:
    """The input options as the readers take them. Raises UsageError for two units."""
    flags = {"logp": logp, "log10": log10, "prob": prob, "logits": logits}
    units = [name for name, given in flags.items() if given] or ["energies"]
    if len(units) > 1:
        raise UsageError(f"--{units[0]} and --{units[1]}: a matrix holds one of them")
    tables = (isymbols or symbols, osymbols or symbols)
    options = io.ReadOptions(form, labels, units[0], dict(scales), node_words, keep_tags, *tables, acceptor)
    return replace(options, epsilon=epsilon, encoding=encoding, split=split, models="refused")


input_options = grouped("reading", _read_options, _form_options, _symbol_options)


def _be_quiet(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        begin_notes(quiet=True)


quiet_option = click.option(
    "-q", "--quiet", is_flag=True, expose_value=False, callback=_be_quiet, help="Say no notes on how files were read."
)
_jobs_option = click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    callback=lambda ctx, param, value: value or _processors(),
    help="Processes that parse and solve records; 0: one for each processor. The output is the same.",
)


def _run_options(as_json: bool, as_tsv: bool, **more: Any) -> RunOptions:
    """How results look, and where they go. Raises UsageError for two forms."""
    if as_json and as_tsv:
        raise UsageError("--json and --tsv are two forms of the same results")
    return RunOptions(**more, form="json" if as_json else "tsv" if as_tsv else "table")


#: Of commands that give results, that write graphs, and that draw, where nothing has colours to choose.
result_options = applied(
    grouped(
        "run",
        _run_options,
        _jobs_option,
        json_option,
        _tsv_option,
        _output_option,
        _keep_going_option,
        _no_path_option,
        _every_row_option,
        color_option,
    ),
    quiet_option,
    stream.delivered,
)
graph_options = applied(
    grouped("run", RunOptions, _jobs_option, _keep_going_option, _no_path_option, _every_row_option, color_option),
    quiet_option,
)
drawing_options = applied(grouped("run", RunOptions, _jobs_option, _keep_going_option), quiet_option)
