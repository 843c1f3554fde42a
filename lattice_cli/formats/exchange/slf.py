"""HTK Standard Lattice Format (SLF): lattices as HTK, SRILM and pocketsphinx write them.

Sources: the HTK Book, chapter "HTK Standard Lattice Format"; what it leaves open is taken as HTK's ReadOneLattice and
LArcTotLike have it. The log likelihood of a link is acscale * a + lmscale * l + prscale * r, and wdpenalty more if it
carries a word; the penalty is in nats whatever `base` says, and base=1 stands for e. Scores n=, ds= and x1= to x9=,
scores on nodes, -inf, and a penalty in `base`, where SRILM has written the file, are SRILM's (Lattice::readHTK);
dir=b (a node's word begins there) is the HTK Book's backward lattice. A file may hold several lattices, one after the
other, as Kaldi's convert_slf.pl prints them, or as a master file of HTK.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray, IntArray
from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats.exchange.slf_syntax import EXTRA, SCALE_NAMES, Part, SlfFile, dialect_of, parse, parts, whole
from lattice_cli.formats.io import PAUSE, Pause, RawPart, ReadOptions, Source, decoded, note
from lattice_cli.graph import EPSILON, Document, Graph, Labels, weighted_sum

SILENT_WORDS = frozenset({"", "!NULL"})
SENTENCE_TAGS = frozenset({"!SENT_START", "!SENT_END", "!ENTER", "!EXIT", "<s>", "</s>"})
#: Field of a link -> the score it becomes.
SCORES = {"a": "acoustic", "l": "lm", "n": "ngram", "r": "pronunciation", "ds": "duration"}
SCORES |= {name: name for name in EXTRA[1:]}
ON_NODES = ("a", "r", *EXTRA)  # scores of the word itself, which may stand where the word stands
UNSCALED = EXTRA  # scores that count nothing without a scale in the header


def split_slf(source: Source, path: str, options: ReadOptions) -> Iterator[RawPart | Pause]:
    """The lattices of a file, as they arrive. Those without a name are called by their place in it."""
    count = 0
    for part in parts(source.lines()):
        if part is None:
            yield PAUSE
            continue
        count += 1
        record_id = part.name or (f"{path}:{count}" if count > 1 else path)
        size = sum(map(len, part.lines))
        yield RawPart(_lattice, (part, source.name, record_id, options), record_id, size)
    if not count:
        raise FormatError(f"{source.name}:1: the file is empty, expected a lattice in HTK SLF")


def _lattice(part: Part, source: str, record_id: str, options: ReadOptions) -> Iterator[Document]:
    text = decoded(b"\n".join(part.lines), source, part.first)
    yield read_slf(text, source, record_id, options, part.first)


def read_slf(text: str, source: str, record_id: str, options: ReadOptions, first: int = 1) -> Document:
    """A lattice from the text of an SLF file.

    text: the lattice, decoded; source names its file in messages, where it begins on line `first`; record_id is the id
    where it has no UTTERANCE. Of the options,
    node_words: a word on a node is the label of the links that `end` there (HTK) or `start` there (Sphinx);
                `auto` goes by the header's dir=, else by who has written the file, else `end`.
    keep_tags:  keep !SENT_START, !SENT_END, !ENTER, !EXIT, <s> and </s> as labels; else they are epsilon, as !NULL
                always is.

    Arcs are the links in the order of their lines, without those of probability 0 (0 with base=0, else -inf) by a score
    that is not scaled by 0. Scores are energies in nats: `acoustic`, `lm`, `ngram`, `pronunciation`, `duration`, `x1`
    to `x9` where the links have a=, l=, n=, r=, ds=, x1= to x9=, and `words` (1 where a link has a label) where the
    header has wdpenalty. ds= and x1= to x9= are scaled by 0 where the header has no scale for them, as in SRILM. Of v=
    (which pronunciation of a word it is) and p= (posteriors, beside other scores) nothing is kept. Times are seconds.
    A word on the start node (`end`) or the end node (`start`) that no link would carry gets an arc of energy 0, after
    all links, with an extra node "start" or "end".

    Raises FormatError, with the line, for what is not a sound lattice in this format, and for sub-lattices.
    """
    node_words = options.node_words
    if node_words not in ("auto", "start", "end"):
        raise UsageError(f"node words: found {node_words!r}, expected auto, start or end")
    dialect = dialect_of(text)
    encoding = options.encoding or "utf-8"
    file = parse(text, source, raw=dialect.raw, first=first, encoding=encoding)
    _check(file)
    if node_words == "auto":
        backward = file.header["dir"][1].startswith("b") if "dir" in file.header else dialect.backward
    else:
        backward = node_words == "start"
    silent = SILENT_WORDS if options.keep_tags else SILENT_WORDS | SENTENCE_TAGS
    if dialect.unnamed:
        del file.header["UTTERANCE"]
    return _document(file, record_id, backward, silent, dialect.based, options.scales).scaled(options.scales)


def _check(file: SlfFile) -> None:
    """That this is a single lattice, with as many nodes and links as its header says."""
    if not (file.header or len(file.nodes) or len(file.links)):
        raise FormatError(f"{file.source}:1: the file is empty, expected a lattice in HTK SLF")
    if "SUBLAT" in file.header:
        name = file.header["SUBLAT"][1]
        raise file.error("SUBLAT", f"found sub-lattice {name!r}, expected one plain lattice; sub-lattices are not read")
    for node, name in enumerate(file.nodes.texts("L")):
        if name:
            raise file.nodes.error(
                node, f"found sub-lattice {name!r} for a node, expected W=; sub-lattices are not read"
            )
    for name, what, records in (("N", "nodes", len(file.nodes)), ("L", "links", len(file.links))):
        if name not in file.header:
            raise file.error(name, f"found no {name}= (number of {what}), expected the header of a lattice in HTK SLF")
        count = file.count(name, 0)
        # nodes that have nothing to say need not be written
        implied = what == "nodes" and not records and 0 < count <= 2 * len(file.links) + 1
        if count != records and not implied:
            hint = " (is the file cut short?)" if records < count else ""
            raise file.error(name, f"{name}={count}, but the file defines {records} {what}{hint}")


def _document(
    file: SlfFile, record_id: str, backward: bool, silent: frozenset[str], based: bool, asked: Mapping[str, float]
) -> Document:
    """The record. backward: words of nodes are those of the links that leave them. silent: words that are epsilon.
    based: the penalty is in the base of the scores. asked: scales instead of those of the header."""
    index = _node_index(file)
    words = file.nodes.texts("W") if len(file.nodes) else [""] * len(index)
    names: list[int | str] = list(index)
    src, dst = _ends(file, index, "S"), _ends(file, index, "E")
    starts, finals = _terminals(file, index, "start", src, dst), _terminals(file, index, "end", dst, src)
    outermost = finals if backward else starts
    links_have_words = len(file.links) and file.links.has("W").all()
    if not links_have_words and any(words[node] not in silent for node in outermost):
        outside, fan = np.array([len(names)]), np.full(len(outermost), len(names))
        names.append("end" if backward else "start")
        src, dst = np.append(src, outermost if backward else fan), np.append(dst, fan if backward else outermost)
        starts, finals = (starts, outside) if backward else (outside, finals)
    word_nodes = src if backward else dst
    label, labels = _labels(file, words, word_nodes, silent)
    scores = _scores(file, word_nodes, label != EPSILON)
    scales = _scales(file, scores, based)
    possible = np.ones(len(src), dtype=np.bool_)
    for name, column in scores.items():
        none = np.isinf(column)
        if asked.get(name, scales.get(name, 1.0)) != 0.0:
            possible &= ~none
        elif none.any():  # what counts nothing makes nothing impossible: SRILM ignores it then
            note(file.source, f"score {name}: the probability 0 of links is written off, as it is scaled by 0")
            column[none] = 0.0
    scores = {name: column[possible] for name, column in scores.items()}
    with np.errstate(over="ignore", invalid="ignore"):  # the graph refuses what is not finite
        energy = weighted_sum(scores, scales) if scores else np.zeros(len(src))
    start, final = np.full((2, len(names)), np.inf)
    start[starts] = final[finals] = 0.0
    label = label[possible]
    graph = Graph(src[possible], dst[possible], label, label, energy, start, final, labels)
    utterance = file.header.get("UTTERANCE", (0, ""))[1]
    times = _times(file, len(names))
    unread = tuple(_unread(file, scores))
    return Document(graph, utterance or record_id, file.source, names, times, scores, scales, unread=unread)


def _unread(file: SlfFile, scores: Mapping[str, FloatArray]) -> Iterator[str]:
    """What of the file is not read, noted as well."""
    for what in file.unread:
        note(file.source, f"not read: {what}")
        yield what
    if not scores and (file.nodes.has("p").any() or file.links.has("p").any()):
        note(file.source, "there are no scores, and posteriors p= are not read: every path has energy 0")
        yield "posteriors p="


def _node_index(file: SlfFile) -> dict[int, int]:
    """Number of each node in the file -> its index in the graph."""
    nodes = file.nodes
    if not len(nodes):
        return {node: node for node in range(file.count("N", 0))}
    index: dict[int, int] = {}
    for record, text in enumerate(nodes.texts("I")):
        node = whole(text, f"{file.source}:{nodes.lines[record]}: I")
        if node in index:
            raise nodes.error(record, f"node {node} is defined again, first on line {nodes.lines[index[node]]}")
        index[node] = record
    return index


def _ends(file: SlfFile, index: dict[int, int], name: str) -> IntArray:
    """(links,) index of the node that S= or E= names."""
    by_text = {str(node): position for node, position in index.items()}
    texts = file.links.texts(name)
    found = [by_text.get(text) for text in texts]
    if None in found:
        # written otherwise (007), or wrong
        found = [_end(file, index, name, link, text) for link, text in enumerate(texts)]
    return np.array(found, dtype=np.intp)


def _end(file: SlfFile, index: dict[int, int], name: str, link: int, text: str) -> int:
    node = whole(text, f"{file.source}:{file.links.lines[link]}: {name}") if text else None
    if node in index:
        return index[node]
    number = file.links.texts("J")[link]
    if node is None:
        raise file.links.error(link, f"link {number} has no {name}=, expected S= and E=, the nodes it joins")
    raise file.links.error(link, f"link {number}: {name}={node}, but no node has that number")


def _terminals(file: SlfFile, index: dict[int, int], name: str, near: IntArray, far: IntArray) -> IntArray:
    """Start nodes: the header's, else those that links leave (`near`) and none enters (`far`). End nodes likewise."""
    node = file.count(name, -1)
    if node in index:
        return np.array([index[node]])
    if node != -1:
        raise file.error(name, f"{name}={node}, but no node has that number")
    terminals = np.setdiff1d(near, far) if len(near) else np.arange(len(index))
    if not len(terminals):
        raise file.error(name, f"found no {name} node, expected {name}= in the header of a lattice that is all cycles")
    return terminals


