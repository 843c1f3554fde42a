"""The score command: how likely a text is."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from lattice_cli import analysis, formats, models
from lattice_cli.cli import reports, stream
from lattice_cli.cli.options import StrictCommand, encoding_option, file_read, result_options, split_option
from lattice_cli.errors import LatticeError
from lattice_cli.formats import io, notations


@click.command(cls=StrictCommand)
@click.argument("texts", metavar="TEXT...", type=file_read, nargs=-1, required=True)
@click.option(
    "-g",
    "--grammar",
    metavar="GRAMMAR",
    type=file_read,
    required=True,
    help="The model: ARPA or compiled n-grams, a neural grammar, a graph, a word list, JSGF, FSG, a dictionary.",
)
@click.option(
    "--by",
    type=click.Choice(["path", "sum"]),
    default="path",
    show_default=True,
    help="Where a graph has several paths for a sentence: the energy of the best, or the sum over all of them.",
)
@click.option(
    "--per-word",
    is_flag=True,
    help="Energy of each word and of the end; of n-grams the order that it is of, and after what.",
)
@split_option
@encoding_option
@result_options
def score(
    texts: tuple[str, ...],
    grammar: str,
    by: str,
    per_word: bool,
    split: str,
    encoding: str | None,
    run: stream.RunOptions,
) -> int:
    """How likely a text is under a model of language: energy in nats, log10 probability, perplexity of each line.

    A line is a sentence, an empty one that of no words. The energy is that of all words and of the end; perplexity is
    exp(energy / (words + 1)), and a perplexity only where the model's probabilities sum to 1. Words that the model does
    not have (OOV) cost what its <unk> costs; without an <unk> the sentence has no path (status 1). ppl and ppl1 are as
    SRILM's ngram -ppl has them: such words, and words without probability, are left out, and ppl1 counts no ends.

    N-grams are asked word by word and never written out as a graph; so are networks. Any other grammar is composed with
    the sentences: of one that has several paths the best counts (--by). The last row, or JSON object, has the sums;
    --tsv has the sentences only. How the labels of GRAMMAR spell words says how lines become labels (--split).

    Examples:
      lattice score samples/orders.txt -g grammars/robot.arpa
      lattice score samples/orders.txt -g grammars/robot.arpa --per-word --json
    """
    stream.require_one_stdin(texts, grammar)
    if per_word and by == "sum":
        from lattice_cli.errors import UsageError

        raise UsageError("--per-word is of one path, --by sum of all of them: expected one of the two")
    read = models.read_grammar_argument(grammar, encoding, asked=True)
    model = analysis.text_model(read, notations.UNKNOWN, split, by == "sum", per_word)

    report = reports.ScoreReport(run, per_word, by == "path")
    return stream.run_records(
        texts, io.ReadOptions(encoding=encoding), partial(_scored, model=model), report, run, formats.split_sentences
    )


def _scored(lines: list[formats.Sentence], model: analysis.TextModel) -> list[Any]:
    """The scores of sentences, or what is wrong with one."""
    found: list[Any] = []
    for line in lines:
        try:
            found.append(model.vocabulary.words(line.text, line.source))
        except LatticeError as error:
            found.append(error)
    scores = iter(model.scores([each for each in found if not isinstance(each, LatticeError)]))
    return [each if isinstance(each, LatticeError) else next(scores) for each in found]
