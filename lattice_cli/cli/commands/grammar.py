"""The grammar command: builds grammars of eleven kinds."""

from __future__ import annotations

import click

from lattice_cli import formats
from lattice_cli.cli import options, stream
from lattice_cli.cli.options import (
    Group,
    Option,
    StrictCommand,
    encoding_option,
    ending_options,
    file_given,
    file_named,
    file_read,
    labels_given,
    labels_in,
    neural_options,
    say,
)
from lattice_cli.errors import UsageError
from lattice_cli.formats import io, notations

#: From this many labels on the CTC topology has a tree instead of an arc for every pair.
_MANY_LABELS = 30

_spell = click.option(
    "--spell",
    type=click.Choice(["characters", "tokens"]),
    default="characters",
    show_default=True,
    help="Labels are characters, or tokens between white space.",
)
_loop = click.option("--loop", metavar="LABEL", help='Words in a row, with LABEL between them; "" is nothing.')


class _Kinds(Group):
    """The kinds of grammars."""

    command_class = StrictCommand

    def listed(self) -> dict[str, dict[str, str]]:
        """Each with a line."""
        return {"Kinds": {name: each.get_short_help_str(200) for name, each in self.commands.items()}}


@click.group(cls=_Kinds)
def grammar() -> None:
    """Build a grammar: a graph document, as a table on a terminal, as JSON into a pipe, or a file (-o).

    Energies are costs in nats. Each grammar is trimmed, and where it says "one path" each accepted sequence has one
    path, so that sums over paths are sums over sequences. Grammars are composed with each other by `lattice compose`.
    What every kind but neural takes at its end: --union, --energy, --plus, --closure and --optional, applied in this
    order. A neural grammar is a model file instead, for -g like any other.

    Examples:
      lattice grammar words barn but cut cute -o words.json
      lattice grammar dict grammars/moves.dict --loop "" -o moves.json
      lattice grammar arpa grammars/robot.arpa | lattice show -
    """


@grammar.command()
@click.argument("given", metavar="FILE|WORD...", type=file_named, nargs=-1, required=True)
@_spell
@_loop
@click.option(
    "--around",
    cls=Option,
    needs=("--loop",),
    is_flag=True,
    help="Let that of --loop stand before, behind, and several times.",
)
@click.option("--output-words", is_flag=True, help="Output one label a word, not what spells it.")
@ending_options
def words(
    given: tuple[str, ...], spell: str, loop: str | None, around: bool, output_words: bool, ending: options.Ending
) -> None:
    """A list of words, as a trie with one path a word.

    FILE has a word a line, and after a tab an energy if it has one; "-" is standard input. A single argument is a file
    if there is one of that name or it ends with .txt, otherwise arguments are words, and no file may be among them.

    Examples:
      lattice grammar words barn but cut cute
      lattice grammar words "north west" north --spell tokens
    """
    from lattice_cli.grammars import grammar_of, spelled

    path = file_given(given)
    if path is None:
        source = "words"
        listed = spelled(((word, 0.0, source) for word in given), spell)
    else:
        text, source = io.read_text(path, ending.encoding)
        listed = notations.words_of(text, source, spell)
    document = grammar_of(listed, source, source, loop=loop, around=around, by_word=output_words)
    ending.deliver(document.graph, source, [path] if path else [])


