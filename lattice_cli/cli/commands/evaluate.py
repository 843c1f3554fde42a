"""The evaluate command: answers against references."""

from __future__ import annotations

from functools import partial

import click

from lattice_cli import analysis, formats
from lattice_cli.cli import options, reports, stream
from lattice_cli.cli.options import (
    Number,
    Option,
    StrictCommand,
    Threshold,
    decoder_options,
    file_named,
    file_read,
    input_options,
    positive,
    result_options,
    trust_code_option,
)
from lattice_cli.cli.terminal import complain
from lattice_cli.errors import NoPath, counted, quoted
from lattice_cli.formats import io

_REJECT_AT = 0.01


@click.command(cls=StrictCommand)
@click.argument("results", metavar="[MODEL] RESULTS...", type=file_read, nargs=-1, required=True)
@click.option(
    "-r", "--references", metavar="FILE", type=file_read, help="The right answers. Default: the target of each record."
)
@decoder_options
@click.option(
    "-n",
    "--nbest",
    "count",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    help="How many of the best paths of a graph to look at.",
)
@click.option("--distinct", is_flag=True, help="The best distinct answers of a graph (-n) instead of its best paths.")
@click.option("--oracle", is_flag=True, help="Best path of each graph by errors, beside the others; exact.")
@click.option("--reject", is_flag=True, help="Correct, rejected and wrong answers by confidence.")
@click.option(
    "--reject-at",
    metavar="E",
    type=Number(0, 1),
    help=f"The error rate that --reject, which it implies, has to stay within. Default: {_REJECT_AT}.",
)
@click.option(
    "--threshold",
    metavar="C|FILE",
    type=Threshold(),
    help="Correct, rejected and wrong answers at this confidence: a number, or the JSON of another evaluation with "
    "--reject-at, which found it.",
)
@click.option(
    "--beta",
    cls=Option,
    needs=("--reject", "--reject-at", "--threshold"),
    type=positive,
    default=1.0,
    show_default=True,
    help="Inverse temperature of the confidences of graphs, in 1/nats.",
)
@click.option(
    "--confusions",
    metavar="N",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="How many of the most frequent confusions to list.",
)
@click.option(
    "--entities", "with_entities", is_flag=True, help="Entities that BIO or IOBES tags mark: precision, recall and F1."
)
@click.option(
    "--bleu", "with_bleu", is_flag=True, help="BLEU of translations: up to 4 words, case matters, not smoothed."
)
@click.option("--per-record", is_flag=True, help="Each record before the rates, with its alignment.")
@click.option(
    "--html",
    metavar="FILE",
    type=file_named,
    help="Page for a browser with all of it, and the worst records in full, written to FILE.",
)
@trust_code_option
@input_options
@result_options
def evaluate(
    results: tuple[str, ...],
    references: str | None,
    decoder: options.DecoderOptions,
    count: int,
    distinct: bool,
    oracle: bool,
    reject: bool,
    reject_at: float | None,
    threshold: float | str | None,
    beta: float,
    confusions: int,
    with_entities: bool,
    with_bleu: bool,
    per_record: bool,
    html: str | None,
    trust_code: bool,
    reading: io.ReadOptions,
    run: stream.RunOptions,
) -> int:
    """Answers against references: exact answers, label and word error rates, confusions. All RESULTS are one whole.

    RESULTS are the lines of lattice viterbi --json, or graphs as viterbi reads them, which are decoded here: -g, --ctc,
    -n, --oracle and the confidences of --reject and --threshold are for those. Behind a MODEL that lattice train wrote
    they are inputs, which it decodes as lattice viterbi does. The error rate is (substitutions + insertions +
    deletions) / labels of the references; of equally short alignments the one that, from the start on, matches or
    substitutes before it deletes before it inserts. A record without a path counts as an empty answer. [low, high] is a
    95 % confidence interval: 1000 bootstrap samples of the records, seed 0.

    The first line of REFERENCES tells its form: { is JSON Lines with "id" and "target" (graph documents will do), or
    the manifest of NeMo, with "audio_filepath" and "text"; a tab in it means id<TAB>text on every line; a heading such
    as id,text is that of a table. Else it is Kaldi's text or sclite's .trn if the first record's id is its line's first
    word, or in brackets at its end; if not, a text a line, in the order of the records, an empty line an empty
    reference. YAML and .npz files of records are told by name. How all the labels spell words says how texts become
    labels (--split).

    --entities reads labels as tags, O, B-PER, I-PER and so on, as conlleval does: an entity begins at a B, and at an I
    that has none of its type to go on with. It is right if one of the reference has the same place and type.

    Of several right answers ("target": {"any": [...]}, or a lattice of them: {"graph": {...}}, {"file": ...}) the one
    nearest to the best answer, in labels, is the reference.

    --bleu is that of all records together, with one reference each and words as they are: sacreBLEU's tok:none,
    smooth:none. Exact answers and the error rate of words, which is the edit rate of a translation, stand beside it.

    --threshold is for what was not looked at to find it: with --reject-at it would be the best one for the very records
    it is judged by.

    Records without a reference, references without a record and an id that comes twice are errors. With --keep-going
    they are left out and counted, as are records that could not be read; the status is still 3. Without any answer at
    all the status is 1.

    Examples:
      lattice evaluate samples/lecture-34.json samples/amount-check.json
      lattice viterbi samples/amount-check.json \\
        -g grammars/amounts-digits.yaml --json | lattice evaluate -
      lattice evaluate samples/lecture-34.json samples/amount-check.json \\
        --oracle --reject
      lattice evaluate check-reader.npz samples/check-reader/fields-valid.npz \\
        --threshold 0.99
    """
    from lattice_cli.analysis import evaluate as figures
    from lattice_cli.records import SearchRequest

    held = threshold if isinstance(threshold, str) else None
    stream.require_one_stdin(results, *decoder.files, references, held)
    tables = {"--entities": with_entities, "--bleu": with_bleu, "--threshold": threshold is not None}
    stream.require_rows_only(run, tables)
    if html is not None:
        io.require_place(html)
    at = formats.read_threshold(threshold) if isinstance(threshold, str) else threshold
    with_curve = reject or reject_at is not None
    reject = with_curve or at is not None
    given = {"-g": decoder.grammars, "--ctc": decoder.ctc, "-n": count > 1, "--distinct": distinct, "--oracle": oracle}
    taken = options.taken(results, decoder, reading, trust_code)
    known = formats.read_references(references, reading.encoding) if references else None
    reader = reports.Reader(known, [name for name, value in given.items() if value], reject)
    request = SearchRequest(count, distinct, words=reject, beta=beta)
    collected = reports.Collected(reading.split)

    decoded = partial(analysis.assess, decoder=taken.through, request=request, with_closest=oracle)
    status, going = reports.read_all(
        taken.paths, taken.reading, reports.solver(decoded), collected, run, reader, taken.made
    )
    if not going:
        return status
    records = collected.records()
    found = figures(records, collected.spelling, oracle, reject, with_entities, with_bleu)
    if alike := analysis.alike_in_form(found):
        said = f"{quoted(alike)}: the same in another form of Unicode (NFC, NFD) in the answers, counted as errors"
        io.note(references or "targets", said)
    rejecting = reports.Rejecting(with_curve, _REJECT_AT if reject_at is None else reject_at, at)
    reports.put_out(found, collected.failures, run, per_record, confusions, rejecting)
    if html is not None:
        io.write_whole(html, reports.report_page(found, collected.failures, confusions, rejecting).encode())
    return max(status, _unanswered(found.no_path, len(records)))


def _unanswered(no_path: int, records: int) -> int:
    """The status of an evaluation: one in which no record has an answer is sound, but has nothing to evaluate."""
    if no_path < records:
        return 0
    complain(f"none of {counted(records, 'record')} has an answer")
    return NoPath.exit_status
