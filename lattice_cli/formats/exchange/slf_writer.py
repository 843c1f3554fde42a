"""HTK Standard Lattice Format, written: words on links, times on nodes, scores by their names; `slf` reads it back.

Scores are natural logs, and the header says so (base=). A file has one start and one end node, of no energy.
"""

from __future__ import annotations

import re

import numpy as np

from lattice_cli.formats.exchange.slf import SCORES, SENTENCE_TAGS, SILENT_WORDS, UNSCALED
from lattice_cli.formats.exchange.slf_syntax import SCALE_NAMES
from lattice_cli.formats.io import LossyForm, WriteOptions, Written
from lattice_cli.graph import EPSILON, Document

_BASE = 2.718281828459045
_BARE = re.compile(r"""[^\s"'\\#=\0-\x1f\x7f]+""")
_ESCAPED = re.compile(r"""(["\\])|([\0-\x1f\x7f])([0-7]?)""")
_NAME = "HTK SLF"


def write_slf(document: Document, options: WriteOptions) -> Written:
    """A lattice in HTK Standard Lattice Format; without named scores, an energy is an acoustic score."""
    fitting = LossyForm(document, _NAME)
    fitting.without_target()
    fitting.acceptor()
    kept = tuple(SCORES.values()) + (("words",) if _is_count(document) else ())
    fitting.known_scores("lm", kept)
    fitting.added_in_order(kept)
    fitting.unnamed_end("end", "start", "final")
    fitting.numbered_nodes(ascending=False)
    fitting.one_start()
    fitting.one_final()
    fitting.keeps_its_words(SILENT_WORDS | SENTENCE_TAGS, "(read as epsilon; --keep-tags keeps tags)")
    return fitting.written(_header(fitting) + _nodes(fitting) + _links(fitting))


def _is_count(document: Document) -> bool:
    """Whether the score `words` is what the reader makes of wdpenalty: 1 on an arc with a word."""
    graph = document.graph
    return "words" in document.scores and np.array_equal(document.scores["words"], graph.olabel != EPSILON)


def _header(fitting: LossyForm) -> str:
    document, graph, names = fitting.document, fitting.graph, fitting.names
    lines = ["VERSION=1.0", f"UTTERANCE={quoted(document.id)}" if document.id else "", f"base={_BASE!r}"]
    lines += [
        f"{SCALE_NAMES[field]}={document.scales.get(score, 1.0)!r}"
        for field, score in SCORES.items()
        if score in document.scales or (field in UNSCALED and score in document.scores)
    ]
    if "words" in document.scores:
        lines.append(f"wdpenalty={0.0 - document.scales.get('words', 1.0)!r}")
    lines += [f"start={names[int(graph.starts[0])]}", f"end={names[int(graph.finals[0])]}"]
    lines.append(f"N={graph.nodes}\tL={graph.arcs}")
    return "".join(line + "\n" for line in lines if line)


def _nodes(fitting: LossyForm) -> str:
    times = fitting.document.times
    if times is None:
        return "".join(f"I={name}\n" for name in fitting.names)
    return "".join(
        f"I={name}\n" if np.isnan(time) else f"I={name}\tt={time!r}\n"
        for name, time in zip(fitting.names, times.tolist())
    )


def _links(fitting: LossyForm) -> str:
    document, graph, names = fitting.document, fitting.graph, fitting.names
    scores = document.scores or {"acoustic": graph.energy}
    words = ["!NULL", *(quoted(label) for label in graph.labels[1:])]
    columns = [
        [f"\t{field}={0.0 - energy!r}" for energy in scores[score].tolist()]
        for field, score in SCORES.items()
        if score in scores
    ]
    ends = zip(graph.src.tolist(), graph.dst.tolist(), graph.olabel.tolist())
    starts = [f"S={names[tail]}\tE={names[head]}\tW={words[label]}" for tail, head, label in ends]
    logs = ["".join(fields) for fields in zip(*columns)] if columns else [""] * graph.arcs
    return "".join(f"J={link}\t{start}{log}\n" for link, (start, log) in enumerate(zip(starts, logs)))


def quoted(word: str) -> str:
    """A word as HTK writes strings: bare, or in double quotes with backslashes and octal bytes."""
    if _BARE.fullmatch(word):
        return word
    return '"' + _ESCAPED.sub(_escape, word) + '"'


def _escape(found: re.Match[str]) -> str:
    if found[1]:
        return "\\" + found[1]
    # A digit behind an octal byte is one as well: readers differ on whether three or four digits belong to it.
    return f"\\{ord(found[2]):03o}" + (f"\\{ord(found[3]):03o}" if found[3] else "")