@grammar.command("dict", short_help="A pronunciation dictionary, from phones to words.")
@click.argument("file", metavar="FILE", type=file_read)
@click.option(
    "--vocabulary",
    metavar="FILE",
    type=file_read,
    help="Words to take, one a line, after a tab an energy. Default: all.",
)
@_loop
@click.option("--no-stress", is_flag=True, help="Take digits off the ends of phones: AH0 is AH.")
@ending_options
def dictionary(file: str, vocabulary: str | None, loop: str | None, no_stress: bool, ending: options.Ending) -> None:
    """A pronunciation dictionary as CMUdict has it, from phones to words: `word PHONE PHONE ...`, variants `word(2)`.

    A trie of phones without epsilon arcs: the input is phones, the output is a word on its last phone; one path for
    each pronunciation of each word. Comments begin with ;;; or #. A probability before the phones (as in
    lexiconp.txt) costs -ln p; what is said in a word's place may stand in [] before it, as in HTK's dictionaries.

    Examples:
      lattice grammar dict grammars/moves.dict
      lattice grammar dict grammars/moves.dict --loop SIL -o lexicon.json
    """
    from lattice_cli.formats.notations import pronunciations as lexica
    from lattice_cli.grammars import distinct_words

    stream.require_one_stdin([file], vocabulary, *ending.unions)
    text, source = io.read_text(file, ending.encoding)
    found = list(lexica.pronunciations(text, source, no_stress))
    if vocabulary is not None:
        wanted = distinct_words(notations.words_of(*io.read_text(vocabulary, ending.encoding), "tokens"), vocabulary)
        found, missing = lexica.chosen(found, {word.name: word.energy for word in wanted})
        if missing:
            shown = ", ".join(map(repr, missing[:5])) + (", ..." if len(missing) > 5 else "")
            say(f"{source}: no pronunciation of {len(missing)} of {len(wanted)} words: {shown}")
    ending.deliver(lexica.dictionary(found, source, source, loop).graph, source, [file])


@grammar.command(short_help="N-grams in the ARPA form, with back-off exact or by epsilon.")
@click.argument("file", metavar="FILE", type=file_read)
@click.option(
    "--backoff",
    type=click.Choice(["exact", "epsilon"]),
    default="exact",
    show_default=True,
    help="How a word backs off: exact, only where it has no n-gram; epsilon, by arcs that any word may take.",
)
@click.option("--no-unk", is_flag=True, help="Leave <unk> out, which is else a label like others.")
@ending_options
def arpa(file: str, backoff: str, no_unk: bool, ending: options.Ending) -> None:
    """An n-gram model in the ARPA form, of any order, gzipped or not: the energy of a sentence is -ln p.

    <s> and </s> are not labels: they are where paths start and end. A log10 of -99 is probability 0.

      exact:    each sentence has one path, and its energy is the model's. Small
                models have an arc for every word at every history; large ones
                share intervals of the vocabulary, which takes epsilon arcs.
      epsilon:  the usual approximation. A word with an n-gram of its own may
                back off nevertheless. A sentence then has several paths: sums
                are too large (free energies too low), and the best path may be
                better than the model says. It is smaller: an arc for each
                n-gram and one for each history.

    Examples:
      lattice grammar arpa grammars/robot.arpa -o robot.npz
      lattice grammar arpa grammars/robot.arpa --backoff epsilon
    """
    from lattice_cli.grammars import exact, with_epsilon

    model = notations.read_arpa(file, no_unk, ending.encoding)
    source = "standard input" if file == "-" else file
    if model.begin is None or model.end is None:
        ends = " and no ".join(tag for tag, word in (("<s>", model.begin), ("</s>", model.end)) if word is None)
        say(f"{source}: the model has no {ends}: sentences may begin without a context or end anywhere at no energy")
    if backoff == "epsilon":
        graph = with_epsilon(model)
        if model.order > 1:
            say(f"{source}: back-off by epsilon: sums are too large, best paths may be too good; exact is the default")
    else:
        graph = exact(model)
    ending.deliver(graph, source, [file])


@grammar.command(short_help="N-grams compiled, for --lm and -g.")
@click.argument("file", metavar="FILE", type=file_read)
@click.option(
    "-o", "--output", metavar="MODEL", type=file_named, required=True, help="The compiled model to write, an .npz."
)
@click.option("--no-unk", is_flag=True, help="Leave <unk> out: words that the model does not have are impossible.")
@encoding_option
def lm(file: str, output: str, no_unk: bool, encoding: str | None) -> None:
    """An n-gram model in the ARPA form, compiled once: what --lm and -g otherwise make of it at every command.

    MODEL is mapped rather than read: only what is asked for is loaded, and processes share it. Energies are the same to
    the last digit.

    Examples:
      lattice grammar lm grammars/robot.arpa -o robot.npz
      lattice viterbi samples/goforward.slf.gz --lm robot.npz --lm-scale 10
    """
    if not output.endswith(".npz"):
        raise UsageError(f"{output}: a compiled model is an .npz file, expected a name that ends so")
    io.require_place(output)
    notations.write_ngrams(output, notations.read_arpa(file, no_unk, encoding))