def _labels(file: SlfFile, words: list[str], word_nodes: IntArray, silent: frozenset[str]) -> tuple[IntArray, Labels]:
    """(arcs,) labels and their table. An arc without a word of its own has that of its node in `word_nodes`."""
    table: dict[str, int] = {}

    def label_of(word: str) -> int:
        return EPSILON if word in silent else table.setdefault(word, len(table) + 1)

    own = np.zeros(len(word_nodes), dtype=np.bool_)
    own[: len(file.links)] = file.links.has("W")
    label_of_node = np.zeros(len(words) + 1, dtype=np.intp)  # one more: the extra node, which has no word
    for node in np.unique(word_nodes[~own]):
        label_of_node[node] = label_of(words[node])
    label = label_of_node[word_nodes]
    own_words = file.links.texts("W")
    label[own] = [label_of(own_words[link]) for link in np.flatnonzero(own)]
    return label, ("", *table)


def _scores(file: SlfFile, word_nodes: IntArray, labelled: BoolArray) -> dict[str, FloatArray]:
    """The scores, (arcs,) energies in nats, +inf for probability 0. Arcs beyond the links have none of their own."""
    arcs, links = len(word_nodes), len(file.links)
    scores: dict[str, FloatArray] = {}
    for field, score in SCORES.items():
        values = np.full(arcs, np.nan)
        values[:links] = file.links.logs(field)
        if field in ON_NODES and file.nodes.has(field).any():
            values = np.where(np.isnan(values), np.append(file.nodes.logs(field), np.nan)[word_nodes], values)
        given = ~np.isnan(values)
        if given.any():
            column = scores[score] = np.zeros(arcs)
            column[given] = 0.0 - _natural_log(file, field, values[given])  # 0 - x: no energy is -0
    if "wdpenalty" in file.header:
        scores["words"] = (labelled & (np.arange(arcs) < links)).astype(np.float64)
    return scores


