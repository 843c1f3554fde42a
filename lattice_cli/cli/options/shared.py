"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import click
from click.core import ParameterSource

from lattice_cli import graph, models, records
from lattice_cli.choices import COMBINE, SIDES, SPLITS
from lattice_cli.cli import stream
from lattice_cli.cli.options.digest import digest
from lattice_cli.cli.options.groups import NAMES, ORDER, Option, applied, grouped
from lattice_cli.cli.options.parameter_types import NamedNumber, Operator, PartOf, SideName, file_named, file_read
from lattice_cli.cli.options.scorers import ScorerOptions, scorer_options
from lattice_cli.cli.stream import RunOptions
from lattice_cli.cli.terminal import begin_notes
from lattice_cli.errors import UsageError
from lattice_cli.executors import Place, processors
from lattice_cli.formats import io, numbered, readable


@dataclass(frozen=True)
class DecoderOptions:
    """What records are decoded through. grammars: files, in the order in which they are composed; names: those that
    are given to grammars and models; ctc: the blank; combine: the name of an operator; scorers: what judges answers;
    alignment: of a model, before its grammar."""

    grammars: tuple[str, ...]
    names: Sequence[str | None]
    ctc: str | None
    combine: str
    scorers: ScorerOptions
    alignment: graph.Document | None = None

    @property
    def files(self) -> list[str]:
        """Those that are read."""
        return [*self.grammars, *self.scorers.files]

    def read(self, reading: io.ReadOptions) -> tuple[records.Decoder, io.ReadOptions]:
        """The decoder, with its files read, and how records are to be read. Raises FormatError, UsageError."""
        names = models.factor_names([*self.grammars, *self.scorers.lm], self.names)
        own, others = names[: len(self.grammars)], names[len(self.grammars) :]
        judges = self.scorers.read(others, reading.scales, reading.encoding)
        decoder = models.read_decoder(
            self.grammars, self.ctc, self.combine, judges, reading.encoding, own, reading.scales, self.alignment
        )
        return decoder, records_scales(reading, decoder)

    def require_side(self, side: str, decoder: records.Decoder) -> None:
        """Raises UsageError where --of is of no use, or names a grammar that is not there. What else it may name shows
        when records are read."""
        given = click.get_current_context().get_parameter_source("side") is ParameterSource.COMMANDLINE
        if side == "grammar" and not self.grammars:
            raise UsageError("--of grammar needs a grammar (-g GRAMMAR)")
        if self.files and side not in ("recognition", "interpretation"):
            decoder.require_named(side)
        elif given and side in SIDES and decoder.plain:
            raise UsageError("--of makes no difference without -g or --ctc")


def records_scales(reading: io.ReadOptions, decoder: records.Decoder) -> io.ReadOptions:
    """How records are to be read: scales that are those of grammars are none of theirs."""
    own = {name: scale for name, scale in reading.scales.items() if name not in decoder.taken_scales}
    return replace(reading, scales=own)


def _decoder_options(
    grammars: tuple[str, ...], factor_names: tuple[str, ...], ctc: str | None, combine: str, **scorers: Any
) -> DecoderOptions:
    """The options as one. Raises UsageError for a name without a file before it, and for two behind one."""
    found: dict[str, list[str | None]] = {"grammars": [], "lm": []}
    last: list[str | None] | None = None
    left = list(factor_names)
    for option in click.get_current_context().meta.get(ORDER, ()):
        if option in found:
            last = found[option]
            last.append(None)
        elif option == "factor_names":
            if last is None or last[-1] is not None:
                raise UsageError("each --as belongs behind the -g or --lm that it names, one behind each")
            last[-1] = left.pop(0)
    return DecoderOptions(grammars, found["grammars"] + found["lm"], ctc, combine, ScorerOptions(**scorers))


grammar_option = click.option(
    "-g",
    "--grammar",
    "grammars",
    metavar="GRAMMAR",
    multiple=True,
    type=file_read,
    help="Compose each graph with a grammar. A graph, a word list, ARPA, JSGF, FSG or a dictionary. Several are a "
    "cascade, composed one behind the other.",
)
name_option = click.option(
    "--as",
    "factor_names",
    metavar="NAME",
    multiple=True,
    help="What the -g or --lm before it is called, by --of and among scores. Default: its file, without the ending.",
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
decoder_options = grouped(
    "decoder", _decoder_options, grammar_option, name_option, ctc_option, combine_option, scorer_options
)
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
    help="The file to write: .json, .jsonl, .yaml, .npz, or any with .gz. A folder (OUT/) gets a file for each input.",
)
_output_option = click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=file_named,
    help="Where to write the results, whole or not at all; gzipped where the name ends in .gz. A folder (OUT/) gets a "
    "file for each input, and is gone on with where a run was broken off.",
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
    type=SideName(SIDES),
    default="recognition",
    show_default=True,
    help="Whose arcs and nodes to report, with a grammar. Of several: the name of one, or its number from 1. Of what "
    "compose --provenance made: the name of a factor.",
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


def jobs_option(text: str) -> Callable[..., Any]:
    """How many processes of this machine; text: of its help."""
    return click.option(
        "--jobs",
        metavar="N",
        type=click.IntRange(min=0),
        default=1,
        show_default=True,
        callback=lambda ctx, param, value: value or processors(),
        help=text,
    )


cluster_option = click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Workers of Dask in place of processes: its scheduler's address or the file it wrote; mpi: ranks of MPI.",
)


_shard_option = click.option(
    "--shard",
    "part",
    metavar="K/N",
    type=PartOf(),
    help="The K-th of N runs that share the inputs: every N-th, from the K-th on. For arrays of batch systems.",
)
place_options = applied(
    jobs_option("Processes that parse and solve records; 0: one for each processor. The output is the same."),
    cluster_option,
    _shard_option,
)


def place_of(jobs: int, cluster: str | None) -> Place:
    """Where work is done. Raises UsageError for two places."""
    if cluster is not None and jobs > 1:
        raise UsageError("--jobs and --cluster are two places to work, expected one of them")
    return Place(jobs, cluster)


def _run_options(
    jobs: int,
    cluster: str | None,
    part: tuple[int, int] | None,
    as_json: bool = False,
    as_tsv: bool = False,
    output: str | None = None,
    **more: Any,
) -> RunOptions:
    """Where results are made, how they look, and where they go. Raises UsageError for two places, two forms."""
    if as_json and as_tsv:
        raise UsageError("--json and --tsv are two forms of the same results")
    form = "json" if as_json else "tsv" if as_tsv else "table"
    context = click.get_current_context()
    place = output or context.params.get("output")  # of commands that make graphs it is an option of their own
    shards = None
    if isinstance(place, str) and stream.names_folder(place):
        shards, output = stream.Shards(place, context.meta.get(NAMES, {}), partial(digest, context)), None
    own = stream.RunPart() if part is None else stream.RunPart(*part)
    return RunOptions(**more, place=place_of(jobs, cluster), form=form, output=output, part=own, shards=shards)


#: Of commands that give results, that write graphs, and that draw, where nothing has colours to choose.
result_options = applied(
    grouped(
        "run",
        _run_options,
        place_options,
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
    grouped("run", _run_options, place_options, _keep_going_option, _no_path_option, _every_row_option, color_option),
    quiet_option,
)
drawing_options = applied(grouped("run", _run_options, place_options, _keep_going_option), quiet_option)