@grammar.command(short_help="The CTC topology, from alignments to outputs.")
@click.argument("given", metavar="FILE|LABEL...", type=file_named, nargs=-1, required=True)
@click.option("--blank", metavar="B", required=True, help="The blank, which is not output; among the labels or not.")
@click.option(
    "--form",
    type=click.Choice(["auto", "pairs", "tree"]),
    default="auto",
    show_default=True,
    help=f"Form of the topology: pairs, an arc for each pair of labels; tree, about 10 arcs a label, with "
    f"epsilon; auto, a tree above {_MANY_LABELS} labels.",
)
@ending_options
def ctc(given: tuple[str, ...], blank: str, form: str, ending: options.Ending) -> None:
    """The CTC topology: from alignments, a label a frame, to outputs. One path for each alignment, in both forms.

    Repeats of a label merge unless the blank stands between; the blank is not output. Labels are arguments, or the
    lines of a FILE.

    Examples:
      lattice grammar ctc a b c --blank _
      lattice grammar ctc a b c --blank _ --form tree -o ctc.json
    """
    from lattice_cli.grammars import ctc_topology, ctc_tree

    labels = labels_given(given, ending.encoding)
    table = ("", *labels) if blank in labels else ("", blank, *labels)
    tree = form == "tree" or (form == "auto" and len(table) > _MANY_LABELS)
    topology = (ctc_tree if tree else ctc_topology)(table, table.index(blank, 1))
    ending.deliver(topology, "ctc", [given[0]] if len(given) == 1 else [])


@grammar.command()
@click.argument("text", metavar="TEXT")
@click.option(
    "--spell",
    type=click.Choice(["auto", "characters", "tokens"]),
    default="auto",
    show_default=True,
    help="Labels are characters, or tokens between white space; auto: tokens if there is white space.",
)
@ending_options
def transcript(text: str, spell: str, ending: options.Ending) -> None:
    """The acceptor of one sequence of labels, at energy 0.

    Examples:
      lattice grammar transcript "go forward ten meters"
      lattice grammar transcript cut
    """
    from lattice_cli.graph import linear_graph

    by_word = spell == "tokens" or (spell == "auto" and len(text.split()) > 1)
    parts = text.split() if by_word else list(text.strip() if spell == "auto" else text)
    table = tuple(dict.fromkeys(parts))
    number = {label: place for place, label in enumerate(table, 1)}
    ending.deliver(linear_graph(("", *table), [number[part] for part in parts]), "transcript")


@grammar.command(short_help="A regular expression over labels, one path a sequence.")
@click.argument("pattern", metavar="PATTERN")
@_spell
@click.option(
    "--vocabulary", metavar="FILE", type=file_read, help="File of all labels, one a line, for the dot and [^...]."
)
@ending_options
def regex(pattern: str, spell: str, vocabulary: str | None, ending: options.Ending) -> None:
    r"""A regular expression over labels, as the smallest deterministic acceptor: one path a sequence, at energy 0.

      ab    both, in this order  a*  a+  a?          0 or more, 1 or more, 0 or 1
      a|b   either               a{3} a{2,} a{2,4}   so many of them
      (ab)  a group              [abc] [a-z] [^abc]  one of, a range, any other
      \*    the label *          .                   any label

    What [^abc] and the dot stand for takes --vocabulary.

    With --spell tokens labels are words, white space stands between them, and [red green] is a choice of words.

    Examples:
      lattice grammar regex "[1-9][0-9]*(,[0-9]{2})?"
      lattice grammar regex --spell tokens "go (forward |
        backward) [one two three]+ meters?"
    """
    from lattice_cli.formats.notations.regular_expression import regular_expression

    alphabet = None if vocabulary is None else labels_in(vocabulary, ending.encoding)
    graph = regular_expression(pattern, spell == "tokens", alphabet)
    ending.deliver(graph, "regex", [vocabulary] if vocabulary else [])