def _natural_log(file: SlfFile, field: str, values: FloatArray) -> FloatArray:
    """Scores in the file's base as natural logs; -inf for probability 0, which may be written so."""
    base = file.setting("base")
    if base is None or base == 1.0:  # HTK's way to say e
        return values
    if base < 0.0:
        raise file.error("base", f"base={base:g}, expected the base of a logarithm, or 0 for probabilities")
    if base == 0.0 and (values < 0.0).any():
        raise file.error("base", f"base=0 announces probabilities, but there is {field}={values.min():g}")
    with np.errstate(divide="ignore", over="ignore"):
        logs = values * math.log(base) if base > 0.0 else np.asarray(np.log(values))
    if base > 0.0 and not np.isfinite(logs[np.isfinite(values)]).all():
        raise file.error("base", f"base={base:g} makes a natural log of {field}={np.abs(values).max():g} infinite")
    return logs


def _scales(file: SlfFile, scores: dict[str, FloatArray], based: bool) -> dict[str, float]:
    """The header's scales of the scores that are there; a penalty counts the other way from a log likelihood."""
    scales = {score: file.setting(SCALE_NAMES[field]) for field, score in SCORES.items() if score in scores}
    for score in UNSCALED:
        if scales.get(SCORES[score], 0.0) is None:
            scales[SCORES[score]] = 0.0
            missing = f"{SCALE_NAMES[score]}= is not in the header: it counts 0, as in SRILM"
            note(file.source, f"score {SCORES[score]}: {missing} (--scale {SCORES[score]}=1 counts it)")
    penalty = file.setting("wdpenalty")
    if penalty is not None and based:
        penalty = float(_natural_log(file, "wdpenalty", np.array([penalty]))[0])
        if not math.isfinite(penalty):
            raise file.error("wdpenalty", f"wdpenalty={penalty:g} as a natural log, expected a finite one")
    scales["words"] = None if penalty is None else 0.0 - penalty
    return {score: scale for score, scale in scales.items() if scale is not None}


def _times(file: SlfFile, nodes: int) -> FloatArray | None:
    """(nodes,) seconds, nan where a node has none; None if no node has any."""
    if not file.nodes.has("t").any():
        return None
    scale = file.setting("tscale")
    times = np.full(nodes, np.nan)
    with np.errstate(over="ignore"):
        times[: len(file.nodes)] = file.nodes.numbers("t") * (1.0 if scale is None else scale)
    if np.isinf(times).any():
        raise file.error("tscale", f"tscale={scale:g} makes a time infinite, expected seconds for a unit of t=")
    return times