@grammar.command(short_help="A grammar in the JSpeech Grammar Format.")
@click.argument("file", metavar="FILE", type=file_read)
@click.option("--rule", metavar="NAME", help="The rule to take, public or not. Default: all public ones.")
@click.option(
    "--uniform", is_flag=True, help="Make alternatives without weights equally probable; n of them cost ln n."
)
@click.option(
    "--depth", metavar="N", type=click.IntRange(min=0), help="How often a rule may be nested in itself; deeper is out."
)
@ending_options
def jsgf(file: str, rule: str | None, uniform: bool, depth: int | None, ending: options.Ending) -> None:
    """A grammar in the JSpeech Grammar Format: rules, groups, [options], /weights/, * and +; tags are passed over.

    Without weights: the smallest deterministic acceptor, one path a sentence, at energy 0. With weights: a path for
    each derivation; an alternative costs -ln of its share of the weights, a repetition nothing. Rules refer to
    themselves on their right end as they like, elsewhere up to --depth (-g FILE has no such limit).

    Examples:
      lattice grammar jsgf grammars/sums.jsgf --rule amount --depth 3
    """
    text, source = io.read_text(file, ending.encoding)
    ending.deliver(notations.read_jsgf(text, source, rule, uniform, depth), source, [file])


@grammar.command(short_help="A finite-state grammar of CMU Sphinx.")
@click.argument("file", metavar="FILE", type=file_read)
@ending_options
def fsg(file: str, ending: options.Ending) -> None:
    """A finite-state grammar of CMU Sphinx: energies are -ln of the probabilities; transitions without a word are
    written out, path by path, where that takes few arcs.

    Examples:
      lattice grammar fsg goforward.fsg
      lattice grammar fsg goforward.fsg --closure -o robot.json
    """
    text, source = io.read_text(file, ending.encoding)
    ending.deliver(notations.read_fsg(text, source), source, [file])


@grammar.command(short_help="A network that predicts the next label, learned from text.")
@click.argument("text", metavar="FILE", type=file_read)
@click.option(
    "-o", "--output", metavar="MODEL", type=file_named, required=True, help="The model file to write, an .npz."
)
@_spell
@click.option(
    "--vocabulary", metavar="FILE", type=file_read, help="File of all labels, one a line. Default: those of the text."
)
@neural_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object an epoch instead of lines of text.")
def neural(
    text: str,
    output: str,
    spell: str,
    vocabulary: str | None,
    context: int | None,
    embedding: int | None,
    hidden: tuple[int, ...] | None,
    activation: str | None,
    energy_scale: float | None,
    start: str | None,
    as_json: bool,
    **told: float,
) -> None:
    """A network that predicts the next label from the last ones: embedding, hidden layers, softmax, the end included.

    FILE has a sequence a line. The energy of a sequence is -ln of its probability, so one path a sequence, and all
    sequences together have probability 1. MODEL goes wherever a grammar does (-g MODEL, grammar.file in training): the
    network is asked only for the contexts that a graph reaches.

    A long context beside a graph that offers many labels everywhere reaches very many places: leave out what hardly
    matters first (lattice prune).

    Examples:
      lattice grammar neural lines.txt -o lines.npz
      lattice grammar neural lines.txt -o lines.npz --context 4 --hold-out 0.1
      lattice prune line.npy --labels labels.txt --logp --posterior 1e-4 |
        lattice viterbi - --ctc _ -g lines.npz
      lattice grammar neural lines.txt --start lines.npz --epochs 0 \\
        --energy-scale 0.5 -o half.npz
    """
    from lattice_cli.cli.commands.grammar_neural import run_neural

    network = (context, embedding, hidden, activation)
    run_neural(text, output, spell, vocabulary, network, energy_scale, start, told, as_json)


@grammar.command(short_help="Grammars that there are, side by side or repeated.")
@click.argument("grammars", metavar="GRAMMAR...", type=file_read, nargs=-1, required=True)
@ending_options
def union(grammars: tuple[str, ...], ending: options.Ending) -> None:
    """Grammars that there are, side by side: what any of them accepts; of one, what the options make of it.

    What several accept has a path in each. No epsilon arc is needed: there is a start node for each.

    Examples:
      lattice grammar union grammars/moves.dict grammars/moves.arpa
      lattice grammar union grammars/lecture-words.yaml --closure
    """
    from lattice_cli.graph import alternatives

    stream.require_one_stdin(grammars, *ending.unions)
    source = grammars[0] if len(grammars) == 1 else "union"
    found = [formats.read_one(path, io.ReadOptions(encoding=ending.encoding)).graph for path in grammars]
    ending.deliver(alternatives(found), source)
